"""What a card page costs, and whether a hundred views a second make the till late.

``python -m tests.bench.web [SECONDS]``: a whole till in a process of its own, on one core; this
process, on the other, is the phones that look at their cards, a scanner on a serial line, and the
POS that listens. Processor time is the till's own; its event loop looks at its watch every
millisecond.
"""

import asyncio
import os
import statistics
import sys
import tempfile
import tty
from collections.abc import Iterable
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from time import process_time, thread_time

from aiohttp import ClientSession, CookieJar

from daemon.base.clock import SystemClock
from tests.bench.scan import lay_out_till, listen, scan
from tests.support.till import Pos, open_till
from tests.web.conftest import HIDDEN

SECONDS, VIEWS_A_SECOND, SCANS_A_SECOND = 20, 100, 20
VIEWS_MEASURED = 300
SCAN_RATIO_LIMIT = 1.5
CPU_LIMIT_MS, HELD_LIMIT_MS, SCAN_P99_LIMIT_MS, PAGE_LIMIT_KIB = 8.0, 10.0, 5.0, 60
LATE_S = 2.0
PARTS = ("/static/web.css", "/static/card.js", "/static/codes.js", "/static/phone.js")
PICTURES = ("svg?kind=qr", "svg?kind=code128", "png?kind=qr", "png?kind=code128")


class LoopWatch:
    """The most processor time that the loop's thread spent between two looks at it."""

    def __init__(self) -> None:
        self.most_s = 0.0

    async def run(self) -> None:
        while True:
            before_s = thread_time()
            await asyncio.sleep(0.001)
            self.most_s = max(self.most_s, thread_time() - before_s)


async def serve(home: Path, control: Connection) -> None:
    """Run the till; answer every word with the processor time used and the loop's longest hold."""
    watch = LoopWatch()
    async with open_till(home, SystemClock()) as app:
        watching = asyncio.create_task(watch.run())
        control.send((str(app.socket), app.web_url))
        with suppress(EOFError):  # this process ends when the other one does
            while True:
                await asyncio.to_thread(control.recv)
                control.send((process_time(), watch.most_s))
                watch.most_s = 0.0
        watching.cancel()


def serve_process(home: Path, control: Connection, core: int) -> None:
    os.sched_setaffinity(0, {core})
    asyncio.run(serve(home, control))


async def ask(control: Connection) -> tuple[float, float]:
    control.send("times")
    times: tuple[float, float] = await asyncio.to_thread(control.recv)
    return times


async def join(phone: ClientSession, url: str) -> str:
    """Get a card; return its page's address."""
    async with phone.get(f"{url}/join") as form:
        hidden = dict(HIDDEN.findall(await form.text()))
    async with phone.post(f"{url}/join", data=hidden) as page:
        assert page.status == 200
        return str(page.url)


async def get(phone: ClientSession, address: str) -> int:
    async with phone.get(address) as answer:
        assert answer.status == 200, answer.status
        return len(await answer.read())


async def weigh(phone: ClientSession, url: str, page: str) -> bool:
    """Add up what a phone loads for a page with its code."""
    sizes = [await get(phone, url + part) for part in PARTS]
    total_kib = (await get(phone, page) + sum(sizes)) / 1024
    held = total_kib <= PAGE_LIMIT_KIB
    print(f"a card page with code, style and scripts: {total_kib:.1f} KiB, unpacked: {word(held)}")
    return held


async def cost(phone: ClientSession, page: str, control: Connection) -> bool:
    """Look at a page with its QR and its bars, one after the other."""
    before_s, _ = await ask(control)
    for _ in range(VIEWS_MEASURED):
        for kind in ("qr", "code128"):
            await get(phone, f"{page}?kind={kind}")
    after_s, _ = await ask(control)
    cpu_ms = (after_s - before_s) * 1e3 / VIEWS_MEASURED
    held = cpu_ms <= CPU_LIMIT_MS
    print(
        f"a card page with its QR and one with its bars: {cpu_ms:.2f} ms processor time:"
        f" {word(held)}"
    )
    return held


async def drawing(phone: ClientSession, url: str, page: str, control: Connection) -> bool:
    """Ask for every picture; see for how long the loop was held by one."""
    await ask(control)
    for _ in range(20):
        for picture in (*(f"{page}/code.{kind}" for kind in PICTURES), f"{url}/join.png"):
            await get(phone, picture)
    _, most_s = await ask(control)
    held = most_s * 1e3 <= HELD_LIMIT_MS
    print(f"drawing holds the event loop for {most_s * 1e3:.2f} ms at most: {word(held)}")
    return held


