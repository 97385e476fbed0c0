"""Lanes: how the discounts of one lane compete or add up, and how they are rounded.

A *lane* is a group of discounts that share the basket among themselves before the next lane sees
it. Lanes run in the order of the file: each takes its discounts off what the lanes before have
left (``base = "net"``) or off the shelf price (``base = "list"``). So two discounts stack when
they are in two lanes, and compete when they are in one. Within a lane there are three ways:

    sum    every rule gives on every line; they are added
    first  each line keeps the first rule, in file order, that gives it something
    best   each line keeps the rule that gives it most

An *exclusive* rule is decided before any lane (see `discount`): it suspends every other discount,
and then its lane has that one rule.

What is compared is exact, in 1/10000 minor units, before rounding and before floors: a rule does
not win or lose by a rounded minor unit, nor by a floor that would cut both.

**Fixed offers.** A percentage is a gift per line, so the best rule can be chosen line by line. An
``amount`` is one sum over all its lines (so is a rule that its ``max`` cuts): on fewer lines it
would not be that sum. It therefore wins all of its lines or none, and is compared with what these
lines would get otherwise, all together. Two lines of 40.00 and 50.00:

    10 %            gives 4.00 + 5.00 = 9.00
    amount 10.00    gives 10.00, wins both lines, shared 4.44 + 5.56

With 40.00 and 70.00 the percentage gives 11.00, and the amount wins neither line.

**Greedy, and not always the largest total.** Fixed offers are tried from the largest sum down, and
a line that one has won is not offered again. Were two smaller amounts on separate lines together
worth more than one large amount over both, the large one would still win: 10.00 over both beats
7.00 on the one and 6.00 on the other. The best total is a weighted set packing, for which there is
no quick method; and a shop can tell a customer "the largest discount goes first", but not why two
others were chosen. The tests hold the engine to exactly this rule.
"""

from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

import msgspec

from daemon.base.money import BASIS_POINTS, half_up, share, share_within
from daemon.programme.benefits.benefit import Discount
from daemon.programme.quote import WhyNot
from daemon.programme.rule import Rule
from daemon.programme.situation import Picked, Situation

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

    @property
    def gift(self) -> int:
        """The whole gift before floors, in 1/10000 minor units."""
        return self.whole if self.fixed is None else self.fixed * BASIS_POINTS


Won: TypeAlias = "list[tuple[Offer, Sequence[int]]]"
"""Every offer, with the positions in its ``lines`` that it has won."""


def offer(
    rule: Rule,
    give: Discount,
    value: int,
    picked: Picked,
    base: Sequence[int],
    situation: Situation,
) -> Offer:
    """Return what a discount rule takes off the picked units, before floors.

    base: per line of the basket, what the lane's percentages are of.

    One of three units picked of a line of 99.99 has a base, and so a room, of 33.33.
    """
    rooms: Sequence[int] = base
    # Most rules have the whole basket in scope: then `picks` is that very list, and copying the
    # base line by line would be a tenth of a quote's time.
    if picked is not situation.whole:
        rooms = [base[i] if k == n else half_up(base[i] * k, n) for i, k, n in picked]
    exact, fixed = give.offer(value, rooms, picked, situation.goods.qty_milli)
    whole = sum(exact)
    if give.most:
        # A rule that its `max` cuts gives one sum from here on, and competes as an amount does.
        most = give.most.at(situation) or 0
        if (whole if fixed is None else fixed * BASIS_POINTS) > most * BASIS_POINTS:
            fixed = most
    lines = [pick[0] for pick in picked]
    if not all(exact):  # a line that gets nothing is not competed for
        kept = [p for p, gift in enumerate(exact) if gift]
        lines, exact = [lines[p] for p in kept], [exact[p] for p in kept]
        rooms = [rooms[p] for p in kept]
    return Offer(rule, lines, exact, rooms, whole, fixed, value)


