"""Lanes: how the discounts of one lane compete or add up, and how they are rounded."""

from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

import msgspec

from daemon.base.money import BASIS_POINTS, half_up, share, share_within
from daemon.programme.quote import WhyNot
from daemon.programme.rule import Rule
from daemon.programme.situation import Picks, Situation

Combine: TypeAlias = Literal["best", "sum", "first"]


class Lane(msgspec.Struct, frozen=True):
    """One lane. ``on_list``: its percentages are of the shelf price, not of the running one."""

    id: str
    combine: Combine
    on_list: bool


class Offer(msgspec.Struct):
    """What a rule offers before it competes.

    lines: indices of the basket's lines to which it gives something.
    exact: per such line the gift in 1/10000 minor units; for a fixed offer its weight.
    rooms: per such line what the rule may take at most: its base, in minor units.
    whole: the sum of ``exact``.
    fixed: the sum of an ``amount`` rule, or of one that its ``max`` cuts; None is per line.
    value: what the rule's number came to.
    """

    rule: Rule
    lines: list[int]
    exact: list[int]
    rooms: Sequence[int]
    whole: int
    fixed: int | None
    value: int


Won: TypeAlias = "list[tuple[Offer, Sequence[int]]]"


def offer(rule: Rule, value: int, picks: Picks, base: Sequence[int], situation: Situation) -> Offer:
    """Return what a discount rule takes off the picked units, before floors.

    base: per line of the basket, what the lane's percentages are of.
    """
    qty = situation.goods.qty_milli
    rooms: Sequence[int] = base
    if picks is not situation.whole:
        rooms = [base[i] if k == n else half_up(base[i] * k, n) for i, k, n in picks]
    exact, fixed = list(rooms), None
    match rule.give.how:
        case "percent":
            exact = [room * value for room in rooms]
        case "each":
            asked = [half_up(value * qty[i] * k, 1_000 * n) for i, k, n in picks]
            exact = [min(a, room) * BASIS_POINTS for a, room in zip(asked, rooms, strict=True)]
        case "price":
            wanted = [half_up(value * qty[i] * k, 1_000 * n) for i, k, n in picks]
            exact = [max(room - w, 0) * BASIS_POINTS for w, room in zip(wanted, rooms, strict=True)]
        case "amount":
            fixed = min(value, sum(rooms))
    whole = sum(exact)
    if rule.give.most:
        most = rule.give.most.at(situation) or 0
        if (whole if fixed is None else fixed * BASIS_POINTS) > most * BASIS_POINTS:
            fixed = most
    lines = [pick[0] for pick in picks]
    if not all(exact):
        kept = [p for p, gift in enumerate(exact) if gift]
        lines, exact = [lines[p] for p in kept], [exact[p] for p in kept]
        rooms = [rooms[p] for p in kept]
    return Offer(rule, lines, exact, rooms, whole, fixed, value)


def worth(one: Offer) -> int:
    """Return an offer's whole gift before floors, in 1/10000 minor units."""
    return one.whole if one.fixed is None else one.fixed * BASIS_POINTS


def parts(one: Offer, won: Sequence[int], left: Sequence[int], by_line: bool) -> list[int]:
    """Return the minor units that an offer takes off the lines it won.

    won:  positions in ``one.lines``.
    left: per line of the basket, what may still come off before its floor.
    """
    exact, rooms, lines, whole = one.exact, one.rooms, one.lines, one.whole
    if len(won) < len(lines):
        exact, rooms = [exact[p] for p in won], [rooms[p] for p in won]
        lines, whole = [lines[p] for p in won], sum(exact)
    room = [a if a < left[i] else left[i] for a, i in zip(rooms, lines, strict=True)]
    if one.fixed is not None:
        return share_within(one.fixed, exact, room)
    if by_line or len(exact) == 1:
        shares = [half_up(gift, BASIS_POINTS) for gift in exact]
    else:
        shares = share(half_up(whole, BASIS_POINTS), exact)
    return [a if a < b else b for a, b in zip(shares, room, strict=True)]


def combine(how: Combine, offers: list[Offer], line_count: int) -> Won:
    """Return which offers win which of their lines, in the order of the file."""
    return _COMBINE[how](offers, line_count)


def _sum(offers: list[Offer], line_count: int) -> Won:
    return [(one, range(len(one.lines))) for one in offers]


def _first(offers: list[Offer], line_count: int) -> Won:
    taken = [False] * line_count
    won: Won = []
    for one in offers:
        free = [p for p, i in enumerate(one.lines) if not taken[i]]
        for p in free:
            taken[one.lines[p]] = True
        won.append((one, free))
    return won


def _best(offers: list[Offer], line_count: int) -> Won:
    """Per line the largest exact gift; a fixed offer wins all of its lines or none.

    Fixed offers are tried from the largest sum down, each against what its lines would get
    otherwise. Ties go to the rule whose id comes first.
    """
    gifts = [0] * line_count
    winner: list[Offer | None] = [None] * line_count
    for one in offers:
        if one.fixed is None:
            for i, gift in zip(one.lines, one.exact, strict=True):
                holder = winner[i]
                if gift > gifts[i] or (
                    gift == gifts[i] and holder is not None and one.rule.id < holder.rule.id
                ):
                    gifts[i], winner[i] = gift, one
    fixed = [one for one in offers if one.fixed is not None]
    for one in sorted(fixed, key=lambda one: (-worth(one), one.rule.id)):
        holders = [holder for i in one.lines if (holder := winner[i]) is not None]
        if any(holder.fixed is not None for holder in holders):
            continue
        rival = sum(gifts[i] for i in one.lines)
        first = all(one.rule.id < holder.rule.id for holder in holders)
        if worth(one) > rival or (worth(one) == rival and first):
            for i in one.lines:
                winner[i] = one
    winners = set(map(id, winner))
    return [
        (
            one,
            [p for p, i in enumerate(one.lines) if winner[i] is one] if id(one) in winners else [],
        )
        for one in offers
    ]


_COMBINE: dict[Combine, Callable[[list[Offer], int], Won]] = {
    "best": _best,
    "sum": _sum,
    "first": _first,
}


def lost(rule: Rule, lane: Lane, won_lines: bool) -> WhyNot:
    """Say why an offer of the lane came to nothing."""
    if won_lines:
        return WhyNot(rule.id, "floor", "its goods are at their lowest price already")
    return WhyNot(rule.id, "lane", f"another rule of lane {lane.id} gives more")
