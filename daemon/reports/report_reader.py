"""Reports have connections and threads of their own: none ever holds the checkout's reads.

Two are asked at once and eight wait; one more is told to come again. What takes longer than its
time is interrupted in the database, not only given up: it would go on using the disk that sales
are written to.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import msgspec

from daemon.base.refusals import ErrorCode, RefusedError
from daemon.ledger.readers import unreadable
from daemon.ledger.storage.store import Store, StoreError

T = TypeVar("T")
AT_ONCE_MAX = 2
WAITING_MAX = 8


class ReportReader:
    """Asks long questions of a ledger. ``open_reading`` opens a connection when one is needed."""

    def __init__(self, open_reading: Callable[[], Store], timeout_s: float) -> None:
        self._open, self._timeout_s = open_reading, timeout_s
        self._threads = ThreadPoolExecutor(AT_ONCE_MAX, thread_name_prefix="reports")
        self._turns = asyncio.Semaphore(AT_ONCE_MAX)
        self._free: list[Store] = []
        self._in_hand = 0

    async def ask(self, question: Callable[[Store], T]) -> T:
        """Ask within one snapshot of the ledger: sales that are posted meanwhile are not seen.

        Raises: RefusedError BUSY where too many wait, TIMEOUT, LEDGER_DAMAGED, TOO_NEW; what the
                question raises.
        """
        if self._in_hand >= AT_ONCE_MAX + WAITING_MAX:
            raise RefusedError(
                ErrorCode.BUSY, "Two reports are being made and eight wait; ask again later."
            )
        self._in_hand += 1
        try:
            async with self._turns:
                return await self._asked(question)
        except (msgspec.DecodeError, StoreError) as error:
            raise unreadable(error) from error
        finally:
            self._in_hand -= 1

    async def _asked(self, question: Callable[[Store], T]) -> T:
        loop = asyncio.get_running_loop()
        store = self._free.pop() if self._free else await self._new()
        asking = loop.run_in_executor(self._threads, _in_one_snapshot, store, question)
        try:
            done, _ = await asyncio.wait([asking], timeout=self._timeout_s)
        finally:
            # Also whoever gave up waits until the question has ended: its connection is in use.
            while not asking.done():
                await asyncio.to_thread(store.interrupt)
                await asyncio.wait([asking], timeout=_AGAIN_S)
            self._free.append(store)
        if not done:
            asking.exception()  # it was interrupted, and says so
            raise RefusedError(
                ErrorCode.TIMEOUT,
                f"The report took longer than {self._timeout_s:g} s and was ended; ask for a"
                " shorter period.",
            )
        return asking.result()

    async def _new(self) -> Store:
        opening = asyncio.create_task(asyncio.to_thread(self._opened))
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:  # a thread is not cancelled: what it opens is closed later
            self._free.append(await opening)
            raise

    def _opened(self) -> Store:
        store = self._open()
        store.exchange_limit_s = 2 * self._timeout_s  # it is interrupted before
        return store

    async def close(self) -> None:
        """Close the connections; no report is asked any more."""
        await asyncio.to_thread(self._threads.shutdown)
        for store in self._free:
            store.close()


_AGAIN_S = 0.05
"""An interrupt between two statements stops neither, and is sent again."""


def _in_one_snapshot(store: Store, question: Callable[[Store], T]) -> T:
    store.begin()
    try:
        return question(store)
    finally:
        store.rollback()
