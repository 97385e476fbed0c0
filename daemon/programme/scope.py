"""``scope``: which goods, and how many units of them."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Literal, TypeAlias

import msgspec

from daemon.base.currency import Currency
from daemon.programme.amounts import parse_whole
from daemon.programme.basket import BasketLine
from daemon.programme.days import span_days
from daemon.programme.errors import ProgrammeError
from daemon.programme.goods import pieces_of
from daemon.programme.situation import Picked, Situation
from daemon.programme.syntax import BoundsTable, FileTable, Names, Span, Whole, parse_bounds, span

SCOPE_NESTING_MAX = 8
NAMED = ("sku", "category", "brand", "kind")
Matches: TypeAlias = Callable[[BasketLine, date], bool]


class GoodsTable(FileTable, frozen=True, kw_only=True):
    """Which goods: every key must hold; a list means any of it."""

    sku: Names | None = None
    category: Names | None = None
    brand: Names | None = None
    kind: Names | None = None
    season: Names | None = None
    price: Whole | BoundsTable | None = None
    on_sale: bool | None = None
    launched: Span | None = None
    not_: "GoodsTable | None" = msgspec.field(default=None, name="not")


class PerTable(FileTable, frozen=True, kw_only=True):
    """``per``: one pick for each ``units`` units of other goods."""

    of: GoodsTable
    units: int = 1


class ScopeTable(GoodsTable, frozen=True, kw_only=True):
    """``scope`` of a rule: goods, and how many units of them."""

    pick: Literal["cheapest", "dearest"] | None = None
    n: int | None = None
    group: int | None = None
    per: PerTable | None = None


class GoodsScope(msgspec.Struct, frozen=True):
    """Which lines.

    named:   the attribute by which rules are indexed and the words it may be; "" is any line.
    matches: the rest of the test, or None when the named attribute says it all.
    without: words of the named attribute that ``not`` leaves out whatever else a line is.
    """

    named: str = ""
    words: frozenset[str] = frozenset()
    matches: Matches | None = None
    without: frozenset[str] = frozenset()

    def holds(self, line: BasketLine, day: date) -> bool:
        """Say whether a line belongs to the scope."""
        if self.named and self.words.isdisjoint(words_of(line, self.named)):
            return False
        return self.matches is None or self.matches(line, day)

    def may_share_goods(self, other: "GoodsScope") -> bool:
        """Say whether nothing in their words keeps a line from belonging to both."""
        if self.named != other.named or not self.named:
            return True
        shared = self.words & other.words
        return not shared <= self.without | other.without


class Scope(msgspec.Struct, frozen=True):
    """Which units: ``n`` picked for each ``group`` in scope, or ``per`` units of other goods.

    stamps: the fact that counts pieces of earlier visits, which ``group`` goes on from; then what
            is weighed is no piece.
    """

    goods: GoodsScope
    dearest: bool = False
    picks_units: bool = False
    n: int = 1
    group: int = 0
    per: GoodsScope | None = None
    per_units: int = 1
    stamps: str = ""

    def pick(self, situation: Situation, lines: Sequence[int]) -> Picked:
        """Return what is in scope of the matching ``lines``: cheapest or dearest units first."""
        whole = situation.whole
        if not self.picks_units:
            return whole if len(lines) == len(whole) else [whole[i] for i in lines]
        goods = situation.goods.lines
        if self.stamps:
            lines = [i for i in lines if pieces_of(goods[i])]
        room = self._room(situation, lines)
        sign = -1 if self.dearest else 1
        picked: Picked = []
        for i in sorted(lines, key=lambda i: (sign * goods[i].unit_price, i)):
            taken = min(room, situation.units[i])
            if taken:
                picked.append((i, taken, situation.units[i]))
            room -= taken
        picked.sort()
        return picked

    def _room(self, situation: Situation, lines: Sequence[int]) -> int:
        """Return how many units may be picked."""
        room = self.n
        if self.per:
            day = situation.day
            others = sum(
                units
                for units, line in zip(situation.units, situation.goods.lines, strict=True)
                if self.per.holds(line, day)
            )
            room *= others // self.per_units
        if self.group:
            units = sum(situation.units[i] for i in lines)
            if self.stamps:
                units += situation.integer(self.stamps) or 0
            room *= max(0, units // self.group)
        return room


def words_of(line: BasketLine, named: str) -> Sequence[str]:
    """Return what a line is called by one of the attributes that rules are indexed by."""
    if named == "category":
        return line.category
    return (line.sku if named == "sku" else line.brand if named == "brand" else line.kind,)


def compile_scope(table: ScopeTable | None, path: str, currency: Currency) -> Scope:
    """Compile a rule's scope; none is the whole basket. Raises: ProgrammeError."""
    if table is None:
        return Scope(GoodsScope())
    per: PerTable | None = table.per
    per_units = per.units if per else 1
    for name, least in (("n", table.n), ("group", table.group), ("per.units", per_units)):
        if least is not None and least < 1:
            raise ProgrammeError(f"{path}.{name}", f"{least} is too small; write 1 or more")
    if table.group and per:
        raise ProgrammeError(f"{path}.group", "does not go with per; write one of them")
    picks_units = bool(table.pick or table.n or table.group or per)
    return Scope(
        compile_goods(table, path, currency),
        table.pick == "dearest",
        picks_units,
        table.n or 1,
        table.group or 0,
        compile_goods(per.of, f"{path}.per.of", currency) if per else None,
        per_units,
    )


