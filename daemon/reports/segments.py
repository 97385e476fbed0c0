"""``segments``: customers by how lately, how often and for how much they have bought in a year.

Of each, 1 to 5: ``1 + 5 x (customers strictly worse) / n``, rounded down, so that equal values have
equal scores. Of five customers with R days since the last visit, F purchases and M net:

    R, F, M        scores
    2, 9, 500      4 5 4      champions
    2, 4, 200      4 3 2
    30, 4, 900     3 3 5
    80, 1, 200     2 1 2
    200, 2, 100    1 2 1
"""

from datetime import date

import msgspec

from daemon.reports.bought import bought, of_all_time
from daemon.reports.chosen import of_customers
from daemon.reports.filters import OF_CUSTOMERS, OF_ROWS
from daemon.reports.people import PEOPLE_COLUMNS, people
from daemon.reports.period import Period
from daemon.reports.report import Asked, Column, Kind, Report, Sql, any_of

WITHIN_DAYS = 365
NEW_DAYS = 90
"""Who came for the first time ever in the last so many days is new."""
SEGMENT = (
    "CASE WHEN r >= 4 AND f >= 4 AND m >= 4 THEN 'champions'"
    " WHEN r >= 3 AND f >= 4 THEN 'loyal'"
    " WHEN r >= 3 AND m >= 4 THEN 'spenders'"
    " WHEN r >= 4 AND first_ever > ? THEN 'new'"
    " WHEN r >= 4 THEN 'promising'"
    " WHEN r = 3 THEN 'fading'"
    " WHEN f >= 4 OR m >= 4 THEN 'at_risk'"
    " WHEN r = 2 THEN 'asleep'"
    " ELSE 'lost' END"
)
"""The first that holds. Its value: the last day that is too early to be new."""
EVERYTHING = Sql("1 = 1")


def _score(column: str, worst_first: str) -> str:
    worse = f"(rank() OVER (ORDER BY {column} {worst_first}) - 1)"
    return f"1 + 5 * {worse} / count(*) OVER ()"


def _scored(asked: Asked) -> Sql:
    """Return all customers who bought within a year up to the period's last day, with scores."""
    until = asked.until
    year = Period(date.fromordinal(max(1, until.toordinal() - WITHIN_DAYS + 1)), until)
    rows = bought(
        msgspec.structs.replace(asked, period=year), EVERYTHING, keys=("account",), facts_only=False
    )
    text = (
        f"SELECT account, days_since, purchases, net, {_score('days_since', 'DESC')} AS r,"
        f" {_score('purchases', 'ASC')} AS f, {_score('net', 'ASC')} AS m, first_ever FROM ("
        "SELECT b.account AS account, ? - b.last_day AS days_since, b.visits AS purchases,"
        f" b.net AS net, s.first_day AS first_ever FROM ({rows.text}) AS b"
        f" JOIN {of_all_time(asked)} AS s ON s.account = b.account WHERE b.visits > 0) AS buyers"
    )
    return Sql(text, (until.toordinal(), *rows.values))


def _segments(asked: Asked) -> Sql:
    scored, chosen, among = _scored(asked), of_customers(asked), in_segments(asked)
    text = (
        f"SELECT who.account AS key, {SEGMENT} AS segment, r, f, m, days_since, purchases, net"
        f" FROM ({scored.text}) AS who WHERE {chosen.text} AND {among.text}"
    )
    return Sql(text, (_too_early(asked), *scored.values, *chosen.values, *among.values))


def _too_early(asked: Asked) -> int:
    return asked.until.toordinal() - NEW_DAYS


def in_segments(asked: Asked) -> Sql:
    """Return that the account ``who.account`` is in a segment that is asked for."""
    if not asked.filters.segment:
        return EVERYTHING
    scored, among = _scored(asked), any_of(asked.filters.segment)
    text = (
        f"who.account IN (SELECT account FROM (SELECT account, {SEGMENT} AS segment"
        f" FROM ({scored.text}) AS scored) AS found WHERE segment {among.text})"
    )
    return Sql(text, (_too_early(asked), *scored.values, *among.values))


SEGMENTS = Report(
    name="segments",
    title="Customers by how lately, how often and for how much they bought within a year",
    columns=(
        Column("segment", Kind.TEXT),
        Column("r", Kind.COUNT),
        Column("f", Kind.COUNT),
        Column("m", Kind.COUNT),
        Column("days_since", Kind.COUNT),
        Column("purchases", Kind.COUNT, summed=True),
        Column("net", Kind.MONEY, summed=True),
    ),
    sort="-net",
    takes=OF_CUSTOMERS | OF_ROWS - {"discount_from", "discount_to"},
    select=_segments,
    put=people,
    put_columns=PEOPLE_COLUMNS,
)
