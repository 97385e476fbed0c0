"""Counts what looks like guessing at cards, so that nobody gets far with it. It locks no card."""

from collections import deque

from daemon.base.clock import Clock
from daemon.base.refusals import ErrorCode, RefusedError

FAILURES_MAX = 5
FAILURES_WITHIN_S = 600
SLOW_S = 10
"""FAILURES_MAX wrong ones at a reader within FAILURES_WITHIN_S, and it waits SLOW_S after each."""


class Guesses:
    """Wrong numbers, or wrong live codes, by reader; "" is what the POS itself was given."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._times_s: dict[str, deque[float]] = {}

    def check(self, reader: str) -> None:
        """Raise RefusedError RATE_LIMITED while ``reader`` has to wait."""
        times_s = self._times_s.get(reader) or deque()
        now_s = self._clock.monotonic_s()
        if len(times_s) < FAILURES_MAX or now_s - times_s[0] > FAILURES_WITHIN_S:
            return
        if now_s - times_s[-1] < SLOW_S:
            raise RefusedError(
                ErrorCode.RATE_LIMITED,
                f"Too many wrong codes here; one is tried every {SLOW_S} seconds for now.",
                reader=reader or None,
            )

    def note(self, reader: str) -> None:
        """Count a wrong number or code."""
        times_s = self._times_s.setdefault(reader, deque(maxlen=FAILURES_MAX))
        times_s.append(self._clock.monotonic_s())
