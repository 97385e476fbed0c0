"""Programs that tests start: none outlives the test that started it."""

import asyncio
import ctypes
import os
import select
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from tests.support.till import PATIENCE_S

TILLCARD = (sys.executable, "-m", "daemon")
PR_SET_CHILD_SUBREAPER = 36
"""prctl(2): whoever loses its parent becomes a child of this process, and so is found by it."""
OWN = ("multiprocessing.forkserver", "multiprocessing.resource_tracker")
"""Children that Python keeps for itself; they end when this process does."""


@asynccontextmanager
async def started(*words: str | Path, **options: Any) -> AsyncIterator[Process]:
    """Run a program for as long as the block lasts; kill it at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(*words, **options)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()  # reads its pipes to their ends, so that they are closed


async def output_of(
    *words: str | Path, stdin: bytes = b"", patience_s: float = PATIENCE_S, **options: Any
) -> tuple[int, str]:
    """Run a program to its end; return its exit status and all that it said."""
    pipes = {"stdin": PIPE, "stdout": PIPE, "stderr": STDOUT}
    async with started(*words, **pipes | options) as process, asyncio.timeout(patience_s):
        said, _ = await process.communicate(stdin)
        return await process.wait(), said.decode()


async def until_said(
    stream: asyncio.StreamReader | None, words: str, *, patience_s: float = PATIENCE_S
) -> None:
    """Read lines of a program's pipe until one has ``words``."""
    assert stream is not None
    async with asyncio.timeout(patience_s):
        while words.encode() not in (line := await stream.readline()):
            assert line, f"it ended and never said {words!r}"


@asynccontextmanager
async def daemon_of(home: Path, *before: str, **options: Any) -> AsyncIterator[Process]:
    """Run ``tillcard run`` in a process of its own, behind the words of ``before``, until ready."""
    line = (*before, *TILLCARD, "run", "--config", str(home / "tillcard.toml"))
    async with started(*line, stderr=PIPE, **options) as process:
        await until_said(process.stderr, "ready: socket", patience_s=3 * PATIENCE_S)
        yield process


def wait_for_end(pid: int, patience_s: float = PATIENCE_S) -> None:
    """Block until a process has ended; who started it can then ask for its status.

    ``Popen.wait`` with a timeout looks again and again, with sleeps that libfaketime breaks.
    """
    with suppress(ProcessLookupError):
        pidfd = os.pidfd_open(pid)
        try:
            assert select.select([pidfd], [], [], patience_s)[0], f"process {pid} does not end"
        finally:
            os.close(pidfd)


def adopt_orphans() -> None:
    """Make this process the parent of what its children leave behind."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def left_behind() -> list[str]:
    """Kill whatever still runs under this process; return the command line of each."""
    found = []
    for child in psutil.Process().children(recursive=True):
        line = _command_line(child)
        if line is not None and not any(own in line for own in OWN):
            child.kill()
            wait_for_end(child.pid)
            found.append(line)
    return found


def _command_line(process: psutil.Process) -> str | None:
    """Return the words it was started with, or None when it has ended meanwhile."""
    try:
        return None if process.status() == psutil.STATUS_ZOMBIE else " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return None
