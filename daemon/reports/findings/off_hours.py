"""``off_hours``: something was sold or taken back while the store was closed."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from daemon.programme.places import DAY_LONG
from daemon.programme.programme import Programme
from daemon.reports.findings.detector import Detector, Found, Looking, Note, Place, cut


def _closed(programme: Programme) -> Iterator[tuple[str, tuple[str | int, ...]]]:
    """Yield what a row of each store fulfils while it is closed, with its values."""
    for name, place in programme.stores.items():
        if place.open == DAY_LONG:
            continue
        spans = " OR ".join("(minute * 60 >= ? AND minute * 60 < ?)" for _ in place.open)
        yield (
            f"(store = ? AND NOT ({spans}))",
            (name, *(end for span in place.open for end in span)),
        )


def _find(looking: Looking) -> Sequence[Found]:
    closed = list(_closed(looking.programme))
    if not closed:
        return ()
    rows = looking.rows(
        "SELECT cashier, store, ledger_id, seq FROM fact"
        f" WHERE day = ? AND cashier <> '' AND ({' OR '.join(text for text, _ in closed)})"
        " ORDER BY cashier, store",
        looking.day,
        *(value for _, values in closed for value in values),
    )
    places: defaultdict[str, list[Place]] = defaultdict(list)
    stores: defaultdict[str, set[str]] = defaultdict(set)
    for cashier, store, ledger_id, seq in rows:
        places[cashier].append((ledger_id, seq))
        stores[cashier].add(store)
    return [
        Found(
            subject=cashier,
            value=len(those),
            threshold=0,
            evidence=cut(those, stores[cashier]),
        )
        for cashier, those in places.items()
    ]


OFF_HOURS = Detector(
    name="off_hours",
    about="cashier",
    unit="count",
    days=1,
    means=Note(
        "Something was sold or taken back while the store was closed.",
        "Щось продали або прийняли назад, коли магазин був зачинений.",
    ),
    innocent=Note("Stock-taking.", "Інвентаризація."),
    find=_find,
)
