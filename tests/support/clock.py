"""A clock that stands still until it is moved."""

from datetime import UTC, datetime, timedelta

MORNING = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)  # a Monday, 10:00 in Kyiv


class HandClock:
    """Wall and monotonic time move together, by hand."""

    def __init__(self, at: datetime = MORNING) -> None:
        self._at = at
        self._begun = at

    def now(self) -> datetime:
        return self._at

    def monotonic_s(self) -> float:
        return (self._at - self._begun).total_seconds()

    def move(self, **delta: float) -> None:
        self._at += timedelta(**delta)
