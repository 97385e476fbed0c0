"""A compiled rule: its conditions, its scope, and what it gives."""

from typing import Literal, TypeAlias

import msgspec

from daemon.programme.conditions import Bound, Condition, Test, compile_when
from daemon.programme.days import Days, span_days
from daemon.programme.errors import ProgrammeError
from daemon.programme.file import GiveTable, RuleTable
from daemon.programme.limits import Limit, compile_limit
from daemon.programme.numbers import Number, Unit, parse_number
from daemon.programme.quote import WhyNot
from daemon.programme.scope import Scope, compile_scope
from daemon.programme.state import Purse
from daemon.programme.vocabulary import ORDINALS, Vocabulary

Kind: TypeAlias = Literal["discount", "earn", "burn", "issue"]
How: TypeAlias = Literal["percent", "amount", "each", "price"]
SIZES: tuple[How, ...] = ("percent", "amount", "each", "price")


class Give(msgspec.Struct, frozen=True):
    """What a rule gives: ``size`` in the way of ``how``, at most ``most`` in a sale.

    to:     the purse or the campaign; "" for a discount.
    of:     what an earn is counted on; every: minor units for each of which it is earned once.
    whose:  the fact that names the account an earn goes to; "" is the card's own.
    """

    kind: Kind
    how: How
    size: Number
    most: Number | None = None
    to: str = ""
    of: Literal["paid", "net", "list"] = "paid"
    every: int = 0
    whose: str = ""
    hold_days: int = 0
    expire_days: int = 0


class Rule(msgspec.Struct, frozen=True):
    """One rule, ready to run. ``order`` is its place in the file, ``lane`` that of its lane.

    day_tests: conditions on the day alone; tests: the others. Each with what it says on failing.
    """

    order: int
    id: str
    lane: int
    names_lane: bool
    text: str
    conditions: tuple[Condition, ...]
    day_tests: tuple[tuple[Days, WhyNot], ...]
    tests: tuple[tuple[Test, WhyNot, Bound | None], ...]
    scope: Scope
    give: Give
    limit: Limit | None
    exclusive: bool
    silences_earning: bool
    priority: int
    asks_scope: bool
    facts: frozenset[str]
    empty: WhyNot
    nothing: WhyNot

    @property
    def provisional(self) -> bool:
        """Whether the sale's ordinal decides it."""
        return not self.facts.isdisjoint(ORDINALS)

    def gives(self, value: int, currency: str = "") -> str:
        """Return what a value of this rule means to the customer."""
        text = self.give.size.text(value, currency)
        if self.give.how == "price":
            return f"the price {text}"
        return f"{text} each" if self.give.how == "each" else text


def compile_rule(
    table: RuleTable,
    order: int,
    lanes: dict[str, int],
    purses: dict[str, Purse],
    vocabulary: Vocabulary,
) -> Rule:
    """Compile one ``[[rule]]``. Raises: ProgrammeError."""
    path = f"rule[{order}]"
    give = compile_give(table.give, table.id, f"{path}.give", purses, vocabulary)
    conditions = compile_when(table.when, f"{path}.when", vocabulary)
    codes = frozenset(code for condition in conditions for code in condition.codes)
    facts = frozenset(fact for condition in conditions for fact in condition.facts)
    facts |= {number.needs for number in (give.size, give.most) if number and number.needs}
    if give.kind != "discount":
        _refuse_lane(table, path)
    if table.lane is not None and table.lane not in lanes:
        known = ", ".join(lanes)
        raise ProgrammeError(f"{path}.lane", f"there is no lane {table.lane!r}; there is: {known}")
    said = [(c, WhyNot(table.id, c.key, c.text)) for c in conditions]
    return Rule(
        order=order,
        id=table.id,
        lane=lanes[table.lane] if table.lane is not None else 0,
        names_lane=table.lane is not None,
        text=table.text,
        conditions=conditions,
        day_tests=tuple((c.days, why) for c, why in said if c.days),
        tests=tuple((c.holds, why, c.bound) for c, why in said if not c.days),
        scope=compile_scope(table.scope, f"{path}.scope"),
        give=give,
        limit=compile_limit(table.limit, table.id, codes, f"{path}.limit"),
        exclusive=table.exclusive is not False,
        silences_earning=table.exclusive == "all",
        priority=table.priority,
        asks_scope=not facts.isdisjoint(("scope.total", "scope.qty")),
        facts=facts,
        empty=WhyNot(table.id, "scope", "not enough of its goods in the basket"),
        nothing=WhyNot(table.id, give.size.needs or "give", "gives nothing here"),
    )


