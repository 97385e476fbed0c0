"""What a request on the socket costs beside a bare asyncio echo of the same bytes.

``python -m tests.bench.socket``: one blocking client plays ping-pong with each server in turn,
many short rounds each, so that whatever else the machine does meets them alike. The servers run
in a process of their own. Ratios count, not microseconds. ``tillcard`` takes the params as they
are; ``tillcard+structs`` also decodes a basket from them and encodes it again, which an echo does
not and every real method must.
"""

import asyncio
import os
import socket
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter, process_time
from typing import NamedTuple

import msgspec

from daemon.base.clock import SystemClock
from daemon.pos.dispatch import Method
from daemon.pos.events import EventRing
from daemon.pos.peers import Role
from daemon.pos.server import Server
from daemon.pos.session import Session
from daemon.pos.session_methods import Greeting

ROUNDS, CALLS_A_ROUND = 60, 200
RATIO_MAX = 1.5
"""Of a request's p50 to that of the usual echo, asyncio's streams, with the same bytes."""
JUDGED_LINES_MAX = 20
"""Larger baskets are reported only: to find the ends of their JSON is work an echo does not do."""


class Line(msgspec.Struct, frozen=True):
    line: str
    sku: str
    qty: int
    unit_price: int
    category: list[str]


class Basket(msgspec.Struct, frozen=True):
    sale_id: str
    lines: list[Line]


async def same(session: Session, params: Basket) -> Basket:
    return params


async def raw(session: Session, params: msgspec.Raw) -> msgspec.Raw:
    return params


METHODS = {
    "tillcard": Method(msgspec.Raw, raw, Role.SALE),
    "tillcard+structs": Method(Basket, same, Role.SALE),
}
ECHOES = ["protocol echo", "streams echo"]
GREETING = Greeting(server="bench", capabilities=[], terminal="till-1", currency="EUR")


def request_of(method: str, lines: int) -> bytes:
    """Return a request of which the answer is about as long. The echoes do not look at it."""
    basket = Basket("s-1", [Line(str(n), f"48200{n:08d}", 2, 1999, ["food"]) for n in range(lines)])
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": basket}
    return msgspec.json.encode(request) + b"\n"


class Echo(asyncio.Protocol):
    """The least that asyncio can do: bytes out as they came, whole lines or not."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(b"greeting\n")

    def data_received(self, data: bytes) -> None:
        self._transport.write(data)


async def echo_lines(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The usual echo: asyncio's streams, line by line."""
    writer.write(b"greeting\n")
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()
    writer.close()


async def serve(folder: Path, control: Connection) -> None:
    """Serve the three; answer each message on ``control`` with the CPU seconds used so far."""
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()

    def told() -> None:
        with suppress(EOFError):
            control.recv()
            control.send(process_time())
            return
        loop.remove_reader(control.fileno())
        stopped.set()

    async with AsyncExitStack() as stack:
        server = Server(METHODS, EventRing(SystemClock(), "bench"), GREETING)
        await stack.enter_async_context(server.listening(folder / "tillcard"))
        protocol = await loop.create_unix_server(Echo, str(folder / "protocol echo"))
        streams = await asyncio.start_unix_server(echo_lines, str(folder / "streams echo"))
        await stack.enter_async_context(protocol)
        await stack.enter_async_context(streams)
        loop.add_reader(control.fileno(), told)
        control.send(0.0)
        await stopped.wait()


def serve_process(folder: Path, control: Connection) -> None:
    with suppress(asyncio.CancelledError):
        asyncio.run(serve(folder, control))


@contextmanager
def servers(folder: Path) -> Iterator[Connection]:
    ours, theirs = get_context("spawn").Pipe()
    process = get_context("spawn").Process(target=serve_process, args=(folder, theirs))
    process.start()
    theirs.close()
    ours.recv()
    try:
        yield ours
    finally:
        ours.close()
        process.join(10)
        process.kill()


def cpu_s(control: Connection) -> float:
    control.send(None)
    used: float = control.recv()
    return used


class Round(NamedTuple):
    """One server's turn: the seconds of each call, and the CPU seconds the servers used."""

    wall_s: list[float]
    cpu_s: float

    def p50_s(self) -> float:
        return statistics.median(self.wall_s)

    def used_s(self) -> float:
        return self.cpu_s


def connect(path: Path) -> Callable[[bytes], bytes]:
    """Return a function that sends a line and waits for the answer."""
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.connect(str(path))
    answers = client.makefile("rb")
    answers.readline()

    def ask(request: bytes) -> bytes:
        client.sendall(request)
        return answers.readline()

    return ask


def measure(folder: Path, control: Connection, lines: int) -> bool:
    """Play all rounds with baskets of ``lines``, and report; return whether the limit held."""
    names = [*ECHOES, *METHODS]
    rounds: dict[str, list[Round]] = {name: [] for name in names}
    asks = {name: connect(folder / (name if name in ECHOES else "tillcard")) for name in names}
    for _ in range(ROUNDS):
        for name, ask in asks.items():
            request, wall_s = request_of(name, lines), []
            before_s = cpu_s(control)
            for _ in range(CALLS_A_ROUND):
                begun = perf_counter()
                ask(request)
                wall_s.append(perf_counter() - begun)
            rounds[name].append(Round(wall_s, cpu_s(control) - before_s))
    report(rounds, len(request_of("tillcard", lines)))
    reached = ratio(rounds["tillcard"], rounds["streams echo"], Round.p50_s)
    judged = lines <= JUDGED_LINES_MAX
    limit = f"limit {RATIO_MAX}" if judged else "no limit"
    print(f"  overhead {reached:.2f} x the streams echo ({limit})")
    return reached <= RATIO_MAX or not judged


def report(rounds: dict[str, list[Round]], size: int) -> None:
    load = os.getloadavg()[0]
    print(f"{size} bytes each way, {ROUNDS} x {CALLS_A_ROUND} calls, machine load {load:.1f}")
    for name, ours in rounds.items():
        cuts = statistics.quantiles([s for each in ours for s in each.wall_s], n=100)
        cpu = statistics.median(each.cpu_s for each in ours) / CALLS_A_ROUND
        ratios = "  ".join(
            f"{ratio(ours, rounds[echo], Round.p50_s):4.2f} x p50 and"
            f" {ratio(ours, rounds[echo], Round.used_s):4.2f} x CPU of the {echo}"
            for echo in ECHOES
        )
        print(
            f"  {name:17} p50 {cuts[49] * 1e6:5.0f} us  p99 {cuts[98] * 1e6:5.0f} us"
            f"  CPU {cpu * 1e6:5.0f} us  {ratios}"
        )


def ratio(ours: list[Round], echo: list[Round], figure: Callable[[Round], float]) -> float:
    """Return the median of the rounds' ratios: neighbours in time meet the same machine."""
    return statistics.median(figure(a) / figure(b) for a, b in zip(ours, echo, strict=True))


def main() -> int:
    """Measure and print; return the exit status."""
    with tempfile.TemporaryDirectory() as name, servers(Path(name)) as control:
        held = [measure(Path(name), control, lines) for lines in (0, 3, 20, 100)]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
