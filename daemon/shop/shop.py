"""What every service of the shop works with: its books, its programmes, and the time."""

from datetime import date, datetime, timedelta
from typing import NamedTuple

from daemon.base.clock import Clock, rfc3339
from daemon.ledger.ledger import Ledger
from daemon.programme.programme import Programme, local_day
from daemon.shop.programme_versions import ProgrammeVersions


class Moment(NamedTuple):
    """One reading of the clock: aware UTC, the same as RFC 3339, and the shop's local day."""

    now: datetime
    at: str
    today: date


class Shop:
    """One shop. ``clock`` is the till's steady one: it never stands before the newest entry."""

    def __init__(self, ledger: Ledger, versions: ProgrammeVersions, clock: Clock) -> None:
        self.ledger = ledger
        self.versions = versions
        self.clock = clock
        self._begun: datetime | None = None

    @property
    def programme(self) -> Programme:
        """Return the programme in force."""
        return self.versions.active

    def now(self) -> datetime:
        """Return the time, aware, UTC."""
        return self.clock.now()

    def at(self) -> str:
        """Return the time as entries say it, RFC 3339."""
        return rfc3339(self.clock.now())

    def lasting(self) -> datetime:
        """Return a time that only passes, for what lasts so long: no step of a clock ends it.

        It begins with the till's time and goes on by the monotonic clock.
        """
        passed = timedelta(seconds=self.clock.monotonic_s())
        if self._begun is None:
            self._begun = self.clock.now() - passed
        return self._begun + passed

    def today(self) -> date:
        """Return the business day of the programme in force."""
        return local_day(self.programme, self.clock.now())

    def moment(self) -> Moment:
        """Read the clock once, for a decision whose time and day must not straddle midnight."""
        now = self.clock.now()
        return Moment(now, rfc3339(now), local_day(self.programme, now))
