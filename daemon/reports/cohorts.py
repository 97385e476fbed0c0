"""``cohorts``: of the customers who came in a month first, how many still come months later.

    cohort    after   customers   size   share      net   a customer
    2026-01       0         120    120    100 %   …
    2026-01       1          60    120     50 %   …

A customer's cohort is the month of the first sale. What came back whole is no purchase, but moves
nobody to another cohort. ``net`` of a cell is that of the whole cohort in that month.
"""

from daemon.ledger.storage.fact_tables import month_of
from daemon.reports.bought import MERGED_INTO
from daemon.reports.chosen import of_customers
from daemon.reports.filters import OF_CUSTOMERS
from daemon.reports.report import Asked, Column, Kind, Report, Sql, big, half_up, share_bp, summed
from daemon.reports.segments import in_segments
from daemon.reports.trend import LABELS

_AFTER_MAX = 10_000
"""A key is cohort x this + months after."""


def label(_: Asked, key: int) -> str:
    """Return the cohort of a row."""
    return LABELS["month"](key // _AFTER_MAX)


def _months(asked: Asked) -> str:
    """Return sums by account and month."""
    account, merged = "s.account", ""
    if asked.has_merged:
        account = "coalesce(into_.kept, s.account)"
        merged = f" LEFT JOIN {MERGED_INTO} AS into_ ON into_.dropped = s.account"
    return (
        f"SELECT {account} AS account, s.month AS month, sum(s.sales) AS sales,"
        f" sum(s.visits) AS visits, sum(s.net) AS net FROM month_sum AS s{merged}"
        f" WHERE s.month <= ? GROUP BY {account}, s.month"
    )


def _cohorts(asked: Asked) -> Sql:
    chosen, among = of_customers(asked), in_segments(asked)
    first, last = (month_of(day) for day in asked.period.days)
    months = _months(asked)
    firsts = (
        "SELECT who.account AS account, min(who.month) AS cohort"
        f" FROM ({months}) AS who WHERE who.sales > 0 AND {chosen.text} AND {among.text}"
        " GROUP BY who.account HAVING min(who.month) BETWEEN ? AND ?"
    )
    values = (last, *chosen.values, *among.values, first, last)
    cells = (
        "SELECT c.cohort AS cohort, m.month - c.cohort AS months_after,"
        f" {summed('CASE WHEN m.visits > 0 THEN 1 ELSE 0 END')} AS customers,"
        f" {summed('m.net')} AS net FROM firsts AS c JOIN months AS m ON m.account = c.account"
        " WHERE m.month >= c.cohort GROUP BY c.cohort, m.month - c.cohort"
    )
    text = (
        f"WITH months AS ({months}), firsts AS ({firsts}), sizes AS ("
        f"SELECT cohort, {big('count(*)')} AS size FROM firsts GROUP BY cohort)"
        f" SELECT cells.cohort * {_AFTER_MAX} + months_after AS key, months_after, customers, size,"
        f" {share_bp('customers', 'size')} AS share_bp, net,"
        f" {half_up('net', 'size')} AS net_each"
        f" FROM ({cells}) AS cells JOIN sizes ON sizes.cohort = cells.cohort"
    )
    return Sql(text, (last, *values))


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
