"""Burns: what the purses pay of a basket, always after all discounts."""

from collections.abc import Mapping

import msgspec

from daemon.base.money import half_up, percent_of, share_all, share_within
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.programme.benefits.benefit import Redemption
from daemon.programme.eligibility import EligibleRule, Explanation, check_eligible
from daemon.programme.errors import BasketError
from daemon.programme.goods import pieces_of
from daemon.programme.names import CARD_ACCOUNT, gift_fact, purse_fact
from daemon.programme.programme import Programme
from daemon.programme.quote import WhyNot
from daemon.programme.rule import Candidates
from daemon.programme.situation import Situation
from daemon.programme.state import Purse


class Payment(msgspec.Struct):
    """What is left to pay per line in minor units, and what the purses paid.

    burn, burn_max: by purse, in its unit; money and units: the same per line.
    """

    left: list[int]
    money: list[dict[str, int]]
    units: list[dict[str, int]]
    burn: dict[str, int]
    burn_max: dict[str, int]


class Allowance(msgspec.Struct):
    """What one burn rule lets a purse pay: ``units`` of the purse, over lines with ``rooms``.

    cost: its units for one piece, where it counts goods.
    """

    eligible: EligibleRule
    units: int
    lines: list[int]
    weights: list[int]
    rooms: list[int]
    cost: int


def pay(
    programme: Programme,
    situation: Situation,
    candidates: Candidates[Redemption],
    wanted: Mapping[str, int],
    explanation: Explanation,
) -> Payment:
    """Take what the customer wants to burn, purse by purse in the order of the file.

    Raises: RefusedError ``not_enough``, ``limit_reached``; BasketError for an unknown purse.
    """
    for name, units in wanted.items():
        if name not in programme.purses:
            raise BasketError(f"burn.{name}", "the programme has no such purse")
        if units < 0:
            raise BasketError(f"burn.{name}", f"{units} is below 0; send what is to be paid")
    count = len(situation.net)
    result = Payment(
        list(situation.net), [{} for _ in range(count)], [{} for _ in range(count)], {}, {}
    )
    for purse in programme.purses.values():
        rules = [c for c in candidates if c[1].purse == purse.id]
        asked = wanted.get(purse.id, 0)
        allowance = _best_allowance(purse, rules, situation, result, explanation) if rules else None
        available = _available(purse, situation)
        if allowance is not None:
            most = max(0, min(available, allowance.units))
            result.burn_max[purse.id] = most - most % allowance.cost
        if asked:
            _check(purse, asked, available, allowance, rules, explanation)
            assert allowance is not None
            _take(purse, asked, allowance, result)
            explanation.applied(allowance.eligible)
    return result


def _available(purse: Purse, situation: Situation) -> int:
    held = situation.integer(purse_fact(purse.id))
    return 0 if held is None else held + purse.credit_limit


def _check(
    purse: Purse,
    asked: int,
    available: int,
    allowance: Allowance | None,
    rules: Candidates[Redemption],
    explanation: Explanation,
) -> None:
    if allowance is None:
        whys = [
            explanation.why_not[rule.order].text
            for rule, _, _ in rules
            if rule.order in explanation.why_not
        ]
        reason = whys[0] if whys else "no rule lets it pay for these goods"
        raise RefusedError(ErrorCode.LIMIT_REACHED, f"{purse.id} cannot pay here: {reason}.")
    if asked > available:
        detail = f"{purse.id} holds {purse.text(max(available, 0))}; {purse.text(asked)} was asked."
        raise RefusedError(ErrorCode.NOT_ENOUGH, detail, extra={"available": max(available, 0)})
    if asked > allowance.units:
        most = purse.text(allowance.units)
        detail = f"{purse.id} may pay {most} of this sale; {purse.text(asked)} was asked."
        raise RefusedError(ErrorCode.LIMIT_REACHED, detail, extra={"burn_max": allowance.units})
    if asked % allowance.cost:
        detail = f"{purse.id} pays {allowance.cost} for each whole piece; {asked} was asked."
        whole = asked - asked % allowance.cost
        raise RefusedError(ErrorCode.LIMIT_REACHED, detail, extra={"burn_max": whole})


def _best_allowance(
    purse: Purse,
    rules: Candidates[Redemption],
    situation: Situation,
    result: Payment,
    explanation: Explanation,
) -> Allowance | None:
    """Return the rule that lets the purse pay most; the earlier one when two allow the same."""
    best: Allowance | None = None
    for rule, give, lines in rules:
        if give.only_pieces:
            lines = [i for i in lines if pieces_of(situation.goods.lines[i])]
        if not situation.account and not situation.integer(gift_fact(purse.id)):
            explanation.refused(rule, WhyNot(rule.id, CARD_ACCOUNT, "needs a card"))
            continue
        eligible = check_eligible(rule, lines, situation, explanation)
        if eligible is None:
            continue
        allowance = _allowance(purse, give.cost, eligible, situation, result)
        if best is None or allowance.units > best.units:
            best = allowance
    return best


def _allowance(
    purse: Purse, cost: int, eligible: EligibleRule, situation: Situation, result: Payment
) -> Allowance:
    # The percentage is of what the goods cost after the lanes, whoever pays for them; a purse that
    # paid before has left less room, and the rest then falls on the other lines.
    lines = [i for i, _, _ in eligible.picked]
    weights = [half_up(situation.net[i] * k, n) for i, k, n in eligible.picked]
    rooms = [min(weight, result.left[i]) for weight, i in zip(weights, lines, strict=True)]
    if purse.worth:
        minor = min(percent_of(sum(weights), eligible.value), sum(rooms))
        units = minor // purse.worth
    else:
        units = cost * sum(k for _, k, _ in eligible.picked)
    if eligible.rule.give.most is not None:
        units = min(units, eligible.rule.give.most.at(situation) or 0)
    return Allowance(eligible, units - units % cost, lines, weights, rooms, cost)


def _take(purse: Purse, asked: int, allowance: Allowance, result: Payment) -> None:
    if purse.worth:
        money = share_within(asked * purse.worth, allowance.weights, allowance.rooms)
        units = share_all(asked, money)
    else:
        money, units = _goods_for_units(asked, allowance)
    result.burn[purse.id] = asked
    for i, minor, unit in zip(allowance.lines, money, units, strict=True):
        result.left[i] -= minor
        if minor:
            result.money[i][purse.id] = minor
        if (minor or unit) and not purse.counts_money:
            result.units[i][purse.id] = unit


def _goods_for_units(asked: int, allowance: Allowance) -> tuple[list[int], list[int]]:
    """Let ``cost`` units of the purse pay for each unit of goods, the dearest first.

    Two cups of a subscription and coffees for 1.00, 1.20 and 1.00: they pay 1.20 and 1.00. Twenty
    stamps, ten for a coffee, pay the same.

    Returns: minor units and units of the purse, per line in scope.
    """
    picked = allowance.eligible.picked
    cheapest = (
        allowance.eligible.rule.scope.picks_units and not allowance.eligible.rule.scope.dearest
    )
    sign = 1 if cheapest else -1
    money, units = [0] * len(picked), [0] * len(picked)
    by_price = sorted(range(len(picked)), key=lambda p: sign * allowance.weights[p] // picked[p][1])
    cost = allowance.cost
    for p in by_price:
        pieces = min(asked // cost, picked[p][1])
        units[p] = pieces * cost
        asked -= units[p]
        paid = half_up(allowance.weights[p] * pieces, picked[p][1])
        money[p] = min(percent_of(paid, allowance.eligible.value), allowance.rooms[p])
    return money, units
