"""Reading connections: a question that takes long holds up no other.

One connection is open from the start. Where all are busy another one is opened, up to READERS_MAX,
and kept: sixteen sales that ask at once over a line of two seconds wait eight, not thirty-two.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from daemon.ledger.storage.store import Store

T = TypeVar("T")
READERS_MAX = 4
"""Questions that are asked at once, and connections for it. Others wait their turn."""


class LedgerReaders:
    """Asks questions, each in a thread, on a connection that is its own meanwhile.

    open_another: opens one more; without it there is only the first.
    """

    def __init__(self, first: Store, open_another: Callable[[], Store] | None = None) -> None:
        self._opened, self._free = [first], deque([first])
        self._open_another = open_another
        self._threads = ThreadPoolExecutor(
            max_workers=READERS_MAX if open_another else 1, thread_name_prefix="ledger-reader"
        )

    async def ask(self, question: Callable[[Store], T]) -> T:
        """Ask when a thread is free; a question whose asker gave up before is not asked at all.

        Raises: StoreError, and what the question raises.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._ask, question)

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

    async def close(self) -> None:
        """Let questions end, and close the connections."""
        await asyncio.to_thread(self._threads.shutdown)
        for store in self._opened:
            store.close()
