"""``cohorts``: of the customers who came in a month first, how many still come months later.

    cohort    after   customers   size   share      net   a customer
    2026-01       0         120    120    100 %   …
    2026-01       1          60    120     50 %   …

A customer's cohort is the month of the first sale. What came back whole is no purchase, but moves
nobody to another cohort. ``net`` of a cell is that of the whole cohort in that month.
"""

from daemon.ledger.storage.fact_tables import month_of
from daemon.reports.bought import MERGED_INTO, of_all_time
from daemon.reports.chosen import of_customers
from daemon.reports.filters import OF_CUSTOMERS
from daemon.reports.period import first_day_of
from daemon.reports.report import Asked, Column, Kind, Report, Sql, big, half_up, share_bp, summed
from daemon.reports.segments import in_segments
from daemon.reports.trend import LABELS, months_of

_AFTER_MAX = 10_000
"""A key is cohort x this + months after."""


def label(_: Asked, key: int) -> str:
    """Return the cohort of a row."""
    return LABELS["month"](key // _AFTER_MAX)


def _months(asked: Asked) -> str:
    """Return sums by month and account, in the order in which they lie."""
    account, merged = "s.account", ""
    if asked.has_merged:
        account = "coalesce(into_.kept, s.account)"
        merged = f" LEFT JOIN {MERGED_INTO} AS into_ ON into_.dropped = s.account"
    return (
        f"SELECT s.month AS month, {account} AS account, sum(s.visits) AS visits, sum(s.net) AS net"
        f" FROM month_sum AS s{merged} WHERE s.month BETWEEN ? AND ? GROUP BY s.month, {account}"
    )


def _firsts(asked: Asked) -> Sql:
    """Return whose cohorts are looked at, and their first days, as SQL in place of a table."""
    chosen, among = of_customers(asked), in_segments(asked)
    if not asked.filters.named:
        return Sql(of_all_time(asked))  # a table's own key finds an account faster
    text = (
        f"(SELECT who.account AS account, who.first_day AS first_day FROM {of_all_time(asked)}"
        f" AS who WHERE {chosen.text} AND {among.text})"
    )
    return Sql(text, (*chosen.values, *among.values))


def _cohorts(asked: Asked) -> Sql:
    first, last = (month_of(day) for day in asked.period.days)
    firsts, months = _firsts(asked), months_of(asked.period)
    text = (
        "WITH cells AS (SELECT f.first_day AS first_day, m.month AS month,"
        f" {summed('CASE WHEN m.visits > 0 THEN 1 ELSE 0 END')} AS customers,"
        f" {summed('m.net')} AS net FROM ({_months(asked)}) AS m"
        f" JOIN {firsts.text} AS f ON f.account = m.account GROUP BY f.first_day, m.month),"
        f" days AS (SELECT f.first_day AS first_day, {big('count(*)')} AS size"
        f" FROM {firsts.text} AS f WHERE f.first_day BETWEEN ? AND ? GROUP BY f.first_day),"
        f" months AS (SELECT column1 AS month, column2 AS begins, column3 AS ends FROM {months}"
        " AS named), sizes AS ("
        f"SELECT months.month AS cohort, {summed('size')} AS size FROM days"
        " JOIN months ON days.first_day BETWEEN begins AND ends GROUP BY months.month),"
        f" sums AS (SELECT months.month AS cohort, cells.month - months.month AS months_after,"
        f" {summed('customers')} AS customers, {summed('net')} AS net FROM cells"
        " JOIN months ON cells.first_day BETWEEN begins AND ends"
        " WHERE cells.month >= months.month GROUP BY months.month, cells.month)"
        f" SELECT sums.cohort * {_AFTER_MAX} + months_after AS key, months_after, customers, size,"
        f" {share_bp('customers', 'size')} AS share_bp, net, {half_up('net', 'size')} AS net_each"
        " FROM sums JOIN sizes ON sizes.cohort = sums.cohort"
    )
    days = first_day_of(first), first_day_of(last + 1) - 1
    return Sql(text, (first, last, *firsts.values, *firsts.values, *days))


COHORTS = Report(
    name="cohorts",
    title="Who still comes, by the month of the first sale",
    columns=(
        Column("cohort", Kind.TEXT),
        Column("months_after", Kind.COUNT),
        Column("customers", Kind.COUNT),
        Column("size", Kind.COUNT),
        Column("share_bp", Kind.BP),
        Column("net", Kind.MONEY, summed=True),
        Column("net_each", Kind.MONEY),
    ),
    sort="cohort",
    takes=OF_CUSTOMERS,
    select=_cohorts,
    label=label,
)
