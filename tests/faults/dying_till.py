"""A till in a process of its own that kills itself with SIGKILL before its n-th SQL statement.

Only SQLite's statements are counted. Its clock stands still, and steps when the parent says so.
"""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from daemon.ledger.storage.registry import open_store, scheme_of
from daemon.ledger.storage.sqlite import SQLiteStore
from daemon.ledger.storage.store import Store
from tests.support.clock import HandClock
from tests.support.till import PATIENCE_S, open_till

BY_ITSELF_MAX = 40
"""Statements that a till may write by itself when it starts, before its fuse is lit or after."""


class Fuse:
    """Counts the writer's statements once it is lit; 0 never burns down."""

    def __init__(self, burns_at: int) -> None:
        self.burns_at = burns_at
        self.count = 0
        self.lit = False

    def __call__(self, statement: str) -> None:
        if not self.lit:
            return
        self.count += 1
        if self.count == self.burns_at:
            os.kill(os.getpid(), signal.SIGKILL)


def run(home: Path, burns_at: int, clock: HandClock, parent: Connection) -> None:
    """Run the till of ``home``; tell the parent when it is ready, and its statements at the end."""
    asyncio.run(_run(home, Fuse(burns_at), clock, parent))


async def _run(home: Path, fuse: Fuse, clock: HandClock, parent: Connection) -> None:
    def open_fused(location: str, home: Path, *, read_only: bool = False) -> Store:
        if read_only or scheme_of(location):
            return open_store(location, home, read_only=read_only)
        return SQLiteStore(home / location, trace=fuse)

    async with open_till(home, clock, open_fused):
        fuse.lit = True
        parent.send("ready")
        while (step_s := await asyncio.to_thread(parent.recv)) != "end":
            clock.step(seconds=step_s)
        fuse.lit = False
    parent.send(fuse.count)


# A server that has imported everything forks each till: starting afresh takes longer than dying.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.faults.dying_till"])


class Till:
    """A till in another process. ``statements`` is known once it has ended by itself."""

    def __init__(self, home: Path, burns_at: int, clock: HandClock) -> None:
        self._here, there = FORKS.Pipe()
        self.process = FORKS.Process(target=run, args=(home, burns_at, clock, there))
        self.process.start()
        there.close()
        self.statements = 0

    async def ready(self) -> None:
        assert await self._told() == "ready"

    def step(self, seconds: float) -> None:
        """Put its clock wrong, or less wrong, by so much."""
        with suppress(OSError):  # it is dead already
            self._here.send(seconds)

    def outlived(self, burns_at: int, statements: int) -> bool:
        """Whether it ended by itself: what it writes by itself was done before its fuse was lit.

        statements: how many there were when nobody killed it.
        """
        if self.process.exitcode == 0:
            assert statements - BY_ITSELF_MAX < burns_at, "it was to die long before"
            return True
        assert self.process.exitcode == -signal.SIGKILL
        return False

    async def end(self) -> None:
        if self.process.is_alive():
            with suppress(EOFError, ConnectionError):
                self._here.send("end")
                self.statements = await self._told()
        await asyncio.to_thread(self.process.join, PATIENCE_S)
        if self.process.is_alive():
            self.process.kill()
            await asyncio.to_thread(self.process.join)
        self._here.close()

    async def _told(self) -> Any:
        assert await asyncio.to_thread(self._here.poll, PATIENCE_S), "the till says nothing"
        return self._here.recv()


@asynccontextmanager
async def process(
    home: Path, burns_at: int = 0, clock: HandClock | None = None
) -> AsyncIterator[Till]:
    till = Till(home, burns_at, clock or HandClock())
    try:
        await till.ready()
        yield till
    finally:
        await till.end()
