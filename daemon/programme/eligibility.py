"""Whether a rule applies, and if not, why not and how far away it is."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence

import msgspec

from daemon.programme.conditions.condition import Bound
from daemon.programme.programme import Programme
from daemon.programme.quote import NextStep, Use, WhyNot
from daemon.programme.rule import Rule
from daemon.programme.situation import Picked, Situation


class EligibleRule(msgspec.Struct):
    """A rule that applies: its number's value, the units in its scope, what it uses up."""

    rule: Rule
    value: int
    picked: Picked
    uses: list[Use]


class Explanation:
    """What a quote says of its rules: by the rules' order, why they gave nothing.

    given: the rules that gave something. uses: what these take from limits.
    stamped: the rules that count stamps here, and may give a free piece.
    """

    def __init__(self, programme: Programme) -> None:
        self.programme = programme
        self.why_not: dict[int, WhyNot] = {}
        self.next: dict[int, NextStep] = {}
        self.given: list[Rule] = []
        self.uses: list[Use] = []
        self.stamped: list[Rule] = []

    def applied(self, eligible: EligibleRule) -> None:
        """Note that a rule gave something."""
        self.why_not.pop(eligible.rule.order, None)
        self.given.append(eligible.rule)
        self.uses += eligible.uses

    def refused(self, rule: Rule, why: WhyNot) -> None:
        """Note why a rule gave nothing."""
        self.why_not[rule.order] = why

    def counts_money(self, name: str) -> bool:
        """Say whether a counted fact is in minor units."""
        return self.programme.vocabulary.counts_money(name)

    def step(self, rule: Rule, by: str, missing: int, value: int, *, counts_money: bool) -> None:
        """Note how far the next step of a rule is, and what it would give."""
        currency = self.programme.currency
        gives = rule.give.text(value, currency)
        distance = currency.text(missing) if counts_money else str(missing)
        text = f"{distance} more for {rule.text or gives}" if missing else "the next one is free"
        self.next[rule.order] = NextStep(rule.id, by, missing, gives, text)

    def count_stamps(self, situation: Situation, meters: Mapping[str, int]) -> None:
        """Note how many pieces are to be paid until the next free one.

        meters: what this sale adds.
        """
        for rule in self.stamped:
            assert rule.stamps is not None
            has = (situation.integer(rule.scope.stamps) or 0) + meters.get(rule.stamps.id, 0)
            missing = max(0, rule.stamps.every - 1 - has)
            self.step(rule, rule.scope.stamps, missing, rule.give.size.highest, counts_money=False)


def check_eligible(
    rule: Rule, lines: Sequence[int], situation: Situation, explanation: Explanation
) -> EligibleRule | None:
    """Evaluate a rule over its ``lines``; None when it does not apply, with the reason noted.

    The order is that of what the customer is told: the first condition that failed, then a limit
    that is used up, then goods that are missing, then a number that comes to nothing.
    """
    # Conditions may count what the rule has in scope, before it is known whether they hold.
    if rule.asks_scope:
        situation.picked = rule.scope.pick(situation, lines)
    for holds, why, bound in rule.tests:
        if not holds(situation):
            explanation.refused(rule, why)
            if bound is not None:
                _note_distance(rule, bound, why.condition, situation, explanation)
            return None
    uses: list[Use] = []
    if rule.limit is not None:
        taken = rule.limit.uses(situation)
        if isinstance(taken, WhyNot):
            explanation.refused(rule, taken)
            return None
        uses = taken
    picked = _pick(rule, lines, situation, explanation)
    situation.picked = picked
    if rule.give.size.steps is not None and (picked or not situation.goods.lines):
        _note_next_step(rule, situation, explanation)
    if not picked:
        explanation.refused(rule, rule.empty)
        return None
    value = rule.give.size.at(situation)
    if value is None or (value == 0 and not rule.give.gives_at_zero):
        lack = rule.give.size.lacks(situation)
        explanation.refused(rule, WhyNot(rule.id, *lack) if lack else rule.nothing)
        return None
    return EligibleRule(rule, value, picked, uses)


def _pick(
    rule: Rule, lines: Sequence[int], situation: Situation, explanation: Explanation
) -> Picked:
    """Return the units that the rule is about; the distance to a free one is told in the end."""
    if rule.stamps is not None:
        explanation.stamped.append(rule)
    return rule.scope.pick(situation, lines)


def _note_next_step(rule: Rule, situation: Situation, explanation: Explanation) -> None:
    """Note the distance to the next better step of the rule's own number."""
    steps = rule.give.size.steps
    assert steps is not None
    counted = steps.counter(situation)
    if counted is None:
        return
    place = bisect_right(steps.bounds, counted)
    here = steps.values[place - 1] if place else 0
    if place < len(steps.bounds) and steps.values[place] > here:
        missing, counts_money = steps.bounds[place] - counted, explanation.counts_money(steps.by)
        explanation.step(rule, steps.by, missing, steps.values[place], counts_money=counts_money)


def _note_distance(
    rule: Rule, bound: Bound, by: str, situation: Situation, explanation: Explanation
) -> None:
    """Note the distance to a bound, when it is all that keeps the rule from applying."""
    counted = bound.counter(situation)
    if counted is None or bound.low is None or counted >= bound.low:
        return
    failing = [why for holds, why, _ in rule.tests if not holds(situation)]
    if len(failing) > 1:
        return
    if rule.limit is not None and isinstance(rule.limit.uses(situation), WhyNot):
        return
    value = rule.give.size.at(situation)
    if value:
        missing = bound.low - counted
        explanation.step(rule, by, missing, value, counts_money=bound.counts_money)
