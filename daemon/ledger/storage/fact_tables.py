"""The tables of posted facts: their columns, and what one fact adds to each. Pure.

``posted_facts`` says what they are for. A fact's row is written once. In the three tables of sums
each column has its way to go together with what is there: sums add up, a first day is the least, a
last day the greatest.

Sales without a card are in ``fact`` and ``day_sum`` only: the row of nobody would be written by
every sale. For the same reason a row of ``day_sum`` is of one till.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from operator import add
from typing import Any, NamedTuple

from msgspec.structs import astuple

from daemon.base.ids import AccountId, LedgerId
from daemon.ledger.entries import FOREVER
from daemon.ledger.posted_facts import FIGURES, NOT_COMPUTED, Fact

NEVER = 0
"""In place of the last day of a sale, where there was none; FOREVER is in place of the first."""
WHOLE = ""
"""In place of a rule: the whole receipt."""
SALE = "sale"


def _newer(old: int, new: int) -> int:
    return old if new == NOT_COMPUTED else new


WAYS: Mapping[str, Callable[[int, int], int]] = {"sum": add, "min": min, "max": max, "new": _newer}
"""How a figure goes together with the one that is there, by the name of the way."""


class SumTable(NamedTuple):
    """A table of sums. keys, figures: ``name type`` and ``name way``, in the order of columns."""

    keys: str
    figures: str

    @property
    def ways(self) -> tuple[str, ...]:
        """The way of each figure."""
        return tuple(figure.split()[1] for figure in self.figures.split(", "))


_AMOUNTS = ", ".join(f"{name} sum" for name in FIGURES)
SUM_TABLES = {
    "month_sum": SumTable(
        "month bigint, account text, partner text, employee text",
        f"sales sum, visits sum, {_AMOUNTS}, first_day min, last_day max",
    ),
    "day_sum": SumTable(
        "day bigint, store text, terminal text, cashier text, rule text",
        "n sum, list_total sum, discount sum, net sum, cost sum, cost_net sum",
    ),
    "account_sum": SumTable(
        "account text",
        "first_day min, last_day max, visits sum, net sum, paid sum, discount sum, standing_bp new",
    ),
    "lot_sum": SumTable(
        "purse text, lot_month bigint, month bigint, kind text",
        "amount sum",
    ),
}
"""``month`` is year x 12 + month - 1."""
_WAYS_OF = {name: tuple(WAYS[way] for way in table.ways) for name, table in SUM_TABLES.items()}
FACT_COLUMNS = (
    "day bigint, ledger_id text, seq bigint, minute bigint, kind text, sale_id text, account text,"
    " card_id text, store text, terminal text, cashier text, visits bigint, "
    + "".join(f"{name} bigint, " for name in FIGURES)
    + "flags bigint, statuses text, issuer text, partner text, employee text"
)
Sum = tuple[str, tuple[Any, ...], tuple[int, ...]]
"""A table of sums, a key there, and what is to be added."""


def row_of(ledger_id: LedgerId, seq: int, fact: Fact) -> tuple[Any, ...]:
    """Return a fact's row, in the order of FACT_COLUMNS."""
    buyer = fact.buyer
    return (
        fact.day,
        ledger_id,
        seq,
        fact.minute,
        fact.kind,
        fact.sale_id,
        fact.account,
        buyer.card_id,
        fact.store,
        fact.terminal,
        fact.cashier,
        fact.visits,
        *astuple(fact.figures),
        buyer.flags,
        buyer.statuses,
        buyer.issuer,
        buyer.partner,
        buyer.employee,
    )


def month_of(day: int) -> int:
    """Return the month of a local day (ordinal) as ``month_sum`` counts them."""
    there = date.fromordinal(day)
    return there.year * 12 + there.month - 1


def sums_of(fact: Fact) -> Iterator[Sum]:
    """Yield what a fact adds to the tables of sums."""
    of, is_sale = fact.figures, fact.kind == SALE
    days = (fact.day, fact.day) if is_sale else (FOREVER, NEVER)
    if fact.account:
        whose = (fact.account, fact.buyer.partner, fact.buyer.employee)
        amounts = (int(is_sale), fact.visits, *astuple(of), *days)
        yield "month_sum", (month_of(fact.day), *whose), amounts
        sums = (*days, fact.visits, of.net, of.paid, of.discount, fact.standing_bp)
        yield "account_sum", (fact.account,), sums
    till = (fact.day, fact.store, fact.terminal, fact.cashier)
    costs = (of.net, of.cost, of.cost_net)
    yield "day_sum", (*till, WHOLE), (fact.visits, of.list_total, of.discount, *costs)
    for rule, minor in fact.rules.items():
        yield "day_sum", (*till, rule), (fact.visits, of.list_total, minor, *costs)


def standing_sum(account: AccountId, standing_bp: int) -> Sum:
    """Return what a standing discount adds to a row that is there: itself, and nothing else."""
    return "account_sum", (account,), (FOREVER, NEVER, 0, 0, 0, 0, standing_bp)


def together(table: str, old: Iterable[int], new: Iterable[int]) -> list[int]:
    """Return the figures of a row after ``new`` has come to what was there."""
    ways = _WAYS_OF[table]
    return [way(was, comes) for way, was, comes in zip(ways, old, new, strict=True)]
