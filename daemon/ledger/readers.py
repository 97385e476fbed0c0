"""Reading connections: a question that takes long holds up no other.

One connection is open from the start. Where all are busy another one is opened, up to READERS_MAX,
and kept: sixteen sales that ask at once over a line of two seconds wait eight, not thirty-two.
"""

import asyncio
import logging
import queue
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import msgspec

from daemon.base.refusals import ErrorCode, RefusedError
from daemon.ledger.storage.rows import damaged, too_new
from daemon.ledger.storage.store import LedgerDamagedError, Store, StoreError

T = TypeVar("T")
log = logging.getLogger(__name__)
READERS_MAX = 4
"""Questions that are asked at once, and connections for it. Others wait their turn."""
READ_S = 10.0
"""How long an answer is waited for, its turn included, whatever the database does."""


class _Asked(NamedTuple):
    question: Callable[[Store], Any]
    answer: asyncio.Future[Any]


class LedgerReaders:
    """Asks questions, each in a thread, on a connection that is its own meanwhile.

    open_another: opens one more; without it there is only the first.
    """

    # Not a ThreadPoolExecutor: its futures, locks and callbacks cost as much as the question.

    def __init__(
        self,
        first: Store,
        open_another: Callable[[], Store] | None = None,
        wait_s: float = READ_S,
    ) -> None:
        self._opened, self._free = [first], deque([first])
        self._open_another, self._wait_s = open_another, wait_s
        self._queue: queue.SimpleQueue[_Asked | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._waiting = 0
        self._threads: list[threading.Thread] = []

    async def ask(self, question: Callable[[Store], T]) -> T:
        """Ask when a thread is free; a question whose asker gave up before is not asked at all.

        Raises: TimeoutError, StoreError, and what the question raises.
        """
        answer: asyncio.Future[T] = self._loop.create_future()
        self._waiting += 1
        self._begin_threads()
        given_up = self._loop.call_later(self._wait_s, _give_up, answer)
        self._queue.put(_Asked(question, answer))
        try:
            return await answer
        finally:
            given_up.cancel()

    def _begin_threads(self) -> None:
        wanted = min(self._waiting, READERS_MAX if self._open_another else 1)
        while len(self._threads) < wanted:
            name = f"ledger-reader-{len(self._threads)}"
            self._threads.append(threading.Thread(target=self._run, name=name, daemon=True))
            self._threads[-1].start()

    def _run(self) -> None:
        while (asked := self._queue.get()) is not None:
            self._loop.call_soon_threadsafe(self._deliver, asked.answer, *self._outcome(asked))

    def _outcome(self, asked: _Asked) -> tuple[Any, Exception | None]:
        if asked.answer.done():  # given up
            return None, None
        try:
            return self._ask(asked.question), None
        except Exception as error:  # it belongs to whoever asked
            return None, error

    def _ask(self, question: Callable[[Store], T]) -> T:
        store = self._take()
        try:
            return question(store)
        finally:
            self._free.append(store)

    def _take(self) -> Store:
        try:
            return self._free.pop()  # the newest first, so that one is enough where nothing waits
        except IndexError:
            assert self._open_another is not None, "there are as many threads as connections"
            store = self._open_another()
            self._opened.append(store)
            return store

    def _deliver(self, answer: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
        self._waiting -= 1
        if answer.done():
            return
        if error is None:
            answer.set_result(result)
        else:
            answer.set_exception(error)
            answer.exception()  # whoever asked may be gone

    async def close(self) -> None:
        """Let questions end, and close the connections."""
        for _ in self._threads:
            self._queue.put(None)
        await asyncio.to_thread(self._join)
        for store in self._opened:
            store.close()

    def _join(self) -> None:
        for thread in self._threads:
            thread.join()


def _give_up(answer: asyncio.Future[Any]) -> None:
    if not answer.done():
        answer.set_exception(TimeoutError())


def unreadable(error: msgspec.DecodeError | StoreError) -> RefusedError:
    """Refuse a question that the database, or what stands in it, has not let be answered."""
    if isinstance(error, msgspec.DecodeError):
        return too_new(error)
    log.error("the ledger cannot be read: %s", error)
    if isinstance(error, LedgerDamagedError):
        return damaged()
    return RefusedError(ErrorCode.BUSY, "The ledger could not be read; try again.")
