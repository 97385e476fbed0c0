"""``lookups``: a cashier was told of many cards of which nothing came."""

from collections import defaultdict
from collections.abc import Sequence

import msgspec

from daemon.accounts.look_ups import LOOKED_UP, LookedUp
from daemon.reports.findings.detector import Detector, Found, Looking, Note, Place, cut

CARDS_MAX = 20


def _find(looking: Looking) -> Sequence[Found]:
    cards: defaultdict[str, set[str]] = defaultdict(set)
    places: defaultdict[str, list[Place]] = defaultdict(list)
    stores: defaultdict[str, set[str]] = defaultdict(set)
    for place, entry in looking.entries(and_next=True):  # it was known half an hour later
        if entry.kind != LOOKED_UP:
            continue
        said = msgspec.json.decode(entry.detail, type=LookedUp)
        if said.day == looking.day:
            cards[said.by].add(entry.ref)
            places[said.by].append(place)
            stores[said.by].add(said.store)
    return [
        Found(
            subject=cashier,
            value=len(those),
            threshold=CARDS_MAX,
            evidence=cut(places[cashier], stores[cashier]),
        )
        for cashier, those in sorted(cards.items())
        if len(those) > CARDS_MAX
    ]


LOOKUPS = Detector(
    name="lookups",
    about="cashier",
    unit="count",
    days=1,
    means=Note(
        "This cashier asked whose cards they are, and nothing came of it.",
        "Цей касир питав, чиї це картки, і нічого з цього не вийшло.",
    ),
    innocent=Note("The service desk.", "Стіл довідок."),
    find=_find,
)
