"""Days of the calendar: a day, a day of every year, a range, a calendar by its id, or a list.

    when = { date = "12-24..01-06" }

It holds on 24 December and on 6 January of every year, and not on 7 January.
"""

from typing import ClassVar

from daemon.programme.conditions.condition import Condition, ConditionTable, WhenPlace, on_days
from daemon.programme.days import parse_dates
from daemon.programme.syntax import Dates


class Date(ConditionTable, frozen=True, kw_only=True):
    """``date``: the programme's local day is one of these."""

    key: ClassVar[str] = "date"

    date: Dates

    def compiled(self, place: WhenPlace) -> Condition:
        """Return the condition. Raises: ProgrammeError."""
        days = parse_dates(self.date, place.path, place.vocabulary.calendars)
        return on_days(self.key, self.date, days)
