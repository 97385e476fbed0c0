"""Work that is begun at once and done by the till, some of it at a time, while sales pass between.

    begin     a row says what is to be done       the one who asked is answered
    job       some of it, in one transaction      a sale
    job       the next                            kill -9
    job       the next, after the next start, and so on until nothing is left

What is left stands in the database alone, so whatever ends the till, the next start goes on with it
and nobody has to ask for it again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from daemon.base.refusals import RefusedError
from daemon.ledger.ledger import Ledger
from daemon.ledger.storage.store import Store

GO_ON_S = 5.0
"""When a till goes on with work that could not be written."""
WAIT_S = 5.0
"""How long somebody who follows it waits for the next step."""
log = logging.getLogger(__name__)


class LongWork:
    """Does what was begun until nothing is left, for ever."""

    def __init__(
        self,
        ledger: Ledger,
        what: str,
        is_left: Callable[[Store], bool],
        do_some: Callable[[Store], None],
        tidy: Callable[[], Awaitable[None]],
    ) -> None:
        """Take what to do.

        what:    such as ``a batch of cards``, for the log.
        is_left: whether there is more to do. do_some: the job that does the next part.
        tidy:    takes away what the last run has left and nobody goes on with.
        """
        self._ledger, self._what = ledger, what
        self._is_left, self._do_some, self._tidy = is_left, do_some, tidy
        self._begun = asyncio.Event()
        self._step = asyncio.Event()
        self._is_tidy = asyncio.Event()

    async def tidied(self) -> None:
        """Wait until what the last run has left is gone."""
        await self._is_tidy.wait()

    def begin(self) -> None:
        """Say that there is something to do."""
        self._begun.set()

    async def follow(self, is_there: Callable[[], Awaitable[bool]]) -> None:
        """Wait for what somebody waits for, WAIT_S at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(WAIT_S):
                while not await is_there():
                    await self._step.wait()

    async def run(self) -> None:
        """Do what was begun, until cancelled."""
        while True:
            self._begun.clear()
            again_s = None
            try:
                if not self._is_tidy.is_set():
                    await self._tidy()
                    self._is_tidy.set()
                while await self._ledger.read(self._is_left):
                    await self._ledger.update(self._do_some)
                    self._step.set()
                    self._step.clear()
            except RefusedError as error:  # a full disk must not end the till
                log.warning("%s waits: %s", self._what, error)
                again_s = GO_ON_S
            with suppress(TimeoutError):
                async with asyncio.timeout(again_s):
                    await self._begun.wait()
