"""Discounts: floors, exclusive rules, and the lanes one after the other."""

from collections.abc import Sequence

import msgspec

from daemon.base.money import percent_of
from daemon.programme.benefits.benefit import Discount
from daemon.programme.eligibility import EligibleRule, Explanation, check_eligible
from daemon.programme.lanes import Offer, came_to_nothing, combine, offer, parts
from daemon.programme.programme import Programme
from daemon.programme.quote import Applied, WhyNot
from daemon.programme.rule import Candidate, Candidates, Rule
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
        situation.picked = situation.whole
        most = cap.percent.at(situation)
        for i, line in enumerate(goods.lines):
            if cap.goods.holds(line, situation.day):
                total = goods.list_totals[i]
                floors[i] = max(floors[i], total - percent_of(total, most or 0))
    return floors


def discount(
    programme: Programme,
    situation: Situation,
    candidates: Candidates[Discount],
    explanation: Explanation,
) -> Discounts:
    """Run the lanes over the basket."""
    goods = situation.goods
    floors = floors_of(programme, situation)
    result = Discounts(list(goods.list_totals), [[] for _ in goods.lines])
    result.sole = _sole(situation, candidates, floors, explanation)
    lanes: list[list[Candidate[Discount]]] = [[] for _ in programme.lanes]
    for candidate in candidates:
        rule = candidate[0]
        if result.sole is None or rule is result.sole:
            lanes[rule.lane].append(candidate)
        else:
            reason = WhyNot(rule.id, "exclusive", f"{result.sole.id} stands alone")
            explanation.refused(rule, reason)
    for number, members in enumerate(lanes):
        if members:
            _run_lane(programme, number, members, situation, floors, explanation, result)
            situation.run(result.net)
    return result


def _run_lane(
    programme: Programme,
    number: int,
    members: Candidates[Discount],
    situation: Situation,
    floors: Sequence[int],
    explanation: Explanation,
    result: Discounts,
) -> None:
    """Let the rules of one lane compete, and take off what they win."""
    lane = programme.lanes[number]
    base = situation.goods.list_totals if lane.on_list else situation.net
    eligible, offers = _offers(members, base, situation, explanation)
    left = [amount - floor for amount, floor in zip(result.net, floors, strict=True)]
    for made, won in combine(lane.combine, offers, len(left)):
        rule = made.rule
        taken = parts(made, won, left, programme.by_line) if won else []
        if not any(taken):
            explanation.refused(rule, came_to_nothing(rule, lane, bool(won)))
            continue
        text = rule.text or rule.give.text(made.value, programme.currency)
        free = {i: k for i, k, _ in eligible[rule.order].picked} if rule.stamps else {}
        for p, minor in zip(won, taken, strict=True):
            if minor:
                i = made.lines[p]
                left[i] -= minor
                result.applied[i].append(Applied(rule.id, minor, text, free.get(i, 0)))
        explanation.applied(eligible[rule.order])
    assert min(left, default=0) >= 0
    result.net = [floor + more for floor, more in zip(floors, left, strict=True)]


def _offers(
    members: Candidates[Discount],
    base: Sequence[int],
    situation: Situation,
    explanation: Explanation,
) -> tuple[dict[int, EligibleRule], list[Offer]]:
    """Return what the rules that apply offer, those that offer nothing left out."""
    eligible: dict[int, EligibleRule] = {}
    offers: list[Offer] = []
    for rule, give, lines in members:
        applying = check_eligible(rule, lines, situation, explanation)
        if applying is None:
            continue
        made = offer(rule, give, applying.value, applying.picked, base, situation)
        if made.gift:
            eligible[rule.order] = applying
            offers.append(made)
        else:
            explanation.refused(rule, rule.nothing)
    return eligible, offers


def _sole(
    situation: Situation,
    candidates: Candidates[Discount],
    floors: Sequence[int],
    explanation: Explanation,
) -> Rule | None:
    """Return the exclusive rule that suspends the others, decided once on the list basket.

    The higher priority wins, then what is better for the customer, then the id.
    """
    totals = situation.goods.list_totals
    left = [total - floor for total, floor in zip(totals, floors, strict=True)]
    best: tuple[int, int, str] | None = None
    sole = None
    for rule, give, lines in candidates:
        if not rule.exclusive:
            continue
        eligible = check_eligible(rule, lines, situation, explanation)
        if eligible is None:
            continue
        made = offer(rule, give, eligible.value, eligible.picked, totals, situation)
        gift = sum(parts(made, range(len(made.lines)), left, by_line=False))
        rank = (-rule.priority, -gift, rule.id)
        if gift and (best is None or rank < best):
            best, sole = rank, rule
    return sole
