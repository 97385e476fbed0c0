"""Counts what looks like guessing at cards, so that nobody gets far with it. It locks no card."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeAlias
from weakref import WeakValueDictionary

from daemon.base.caller import caller
from daemon.base.clock import Clock
from daemon.base.refusals import ErrorCode, RefusedError

FAILURES_MAX = 5
FAILURES_WITHIN_S = 600
SLOW_S = 10
"""FAILURES_MAX wrong ones at a reader within FAILURES_WITHIN_S, and it waits SLOW_S after each."""
USER_FAILURES_MAX = 25
"""As many of all clients of one user: what a client calls itself is its own word."""
SOURCES_MAX = 1_000
"""Readers and clients that are remembered; one more and the one quiet longest is forgotten."""
WRONG = (ErrorCode.CARD_UNKNOWN, ErrorCode.CODE_UNKNOWN)


Source: TypeAlias = tuple[str, str]


class Guesses:
    """Wrong numbers or codes, by reader, or by client ("") where a client itself was given them.

    So no reader slows another, and no client another's cards.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._times_s: OrderedDict[Source, deque[float]] = OrderedDict()
        self._gates: WeakValueDictionary[Source, asyncio.Semaphore] = WeakValueDictionary()

    def check(self, reader: str = "") -> None:
        """Raise RefusedError RATE_LIMITED while ``reader``, or the client, has to wait."""
        now_s = self._clock.monotonic_s()
        for source, most in _sources(reader):
            times_s = self._times_s.get(source) or deque()
            if len(times_s) < most or now_s - times_s[0] > FAILURES_WITHIN_S:
                continue
            if now_s - times_s[-1] < SLOW_S:
                raise RefusedError(
                    ErrorCode.RATE_LIMITED,
                    "Too many wrong numbers or codes here;"
                    f" one is tried every {SLOW_S} seconds for now.",
                    reader=reader or None,
                )

    def note(self, reader: str = "") -> None:
        """Count a wrong number or code."""
        for source, most in _sources(reader):
            times_s = self._times_s.setdefault(source, deque(maxlen=most))
            times_s.append(self._clock.monotonic_s())
            self._times_s.move_to_end(source)
        while len(self._times_s) > SOURCES_MAX:
            self._times_s.popitem(last=False)

    @asynccontextmanager
    async def trying(self, reader: str = "") -> AsyncIterator[None]:
        """Look a number or a code up in the block; no more at once than may be wrong.

        Otherwise hundreds that are sent together would all be looked up before one is counted.
        Raises: RefusedError RATE_LIMITED, before the block, while the reader or client has to wait.
        """
        async with AsyncExitStack() as stack:
            for source, most in _sources(reader):
                gate = self._gates.setdefault(source, asyncio.Semaphore(most))
                await stack.enter_async_context(gate)
            self.check(reader)
            yield

    @asynccontextmanager
    async def counting(self) -> AsyncIterator[None]:
        """Count a number or a code that turns out in the block to be nobody's; see `trying`."""
        async with self.trying():
            try:
                yield
            except RefusedError as refusal:
                if refusal.code in WRONG:
                    self.note()
                raise


def _sources(reader: str) -> list[tuple[Source, int]]:
    """Return whose wrong number it is, and how many each may give: the user's is the last."""
    if reader or not caller():
        return [((reader, ""), FAILURES_MAX)]
    user, _, _ = caller().partition("/")
    return [(("", caller()), FAILURES_MAX), (("", user), USER_FAILURES_MAX)]
