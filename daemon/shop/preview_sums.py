"""What a new programme would have made of past sales: priced again, one by one, and compared. Pure.

A sale is priced again from what was frozen with it: its basket, its facts and its time. What the
new text looks at beyond that is counted from the customer's earlier sales (`preview_run`). It is
what would have been, had everybody bought the same.
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from itertools import count

import msgspec

from daemon.base.ids import LedgerId, SaleId, given_id
from daemon.base.refusals import RefusedError
from daemon.ledger.sale_records import Sale, SaleRecord
from daemon.programme.basket import Fact, Facts
from daemon.programme.errors import BasketError
from daemon.programme.price import price
from daemon.programme.programme import Programme
from daemon.programme.quote import Quote

SALES_MAX = 200_000
"""Sales that one preview prices; of more so many are taken, evenly over the period."""
MOST = 50
"""Sales that are named as those that gain or lose most, and reasons why sales are refused."""
NAMED_MAX = 1_000
"""Rules, and stores, that are named: those in which most changes."""
ERASED = "its customer was erased, and what the price rested on with them"


class Both(msgspec.Struct, frozen=True):
    """A figure as it was, and as it would have been."""

    before: int = 0
    after: int = 0


class RuleChange(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule gives: to how many sales, in minor units, and in units of purses."""

    sales: Both
    discount: Both
    earned: Both


class StoreChange(msgspec.Struct, frozen=True, kw_only=True):
    """What changes in a store."""

    sales: int
    changed: int
    discount: Both


class SaleChange(msgspec.Struct, frozen=True, kw_only=True):
    """A sale whose customer would have paid more, or less. gain: before less after."""

    sale_id: str
    ledger_id: LedgerId
    receipt: str
    day: str
    store: str
    before: int
    after: int
    gain: int


class Refused(msgspec.Struct, frozen=True):
    """Why sales cannot be priced under the new text, how many, and one of them."""

    why: str
    count: int
    sale_id: str


class PreviewSums(msgspec.Struct, frozen=True, kw_only=True):
    """What changes. Amounts are in minor units, ``earned`` by purse in its unit.

    found:   sales of the period; came_back: those of which nothing is left, which are left out.
    sales:   that were priced again; sampled: whether they are a part of those found.
    changed: sales whose total is another. refused: at most MOST reasons, the most frequent.
    rules, stores: at most NAMED_MAX of either, those whose discount changes most.
    """

    found: int
    sampled: bool
    came_back: int
    sales: int
    changed: int
    total: Both
    discount: Both
    earned: dict[str, Both]
    rules: dict[str, RuleChange]
    stores: dict[str, StoreChange]
    refused_count: int
    refused: tuple[Refused, ...]
    gained: tuple[SaleChange, ...]
    lost: tuple[SaleChange, ...]


def priced_again(programme: Programme, sale: Sale, counted: Mapping[str, Fact]) -> Quote:
    """Price a sale under another programme. counted: facts that were counted for it since.

    Raises: BasketError, RefusedError.
    """
    frozen = sale.frozen
    facts = frozen.facts | programme.place_facts(sale.store) | dict(counted)
    return price(programme, frozen.basket, Facts(frozen.now, facts))


def is_back(record: SaleRecord) -> bool:
    """Whether nothing of a sale is left."""
    sold: Counter[int | str] = Counter({one.line: one.qty_milli for one in record.sale.quote.lines})
    for one in record.returned:
        sold[one.line] -= one.qty_milli
    return bool(record.returned) and not any(left > 0 for left in sold.values())


def is_taken(index: int, found: int, most: int) -> bool:
    """Whether sale ``index`` of ``found``, from 0, is among ``most`` that are spread evenly."""
    return found <= most or (index + 1) * most // found != index * most // found