def compile_goods(
    table: GoodsTable | None, path: str, currency: Currency, depth: int = 0
) -> GoodsScope:
    """Compile which goods; every key must hold. Raises: ProgrammeError."""
    if table is None:
        return GoodsScope()
    if depth > SCOPE_NESTING_MAX:
        raise ProgrammeError(path, f"nested deeper than {SCOPE_NESTING_MAX}; write it flatter")
    named = ""
    words: frozenset[str] = frozenset()
    tests: list[Matches] = []
    for name in NAMED:
        names: Names | None = getattr(table, name)
        if names is None:
            continue
        chosen = _words(names, f"{path}.{name}")
        if named:
            tests.append(_called(name, chosen))
        else:
            named, words = name, chosen
    tests += _other_tests(table, path, currency, depth)
    if not tests:
        return GoodsScope(named, words)
    other = compile_goods(table.not_, f"{path}.not", currency, depth + 1)
    alone = other.named == named and other.matches is None
    without = other.words if alone else frozenset()
    return GoodsScope(named, words, _every(tests), without)


def _every(tests: list[Matches]) -> Matches:
    if len(tests) == 1:
        return tests[0]
    return lambda line, day: all(test(line, day) for test in tests)


def _words(names: Names, path: str) -> frozenset[str]:
    words = frozenset([names] if isinstance(names, str) else names)
    if not words:
        raise ProgrammeError(path, "the list is empty; write a word or leave the key out")
    return words


def _called(name: str, words: frozenset[str]) -> Matches:
    """Return one closure per attribute: they run for every line of every quote."""
    match name:
        case "sku":
            return lambda line, day: line.sku in words
        case "brand":
            return lambda line, day: line.brand in words
        case "kind":
            return lambda line, day: line.kind in words
        case _:
            return lambda line, day: not words.isdisjoint(line.category)


def _not_called(name: str, words: frozenset[str]) -> Matches:
    if name == "category":
        return lambda line, day: words.isdisjoint(line.category)
    called = _called(name, words)
    return lambda line, day: not called(line, day)


def _other_tests(table: GoodsTable, path: str, currency: Currency, depth: int) -> list[Matches]:
    tests: list[Matches] = []
    if table.season is not None:
        seasons = _words(table.season, f"{path}.season")
        tests.append(lambda line, day: line.attributes.get("season") in seasons)
    if table.price is not None:
        tests.append(_priced(table.price, f"{path}.price", currency))
    if table.on_sale is not None:
        on_sale = table.on_sale
        tests.append(lambda line, day: line.on_sale is on_sale)
    if table.launched is not None:
        days = span_days(table.launched, f"{path}.launched")
        tests.append(lambda line, day: 0 <= _age_days(line, day) < days)
    if table.not_ is not None:
        other = compile_goods(table.not_, f"{path}.not", currency, depth + 1)
        if table.not_ == GoodsTable():
            raise ProgrammeError(f"{path}.not", "is empty; write what is left out")
        if other.matches is None:
            tests.append(_not_called(other.named, other.words))
        else:
            tests.append(lambda line, day: not other.holds(line, day))
    return tests


def _priced(written: int | str | BoundsTable, path: str, currency: Currency) -> Matches:
    if not isinstance(written, BoundsTable):
        price = parse_whole(written, path, currency)
        return lambda line, day: line.unit_price == price
    if written == BoundsTable():
        raise ProgrammeError(path, "write one of at_least, at_most, above, below")
    least, high = span(parse_bounds(written.written(), path, currency))
    low = max(least or 0, 0)
    if high is not None and high < low:
        problem = f"no price is from {currency.text(low)} to {currency.text(high)}"
        raise ProgrammeError(path, f"{problem}; write the smaller first")
    return lambda line, day: low <= line.unit_price and (high is None or line.unit_price <= high)


def _age_days(line: BasketLine, day: date) -> int:
    """Days since the line's attribute ``launched``; -1 when it has no such day."""
    try:
        return (day - date.fromisoformat(str(line.attributes.get("launched", "")))).days
    except ValueError:
        return -1
