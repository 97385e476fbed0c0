"""``same_reason``: a cashier asks for discounts, and nearly always says the same why."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from daemon.base.money import BASIS_POINTS
from daemon.ledger.posted_facts import SaleFlag
from daemon.ledger.storage.packing import unpacked
from daemon.programme.names import ask_fact, reason_fact
from daemon.reports.findings.detector import Detector, Found, Looking, Note, Place, cut

DAYS = 30
ASKED_MIN, SHARE_MAX_BP = 10, 8_000


class _Applied(msgspec.Struct, frozen=True):
    rule: str


class _Line(msgspec.Struct, frozen=True):
    applied: tuple[_Applied, ...] = ()


class _Quote(msgspec.Struct, frozen=True):
    lines: tuple[_Line, ...] = ()


class _Frozen(msgspec.Struct, frozen=True):
    facts: dict[str, Any]


class _Sale(msgspec.Struct, frozen=True):
    frozen: _Frozen
    quote: _Quote


class _Entry(msgspec.Struct, frozen=True):
    detail: _Sale


def reasons_of(body: bytes) -> Iterator[str]:
    """Yield why each discount of a sale's entry was asked for, without case and idle blanks."""
    sale = msgspec.json.decode(body, type=_Entry).detail
    facts = sale.frozen.facts
    for rule in sorted({off.rule for line in sale.quote.lines for off in line.applied}):
        if ask_fact(rule) in facts:
            yield " ".join(str(facts.get(reason_fact(rule), "")).casefold().split())


def _find(looking: Looking) -> Sequence[Found]:
    rows = looking.rows(
        "SELECT f.cashier, f.store, f.ledger_id, f.seq, e.body FROM fact AS f"
        " JOIN entry AS e ON e.ledger_id = f.ledger_id AND e.seq = f.seq"
        " WHERE f.day BETWEEN ? AND ? AND f.kind = 'sale' AND f.cashier <> ''"
        f" AND (f.flags & {int(SaleFlag.ASKED)}) <> 0 ORDER BY f.cashier, f.day, f.seq",
        looking.first(DAYS),
        looking.day,
    )
    said: defaultdict[str, Counter[str]] = defaultdict(Counter)
    places: defaultdict[tuple[str, str], set[Place]] = defaultdict(set)
    stores: defaultdict[str, set[str]] = defaultdict(set)
    for cashier, store, ledger_id, seq, body in rows:
        for reason in reasons_of(unpacked(body)):
            said[cashier][reason] += 1
            stores[cashier].add(store)
            places[cashier, reason].add((ledger_id, seq))
    found = []
    for cashier, reasons in sorted(said.items()):
        asked, [(most, times)] = reasons.total(), reasons.most_common(1)
        if asked >= ASKED_MIN and times * BASIS_POINTS > asked * SHARE_MAX_BP:
            found.append(
                Found(
                    subject=cashier,
                    value=BASIS_POINTS * times // asked,
                    threshold=SHARE_MAX_BP,
                    evidence=cut(places[cashier, most], stores[cashier]),
                )
            )
    return found


SAME_REASON = Detector(
    name="same_reason",
    about="cashier",
    unit="bp",
    days=DAYS,
    means=Note(
        "Discounts were asked for with nearly always the same reason.",
        "Знижки просили майже завжди з тією самою причиною.",
    ),
    innocent=Note("A notice that hangs there says so.", "Так написано в оголошенні."),
    find=_find,
)
