"""From a basket to a quote: lanes, then caps, then burns, then what is earned."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from daemon.programme.accrual import Accruals, accrue
from daemon.programme.basket import Basket, Facts
from daemon.programme.benefits.benefit import Accrual, AnyGive, Discount, Handout, Redemption
from daemon.programme.codes import with_uses
from daemon.programme.discount import Discounts, discount
from daemon.programme.eligibility import Explanation
from daemon.programme.goods import NO_GOODS, read_goods
from daemon.programme.meters import Sold, count
from daemon.programme.names import METER, PURSE
from daemon.programme.payment import Payment, pay
from daemon.programme.programme import Programme
from daemon.programme.quote import NextStep, Quote, QuotedLine
from daemon.programme.rule import Candidate, Candidates
from daemon.programme.situation import Situation

WHY_NOT_MAX = 200


def price(programme: Programme, basket: Basket, facts: Facts, *, cuts: bool = False) -> Quote:
    """Price a basket. Pure: the same arguments give the same quote.

    cuts: what would be more codes or points than a sale may bring is cut to the most. So it is for
    goods that stay when others come back: they are not to be sold again in parts.
    ``why_not`` names the rules that have goods in the basket, then those whose day it is not;
    at most ``WHY_NOT_MAX`` of them.
    Raises: BasketError; RefusedError ``not_enough`` or ``limit_reached`` for ``basket.burn``.
    """
    situation = Situation(read_goods(basket), facts, programme.days, cuts=cuts)
    candidates = programme.rulebook(situation.day).candidates(situation.goods.lines)
    return _priced(programme, situation, candidates, basket.burn)


def outlook(programme: Programme, facts: Facts) -> tuple[NextStep, ...]:
    """Return how far a card is from the next step of each rule of the day, without a basket.

    These are the steps that the card's own numbers lead to, its meters and its purses; what a
    basket has to come to is no news before there is one.
    """
    situation = Situation(NO_GOODS, facts, programme.days)
    candidates = programme.rulebook(situation.day).candidates_of_nothing()
    steps = _priced(programme, situation, candidates, {}).next
    return tuple(step for step in steps if step.by.startswith((METER, PURSE)))


def _priced(
    programme: Programme,
    situation: Situation,
    candidates: Candidates[AnyGive],
    burn: Mapping[str, int],
) -> Quote:
    stages = _by_stage(candidates)
    explanation = Explanation(programme)
    discounts = discount(programme, situation, stages.discounts, explanation)
    payment = pay(programme, situation, stages.redemptions, burn, explanation)
    accruals = accrue(situation, stages.accruals, stages.handouts, discounts, payment, explanation)
    by_line, meters = _meters(programme, situation, discounts, payment, accruals)
    explanation.count_stamps(situation, meters)
    over = programme.rulebook(situation.day).over
    whys = [why for _, why in sorted(explanation.why_not.items())] + over
    net, total = sum(discounts.net), sum(payment.left)
    return Quote(
        programme=programme.id,
        version=programme.version,
        now=situation.now.isoformat(),
        lines=_lines(situation, discounts, payment, accruals, by_line),
        list_total=situation.goods.list_total,
        discount=situation.goods.list_total - net,
        net=net,
        total=total,
        rounding=_rounding(programme, situation, total),
        burn=payment.burn,
        burn_max=payment.burn_max,
        earn=tuple(accruals.earn),
        issue=tuple(accruals.issue),
        meters=meters,
        uses=tuple(
            with_uses(
                explanation.given,
                explanation.uses,
                situation.goods.codes,
                situation.values,
                discounts.applied,
            )
        ),
        why_not=tuple(whys[:WHY_NOT_MAX]),
        next=tuple(step for _, step in sorted(explanation.next.items())),
        provisional=programme.ordinals and any(rule.provisional for rule, _, _ in candidates),
    )


def _rounding(programme: Programme, situation: Situation, total: int) -> int:
    cash = programme.cash_rounding
    return cash.of(total) if cash and cash.rounds(situation.payment) else 0


class _Stages(NamedTuple):
    """The rules that have goods in the basket, by the stage in which they act."""

    discounts: list[Candidate[Discount]]
    redemptions: list[Candidate[Redemption]]
    accruals: list[Candidate[Accrual]]
    handouts: list[Candidate[Handout]]


def _by_stage(candidates: Candidates[AnyGive]) -> _Stages:
    # Any: the type of what a candidate gives is its key here.
    by_stage: dict[type[AnyGive], list[Any]] = {
        Discount: [],
        Redemption: [],
        Accrual: [],
        Handout: [],
    }
    for candidate in candidates:
        by_stage[type(candidate[1])].append(candidate)
    return _Stages(*by_stage.values())


def _meters(
    programme: Programme,
    situation: Situation,
    discounts: Discounts,
    payment: Payment,
    accruals: Accruals,
) -> tuple[list[dict[str, int]], dict[str, int]]:
    """Count for the card; a sale without one counts nowhere."""
    goods = situation.goods
    by_line = (goods.units, discounts.net, payment.left, accruals.earned, discounts.applied)
    sold = map(Sold, goods.lines, *by_line)
    meters = programme.meters.values() if situation.account else ()
    return count(meters, list(sold), situation.day)


def _lines(
    situation: Situation,
    discounts: Discounts,
    payment: Payment,
    accruals: Accruals,
    meters: list[dict[str, int]],
) -> tuple[QuotedLine, ...]:
    goods = situation.goods
    return tuple(
        QuotedLine(
            line=line.line,
            qty_milli=goods.qty_milli[i],
            list_total=goods.list_totals[i],
            discount=goods.list_totals[i] - discounts.net[i],
            net=discounts.net[i],
            paid=payment.left[i],
            applied=tuple(discounts.applied[i]),
            burned=payment.money[i],
            burned_units=payment.units[i],
            earned=accruals.earned[i],
            meters=meters[i],
        )
        for i, line in enumerate(goods.lines)
    )
