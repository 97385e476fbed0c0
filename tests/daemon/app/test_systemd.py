"""The daemon as a service: readiness, signs of life, an inherited socket. No systemd is needed."""

import asyncio
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from daemon.app.running import App
from daemon.app.systemd import BEATS_PER_TIMEOUT, Notifier, inherited_sockets
from daemon.ledger.storage.sqlite import SQLiteStore
from daemon.ledger.storage.store import Store
from tests.support.chips import lay_out_chips
from tests.support.clock import HandClock
from tests.support.processes import started, until_said
from tests.support.till import PATIENCE_S, Pos, RefusedByTillError, lay_out, open_till

TICKS = 5
BEAT_US, MISSED_BEATS = 100_000, 10
# The daemon, with a signal that stops whatever runs in its main thread: the event loop.
BLOCKABLE = (
    "-c",
    """
import os, signal, threading
from daemon.cli import main
def block(*_):
    os.write(int(os.environ["TILL_BLOCKS"]), b"x")
    threading.Event().wait()
signal.signal(signal.SIGUSR1, block)
main()
""",
)


class Manager:
    """systemd's end of the notify socket."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)

    async def hears(self) -> dict[str, str]:
        """Return the next message's variables."""
        async with asyncio.timeout(PATIENCE_S):
            message = await asyncio.get_running_loop().sock_recv(self._socket, 4096)
        return dict(line.split("=", 1) for line in message.decode().split("\n"))

    def has_heard_nothing(self) -> bool:
        try:
            self._socket.recv(4096)
        except BlockingIOError:
            return True
        return False

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    manager = Manager(tmp_path / "notify.sock")
    yield manager
    manager.close()


