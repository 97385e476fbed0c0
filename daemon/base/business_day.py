"""The shop's days: in its time zone, from the hour at which it closes the books.

A bar that is open until four counts the night to the day before: with ``day_starts = "05:00"``
a glass at 01:30 on Sunday is one of Saturday.

Clocks are moved at night, so that the hour at which a day starts may come twice or not at all. A
day starts when the wall clock shows that hour for the first time, or, where it is left out, at
the moment at which the clock is put forward over it. So days follow each other in every zone, and
none begins anew in the hour that comes twice. In Kyiv, ``day_starts = "03:30"``:

    25 October 2026, 03:30 the first time (00:30 UTC)   the 25th starts
    03:10 the second time (01:10 UTC)                   still the 25th, though before 03:30
    28 March 2027, 04:00 (01:00 UTC), after 02:59       the 28th starts: 03:30 is left out
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)
MIDNIGHT = time()


class BusinessDays(msgspec.Struct, frozen=True):
    """Days in ``zone``, each from the wall clock's ``starts`` (without a zone) to the next."""

    zone: ZoneInfo
    starts: time = MIDNIGHT

    def day_of(self, moment: datetime) -> date:
        """Return the day to which an aware moment belongs."""
        return self.day_of_local(moment.astimezone(self.zone))

    def minute_of(self, moment: datetime) -> int:
        """Return the minute that the clock on the shop's wall shows, 0 to 1439."""
        local = moment.astimezone(self.zone)
        return local.hour * 60 + local.minute

    def day_of_local(self, local: datetime) -> date:
        """Return the day of a moment that is told in the days' own zone already."""
        day = local.date()
        if self.starts == MIDNIGHT or local.time() >= self.starts:
            return day
        # Before that hour by the wall clock, and yet after it: it is an hour that comes twice.
        return day if local.astimezone(UTC) >= self._told(day) else day - _DAY

    def start_of(self, day: date) -> datetime:
        """Return the moment at which a day starts, UTC."""
        moment = self._told(day)
        while self._is_left_out(moment, day):
            moment -= _MINUTE
        return moment

    def _told(self, day: date) -> datetime:
        """Return when the wall clock shows the hour on a day, for the first time."""
        return datetime.combine(day, self.starts, self.zone).astimezone(UTC)

    def _is_left_out(self, moment: datetime, day: date) -> bool:
        """Whether the day has started a minute before the moment that would be its hour."""
        return self.day_of(moment - _MINUTE) >= day
