"""A till while it runs: started, kept moving, stopped with everything in hand finished."""

import asyncio
import gc
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from daemon.accounts.cards import Cards
from daemon.accounts.phones import Phones
from daemon.app.parts import Parts
from daemon.app.systemd import Notifier, inherited_sockets
from daemon.base import config as configuration
from daemon.base.clock import Clock
from daemon.base.config import Config, ConfigError
from daemon.ledger.storage.registry import OpenStore, open_store
from daemon.pos.protocol import DaemonStatus
from daemon.pos.socket_file import socket_paths
from web.web_server import WebServer

SOCKET_FD_NAME = "pos"
log = logging.getLogger("tillcard")


@dataclass(frozen=True)
class App:
    """A running till, for whoever started it.

    beat: returns, with a sentence on the readers, when the till's own parts are seen to move.
    look_after: does at once what the till does by itself every HOLD_SWEEP_S.
    """

    socket: Path
    tcp_port: int | None
    web_url: str
    cards: Cards
    phones: Phones
    status: DaemonStatus
    beat: Callable[[], Awaitable[str]]
    look_after: Callable[[], Awaitable[None]]


@asynccontextmanager
async def running(
    config: Config,
    home: Path,
    clock: Clock,
    open_store: OpenStore = open_store,
    *,
    inherited: socket.socket | None = None,
) -> AsyncIterator[App]:
    """Run a till while the block runs; at the end, finish what is in hand.

    home:   the folder that the configuration's relative paths start from.
    inherited: the listening POS socket, where whoever started the daemon has made it.
    Raises: ConfigError, ProgrammeError, KeyFileError, StoreError, SocketTakenError, OSError.
    """
    parts = Parts(config, home, clock, open_store)
    path = home / config.socket.path if config.socket.path else socket_paths(os.environ)[0]
    if inherited is not None:
        path = Path(inherited.getsockname())
    async with AsyncExitStack() as stack:
        stack.push_async_callback(parts.ledger.close)
        stack.callback(parts.simulator.close)
        await parts.ledger.look_back()
        await parts.versions.start()
        await parts.look_after()
        if parts.chip_writer is not None:
            await parts.chip_writer.start()
        if parts.web is not None:
            await _start(parts.web)
            stack.push_async_callback(parts.web.stop)
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        background = [
            tasks.create_task(parts.supervisor.run(), name="readers"),
            tasks.create_task(parts.inputs.run(parts.supervisor.events), name="inputs"),
            tasks.create_task(parts.sweep(), name="sweep"),
            tasks.create_task(parts.sweep_inputs(), name="inputs that wait"),
        ]
        stack.callback(lambda: [task.cancel() for task in background])
        tcp_port = await stack.enter_async_context(
            parts.server.listening(path, inherited=inherited, tcp_port=config.socket.tcp_port)
        )
        yield App(
            path,
            tcp_port,
            parts.web.url if parts.web else "",
            parts.cards,
            parts.phones,
            await parts.status(),
            parts.beat,
            parts.look_after,
        )


async def _start(web: WebServer) -> None:
    try:
        await web.start()
    except OSError as error:
        what = f"the phone pages cannot be served there ({error.strerror})"
        raise ConfigError("web.port", f"{what}; choose another port in tillcard.toml") from error


async def run(config_path: Path, clock: Clock, home: Path | None = None) -> None:
    """Run a till until SIGTERM or SIGINT, as a service of systemd where that has started it.

    home: where relative paths start and keys are kept; the configuration's folder by default.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    systemd, given = Notifier(os.environ), inherited_sockets(os.environ)
    config, home = configuration.load(config_path), home or config_path.parent
    async with (
        running(config, home, clock, inherited=given.get(SOCKET_FD_NAME)) as app,
        asyncio.TaskGroup() as tasks,
    ):
        # What the start has made stays. Walking it again in each full collection of garbage would
        # make scans wait for 60 ms now and then.
        gc.collect()
        gc.freeze()
        log.info("ready: socket %s, web %s", app.socket, app.web_url or "off")
        systemd.say("READY=1", f"STATUS={await app.beat()}")
        keeping_alive = tasks.create_task(systemd.keep_alive(app.beat))
        await stop.wait()
        keeping_alive.cancel()
        systemd.say("STOPPING=1", "STATUS=finishing what is in hand")
        log.info("stopping: finishing what is in hand")
