"""A clock that stands still until it is moved."""

from datetime import UTC, datetime, timedelta

MORNING = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)  # a Monday, 10:00 in Kyiv


class HandClock:
    """Wall and monotonic time move together, by hand; ``step`` moves the wall alone.

    It is right, as one that a time server keeps is, until a test says that nothing does.
    """

    def __init__(self, at: datetime = MORNING, *, synchronised: bool = True) -> None:
        self._at = at
        self._begun = at
        self._wrong = timedelta()
        self._synchronised = synchronised

    def now(self) -> datetime:
        return self._at + self._wrong

    def monotonic_s(self) -> float:
        return (self._at - self._begun).total_seconds()

    def move(self, **delta: float) -> None:
        self._at += timedelta(**delta)

    def synchronised(self) -> bool:
        return self._synchronised

    def synchronise(self) -> None:
        """Let a time server put it right."""
        self._wrong, self._synchronised = timedelta(), True

    def step(self, **delta: float) -> None:
        """Put the wall time wrong, or less wrong, by so much; no time passes."""
        self._wrong += timedelta(**delta)
