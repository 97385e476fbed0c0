"""A till that kills itself with SIGKILL before its n-th SQL statement.

Usage: python -m tests.faults.dying_till HOME N [STATEMENT]. N counts from the first statement
that begins with STATEMENT after the till is ready; 0 never dies. It prints ``ready`` and, at
its end, how many statements it ran.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from daemon.clock import SystemClock
from daemon.ledger.sqlite import SQLiteStore
from daemon.ledger.store import Store
from tests.support.till import open_till


class Fuse:
    """Counts the writer's statements once it is lit."""

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


async def main(home: Path, burns_at: int) -> None:
    fuse = Fuse(burns_at)

    def open_fused(location: str, home: Path, *, read_only: bool = False) -> Store:
        trace = None if read_only else fuse
        return SQLiteStore(home / location, read_only=read_only, trace=trace)

    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with open_till(home, SystemClock(), open_fused):
        fuse.lit = True
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await stop.wait()
        fuse.lit = False
    sys.stdout.write(f"{fuse.count}\n")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
