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
    """Return the cohort of each customer whose first sale lies in a month of the period."""
    chosen, among = of_customers(asked), in_segments(asked)
    text = (
        f"SELECT who.account AS account, months.column1 AS cohort FROM {of_all_time(asked)} AS who"
        f" JOIN {months_of(asked.period)} AS months"
        " ON who.first_day BETWEEN months.column2 AND months.column3"
        f" WHERE {chosen.text} AND {among.text}"
    )
    return Sql(text, (*chosen.values, *among.values))


def _cohorts(asked: Asked) -> Sql:
    first, last = (month_of(day) for day in asked.period.days)
    firsts = _firsts(asked)
    cells = (
        "SELECT c.cohort AS cohort, m.month - c.cohort AS months_after,"
        f" {summed('CASE WHEN m.visits > 0 THEN 1 ELSE 0 END')} AS customers,"
        f" {summed('m.net')} AS net FROM ({_months(asked)}) AS m"
        " JOIN firsts AS c ON c.account = m.account"
        " WHERE m.month >= c.cohort GROUP BY c.cohort, m.month - c.cohort"
    )
    text = (
        f"WITH firsts AS ({firsts.text}), sizes AS ("
        f"SELECT cohort, {big('count(*)')} AS size FROM firsts GROUP BY cohort)"
        f" SELECT cells.cohort * {_AFTER_MAX} + months_after AS key, months_after, customers, size,"
        f" {share_bp('customers', 'size')} AS share_bp, net, {half_up('net', 'size')} AS net_each"
        f" FROM ({cells}) AS cells JOIN sizes ON sizes.cohort = cells.cohort"
    )
    return Sql(text, (*firsts.values, first, last))


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
