"""Counts what looks like guessing at cards, so that nobody gets far with it. It locks no card."""

from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager

from daemon.base.caller import caller
from daemon.base.clock import Clock
from daemon.base.refusals import ErrorCode, RefusedError

FAILURES_MAX = 5
FAILURES_WITHIN_S = 600
SLOW_S = 10
"""FAILURES_MAX wrong ones at a reader within FAILURES_WITHIN_S, and it waits SLOW_S after each."""
SOURCES_MAX = 1_000
"""Readers and clients that are remembered; one more and the one quiet longest is forgotten."""
WRONG = (ErrorCode.CARD_UNKNOWN, ErrorCode.CODE_UNKNOWN)


class Guesses:
    """Wrong numbers or codes, by reader, or by client ("") where a client itself was given them.

    So no reader slows another, and no client another's cards.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._times_s: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()

    def check(self, reader: str = "") -> None:
        """Raise RefusedError RATE_LIMITED while ``reader``, or the client, has to wait."""
        times_s = self._times_s.get(_source(reader)) or deque()
        now_s = self._clock.monotonic_s()
        if len(times_s) < FAILURES_MAX or now_s - times_s[0] > FAILURES_WITHIN_S:
            return
        if now_s - times_s[-1] < SLOW_S:
            raise RefusedError(
                ErrorCode.RATE_LIMITED,
                f"Too many wrong codes here; one is tried every {SLOW_S} seconds for now.",
                reader=reader or None,
            )

    def note(self, reader: str = "") -> None:
        """Count a wrong number or code."""
        source = _source(reader)
        times_s = self._times_s.setdefault(source, deque(maxlen=FAILURES_MAX))
        times_s.append(self._clock.monotonic_s())
        self._times_s.move_to_end(source)
        if len(self._times_s) > SOURCES_MAX:
            self._times_s.popitem(last=False)

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count a number or a code that turns out in the block to be nobody's.

        Raises: RefusedError RATE_LIMITED, before the block, while the client has to wait.
        """
        self.check()
        try:
            yield
        except RefusedError as refusal:
            if refusal.code in WRONG:
                self.note()
            raise


def _source(reader: str) -> tuple[str, str]:
    return (reader, "") if reader else ("", caller())