def _refuse_lane(table: RuleTable, path: str) -> None:
    for key, given in (("lane", table.lane is not None), ("exclusive", table.exclusive)):
        if given:
            raise ProgrammeError(f"{path}.{key}", "is for discounts only; leave it out")


def compile_give(
    table: GiveTable,
    rule: str,
    path: str,
    purses: dict[str, Purse],
    vocabulary: Vocabulary,
) -> Give:
    """Compile ``give``. Raises: ProgrammeError."""
    kinds: list[Kind] = [k for k in ("earn", "burn", "issue") if getattr(table, k) is not None]
    if len(kinds) > 1:
        raise ProgrammeError(f"{path}.{kinds[1]}", f"does not go with {kinds[0]}; make two rules")
    kind: Kind = kinds[0] if kinds else "discount"
    _refuse_foreign_keys(table, kind, path)
    name = "" if kind == "discount" else getattr(table, kind)
    if kind in ("earn", "burn") and name not in purses:
        known = ", ".join(purses) or "none is declared"
        raise ProgrammeError(f"{path}.{kind}", f"there is no purse {name!r}; there is: {known}")
    purse = purses.get(name)
    pieces = kind == "issue" or (purse is not None and not purse.counts_money)
    counts: Unit = "count" if pieces else "minor"
    how = _how(table, kind, path)
    unit: Unit = "percent" if how == "percent" else counts
    key = "max_percent" if kind == "burn" else how
    raw = getattr(table, key)
    raw = {"burn": 100, "issue": 1}.get(kind) if raw is None else raw
    size = parse_number(raw, f"{path}.{key}", unit, vocabulary, rule=rule)
    most = None
    if table.max is not None:
        most = parse_number(table.max, f"{path}.max", counts, vocabulary)
    give = Give(kind, how, size, most, name)
    return _accrual(give, table, purse, path) if kind in ("earn", "issue") else give


_KEYS: dict[Kind, set[str]] = {
    "discount": {*SIZES, "max"},
    "earn": {"percent", "amount", "each", "earn", "max", "of", "every", "to", "hold", "expire"},
    "burn": {"burn", "max", "max_percent"},
    "issue": {"issue", "amount", "each", "max", "expire"},
}


def _refuse_foreign_keys(table: GiveTable, kind: Kind, path: str) -> None:
    for key in table.__struct_fields__:
        if getattr(table, key) is not None and key not in _KEYS[kind]:
            allowed = ", ".join(sorted(_KEYS[kind]))
            raise ProgrammeError(f"{path}.{key}", f"does not go with {kind}; it has {allowed}")


def _how(table: GiveTable, kind: Kind, path: str) -> How:
    if kind == "burn":
        return "percent"
    sizes = [size for size in SIZES if getattr(table, size) is not None]
    if len(sizes) > 1:
        raise ProgrammeError(f"{path}.{sizes[1]}", f"does not go with {sizes[0]}; make two rules")
    if not sizes and kind != "issue":
        ways = "percent, amount or each" if kind == "earn" else "percent, amount, each or price"
        raise ProgrammeError(path, f"says no size; write {ways}")
    return sizes[0] if sizes else "amount"


WHOSE = {
    None: "",
    "card": "",
    "referrer": "card.referrer",
    "partner": "card.referrer.partner",
    "employee": "card.referrer.employee",
}


def _accrual(give: Give, table: GiveTable, purse: Purse | None, path: str) -> Give:
    """Add to an earn or an issue whose it is and how long it lives."""
    if table.every is not None and (give.how != "amount" or table.every < 1):
        raise ProgrammeError(f"{path}.every", "goes with amount, in minor units from 1")
    if purse and give.how == "percent" and not purse.worth:
        what = f"the purse {purse.id} has no worth; write amount with every, or each"
        raise ProgrammeError(f"{path}.percent", what)
    hold_days, expire_days = (purse.hold_days, purse.expire_days) if purse else (0, 0)
    if table.hold is not None:
        hold_days = span_days(table.hold, f"{path}.hold")
    if table.expire is not None:
        expire_days = span_days(table.expire, f"{path}.expire")
    if expire_days and expire_days <= hold_days:
        raise ProgrammeError(
            f"{path}.expire", f"{expire_days}d end within the hold of {hold_days}d"
        )
    if purse and purse.where == "chip" and (hold_days or expire_days):
        raise ProgrammeError(f"{path}.earn", "a purse on the chip has no hold and no expiry")
    return msgspec.structs.replace(
        give,
        of=table.of or "paid",
        every=table.every or 0,
        whose=WHOSE[table.to],
        hold_days=hold_days,
        expire_days=expire_days,
    )