async def view(phone: ClientSession, page: str, at_s: float, late_s: list[float]) -> None:
    loop = asyncio.get_running_loop()
    await asyncio.sleep(max(at_s - loop.time(), 0))
    await get(phone, page)
    late_s.append(loop.time() - at_s)


async def scans(pos: Pos, port: int, seconds: int) -> list[float]:
    """Scan for some seconds; return the percentiles from scan to event, in milliseconds."""
    sent_s: dict[str, float] = {}
    came_s: dict[str, float] = {}
    count = seconds * SCANS_A_SECOND
    listening = asyncio.create_task(listen(pos, count, {}, came_s))
    await scan(port, 0, count, sent_s)
    await asyncio.wait([listening], timeout=LATE_S)
    listening.cancel()
    assert len(came_s) == count, "a scan was lost"
    return percentiles(came_s[text] - at_s for text, at_s in sent_s.items())


def percentiles(times_s: Iterable[float]) -> list[float]:
    return statistics.quantiles([one * 1e3 for one in times_s], n=100)


async def under_load(phone: ClientSession, page: str, pos: Pos, port: int, seconds: int) -> bool:
    """Scan while nobody looks, then while VIEWS_A_SECOND pages a second are looked at."""
    late_s: list[float] = []
    quiet = await scans(pos, port, seconds)
    begin_s = asyncio.get_running_loop().time()
    async with asyncio.TaskGroup() as tasks:
        scanning = tasks.create_task(scans(pos, port, seconds))
        for number in range(seconds * VIEWS_A_SECOND):
            tasks.create_task(view(phone, page, begin_s + number / VIEWS_A_SECOND, late_s))
    busy, views = scanning.result(), percentiles(late_s)
    # What the machine does to a till that nobody looks at is not the pages' doing.
    held = busy[98] <= max(SCAN_P99_LIMIT_MS, SCAN_RATIO_LIMIT * quiet[98])
    print(
        f"scan to event: p50 {quiet[49]:.2f} ms, p99 {quiet[98]:.2f} ms while nobody looks;"
        f" p50 {busy[49]:.2f} ms, p99 {busy[98]:.2f} ms (limit {SCAN_P99_LIMIT_MS},"
        f" or {SCAN_RATIO_LIMIT} of the other) with {VIEWS_A_SECOND} views a second,"
        f" a view p50 {views[49]:.1f} ms, p99 {views[98]:.1f} ms;"
        f" machine load {os.getloadavg()[0]:.1f}: {word(held)}"
    )
    return held


def word(held: bool) -> str:
    return "held" if held else "NOT HELD"


async def play(control: Connection, port: int, seconds: int) -> bool:
    socket, url = await asyncio.to_thread(control.recv)
    async with (
        Pos.connect(Path(socket)) as pos,
        ClientSession(cookie_jar=CookieJar(unsafe=True)) as phone,
    ):
        await pos.call("events.subscribe")
        while any(r["state"] != "ready" for r in (await pos.call("status"))["readers"]):
            await pos.event("reader.state")
        page = await join(phone, url)
        return all(
            [
                await weigh(phone, url, page),
                await cost(phone, page, control),
                await drawing(phone, url, page, control),
                await under_load(phone, page, pos, port, seconds),
            ]
        )


def main(seconds: int = SECONDS) -> int:
    (device, port), cores = os.openpty(), sorted(os.sched_getaffinity(0))
    tty.setraw(port)
    ours, theirs = get_context("spawn").Pipe()
    with tempfile.TemporaryDirectory() as name:
        lay_out_till(Path(name), [os.ttyname(port)])
        settings = Path(name) / "tillcard.toml"
        text = settings.read_text("utf-8").replace("port = 0", "port = 0\nrequests_per_s = 10_000")
        settings.write_text(text, "utf-8")
        words = (Path(name), theirs, cores[0])
        process = get_context("spawn").Process(target=serve_process, args=words)
        process.start()
        theirs.close()
        os.sched_setaffinity(0, set(cores[1:]) or set(cores))
        try:
            held = asyncio.run(play(ours, device, seconds))
        finally:
            ours.close()
            process.join(10)
            process.kill()
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main(*(int(word) for word in sys.argv[1:2])))