class Comparison:
    """Adds up what changes, sale by sale."""

    def __init__(self) -> None:
        self.sales = self.came_back = 0
        self._changed = 0
        self._totals: Counter[tuple[str, str]] = Counter()
        self._earned: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
        self._rules: defaultdict[str, list[int]] = defaultdict(lambda: [0] * 6)
        self._stores: defaultdict[str, list[int]] = defaultdict(lambda: [0] * 4)
        self._refused: dict[str, tuple[int, str]] = {}
        self._most: dict[bool, list[tuple[int, int, SaleChange]]] = {True: [], False: []}
        self._order = count(0, -1)

    def add(self, programme: Programme, record: SaleRecord, counted: Mapping[str, Fact]) -> None:
        """Price a sale again, and note what is different."""
        sale = record.sale
        if is_back(record):
            self.came_back += 1
            return
        if record.erased:
            self._refuse(sale.sale_id, ERASED)
            return
        try:
            after = priced_again(programme, sale, counted)
        except (BasketError, RefusedError) as error:
            self._refuse(sale.sale_id, str(error))
            return
        self.sales += 1
        self._compare(sale, after)

    def _refuse(self, sale_id: SaleId, why: str) -> None:
        seen, first = self._refused.get(why, (0, given_id(sale_id)))
        self._refused[why] = (seen + 1, first)

    def _compare(self, sale: Sale, after: Quote) -> None:
        store = self._stores[sale.store]
        store[0] += 1
        for place, quote in enumerate((sale.quote, after)):
            self._totals["total", _WHEN[place]] += quote.total
            self._totals["discount", _WHEN[place]] += quote.discount
            store[2 + place] += quote.discount
            for one in quote.earn:
                self._earned[one.purse][place] += one.amount
            for rule, (minor, units) in _given(quote).items():
                figures = self._rules[rule]
                figures[place] += 1
                figures[2 + place] += minor
                figures[4 + place] += units
        if gain := sale.quote.total - after.total:
            self._changed += 1
            store[1] += 1
            self._note(sale, after, gain)

    def _note(self, sale: Sale, after: Quote, gain: int) -> None:
        most = self._most[gain > 0]
        if len(most) == MOST and abs(gain) <= most[0][0]:
            return
        change = SaleChange(
            sale_id=given_id(sale.sale_id),
            ledger_id=LedgerId(sale.sale_id.rpartition("/")[0]),
            receipt=sale.receipt,
            day=str(date.fromordinal(sale.today)),
            store=sale.store,
            before=sale.quote.total,
            after=after.total,
            gain=gain,
        )
        add = heapq.heappushpop if len(most) == MOST else heapq.heappush
        add(most, (abs(gain), next(self._order), change))

    def sums(self, found: int, *, sampled: bool) -> PreviewSums:
        """Return all of it. found: sales of the period."""
        reasons = sorted(self._refused.items(), key=lambda one: (-one[1][0], one[0]))
        return PreviewSums(
            found=found,
            sampled=sampled,
            came_back=self.came_back,
            sales=self.sales,
            changed=self._changed,
            total=self._both("total"),
            discount=self._both("discount"),
            earned={purse: Both(*both) for purse, both in sorted(self._earned.items())},
            rules={
                rule: RuleChange(sales=Both(*of[:2]), discount=Both(*of[2:4]), earned=Both(*of[4:]))
                for rule, of in _most_changed(self._rules)
            },
            stores={
                store: StoreChange(sales=of[0], changed=of[1], discount=Both(*of[2:]))
                for store, of in _most_changed(self._stores)
            },
            refused_count=sum(seen for seen, _ in self._refused.values()),
            refused=tuple(Refused(why, *said) for why, said in reasons[:MOST]),
            gained=self._named(is_gain=True),
            lost=self._named(is_gain=False),
        )

    def _both(self, name: str) -> Both:
        return Both(*(self._totals[name, when] for when in _WHEN))

    def _named(self, *, is_gain: bool) -> tuple[SaleChange, ...]:
        return tuple(change for *_, change in sorted(self._most[is_gain], reverse=True))


_WHEN = ("before", "after")


def _most_changed(figures: Mapping[str, list[int]]) -> list[tuple[str, list[int]]]:
    """Return what is named, by its name. Figures 2 and 3 are the discount before and after."""
    most = sorted(figures.items(), key=lambda one: (-abs(one[1][3] - one[1][2]), one[0]))
    return sorted(most[:NAMED_MAX])


def _given(quote: Quote) -> dict[str, tuple[int, int]]:
    """Return what each rule gave: minor units off, units of purses earned."""
    minor: Counter[str] = Counter()
    units: Counter[str] = Counter()
    for line in quote.lines:
        minor.update({off.rule: 0 for off in line.applied})
        for off in line.applied:
            minor[off.rule] += off.minor
    for one in quote.earn:
        units[one.rule] += one.amount
    return {rule: (minor[rule], units[rule]) for rule in _rules(minor, units)}


def _rules(*counted: Iterable[str]) -> set[str]:
    return {rule for one in counted for rule in one}
