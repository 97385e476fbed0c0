"""The only place that asks the machine for the time."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

CLOCK_BACK = timedelta(seconds=30)
"""How far the clock may stand behind the newest entry: it is being adjusted, not unset."""


class Clock(Protocol):
    """Wall time and monotonic time. Tests bring their own."""

    def now(self) -> datetime:
        """Return the time of day, aware, UTC."""
        ...

    def monotonic_s(self) -> float:
        """Return seconds that never go back, from an arbitrary start."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the machine's time of day, UTC."""
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        """Return the machine's monotonic seconds."""
        return time.monotonic()


class SteadyClock:
    """A clock that never shows a time before the newest entry's: sales go on with the last one.

    newest: gives the newest entry's time, RFC 3339, or "".
    """

    def __init__(self, clock: Clock, newest: Callable[[], str]) -> None:
        self._clock = clock
        self._newest = newest

    def now(self) -> datetime:
        """Return the machine's time of day, or the newest entry's where that is later."""
        return max(self._clock.now(), self._last())

    def monotonic_s(self) -> float:
        """Return the machine's monotonic seconds."""
        return self._clock.monotonic_s()

    @property
    def suspect(self) -> bool:
        """Whether the machine's clock stands so far back that somebody should look at it."""
        return self._clock.now() + CLOCK_BACK < self._last()

    def _last(self) -> datetime:
        text = self._newest()
        return datetime.fromisoformat(text) if text else datetime.min.replace(tzinfo=UTC)


def rfc3339(moment: datetime) -> str:
    """Return ``moment`` in UTC with microseconds, always 27 characters, so that text sorts."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
