"""Occasions of a card's holder: the days around one birthday or name day.

A birthday on 1 January with three days before and after it is one occasion from 29 December to 4
January, in two calendar years. It is named by the year in which the anniversary itself lies, so
that a limit of one gift "per year" would see two years there, and one "per occasion" sees one.

A counter has to be named before the ledger is asked for the card's profile. So a day names every
year whose anniversary could be near it, two at most, and the price takes the one that it is.
"""

import re
from calendar import isleap
from collections.abc import Iterator
from datetime import date, timedelta

import msgspec

NEAR_DAYS_MAX = 180
"""Before and after: less than a year in all, so that no day lies near two anniversaries."""


class Occasion(msgspec.Struct, frozen=True):
    """The days from ``first`` to ``last`` after each anniversary of the date that a fact holds."""

    fact: str
    first: int
    last: int

    def year_of(self, of: str, day: date) -> int | None:
        """Return the year of the anniversary of ``of`` that ``day`` is near, or None."""
        for year in self.years(day):
            turn = anniversary(of, year)
            if turn is not None and self.first <= (day - turn).days <= self.last:
                return year
        return None

    def years(self, day: date) -> Iterator[int]:
        """Yield the years in which an anniversary may lie that ``day`` is near."""
        span = day - date.min, date.max - day
        earliest = day - min(timedelta(days=self.last), span[0])
        latest = day + min(timedelta(days=-self.first), span[1])
        yield from range(earliest.year, latest.year + 1)


def anniversary(of: str, year: int) -> date | None:
    """Return the day of a birthday ``YYYY-MM-DD`` or a name day ``MM-DD`` in ``year``.

    29 February is kept on 28 February in other years; None when ``of`` is no date.
    """
    match = re.fullmatch(r"(?:\d{4}-)?(\d\d)-(\d\d)", of)
    if not match:
        return None
    month, day = int(match.group(1)), int(match.group(2))
    if (month, day) == (2, 29) and not isleap(year):
        day = 28
    try:
        return date(year, month, day)
    except ValueError:
        return None
