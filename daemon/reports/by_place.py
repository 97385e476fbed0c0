"""``cashiers``, ``stores``, ``rules``: where discounts are given, from the sums of days.

What sums of days do not know, such as an hour or a card's issuer, is read from single facts; what a
rule gave stands in sums only.
"""

from daemon.reports.chosen import of_sales
from daemon.reports.filters import OF_SALES, Filters
from daemon.reports.period import Period
from daemon.reports.report import Asked, Column, Kind, Report, Sql, big, half_up, share_bp, summed

_IN_DAYS = frozenset(("store", "terminal", "cashier"))
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


def _rules(asked: Asked) -> Sql:
    where = of_sales(asked.filters)
    of_all = f"SELECT {summed('list_total')} AS list_of_all FROM day_sum"
    of_all += f" WHERE day BETWEEN ? AND ? AND rule = '' AND {where.text}"
    sums = f"{summed('n')} AS uses, {summed('discount')} AS given"
    sums += f", {summed('list_total')} AS list, {summed('net')} AS net"
    sums += f", {summed('cost')} AS cost, {summed('cost_net')} AS cost_net"
    text = (
        f"SELECT key, uses, given, {share_bp('given', 'list_of_all')} AS share_bp, list, net,"
        " CASE WHEN cost_net = net AND net > cost THEN"
        f" {share_bp('given', '(net - cost)')} END AS needed_growth_bp"
        f" FROM (SELECT rule AS key, {sums} FROM day_sum"
        f" WHERE day BETWEEN ? AND ? AND rule <> '' AND {where.text} GROUP BY rule) AS sums"
        f" CROSS JOIN ({of_all}) AS everything"
    )
    once = (*asked.period.days, *where.values)
    return Sql(text, (*once, *once))


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
    ),
    sort="-given",
    takes=_IN_DAYS,
    select=_rules,
)
