"""How long the daemon takes to be ready, and what it costs while nothing happens.

``python -m tests.bench.idle``; sampled from outside, on the sample configuration.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import psutil

from daemon.pos.client import Client, UnreachableError
from tests.support.till import lay_out

STARTS, IDLE_S, GIVE_UP_S, STOP_S = 7, 20.0, 30.0, 30.0
NOT_FOR_RUN = ("alembic", "sqlalchemy", "typer", "rich", "psycopg", "argon2", "pyotp", "zxcvbn")


@contextmanager
def started(home: Path) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """Run a daemon while the block runs; give it and the seconds until its status was answered."""
    words = [sys.executable, "-m", "daemon", "run", "--config", str(home / "tillcard.toml")]
    begun = time.perf_counter()
    daemon = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    try:
        while not answers(home):
            assert time.perf_counter() - begun < GIVE_UP_S, "the daemon did not answer"
        yield daemon, time.perf_counter() - begun
    finally:
        daemon.terminate()
        daemon.wait(STOP_S)


def answers(home: Path) -> bool:
    """Ask for the status; give the processor up when nobody answers yet."""
    try:
        with Client(home / "pos.sock") as client:
            client.call("status")
    except UnreachableError:
        os.sched_yield()
        return False
    return True


def bare() -> float:
    """Return the seconds that an interpreter with asyncio alone takes."""
    begun = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", "import asyncio; asyncio.run(asyncio.sleep(0))"], check=True
    )
    return time.perf_counter() - begun


def imported() -> list[str]:
    """Return which libraries that ``run`` must not import it imports all the same."""
    code = "import sys, daemon.cli.run_command; print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return sorted(set(NOT_FOR_RUN) & {name.partition(".")[0] for name in said.stdout.split()})


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        lay_out(home)
        with started(home) as (_, first_s):
            pass
        times_s, bare_s = [], []
        for _ in range(STARTS):
            with started(home) as (_, ready_s):
                times_s.append(ready_s)
            bare_s.append(bare())
        with started(home) as (daemon, _):
            process = psutil.Process(daemon.pid)
            used = process.cpu_times()
            threading.Event().wait(IDLE_S)
            later = process.cpu_times()
            cpu_s = later.user + later.system - used.user - used.system
            memory = process.memory_full_info()
    print(f"first start, with a new ledger  {first_s:6.2f} s")
    print(f"ready after start, median       {median(times_s):6.2f} s   (limit 1.5 s)")
    print(f"  of which a bare interpreter   {median(bare_s):6.2f} s")
    print(f"imported and not needed         {' '.join(imported()) or 'nothing'}")
    print(f"idle, share of a core           {100 * cpu_s / IDLE_S:6.2f} %   (limit 0.2 %)")
    rss_mib, uss_mib = memory.rss / 2**20, memory.uss / 2**20
    print(f"idle, resident / own memory     {rss_mib:6.1f} / {uss_mib:.1f} MiB   (limit 100)")


if __name__ == "__main__":
    main()
