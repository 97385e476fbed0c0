"""Discounts: floors, exclusive rules, and the lanes one after the other."""

from collections.abc import Sequence

import msgspec

from daemon.base.money import percent_of
from daemon.programme.admission import Admitted, Explanation, admit
from daemon.programme.lanes import Offer, combine, lost, offer, parts, worth
from daemon.programme.programme import Programme
from daemon.programme.quote import Applied, WhyNot
from daemon.programme.rule import Rule
from daemon.programme.situation import Situation


class Discounts(msgspec.Struct):
    """Per line: what it costs after all lanes, and what each rule took off.

    sole: the exclusive rule that suspended the others, if one did.
    """

    net: list[int]
    applied: list[list[Applied]]
    sole: Rule | None = None


def floors_of(programme: Programme, situation: Situation) -> list[int]:
    """Return per line the least it may cost: its ``min_price`` and every cap that names it."""
    goods = situation.goods
    floors = [
        min(floor, total) for floor, total in zip(goods.floors, goods.list_totals, strict=True)
    ]
    for cap in programme.caps:
        situation.picks = situation.whole
        most = cap.percent.at(situation)
        for i, line in enumerate(goods.lines):
            if cap.goods.holds(line, situation.day):
                total = goods.list_totals[i]
                floors[i] = max(floors[i], total - percent_of(total, most or 0))
    return floors


def discount(
    programme: Programme,
    situation: Situation,
    candidates: Sequence[tuple[Rule, list[int]]],
    notes: Explanation,
) -> Discounts:
    """Run the lanes over the basket. ``candidates``: discount rules with their lines."""
    goods = situation.goods
    floors = floors_of(programme, situation)
    result = Discounts(list(goods.list_totals), [[] for _ in goods.lines])
    result.sole = _sole(situation, candidates, floors, notes)
    lanes: list[list[tuple[Rule, list[int]]]] = [[] for _ in programme.lanes]
    for rule, lines in candidates:
        if result.sole is None or rule is result.sole:
            lanes[rule.lane].append((rule, lines))
        else:
            notes.refused(rule, WhyNot(rule.id, "exclusive", f"{result.sole.id} stands alone"))
    for number, members in enumerate(lanes):
        if members:
            _run_lane(programme, number, members, situation, floors, notes, result)
            situation.run(result.net)
    return result


def _run_lane(
    programme: Programme,
    number: int,
    members: Sequence[tuple[Rule, list[int]]],
    situation: Situation,
    floors: Sequence[int],
    notes: Explanation,
    result: Discounts,
) -> None:
    lane = programme.lanes[number]
    base = situation.goods.list_totals if lane.on_list else situation.net
    admitted: dict[int, Admitted] = {}
    offers: list[Offer] = []
    for rule, lines in members:
        one = admit(rule, lines, situation, notes)
        if one is None:
            continue
        made = offer(rule, one.value, one.picks, base, situation)
        if worth(made):
            admitted[rule.order] = one
            offers.append(made)
        else:
            notes.refused(rule, rule.nothing)
    left = [amount - floor for amount, floor in zip(result.net, floors, strict=True)]
    for one_offer, won in combine(lane.combine, offers, len(left)):
        rule = one_offer.rule
        taken = parts(one_offer, won, left, programme.by_line) if won else []
        if not any(taken):
            notes.refused(rule, lost(rule, lane, bool(won)))
            continue
        text = rule.text or rule.gives(one_offer.value)
        for p, minor in zip(won, taken, strict=True):
            if minor:
                i = one_offer.lines[p]
                left[i] -= minor
                result.applied[i].append(Applied(rule.id, minor, text))
        notes.applied(admitted[rule.order])
    assert min(left) >= 0
    result.net = [floor + more for floor, more in zip(floors, left, strict=True)]


def _sole(
    situation: Situation,
    candidates: Sequence[tuple[Rule, list[int]]],
    floors: Sequence[int],
    notes: Explanation,
) -> Rule | None:
    """Return the exclusive rule that suspends the others, decided once on the list basket.

    The higher priority wins, then what is better for the customer, then the id.
    """
    totals = situation.goods.list_totals
    left = [total - floor for total, floor in zip(totals, floors, strict=True)]
    best: tuple[int, int, str] | None = None
    sole = None
    for rule, lines in candidates:
        if not rule.exclusive:
            continue
        one = admit(rule, lines, situation, notes)
        if one is None:
            continue
        made = offer(rule, one.value, one.picks, totals, situation)
        gift = sum(parts(made, range(len(made.lines)), left, by_line=False))
        rank = (-rule.priority, -gift, rule.id)
        if gift and (best is None or rank < best):
            best, sole = rank, rule
    return sole
