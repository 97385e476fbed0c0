"""How soon a till sees that a reader has gone, and works again once it is back.

``python -m tests.bench.recovery``: a whole till on a real pcscd that is killed and started again,
and on a serial port that vanishes and comes back, ROUNDS times each; in namespaces of its own.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import monotonic

from daemon.base.clock import SystemClock
from daemon.readers.simulated.pseudo_terminal import Terminal
from daemon.readers.simulated.sample_cards import PlayedCard, TokenCard
from daemon.readers.simulated.vpcd import VpcdCard
from tests.check import namespaces
from tests.support.pcscd import Pcscd
from tests.support.till import Pos, lay_out, open_till

ROUNDS = 5
GONE_LIMIT_S, BACK_LIMIT_S = 1.0, 3.0
INSIDE = "TILLCARD_BENCH_INSIDE"
READERS = """
[[reader]]
kind = "pcsc"
name = "chip"
device = "Virtual PCD 00 00"

[[reader]]
kind = "serial"
name = "scanner"
device = "{port}"
"""


async def until(pos: Pos, reader: str, state: str) -> None:
    while True:
        event = await pos.event("reader.state")
        if (event["reader"], event["state"]) == (reader, state):
            return


async def timed(
    pos: Pos, reader: str, leave: Callable[[], None], come: Callable[[], Awaitable[None]]
) -> tuple[float, float]:
    """Return the seconds from its going to ``absent``, and from its return to ``ready``."""
    left_s = monotonic()
    leave()
    await until(pos, reader, "absent")
    gone_s = monotonic() - left_s
    await come()
    back_s = monotonic()
    await until(pos, reader, "ready")
    return gone_s, monotonic() - back_s


async def play(home: Path) -> bool:
    pcscd, terminal = Pcscd(home / "pcscd.log"), Terminal(home / "port")
    lay_out(home)
    path = home / "tillcard.toml"
    text, _, _ = path.read_text("utf-8").partition("[[reader]]")
    path.write_text(text + READERS.format(port=terminal.path), "utf-8")
    await asyncio.to_thread(pcscd.start)
    terminal.plug()

    async def start_pcscd() -> None:
        await asyncio.to_thread(pcscd.start)

    async def plug() -> None:
        terminal.plug()

    held = True
    async with open_till(home, SystemClock()) as app, Pos.connect(app.socket) as pos:
        await pos.call("events.subscribe", from_seq=1)
        for reader in ("chip", "scanner"):
            while any(
                r["name"] == reader and r["state"] != "ready"
                for r in (await pos.call("status"))["readers"]
            ):
                await pos.event("reader.state")
        pos.events.clear()
        for reader, leave, come in (
            ("chip", pcscd.kill, start_pcscd),
            ("scanner", terminal.unplug, plug),
        ):
            times = [await timed(pos, reader, leave, come) for _ in range(ROUNDS)]
            held = report(reader, times) and held
        with VpcdCard(PlayedCard(TokenCard(b"\x04" + bytes(6)))):
            await pos.event("card.presented")
        terminal.send(b"]C0back\r")
        await pos.event("scan")
    terminal.unplug()
    pcscd.stop()
    return held


def report(reader: str, times: list[tuple[float, float]]) -> bool:
    """Print the worst of ``times``; return whether they are within the limits."""
    gone_s, back_s = (max(column) for column in zip(*times, strict=True))
    held: bool = gone_s <= GONE_LIMIT_S and back_s <= BACK_LIMIT_S
    print(
        f"{reader:8} gone: absent after {gone_s:.2f} s at most (limit {GONE_LIMIT_S:.0f});"
        f" back: ready after {back_s:.2f} s at most (limit {BACK_LIMIT_S:.0f}):"
        f" {'held' if held else 'NOT HELD'}"
    )
    return held


def main() -> int:
    if INSIDE not in os.environ:
        words = [*namespaces(), sys.executable, "-m", "tests.bench.recovery"]
        environ = os.environ | {INSIDE: "1"}
        return subprocess.run(words, env=environ, check=False).returncode
    with tempfile.TemporaryDirectory() as name:
        return 0 if asyncio.run(play(Path(name))) else 1


if __name__ == "__main__":
    sys.exit(main())
