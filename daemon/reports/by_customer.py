"""What each customer has bought: ``activity`` of a period, and ``dormant``, who no longer comes."""

from datetime import date

import msgspec

from daemon.ledger.entries import FOREVER
from daemon.reports.bought import bought, of_all_time
from daemon.reports.chosen import of_customers, of_sales
from daemon.reports.filters import IN_SUMS, OF_CUSTOMERS, OF_ROWS, OF_SALES
from daemon.reports.people import PEOPLE_COLUMNS, people
from daemon.reports.period import Period
from daemon.reports.report import Asked, Column, Kind, Report, Sql, half_up, share_bp, summed
from daemon.reports.segments import in_segments

AMOUNTS = ("discount", "net", "paid", "burned", "earned")
FIGURES = (
    Column("purchases", Kind.COUNT, summed=True),
    Column("list", Kind.MONEY, summed=True),
    *(Column(name, Kind.MONEY, summed=True) for name in AMOUNTS),
    Column("discount_bp", Kind.BP),
    Column("standing_bp", Kind.BP),
    Column("average", Kind.MONEY),
    Column("first_day", Kind.DAY),
    Column("last_day", Kind.DAY),
    Column("days_since", Kind.COUNT),
    Column("margin", Kind.MONEY, summed=True),
)
DORMANT_SINCE = "90d"
"""Since when somebody must not have come to be dormant, where nobody says."""
DERIVED = {
    "discount_bp": share_bp(summed("discount"), summed("list")),
    "average": half_up(summed("net"), summed("purchases")),
}
"""What is no sum, of all rows."""


def figures(of: str) -> str:
    """Return the money columns of a relation of sums named ``of``, as SQL."""
    return (
        f"coalesce({of}.visits, 0) AS purchases, coalesce({of}.list_total, 0) AS list, "
        + ", ".join(f"coalesce({of}.{name}, 0) AS {name}" for name in AMOUNTS)
        + f", {share_bp(f'{of}.discount', f'{of}.list_total')} AS discount_bp"
    )


def average(of: str) -> str:
    """Return net for a purchase, NULL where there was none."""
    return f"{half_up(f'{of}.net', f'{of}.visits')} AS average"


def margin(of: str) -> str:
    """Return net less cost as SQL, NULL where the cost of a line is not known."""
    net, cost, known = (f"coalesce({of}.{name}, 0)" for name in ("net", "cost", "cost_net"))
    return f"CASE WHEN {known} = {net} THEN {net} - {cost} END"


def _activity(asked: Asked) -> Sql:
    facts_only = bool(asked.filters.named & (OF_SALES - IN_SUMS))
    rows = bought(asked, of_sales(asked.filters), keys=("account",), facts_only=facts_only)
    chosen = of_customers(asked)
    among = in_segments(asked)
    source, of = f"({rows.text}) AS who", "who"
    if asked.everybody:
        joined = f"LEFT JOIN ({rows.text}) AS b ON b.account = who.account"
        source, of = f"{_everybody(asked)} AS who {joined}", "b"
    text = (
        f"SELECT who.account AS key, {figures(of)},"
        " CASE WHEN s.standing_bp >= 0 THEN s.standing_bp END AS standing_bp,"
        f" {average(of)},"
        f" CASE WHEN {of}.first_day < {FOREVER} THEN {of}.first_day END AS first_day,"
        f" CASE WHEN {of}.last_day > 0 THEN {of}.last_day END AS last_day,"
        f" CASE WHEN {of}.last_day > 0 THEN ? - {of}.last_day END AS days_since,"
        f" {margin(of)} AS margin"
        f" FROM {source} LEFT JOIN {of_all_time(asked)} AS s ON s.account = who.account"
        f" WHERE {chosen.text} AND {among.text}"
    )
    until = asked.until.toordinal()
    return Sql(text, (until, *rows.values, *chosen.values, *among.values))


def _everybody(asked: Asked) -> str:
    """Return all accounts that are one's own: who was erased has no row, and has bought.

    A partner has a row, too, for its purses; whoever has no card is no customer.
    """
    text = (
        "SELECT account FROM customer WHERE EXISTS"
        " (SELECT 1 FROM card WHERE card.account = customer.account)"
        f" UNION SELECT account FROM {of_all_time(asked)} AS ever"
    )
    if asked.has_merged:
        text = (
            f"SELECT account FROM ({text}) AS every WHERE NOT EXISTS"
            " (SELECT 1 FROM merged AS m WHERE m.dropped = every.account)"
        )
    return f"({text})"


def _dormant(asked: Asked) -> Sql:
    """Return the same of all time, whatever the period: from sums, or from facts of some sales."""
    since = asked.filters.dormant_since or DORMANT_SINCE
    filters = msgspec.structs.replace(asked.filters, dormant_since=since)
    asked = msgspec.structs.replace(asked, period=Period(date.min, date.max), filters=filters)
    if asked.filters.named & OF_SALES:
        return _activity(asked)
    chosen, among = of_customers(asked), in_segments(asked)
    text = (
        "SELECT who.account AS key, who.visits AS purchases, who.net + who.discount AS list,"
        " who.discount AS discount, who.net AS net, who.paid AS paid, who.net - who.paid AS burned,"
        f" {share_bp('who.discount', '(who.net + who.discount)')} AS discount_bp,"
        " CASE WHEN who.standing_bp >= 0 THEN who.standing_bp END AS standing_bp,"
        f" {average('who')},"
        f" CASE WHEN who.first_day < {FOREVER} THEN who.first_day END AS first_day,"
        " CASE WHEN who.last_day > 0 THEN who.last_day END AS last_day,"
        " CASE WHEN who.last_day > 0 THEN ? - who.last_day END AS days_since"
        f" FROM {of_all_time(asked)} AS who WHERE {chosen.text} AND {among.text}"
    )
    return Sql(text, (asked.until.toordinal(), *chosen.values, *among.values))


ACTIVITY = Report(
    name="activity",
    title="What customers have bought",
    columns=FIGURES,
    sort="-net",
    takes=OF_SALES | OF_CUSTOMERS | OF_ROWS,
    select=_activity,
    put=people,
    put_columns=PEOPLE_COLUMNS,
    totals=DERIVED,
)
DORMANT = Report(
    name="dormant",
    title="Customers who no longer come",
    columns=tuple(column for column in FIGURES if column.name not in ("earned", "margin")),
    sort="-net",
    takes=OF_SALES | OF_CUSTOMERS | OF_ROWS,
    select=_dormant,
    put=people,
    put_columns=PEOPLE_COLUMNS,
    totals=DERIVED,
)
