"""``tillcard check``: what is allowed in a programme and yet is probably a mistake."""

from collections.abc import Iterator
from datetime import date, timedelta

import msgspec

from daemon.base.money import BASIS_POINTS
from daemon.programme.benefits.benefit import Accrual, Discount, Redemption, Setting
from daemon.programme.conditions.condition import Condition
from daemon.programme.days import later
from daemon.programme.limits import Limit
from daemon.programme.programme import Cap, Programme
from daemon.programme.rule import Rule

CHECK_FROM = date(2024, 1, 1)
CHECK_DAYS = 28 * 366
"""Every combination of date and weekday comes back within 28 years."""


class Warning(msgspec.Struct, frozen=True):
    """A warning about one place of the file."""

    path: str
    message: str


def check(programme: Programme, today: date) -> list[Warning]:
    """Return the warnings about a programme that could be loaded, in the order of the file.

    today: the programme's local day; rules that were for days before it are over.
    """
    warnings: list[Warning] = []
    for rule in programme.rules:
        path = f"rule[{rule.order}]"
        warnings += (
            Warning(f"{path}{key}", f'{problem} (rule "{rule.id}")')
            for key, problem in _warnings(programme, rule, today)
        )
    for i, cap in enumerate(programme.caps):
        if cap.percent.highest == BASIS_POINTS:
            warnings.append(Warning(f"cap[{i}].percent", "a cap of 100 % caps nothing"))
    return [*warnings, *_cash_warnings(programme)]


def _cash_warnings(programme: Programme) -> Iterator[Warning]:
    """Doubt a smallest coin by which whole units of the currency cannot be paid."""
    cash, currency = programme.cash_rounding, programme.currency
    if cash is None:
        return
    unit = 10**currency.digits
    if max(cash.step, unit) % min(cash.step, unit):
        problem = f"{currency.text(cash.step)} and {currency.text(unit)} do not go into each other"
        yield Warning("cash_rounding.step", f"{problem}; is it the smallest coin?")


def _warnings(programme: Programme, rule: Rule, today: date) -> Iterator[tuple[str, str]]:
    """Find what is odd about a rule: keys of it, with the words for them."""
    give = rule.give
    if isinstance(give, Discount) and not rule.names_lane:
        yield ".lane", f"names no lane; it runs in {programme.lanes[rule.lane].id}"
    yield from _never(rule, today)
    if rule.stamps is not None and any(_cuts(cap, rule) for cap in programme.caps):
        yield ".give.free", "a cap holds its goods: the free piece costs something"
    free = not (rule.conditions or rule.limit or rule.scope.picks_units)
    for key, warning in give.warnings(give.size, Setting(free, programme.markup_bp)):
        yield f".give.{key}", warning
    if isinstance(give, Accrual) and any(_pays_for_itself(rule, give, r) for r in programme.rules):
        problem = "each piece earns what pays for one: the second is free"
        yield ".give.each", f"{problem}; write cost where it is burned, or give free"
    if rule.limit is not None:
        yield from _of_limit(rule, rule.limit)


def _pays_for_itself(earning: Rule, give: Accrual, burning: Rule) -> bool:
    """Whether a piece earns as many units of a purse that counts goods as one of the same costs."""
    burn = burning.give
    return (
        isinstance(burn, Redemption)
        and burn.purse == give.purse
        and give.counts_goods
        and not give.whose
        and give.size.highest >= burn.cost
        and earning.scope.goods.may_share_goods(burning.scope.goods)
    )


def _of_limit(rule: Rule, limit: Limit) -> Iterator[tuple[str, str]]:
    if limit.per == "year" and any(_spans_days(condition) for condition in rule.conditions):
        problem = 'days around New Year are in two years, with a gift in each; write "occasion"'
        yield ".limit.per", problem
    for name in ("per_card", "per_code", "total"):
        if getattr(limit, name) == 0:
            yield f".limit.{name}", "is 0: the rule is never used; remove the one or the other"


def _cuts(cap: Cap, rule: Rule) -> bool:
    """Whether a cap keeps some goods of a rule from being free."""
    return cap.percent.highest < BASIS_POINTS and cap.goods.may_share_goods(rule.scope.goods)


def _spans_days(condition: Condition) -> bool:
    """Whether a condition is on an occasion of several days."""
    return condition.occasion is not None and condition.occasion.first < condition.occasion.last


def _never(rule: Rule, today: date) -> Iterator[tuple[str, str]]:
    """Find what keeps a rule from ever applying."""
    if rule.give.size.highest == 0 and not rule.give.gives_at_zero:
        yield ".give", "gives 0: the rule can never apply"
    if rule.give.most is not None and rule.give.most.highest == 0:
        yield ".give.max", "is 0: the rule can never apply"
    for condition in rule.conditions:
        if condition.warning:
            yield f".when.{condition.key}", condition.warning
    names = " and ".join(c.key for c in rule.conditions if c.days)
    if _no_day(rule.conditions):
        yield ".when", f"no day has this {names}: the rule can never apply"
    elif _no_day(rule.conditions, today):
        yield ".when", f"every day of this {names} is over: the rule can never apply any more"
    scope = rule.scope.goods
    if scope.words and scope.words <= scope.without:
        yield ".scope", "leaves out all that it names: the rule can never apply"


def _no_day(conditions: tuple[Condition, ...], since: date = date.min) -> bool:
    """Say whether the conditions on days exclude each other on every day from ``since`` on."""
    days = [condition.days for condition in conditions if condition.days]
    if not days:
        return False
    last = min([each.last for each in days if each.last], default=date.max)
    first = max([each.first for each in days if each.first], default=min(CHECK_FROM, last))
    first = max(first, since)
    last = min(last, later(first, CHECK_DAYS))
    turns = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return not any(all(each.holds(day) for each in days) for day in turns)
