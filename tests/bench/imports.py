"""What half a million customers take to be imported, while a till sells beside it.

``python -m tests.bench.imports [--rows N]``, 500,000 without it, of which three are bad. A daemon
and the command run as programs of their own; a POS sells without a pause, and its commits are
timed while rows are checked and while they are applied.
"""

import argparse
import asyncio
import csv
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import psutil

from card_formats.check_digits import Check, append_check
from tests.bench.commit import judge
from tests.bench.find import people
from tests.bench.idle import started
from tests.scenarios.shops import goods
from tests.support.till import Pos, audited, lay_out

ROWS, BAD = 500_000, 3
PAUSE_S = 0.05
MEMORY_MB_MAX = 200
WORST_S_MAX = 2.0
COLUMNS = (
    "name",
    "phone",
    "email",
    "card",
    "balance.bonus",
    "meter.spend",
    "consent.personal_data",
)


def write(file: Path, wanted: int) -> None:
    """Write the table; its last rows have a telephone that is none."""
    with file.open("w", newline="", encoding="utf-8") as opened:
        rows = csv.writer(opened, delimiter=";")
        rows.writerow(COLUMNS)
        for n, profile in people(wanted):
            phone = profile.phone if n < wanted - BAD else "12"
            number = append_check(Check.EAN, f"290{n + BAD:09d}")
            said = (phone, profile.email, number, "25,00", "900", "2024-05-01")
            rows.writerow((profile.name, *said))


class Watch:
    """Sells without a pause beside the command, and looks how large both programs get."""

    def __init__(self, pos: Pos, *programs: psutil.Process) -> None:
        self._pos, self._programs = pos, programs
        self.sold_s: dict[str, list[float]] = {"checked": [], "applied": []}
        self.took_s = dict.fromkeys(self.sold_s, 0.0)
        self.most_mb = [0.0] * len(programs)

    async def while_runs(self, command: asyncio.subprocess.Process) -> None:
        """Sell until the command has ended."""
        sales, last = 0, perf_counter()
        while command.returncode is None:
            begun = perf_counter()
            await self._pos.call("sale.commit", sale_id=f"s{sales}", lines=goods(100))
            done = perf_counter()
            sales += 1
            imports = (await self._pos.call("import.list", limit=1))["imports"]
            phase = "applied" if imports else "checked"
            self.sold_s[phase].append(done - begun)
            self.took_s[phase] += perf_counter() - last
            last = perf_counter()
            self._look()
            await asyncio.sleep(PAUSE_S)

    def _look(self) -> None:
        for n, program in enumerate(self._programs):
            if program.is_running() and program.status() != psutil.STATUS_ZOMBIE:
                self.most_mb[n] = max(self.most_mb[n], program.memory_info().rss / 1e6)


async def measured(home: Path, file: Path, wanted: int) -> bool:
    """Import the table and say what it took."""
    line = [sys.executable, "-m", "daemon", "customers", "import", str(file), "--yes"]
    line += ["--skip-bad", "--by", "olha", "--json", "--socket", str(home / "pos.sock")]
    with started(home) as (daemon, _):
        async with Pos.connect(home / "pos.sock") as pos:
            begun = perf_counter()
            command = await asyncio.create_subprocess_exec(*line, stdout=subprocess.DEVNULL)
            watch = Watch(pos, psutil.Process(daemon.pid), psutil.Process(command.pid))
            await watch.while_runs(command)
            took_s = perf_counter() - begun
            shown = await pos.call("import.status", import_id="I-2026-0001")
            spent = psutil.Process(daemon.pid).cpu_times()
    assert (shown["added"], shown["skipped"]) == (wanted - BAD, BAD), shown
    ledger_mb = (home / "tillcard.db").stat().st_size / 1e6
    print(f"{wanted:,} rows: {took_s:.0f} s, {spent.user + spent.system:.0f} s processor time of")
    print(f"the daemon; the ledger has {ledger_mb:.0f} MB")
    held = True
    for phase, sold_s in watch.sold_s.items():
        said = f"{watch.took_s[phase]:.0f} s, {len(sold_s):,} sales beside it: commit p50"
        worst_s = max(sold_s, default=0.0)
        print(f"{phase}: {said} {1e3 * median(sold_s):.0f} ms, worst {1e3 * worst_s:.0f} ms")
        held &= judge(f"worst at most {WORST_S_MAX} s", worst_s <= WORST_S_MAX)
    for name, most_mb in zip(("daemon", "command"), watch.most_mb, strict=True):
        print(f"the {name} has {most_mb:.0f} MB resident:", end=" ")
        held &= judge(f"at most {MEMORY_MB_MAX} MB", most_mb <= MEMORY_MB_MAX)
    return held


def main() -> int:
    """Write a table and import it; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    wanted = parser.parse_args().rows
    with TemporaryDirectory() as folder:
        home = Path(folder) / "till"
        lay_out(home)
        file = Path(folder) / "customers.csv"
        write(file, wanted)
        print(f"a file of {file.stat().st_size / 2**20:.1f} MiB")
        held = asyncio.run(measured(home, file, wanted))
        if wanted < ROWS:
            held &= judge("the ledger is whole", audited(home).findings == ())
        return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
