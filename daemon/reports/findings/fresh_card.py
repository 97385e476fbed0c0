"""``fresh_card``: a cashier issues cards and rings them up at once, for the discount.

At least three cards on a day, each issued by the cashier at most 10 minutes before a sale of theirs
in which a rule that asks for something of the card took money off.
"""

from collections import defaultdict
from collections.abc import Sequence

import msgspec

from daemon.ledger.storage.packing import unpacked
from daemon.programme.programme import Programme
from daemon.programme.rule import OF_A_CARD
from daemon.reports.findings.detector import Detector, Found, Looking, Note, Place, cut

CARDS_MIN, WITHIN_MINUTES = 3, 10


class _Applied(msgspec.Struct, frozen=True):
    rule: str


class _Line(msgspec.Struct, frozen=True):
    applied: tuple[_Applied, ...] = ()


class _Quote(msgspec.Struct, frozen=True):
    lines: tuple[_Line, ...] = ()


class _Sale(msgspec.Struct, frozen=True):
    quote: _Quote


class _Entry(msgspec.Struct, frozen=True):
    detail: _Sale


def _of_others(programme: Programme) -> set[str]:
    """Return the rules that ask nothing of a card; one that is gone by now may have."""
    return {
        rule.id
        for rule in programme.rules
        if not any(fact.startswith(OF_A_CARD) for fact in rule.facts)
    }


def _find(looking: Looking) -> Sequence[Found]:
    rows = looking.rows(
        "SELECT i.by, i.store, i.card_id, i.minute, f.minute, f.ledger_id, f.seq, e.body"
        " FROM card_issue AS i JOIN fact AS f ON f.day = i.day AND f.card_id = i.card_id"
        " AND f.cashier = i.by JOIN entry AS e ON e.ledger_id = f.ledger_id AND e.seq = f.seq"
        " WHERE i.day = ? AND f.kind = 'sale' AND f.discount > 0 AND i.by <> ''"
        " ORDER BY i.by, i.card_id, f.seq",
        looking.day,
    )
    others = _of_others(looking.programme)
    cards: defaultdict[str, set[str]] = defaultdict(set)
    stores: defaultdict[str, set[str]] = defaultdict(set)
    places: defaultdict[str, set[Place]] = defaultdict(set)
    for by, store, card_id, issued, sold, ledger_id, seq, body in rows:
        waited = looking.minute(sold) - looking.minute(issued)
        if not 0 <= waited <= WITHIN_MINUTES:
            continue
        sale = msgspec.json.decode(unpacked(body), type=_Entry).detail
        gave = {off.rule for line in sale.quote.lines for off in line.applied}
        if gave - others:
            cards[by].add(card_id)
            places[by].add((ledger_id, seq))
            stores[by].add(store)
    return [
        Found(
            subject=by,
            value=len(those),
            threshold=CARDS_MIN,
            evidence=cut(places[by], stores[by]),
        )
        for by, those in sorted(cards.items())
        if len(those) >= CARDS_MIN
    ]


FRESH_CARD = Detector(
    name="fresh_card",
    about="cashier",
    unit="count",
    days=1,
    means=Note(
        "Cards were issued and rung up at once by the same cashier, for the discount.",
        "Картки видано й одразу використано тим самим касиром заради знижки.",
    ),
    innocent=Note("An opening week.", "Тиждень відкриття."),
    find=_find,
)
