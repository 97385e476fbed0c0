"""The disk comes before the answer: watched from outside, in the system calls."""

import asyncio
import os
import re
from pathlib import Path

from tests.scenarios.baskets import BASKET
from tests.support.processes import daemon_of
from tests.support.till import Pos, lay_out

CALLS = "fdatasync,fsync,recvfrom,read,sendto,sendmsg,write"


async def test_the_ledger_is_synced_between_the_request_and_its_answer(tmp_path: Path) -> None:
    home, trace = tmp_path / "home", tmp_path / "trace"
    lay_out(home)
    os.mkfifo(trace)
    # A pipe ends when the tracer does, which is a little after the till.
    traced = asyncio.create_task(asyncio.to_thread(trace.read_text, "utf-8", "replace"))
    # -D: the till is our child and the tracer its grandchild, so that SIGTERM reaches the till.
    tracer = ("strace", "-D", "-f", "-y", "-s", "400", "-e", f"trace={CALLS}", "-o", str(trace))
    async with daemon_of(home, *tracer) as till:
        async with Pos.connect(home / "pos.sock") as pos:
            for n in range(3):
                await pos.call("sale.commit", sale_id=f"watched-{n}", lines=BASKET)
        till.terminate()
        await till.wait()
    lines = (await traced).splitlines()
    for n in range(3):
        asked = first(lines, rf"(recvfrom|read)(\(| resumed).*sale\.commit.*watched-{n}")
        answered = first(lines, rf"(sendto|sendmsg|write)\(.*posted.*watched-{n}")
        synced = first_sync(lines[asked:]) + asked
        assert asked < synced < answered


def first_sync(lines: list[str]) -> int:
    """Return the index of the line in which a sync of the log has ended, whole or resumed."""
    call = r"(?P<pid>\d+) +(fdatasync|fsync)\(\d+<.*tillcard\.db-wal>"
    waiting: set[str] = set()
    for index, line in enumerate(lines):
        if found := re.match(call + r"(?P<end>\)\s+= 0)?", line):
            if found["end"]:
                return index
            waiting.add(found["pid"])
        resumed = re.match(r"(?P<pid>\d+) +<\.\.\. (fdatasync|fsync) resumed>\)\s+= 0", line)
        if resumed and resumed["pid"] in waiting:
            return index
    raise AssertionError("no sync of the log was traced")


def first(lines: list[str], pattern: str) -> int:
    """Return the index of the first line that matches; a call in two parts counts at its end."""
    for index, line in enumerate(lines):
        if re.search(pattern, line):
            return index
    raise AssertionError(f"nothing like {pattern} was traced")