def parts(made: Offer, won: Sequence[int], left: Sequence[int], by_line: bool) -> list[int]:
    """Return the minor units that an offer takes off the lines it won.

    won:  positions in ``made.lines``.
    left: per line of the basket, what may still come off before its floor.
    """
    exact, rooms, lines, whole = made.exact, made.rooms, made.lines, made.whole
    if len(won) < len(lines):
        exact, rooms = [exact[p] for p in won], [rooms[p] for p in won]
        lines, whole = [lines[p] for p in won], sum(exact)
    room = [a if a < left[i] else left[i] for a, i in zip(rooms, lines, strict=True)]
    if made.fixed is not None:
        return share_within(made.fixed, exact, room)
    if by_line or len(exact) == 1:
        shares = [half_up(gift, BASIS_POINTS) for gift in exact]
    else:
        shares = share(half_up(whole, BASIS_POINTS), exact)
    return [a if a < b else b for a, b in zip(shares, room, strict=True)]


def combine(how: Combine, offers: list[Offer], line_count: int) -> Won:
    """Return which offers win which of their lines, in the order of the file."""
    return _COMBINE[how](offers, line_count)


def _sum(offers: list[Offer], line_count: int) -> Won:
    return [(made, range(len(made.lines))) for made in offers]


def _first(offers: list[Offer], line_count: int) -> Won:
    taken = [False] * line_count
    won: Won = []
    for made in offers:
        free = [p for p, i in enumerate(made.lines) if not taken[i]]
        for p in free:
            taken[made.lines[p]] = True
        won.append((made, free))
    return won


def _best(offers: list[Offer], line_count: int) -> Won:
    """Per line the largest exact gift; a fixed offer wins all of its lines or none.

    Ties go to the rule whose id comes first, so that the order of the file decides nothing.
    """
    gifts, holders = _best_per_line(offers, line_count)
    fixed = [made for made in offers if made.fixed is not None]
    for made in sorted(fixed, key=lambda made: (-made.gift, made.rule.id)):
        if _beats(made, gifts, holders):
            for i in made.lines:
                holders[i] = made
    # Most offers win nothing, and need not be looked for line by line.
    winners = set(map(id, holders))
    return [
        (
            made,
            [p for p, i in enumerate(made.lines) if holders[i] is made]
            if id(made) in winners
            else [],
        )
        for made in offers
    ]


def _best_per_line(offers: list[Offer], line_count: int) -> tuple[list[int], list[Offer | None]]:
    """Return per line the largest gift of an offer that is not fixed, and whose it is."""
    gifts = [0] * line_count
    holders: list[Offer | None] = [None] * line_count
    for made in offers:
        if made.fixed is not None:
            continue
        for i, gift in zip(made.lines, made.exact, strict=True):
            best = gifts[i]
            if gift > best or (gift == best and _comes_first(made, holders[i])):
                gifts[i], holders[i] = gift, made
    return gifts, holders


def _comes_first(made: Offer, holder: Offer | None) -> bool:
    return holder is not None and made.rule.id < holder.rule.id


def _beats(made: Offer, gifts: Sequence[int], holders: Sequence[Offer | None]) -> bool:
    """Whether a fixed offer gives more than all its lines would get otherwise."""
    rivals = [holder for i in made.lines if (holder := holders[i]) is not None]
    if any(rival.fixed is not None for rival in rivals):
        return False  # a larger fixed offer has one of its lines, and it wins all or none
    otherwise = sum(gifts[i] for i in made.lines)
    comes_first = all(made.rule.id < rival.rule.id for rival in rivals)
    return made.gift > otherwise or (made.gift == otherwise and comes_first)


_COMBINE: dict[Combine, Callable[[list[Offer], int], Won]] = {
    "best": _best,
    "sum": _sum,
    "first": _first,
}


def came_to_nothing(rule: Rule, lane: Lane, won_lines: bool) -> WhyNot:
    """Return why an offer of the lane came to nothing."""
    if won_lines:
        return WhyNot(rule.id, "floor", "its goods are at their lowest price already")
    return WhyNot(rule.id, "lane", f"another rule of lane {lane.id} gives more")