@asynccontextmanager
async def service(
    home: Path,
    *before: str,
    program: Sequence[str] = ("-m", "daemon"),
    pass_fds: Sequence[int] = (),
    **environ: str,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the daemon as a process of its own; kill it at the end if it still runs."""
    words = [*program, "run", "--config", str(home / "tillcard.toml")]
    line = (*before, sys.executable, *words)
    options = {"env": os.environ | environ, "pass_fds": pass_fds}
    async with started(*line, stderr=asyncio.subprocess.PIPE, **options) as process:
        yield process


async def ended(process: asyncio.subprocess.Process) -> int:
    async with asyncio.timeout(PATIENCE_S):
        return await process.wait()


async def test_a_service_says_ready_alive_and_stopping(tmp_path: Path, manager: Manager) -> None:
    lay_out(tmp_path)
    notified = str(manager.path)
    async with service(tmp_path, NOTIFY_SOCKET=notified, WATCHDOG_USEC="300000") as process:
        ready = await manager.hears()
        assert ready["READY"] == "1"
        assert "ready" in ready["STATUS"] or "absent" in ready["STATUS"]
        core, _ = resource.prlimit(process.pid, resource.RLIMIT_CORE)
        assert core == 0, "a crash writes no memory to the disk: it may hold keys"
        async with Pos.connect(tmp_path / "pos.sock") as pos:
            assert (await pos.call("status"))["terminal"] == "till-1"
        for _ in range(3):
            assert (await manager.hears())["WATCHDOG"] == "1"
        process.send_signal(signal.SIGTERM)
        while "STOPPING" not in (said := await manager.hears()):
            assert said["WATCHDOG"] == "1"
        assert await ended(process) == 0


async def test_nobody_is_told_to_watch_where_nobody_asked(tmp_path: Path, manager: Manager) -> None:
    lay_out(tmp_path)
    async with service(tmp_path, NOTIFY_SOCKET=str(manager.path)) as process:
        assert "READY" in await manager.hears()
        process.send_signal(signal.SIGTERM)
        assert "STOPPING" in await manager.hears()
        assert await ended(process) == 0


async def test_systemd_s_own_socket_is_served_from_the_first_client_on(tmp_path: Path) -> None:
    lay_out(tmp_path)
    path = tmp_path / "given" / "pos.sock"
    path.parent.mkdir()
    activate = ["systemd-socket-activate", f"--listen={path}", "--fdname=pos"]
    async with service(tmp_path, *activate) as process:
        await until_said(process.stderr, "Listening on")
        async with Pos.connect(path) as pos:
            assert (await pos.call("status"))["terminal"] == "till-1"
        assert not (tmp_path / "pos.sock").exists()
        process.send_signal(signal.SIGTERM)
        assert await ended(process) == 0
        assert path.is_socket(), "the socket is systemd's: it goes on taking clients"


async def test_clients_wait_in_the_inherited_socket_while_the_daemon_restarts(
    tmp_path: Path, clock: HandClock
) -> None:
    lay_out(tmp_path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as kept:
        kept.bind(str(tmp_path / "given.sock"))
        kept.listen()
        async with open_till(tmp_path, clock, inherited=kept.dup()) as app:
            assert app.socket == tmp_path / "given.sock"
        early = asyncio.create_task(greeted(app.socket))
        async with open_till(tmp_path, clock, inherited=kept.dup()):
            assert await early == "till-1"


async def greeted(path: Path) -> str:
    async with Pos.connect(path) as pos:
        terminal: str = pos.greeting["terminal"]
        return terminal


def test_sockets_for_another_process_are_left_alone() -> None:
    environ = {"LISTEN_PID": "1", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "pos"}
    assert inherited_sockets(environ) == {}
    assert inherited_sockets({}) == {}


def test_a_watchdog_for_another_process_is_not_ours() -> None:
    assert Notifier({"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}).watchdog_s == 0
    assert Notifier({"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": str(os.getpid())}).watchdog_s == 1


def test_a_manager_that_is_gone_stops_nothing(tmp_path: Path) -> None:
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "none")}).say("READY=1")
    Notifier({}).say("READY=1")


async def test_a_manager_in_the_abstract_namespace_hears_too() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0tillcard-test-{os.getpid()}")
        Notifier({"NOTIFY_SOCKET": f"@tillcard-test-{os.getpid()}"}).say("READY=1", "STATUS=x")
        assert manager.recv(100) == b"READY=1\nSTATUS=x"


class Ticker:
    """The watchdog's pause, by hand: each tick ends one."""

    def __init__(self) -> None:
        self.asked_s: list[float] = []
        self._ticks = asyncio.Queue[None]()

    async def __call__(self, delay_s: float) -> None:
        self.asked_s.append(delay_s)
        await self._ticks.get()

    def tick(self) -> None:
        self._ticks.put_nowait(None)


@asynccontextmanager
async def watched(app: App, manager: Manager) -> AsyncIterator[Ticker]:
    ticker = Ticker()
    notifier = Notifier({"NOTIFY_SOCKET": str(manager.path), "WATCHDOG_USEC": "3000000"})
    keeping = asyncio.create_task(notifier.keep_alive(app.beat, ticker))
    yield ticker
    keeping.cancel()
    await asyncio.wait([keeping])


class StoppableStore(SQLiteStore):
    """A disk that can be made to hang."""

    may_go_on = threading.Event()

    def begin(self) -> None:
        self.may_go_on.wait(PATIENCE_S)
        super().begin()


def open_stoppable(location: str, home: Path, *, read_only: bool = False) -> Store:
    return StoppableStore(home / location, read_only=read_only)


async def test_a_ledger_that_hangs_gives_no_sign_of_life_until_it_goes_on(
    tmp_path: Path, clock: HandClock, manager: Manager
) -> None:
    lay_out(tmp_path)
    StoppableStore.may_go_on.set()
    async with open_till(tmp_path, clock, open_stoppable) as app, watched(app, manager) as ticker:
        for _ in range(TICKS):
            assert (await manager.hears())["WATCHDOG"] == "1"
            ticker.tick()
        assert (await manager.hears())["WATCHDOG"] == "1"
        assert set(ticker.asked_s) == {1.0}, "three signs of life in the time that is allowed"

        StoppableStore.may_go_on.clear()
        ticker.tick()
        async with Pos.connect(app.socket) as pos:
            for _ in range(TICKS):  # the loop turns, the reading connection answers
                await pos.call("status")
        assert manager.has_heard_nothing()
        StoppableStore.may_go_on.set()
        assert (await manager.hears())["WATCHDOG"] == "1"


@pytest.mark.parametrize("part", ["readers", "reader scanner", "inputs"])
async def test_a_part_that_no_longer_runs_gives_no_sign_of_life(
    part: str, tmp_path: Path, clock: HandClock, manager: Manager
) -> None:
    lay_out(tmp_path)
    async with open_till(tmp_path, clock) as app, watched(app, manager) as ticker:
        assert (await manager.hears())["WATCHDOG"] == "1"
        (task,) = [task for task in asyncio.all_tasks() if task.get_name() == part]
        task.cancel()
        await asyncio.wait([task])
        async with Pos.connect(app.socket) as pos:
            await pos.call("input.simulate", reader="chip", do="present", card="chip")
            ticker.tick()
            for _ in range(TICKS):  # the loop turns, the ledger reads
                await pos.call("status")
        assert manager.has_heard_nothing()


async def test_a_loop_that_is_blocked_gives_no_sign_of_life(
    tmp_path: Path, manager: Manager
) -> None:
    lay_out(tmp_path)
    blocked, blocks = os.pipe()
    async with service(
        tmp_path,
        program=BLOCKABLE,
        pass_fds=[blocks],
        NOTIFY_SOCKET=str(manager.path),
        WATCHDOG_USEC=str(BEAT_US * BEATS_PER_TIMEOUT),
        TILL_BLOCKS=str(blocks),
    ) as process:
        while "WATCHDOG" not in await manager.hears():
            pass
        process.send_signal(signal.SIGUSR1)
        await asyncio.to_thread(os.read, blocked, 1)
        while not manager.has_heard_nothing():
            pass
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(MISSED_BEATS * BEAT_US / 1e6):
                await manager.hears()
    os.close(blocked)
    os.close(blocks)


async def test_readers_that_hang_or_go_never_end_the_daemon(
    tmp_path: Path, clock: HandClock, manager: Manager
) -> None:
    lay_out_chips(tmp_path)
    async with open_till(tmp_path, clock) as app, Pos.connect(app.socket) as pos:
        await pos.call("input.simulate", reader="chip", do="present", card="chip")
        await pos.call("input.simulate", reader="chip", do="hang")
        with pytest.raises(RefusedByTillError, match="does not answer"):
            await pos.call("card.identify", reader="chip")
        await pos.call("input.simulate", reader="scanner", do="unplug")
        async with watched(app, manager) as ticker:
            for _ in range(TICKS):
                said = await manager.hears()
                assert said["WATCHDOG"] == "1"
                assert "1 stuck" in said["STATUS"]
                assert "1 absent" in said["STATUS"]
                ticker.tick()
