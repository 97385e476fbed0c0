"""``trend``: how a shop goes by days, ISO weeks, months, weekdays or hours; all sales count."""

from collections.abc import Callable
from datetime import date

from daemon.base.refusals import ParamError
from daemon.ledger.storage.fact_tables import month_of
from daemon.reports.bought import of_all_time
from daemon.reports.chosen import of_sales
from daemon.reports.filters import OF_SALES
from daemon.reports.period import Period, first_day_of
from daemon.reports.report import Asked, Column, Kind, Report, Sql, big, half_up, share_bp, summed

MONTHS_MAX = 1_200
"""Of a report by months; a hundred years."""
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_PLACES = {
    "day": "day",
    "week": "day - (day - 1) % 7",
    "weekday": "(day - 1) % 7 + 1",
    "hour": "minute / 60",
}
"""Of a row, what it goes by; a week is the day of its Monday, for day 1 was a Monday."""
WAYS = (*_PLACES, "month")


def _week(key: int) -> str:
    year, week, _ = date.fromordinal(key).isocalendar()
    return f"{year}-W{week:02}"


LABELS: dict[str, Callable[[int], str]] = {
    "day": lambda key: date.fromordinal(key).isoformat(),
    "week": _week,
    "month": lambda key: f"{key // 12:04}-{key % 12 + 1:02}",
    "weekday": lambda key: WEEKDAYS[key - 1],
    "hour": lambda key: f"{key:02}:00",
}


def label(asked: Asked, key: int) -> str:
    """Return what a row of a trend is called."""
    return LABELS[asked.per](key)


def months_of(period: Period) -> str:
    """Return each month that a period touches, with its first and last day, in place of a table."""
    first, last = (month_of(day) for day in period.days)
    if last - first >= MONTHS_MAX:
        raise ParamError("to", f"a report by months is of at most {MONTHS_MAX} of them")
    rows = (
        f"({month}, {first_day_of(month)}, {first_day_of(month + 1) - 1})"
        for month in range(first, last + 1)
    )
    return f"(VALUES {', '.join(rows)})"


def _placed(asked: Asked, table: str, day: str) -> tuple[str, str]:
    """Return what a row goes by, and the table with what is needed to say so."""
    if asked.per != "month":
        return _PLACES[asked.per].replace("day", day), table
    months = months_of(asked.period)
    between = f"{day} BETWEEN months.column2 AND months.column3"
    return "months.column1", f"{table} JOIN {months} AS months ON {between}"


def _trend(asked: Asked) -> Sql:
    where = of_sales(asked.filters)
    key, rows = _placed(asked, "fact", "day")
    sums = {
        "purchases": "visits",
        "net": "net",
        "discount": "discount",
        "list": "list_total",
        "of_members": "CASE WHEN statuses <> '' THEN net ELSE 0 END",
    }
    columns = ", ".join(f"{summed(text)} AS {name}" for name, text in sums.items())
    new = _new(asked)
    text = (
        f"SELECT sums.key AS key, purchases, net, {half_up('net', 'purchases')} AS average,"
        f" {share_bp('discount', 'list')} AS discount_bp, new.customers AS new_customers,"
        f" {share_bp('of_members', 'net')} AS members_bp FROM (SELECT {key} AS key, {columns}"
        f" FROM {rows} WHERE day BETWEEN ? AND ? AND {where.text} GROUP BY {key}) AS sums"
        f" LEFT JOIN ({new.text}) AS new ON new.key = sums.key"
    )
    return Sql(text, (*asked.period.days, *where.values, *new.values))


def _new(asked: Asked) -> Sql:
    """Return how many customers came for the first time ever; unknown by hour, or of some sales."""
    if asked.per == "hour" or asked.filters.named:
        return Sql(f"SELECT {big('NULL')} AS key, {big('NULL')} AS customers")
    key, rows = _placed(asked, f"{of_all_time(asked)} AS ever", "first_day")
    text = (
        f"SELECT {key} AS key, {big('count(*)')} AS customers FROM {rows}"
        f" WHERE first_day BETWEEN ? AND ? GROUP BY {key}"
    )
    return Sql(text, asked.period.days)


TREND = Report(
    name="trend",
    title="How the shop goes",
    columns=(
        Column("when", Kind.TEXT),
        Column("purchases", Kind.COUNT, summed=True),
        Column("net", Kind.MONEY, summed=True),
        Column("average", Kind.MONEY),
        Column("discount_bp", Kind.BP),
        Column("new_customers", Kind.COUNT, summed=True),
        Column("members_bp", Kind.BP),
    ),
    sort="when",
    takes=OF_SALES - {"attribution"},
    select=_trend,
    label=label,
    ways=WAYS,
    totals={"average": half_up(summed("net"), summed("purchases"))},
)
