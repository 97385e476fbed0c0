"""``cashiers``, ``stores``, ``rules``: where discounts are given, from the sums of days.

What sums of days do not know, such as an hour or a card's issuer, is read from single facts; what a
rule gave stands in sums only.
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from daemon.base.money import BASIS_POINTS
from daemon.ledger.storage.fact_tables import WHOLE
from daemon.ledger.storage.queries import Question
from daemon.ledger.storage.store import Store
from daemon.reports.chosen import of_sales
from daemon.reports.customer_figures import ratio
from daemon.reports.filters import OF_SALES, Filters
from daemon.reports.period import Period
from daemon.reports.report import (
    Asked,
    Column,
    Kind,
    Report,
    Row,
    Sql,
    big,
    half_up,
    share_bp,
    summed,
)

_IN_DAYS = frozenset(("store", "terminal", "cashier"))
ESTIMATED = "estimated"
"""Of a figure that rests on the programme's `markup`."""
_COLUMNS = (
    Column("purchases", Kind.COUNT, summed=True),
    Column("list", Kind.MONEY, summed=True),
    Column("discount", Kind.MONEY, summed=True),
    Column("net", Kind.MONEY, summed=True),
    Column("discount_bp", Kind.BP),
    Column("average", Kind.MONEY),
)
_TOTALS = {
    "discount_bp": share_bp(summed("discount"), summed("list")),
    "average": half_up(summed("net"), summed("purchases")),
}


def _read_from(filters: Filters) -> tuple[str, str, str]:
    """Return the table that knows what is asked, its column of purchases, and which rows count."""
    if filters.named <= _IN_DAYS:
        return "day_sum", "n", " AND rule = ''"
    return "fact", "visits", ""


def receipts(period: Period, filters: Filters) -> Sql:
    """Return a SELECT of net and purchases of a period, of all sales that filters choose."""
    where, (table, count, only) = of_sales(filters), _read_from(filters)
    sums = ", ".join(big(f"coalesce(sum({name}), 0)") for name in ("net", count))
    text = f"SELECT {sums} FROM {table} WHERE day BETWEEN ? AND ? AND {where.text}{only}"
    return Sql(text, (*period.days, *where.values))


def _grouped(asked: Asked, key: str) -> Sql:
    where, (table, count, only) = of_sales(asked.filters), _read_from(asked.filters)
    sums = f"{summed(count)} AS purchases, {summed('list_total')} AS list"
    sums += "".join(f", {summed(name)} AS {name}" for name in ("discount", "net"))
    text = (
        "SELECT key, purchases, list, discount, net,"
        f" {share_bp('discount', 'list')} AS discount_bp,"
        f" {half_up('net', 'purchases')} AS average FROM (SELECT {key} AS key, {sums} FROM {table}"
        f" WHERE day BETWEEN ? AND ? AND {where.text}{only} GROUP BY {key}) AS sums"
    )
    return Sql(text, (*asked.period.days, *where.values))


def _cashiers(asked: Asked) -> Sql:
    return _grouped(asked, "cashier")


def _stores(asked: Asked) -> Sql:
    return _grouped(asked, "store")


def _rules(store: Store, asked: Asked) -> Iterator[Row]:
    """Yield a row a rule. Shares are reckoned here: products of sums are long numbers."""
    where = of_sales(asked.filters)
    columns = ("n", "discount", "list_total", "net", "cost", "cost_net")
    question: Question[tuple[str, RuleSums]] = Question(
        f"SELECT rule, {', '.join(summed(name) for name in columns)} FROM day_sum"
        f" WHERE day BETWEEN ? AND ? AND {where.text} GROUP BY rule ORDER BY rule",
        lambda rule, *sums: (rule, RuleSums(*sums)),
    )
    found = dict(store.ask(question, *asked.period.days, *where.values))
    of_all = found.pop(WHOLE, RuleSums()).list_total
    for rule, sums in found.items():
        cost, note = cost_of(sums, asked.programme.markup_bp)
        growth = None if cost is None else ratio(BASIS_POINTS * sums.given, sums.net - cost)
        share = ratio(BASIS_POINTS * sums.given, of_all)
        yield rule, sums.uses, sums.given, share, sums.list_total, sums.net, growth, note


class RuleSums(NamedTuple):
    """What a rule gave, and the totals of the sales in which it did; minor units."""

    uses: int = 0
    given: int = 0
    list_total: int = 0
    net: int = 0
    cost: int = 0
    cost_net: int = 0


def cost_of(sums: RuleSums, markup_bp: int | None) -> tuple[int | None, str]:
    """Return what the goods have cost, and whether that is estimated; None where nobody knows.

    Goods whose lines do not say it have cost their list price without the shop's usual markup. Of
    sales of which a part is known, the list price of the rest is taken to be in proportion to net.
    """
    unknown = sums.net - sums.cost_net
    if not unknown:
        return sums.cost, ""
    if markup_bp is None:
        return None, ""
    at_list = Fraction(sums.list_total)
    if sums.cost_net and sums.net:
        at_list = at_list * unknown / sums.net
    estimate = sums.cost + at_list * BASIS_POINTS / (BASIS_POINTS + markup_bp)
    return ratio(estimate.numerator, estimate.denominator), ESTIMATED


CASHIERS = Report(
    name="cashiers",
    title="What each cashier has sold and given",
    columns=(Column("cashier", Kind.TEXT), *_COLUMNS),
    sort="-net",
    takes=OF_SALES,
    select=_cashiers,
    totals=_TOTALS,
)
STORES = Report(
    name="stores",
    title="What each store has sold and given",
    columns=(Column("store", Kind.TEXT), *_COLUMNS),
    sort="-net",
    takes=OF_SALES,
    select=_stores,
    totals=_TOTALS,
)
RULES = Report(
    name="rules",
    title="What each rule has given",
    columns=(
        Column("rule", Kind.TEXT),
        Column("uses", Kind.COUNT, summed=True),
        Column("given", Kind.MONEY, summed=True),
        Column("share_bp", Kind.BP),
        Column("list", Kind.MONEY),
        Column("net", Kind.MONEY),
        Column("needed_growth_bp", Kind.BP),
        Column("note", Kind.TEXT),
    ),
    sort="-given",
    takes=_IN_DAYS,
    made=_rules,
)
