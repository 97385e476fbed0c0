"""A period of local days, and how its figures are read: whole months as sums, the rest as facts.

A year of 20 million sales is twelve months of sums; only the days before the first whole month and
after the last one are read sale by sale. 10 March to 5 June, both included:

    fact 10-31 March    month_sum April, May    fact 1-5 June

Both ways give the same number to the last minor unit, and a test sums random sales both ways.
"""

from collections.abc import Sequence
from datetime import date, timedelta

import msgspec

from daemon.base.refusals import ParamError
from daemon.ledger.posted_facts import FIGURES
from daemon.ledger.storage.fact_tables import month_of

AMOUNTS = ("sales", "visits", *FIGURES)
"""What both ways can sum, in the order in which it is read."""
OF_FACTS = ("CASE WHEN kind = 'sale' THEN 1 ELSE 0 END", "visits", *FIGURES)
_NO_MONTHS, _NO_DAYS = (1, 0), (1, 0)


class Period(msgspec.Struct, frozen=True):
    """Local days from ``first`` to ``last``, both included."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.first > self.last:
            raise ParamError("to", f"{self.last} is before {self.first}; turn them round")

    @property
    def days(self) -> tuple[int, int]:
        """The first and the last day (ordinals)."""
        return self.first.toordinal(), self.last.toordinal()

    @property
    def months(self) -> tuple[int, int]:
        """The first and the last whole month as ``month_sum`` counts them; none where it is more.

        A month that goes on until today is whole only in its end.
        """
        first = month_of(self.first.toordinal()) + (self.first.day > 1)
        ends_month = self.last == date.max or (self.last + timedelta(days=1)).day == 1
        last = month_of(self.last.toordinal()) - (not ends_month)
        return (first, last) if first <= last else _NO_MONTHS

    @property
    def is_months(self) -> bool:
        """Whether it is whole months and nothing beside them."""
        begin, ends, begins, end = self.ends
        return begin > ends and begins > end

    @property
    def ends(self) -> tuple[int, int, int, int]:
        """The days (ordinals) that lie in no whole month: from, to; from, to."""
        months = self.months
        if months == _NO_MONTHS:
            return (*self.days, *_NO_DAYS)
        begin, after = first_day_of(months[0]), first_day_of(months[1] + 1)
        return self.days[0], begin - 1, after, self.days[1]


def first_day_of(month: int) -> int:
    """Return the first day (ordinal) of a month as ``month_sum`` counts them."""
    year, place = divmod(month, 12)
    if year > date.max.year:
        return date.max.toordinal() + 1
    return date(year, place + 1, 1).toordinal()


def of_accounts(period: Period, keys: Sequence[str] = ()) -> tuple[str, tuple[int, ...]]:
    """Return a SELECT of what cards have bought in a period, and its values.

    keys: of ``account partner employee``; the rows are by these, and sums of AMOUNTS follow them.
    """
    named = "".join(f"{key}, " for key in keys)
    sums = ", ".join(f"CAST(coalesce(sum({name}), 0) AS BIGINT)" for name in AMOUNTS)
    group = f" GROUP BY {', '.join(keys)}" if keys else ""
    of_facts = ", ".join(f"{said} AS {n}" for said, n in zip(OF_FACTS, AMOUNTS, strict=True))
    text = (
        f"SELECT {named}{sums} FROM ("
        f"SELECT {named}{', '.join(AMOUNTS)} FROM month_sum WHERE month BETWEEN ? AND ?"
        f" UNION ALL SELECT {named}{of_facts} FROM fact"
        " WHERE (day BETWEEN ? AND ? OR day BETWEEN ? AND ?) AND account <> ''"
        f") AS parts{group}"
    )
    return text, (*period.months, *period.ends)


def of_facts(period: Period, *, accounts_only: bool) -> tuple[str, tuple[int, ...]]:
    """Return a SELECT of the sums of AMOUNTS over single facts, and its values."""
    sums = ", ".join(f"CAST(coalesce(sum({said}), 0) AS BIGINT)" for said in OF_FACTS)
    only = " AND account <> ''" if accounts_only else ""
    return f"SELECT {sums} FROM fact WHERE day BETWEEN ? AND ?{only}", period.days
