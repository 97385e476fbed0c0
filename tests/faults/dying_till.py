"""A till in a process of its own that kills itself with SIGKILL before its n-th SQL statement."""

import asyncio
import os
import signal
from multiprocessing.connection import Connection
from pathlib import Path

from daemon.ledger.storage.sqlite import SQLiteStore
from daemon.ledger.storage.store import Store
from tests.support.clock import HandClock
from tests.support.till import open_till


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


def run(home: Path, burns_at: int, parent: Connection) -> None:
    """Run the till of ``home``; tell the parent when it is ready, and its statements at the end."""
    asyncio.run(_run(home, Fuse(burns_at), parent))


async def _run(home: Path, fuse: Fuse, parent: Connection) -> None:
    def open_fused(location: str, home: Path, *, read_only: bool = False) -> Store:
        trace = None if read_only else fuse
        return SQLiteStore(home / location, read_only=read_only, trace=trace)

    async with open_till(home, HandClock(), open_fused):
        fuse.lit = True
        parent.send("ready")
        await asyncio.to_thread(parent.recv)
        fuse.lit = False
    parent.send(fuse.count)
