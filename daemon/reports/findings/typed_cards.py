"""``typed``: a cashier types many numbers of cards in place of scanning them."""

from collections.abc import Sequence

from daemon.base.money import BASIS_POINTS
from daemon.ledger.posted_facts import SaleFlag
from daemon.reports.findings.detector import Detector, Found, Looking, Note

DAYS = 7
TYPED_MIN, SHARE_MAX_BP = 10, 1_000
_TYPED = f"(flags & {int(SaleFlag.TYPED)}) <> 0"


def _find(looking: Looking) -> Sequence[Found]:
    typed = f"sum(CASE WHEN {_TYPED} THEN 1 ELSE 0 END)"
    rows = looking.rows(
        f"SELECT cashier, CAST({typed} AS BIGINT), count(*) FROM fact"
        " WHERE day BETWEEN ? AND ? AND kind = 'sale' AND account <> '' AND cashier <> ''"
        f" GROUP BY cashier HAVING {typed} >= {TYPED_MIN}"
        f" AND {typed} * {BASIS_POINTS} > count(*) * {SHARE_MAX_BP} ORDER BY cashier",
        looking.first(DAYS),
        looking.day,
    )
    return [
        Found(
            subject=cashier,
            value=BASIS_POINTS * count // of,
            threshold=SHARE_MAX_BP,
            evidence=looking.evidence(
                DAYS, f"kind = 'sale' AND account <> '' AND {_TYPED} AND cashier = ?", cashier
            ),
        )
        for cashier, count, of in rows
    ]


TYPED = Detector(
    name="typed",
    about="cashier",
    unit="bp",
    days=DAYS,
    means=Note(
        "This cashier types many numbers of cards by hand.",
        "Цей касир вводить багато номерів карток вручну.",
    ),
    innocent=Note(
        "The scanner is broken: then all cashiers of the till type.",
        "Зламався сканер: тоді вводять усі касири цієї каси.",
    ),
    find=_find,
)
