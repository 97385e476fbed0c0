"""Other goods that must be in the basket: which, how many units, for how much.

    when = { has = { category = "jeans", units = { at_least = 2 }, total = { at_least = 5000 } } }

It holds for two pairs of jeans at 30.00, and not for one at 60.00, nor for two at 20.00. It
looks at the whole basket at shelf prices, whatever the rule itself has in scope; a return that
takes the jeans away prices what is left without the rule.
"""

from typing import Any, ClassVar

import msgspec

from daemon.base.currency import Currency
from daemon.base.schema_errors import explained
from daemon.programme.amounts import parse_whole
from daemon.programme.conditions.condition import (
    Bound,
    Condition,
    ConditionTable,
    WhenPlace,
    as_written,
    bounds_text,
)
from daemon.programme.errors import ProgrammeError
from daemon.programme.scope import GoodsTable, compile_goods
from daemon.programme.situation import Situation
from daemon.programme.syntax import BoundsTable, parse_bounds, span


class PresentTable(GoodsTable, frozen=True, kw_only=True):
    """Which goods, as in ``scope``. Without bounds one unit of them is enough.

    units: pieces, a weighed line as one. total: minor units at shelf prices.
    """

    units: BoundsTable | None = None
    total: BoundsTable | None = None


class Has(ConditionTable, frozen=True, kw_only=True):
    """``has``: what the basket has of these goods lies within all bounds that are written."""

    key: ClassVar[str] = "has"

    has: PresentTable

    @classmethod
    def read(cls, raw: Any, path: str) -> "Has":
        """Return the table. Raises: ProgrammeError."""
        try:
            return cls(has=msgspec.convert(raw, PresentTable))
        except msgspec.ValidationError as error:
            inner, message = explained(str(error), PresentTable)
            raise ProgrammeError(f"{path}.{inner}" if inner else path, message) from error

    def compiled(self, place: WhenPlace) -> Condition:
        """Return the condition. Raises: ProgrammeError."""
        table, path, currency = self.has, place.path, place.vocabulary.currency
        for name in ("units", "total"):
            if getattr(table, name) == BoundsTable():
                problem = "write one of at_least, at_most, above, below"
                raise ProgrammeError(f"{path}.{name}", problem)
        if table == PresentTable():
            raise ProgrammeError(path, "is empty; write which goods the basket must have")
        counts = _Counts(table, path, currency)
        bounds = []
        if table.units is not None or table.total is None:
            units = (table.units or BoundsTable(at_least=1)).written()
            low, high = span(parse_bounds(units, f"{path}.units", None))
            bounds.append(Bound(counts.units, low, high))
        if table.total is not None:
            total = parse_bounds(table.total.written(), f"{path}.total", currency)
            bounds.append(Bound(counts.total, *span(total), counts_money=True))
        return Condition(
            self.key,
            f"has {_words(table, currency)}",
            lambda situation: all(bound.holds(situation) for bound in bounds),
            bound=bounds[0] if len(bounds) == 1 else None,
            warning=_warning(counts, bounds),
        )


class _Counts:
    """Counts what a basket has of some goods."""

    def __init__(self, table: PresentTable, path: str, currency: Currency) -> None:
        self.goods = compile_goods(table, path, currency)

    def units(self, situation: Situation) -> int:
        return self._sum(situation, situation.units)

    def total(self, situation: Situation) -> int:
        return self._sum(situation, situation.goods.list_totals)

    def _sum(self, situation: Situation, amounts: list[int]) -> int:
        lines, day = situation.goods.lines, situation.day
        pairs = zip(lines, amounts, strict=True)
        return sum(amount for line, amount in pairs if self.goods.holds(line, day))


def _warning(counts: _Counts, bounds: list[Bound]) -> str:
    goods = counts.goods
    nothing = goods.words and goods.words <= goods.without
    if nothing and any((bound.low or 0) > 0 for bound in bounds):
        return "leaves out all that it names: the rule can never apply"
    for bound in bounds:
        if bound.high is not None and max(bound.low or 0, 0) > bound.high:
            return "no number fits: the rule can never apply"
    if all((bound.low or 0) <= 0 and bound.high is None for bound in bounds):
        return "holds for every basket; remove it or ask for more"
    return ""


def _words(table: GoodsTable, currency: Currency) -> str:
    """Return goods and bounds as the file says them, money as its currency is written."""
    written = ((f.encode_name, getattr(table, f.name)) for f in msgspec.structs.fields(table))
    return ", ".join(_word(name, value, currency) for name, value in written if value is not None)


def _word(name: str, value: object, currency: Currency) -> str:
    if isinstance(value, GoodsTable):
        return f"{name} ({_words(value, currency)})"
    if isinstance(value, BoundsTable):
        unit = None if name == "units" else currency
        return bounds_text(name, parse_bounds(value.written(), name, unit), unit)
    if name == "price":
        value = currency.text(parse_whole(value, name, currency))
    return as_written(name, value)
