"""A clock that is set by hand, for tills of simulated readers: days pass when somebody says so."""

from datetime import datetime, timedelta

from daemon.base.clock import Clock


class SetClock:
    """It starts at a moment, goes on as time does, and is moved on by ``set``; never back.

    Wall and monotonic time move together, as if the machine had run all the while: what waits
    for a time to pass sees it passed.
    """

    def __init__(self, clock: Clock, start: datetime) -> None:
        """clock: whose seconds pass. start: aware."""
        self._clock = clock
        self._start = start
        self._begun_s = clock.monotonic_s()
        self._moved = timedelta()

    def now(self) -> datetime:
        """Return the time of day, aware, UTC."""
        return self._start + timedelta(seconds=self.monotonic_s() - self._begun_s)

    def monotonic_s(self) -> float:
        """Return seconds that never go back."""
        return self._clock.monotonic_s() + self._moved.total_seconds()

    def synchronised(self) -> bool:
        """Say that it is right: nobody else knows what time it is meant to be."""
        return True

    def set(self, moment: datetime) -> None:
        """Move on to an aware moment. Raises ValueError for one that is over."""
        ahead = moment - self.now()
        if ahead < timedelta():
            raise ValueError("a clock is moved on, never back")
        self._moved += ahead
