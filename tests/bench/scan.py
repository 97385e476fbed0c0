"""From the last byte of a scan to its event on the socket, with four scanners at work.

``python -m tests.bench.scan [SECONDS]``: a whole till in a process of its own reads four serial
ports (pseudo-terminals); this process is the scanners, each sends 20 scans a second, and the POS
that listens. Every scan must arrive, from the right reader and in its order; then the times count.
A second POS subscribes and reads nothing till the end: what it does not get then, it is told of.
"""

import asyncio
import gc
import os
import statistics
import sys
import tempfile
import tty
from pathlib import Path
from time import monotonic

from tests.bench.idle import started
from tests.support.till import Pos, lay_out

SCANNERS, SCANS_A_SECOND, SECONDS = 4, 20, 60
P50_LIMIT_MS, P99_LIMIT_MS = 1.0, 5.0
LAST_ONE_S = 5.0


def lay_out_till(home: Path, ports: list[str]) -> None:
    """Write a configuration whose readers are ``ports``."""
    lay_out(home)
    path = home / "tillcard.toml"
    text, _, _ = path.read_text("utf-8").partition("[[reader]]")
    for index, port in enumerate(ports):
        text += f'[[reader]]\nkind = "serial"\nname = "s{index}"\ndevice = "{port}"\n'
    path.write_text(text, "utf-8")


async def scan(port: int, index: int, count: int, sent_s: dict[str, float]) -> None:
    """Send ``count`` scans, evenly; note when the last byte of each was written."""
    loop = asyncio.get_running_loop()
    begin_s = loop.time() + index / SCANNERS / SCANS_A_SECOND
    for n in range(count):
        await asyncio.sleep(max(begin_s + n / SCANS_A_SECOND - loop.time(), 0))
        text = f"S{index}-{n:06d}"
        sent_s[text] = monotonic()
        os.write(port, f"]C0{text}\r".encode())


async def listen(pos: Pos, count: int, got: dict[str, list[str]], came_s: dict[str, float]) -> None:
    """Take ``count`` scans from the socket; note when each came."""
    for _ in range(count):
        event = await pos.event("scan", "scan.duplicate", "scan.unreadable", "overflow")
        came_s[event.get("text", "")] = monotonic()
        got.setdefault(event.get("reader", ""), []).append(event.get("text", event["type"]))


async def catch_up(pos: Pos, last_seq: int) -> tuple[int, int]:
    """Read what waits for a POS that read nothing; return how many came, and how many are lost."""
    came, lost, seq = 0, 0, 0
    while seq < last_seq:
        event = await pos.event("scan", "reader.state", "overflow")
        seq = event["seq"]
        came += event["type"] != "overflow"
        lost += event.get("lost", 0)
    return came, lost


async def play(socket: Path, ports: list[int], seconds: int) -> bool:
    count = seconds * SCANS_A_SECOND
    sent_s: dict[str, float] = {}
    came_s: dict[str, float] = {}
    got: dict[str, list[str]] = {}
    async with Pos.connect(socket) as pos, Pos.connect(socket, limit=2**16) as slow:
        first_seq = (await slow.call("events.subscribe"))["seq"]
        await pos.call("events.subscribe")
        while any(r["state"] != "ready" for r in (await pos.call("status"))["readers"]):
            await pos.event("reader.state")
        listening = asyncio.create_task(listen(pos, count * SCANNERS, got, came_s))
        async with asyncio.TaskGroup() as tasks:
            for index, port in enumerate(ports):
                tasks.create_task(scan(port, index, count, sent_s))
        await asyncio.wait([listening], timeout=LAST_ONE_S)
        listening.cancel()
        last_seq = (await pos.call("events.subscribe"))["seq"]
        behind, lost = await catch_up(slow, last_seq)
        assert behind + lost == last_seq - first_seq, "the slow POS was not told of what it lost"
        print(f"a POS that read nothing: {behind} events came later, {lost} told as overflow")
    expected = {f"s{i}": [f"S{i}-{n:06d}" for n in range(count)] for i in range(SCANNERS)}
    assert got == expected, "a scan was lost, mixed up or out of order"
    return report([(came_s[text] - at_s) * 1e3 for text, at_s in sent_s.items()], seconds)


def report(times_ms: list[float], seconds: int) -> bool:
    """Print the times; return whether they are within the limits."""
    cuts = statistics.quantiles(times_ms, n=100)
    held = cuts[49] <= P50_LIMIT_MS and cuts[98] <= P99_LIMIT_MS
    print(
        f"{SCANNERS} scanners, {SCANS_A_SECOND} scans a second each, {seconds} s:"
        f" {len(times_ms)} scans, none lost, mixed or out of order;"
        f" machine load {os.getloadavg()[0]:.1f}\n"
        f"  scan to event p50 {cuts[49]:.2f} ms (limit {P50_LIMIT_MS}), p99 {cuts[98]:.2f} ms"
        f" (limit {P99_LIMIT_MS}), most {max(times_ms):.2f} ms: {'held' if held else 'NOT HELD'}"
    )
    return held


def main(seconds: int = SECONDS) -> int:
    pairs = [os.openpty() for _ in range(SCANNERS)]
    for _, host in pairs:
        tty.setraw(host)
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        lay_out_till(home, [os.ttyname(host) for _, host in pairs])
        gc.freeze()  # this process is not what is measured
        with started(home):
            held = asyncio.run(play(home / "pos.sock", [device for device, _ in pairs], seconds))
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main(*(int(word) for word in sys.argv[1:2])))
