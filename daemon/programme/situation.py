"""What a condition may ask: the moment, the facts, and the running basket."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeAlias

from card_formats.code_text import normal_code
from daemon.base.business_day import BusinessDays
from daemon.programme.basket import Fact, Facts, payment_of
from daemon.programme.goods import Goods
from daemon.programme.names import CARD_ACCOUNT, METER, PURSE, code_fact

Picked: TypeAlias = "list[tuple[int, int, int]]"


class Situation:
    """One basket being priced, at one moment. The running basket changes from lane to lane.

    now:     aware, in the programme's zone; ``wall`` is the same without saying so.
    net:     per line, in minor units, after the lanes so far.
    cuts:    whether what would be too much is cut to the most, and not refused.
    picked:   what the rule at hand has in scope: (line index, units picked, units of the line).
    """

    __slots__ = (
        "account",
        "codes",
        "cuts",
        "day",
        "goods",
        "net",
        "net_total",
        "now",
        "payment",
        "picked",
        "second",
        "typed_codes",
        "units",
        "values",
        "wall",
        "whole",
    )

    def __init__(
        self, goods: Goods, facts: Facts, days: BusinessDays, *, cuts: bool = False
    ) -> None:
        assert facts.now.tzinfo is not None, "a moment without an offset is no moment"
        values: Mapping[str, Fact] = facts.values
        self.now = local = facts.now.astimezone(days.zone)
        self.goods = goods
        self.values = values
        self.wall: datetime = local.replace(tzinfo=None)
        self.day = days.day_of_local(local)
        self.second = local.hour * 3600 + local.minute * 60 + local.second
        self.account = str(values.get(CARD_ACCOUNT) or "")
        self.payment = payment_of(goods.payment, values)
        self.typed_codes = goods.codes
        self.codes = {normal_code(code) for code in goods.codes}
        self.codes |= {normal_code(str(values.get(code_fact(code), code))) for code in goods.codes}
        self.net = goods.list_totals
        self.net_total = goods.list_total
        self.units = goods.units
        self.whole: Picked = [(i, n, n) for i, n in enumerate(goods.units)]
        self.picked: Picked = self.whole
        self.cuts = cuts

    def run(self, net: list[int]) -> None:
        """Go on with what the basket costs after a lane."""
        self.net = net
        self.net_total = sum(net)

    def integer(self, name: str) -> int | None:
        """Return a counted fact, or None when it is not known.

        A card's meters and purses that nobody supplied are 0.
        """
        value = self.values.get(name)
        if isinstance(value, int):
            return int(value)
        if value is None and self.account and name.startswith((METER, PURSE)):
            return 0
        return None


def counter_of(name: str) -> Callable[[Situation], int | None]:
    """Return how a counted fact is found: of the basket, of the rule's scope, or supplied."""
    return _OF_THE_BASKET.get(name) or (lambda situation: situation.integer(name))


def _scope_total(situation: Situation) -> int:
    totals = situation.goods.list_totals
    return sum(totals[i] * k // n for i, k, n in situation.picked)


_OF_THE_BASKET: dict[str, Callable[[Situation], int | None]] = {
    "basket.total": lambda situation: situation.goods.list_total,
    "basket.net": lambda situation: situation.net_total,
    "basket.qty": lambda situation: situation.goods.unit_count,
    "scope.total": _scope_total,
    "scope.qty": lambda situation: sum(k for _, k, _ in situation.picked),
}
