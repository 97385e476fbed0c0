"""A till while it runs: started, kept moving, stopped with everything in hand finished."""

import asyncio
import gc
import logging
import os
import signal
import socket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from daemon.accounts.cards import Cards
from daemon.accounts.phones import Phones
from daemon.app.parts import Parts
from daemon.app.startup import check_hand_set, claim_names, raise_file_limit
from daemon.app.systemd import Notifier, inherited_sockets
from daemon.base import config as configuration
from daemon.base.clock import Clock, rfc3339
from daemon.base.config import Config, ConfigError
from daemon.base.refusals import RefusedError
from daemon.ledger.folding import fold
from daemon.ledger.storage.registry import OpenStore, open_store
from daemon.ledger.storage.store import Change
from daemon.pos.protocol import DaemonStatus
from daemon.pos.socket_file import socket_paths
from web.web_server import WebServer

SOCKET_FD_NAME = "pos"
"""How systemd names the listening socket that it hands over."""
HOLD_SWEEP_S = 5.0
INPUT_SWEEP_S = 1.0
log = logging.getLogger("tillcard")


@dataclass(frozen=True)
class App:
    """A running till, for whoever started it.

    beat: returns, with a sentence on the readers, when the till's own parts are seen to move.
    look_after: does at once what the till does by itself every HOLD_SWEEP_S.
    head: says how far the ledger goes, as the log does.
    bring_discounts_up_to_date: does at once what the till does by itself after an activation and
                                on a new day.
    """

    socket: Path
    tcp_port: int | None
    web_url: str
    cards: Cards
    phones: Phones
    status: DaemonStatus
    beat: Callable[[], Awaitable[str]]
    look_after: Callable[[], Awaitable[None]]
    head: Callable[[], str]
    bring_discounts_up_to_date: Callable[[], Awaitable[None]]


class Housekeeping:
    """What a till does by itself, whoever asks nothing."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._clock_suspect = ""

    async def beat(self) -> str:
        """Return once the supervisor and the ledger's writer are seen to move; never, while not.

        The caller runs in the event loop and so proves that it turns. A reader that hangs is only
        a word in the sentence.
        """
        supervisor = self._parts.supervisor
        await supervisor.beat()
        with suppress(RefusedError):  # the disk may be full; the writer has answered
            await self._parts.ledger.write(Change(), unless=lambda store: True)
        states = Counter(supervisor.states.values())
        return ", ".join(f"{count} {state}" for state, count in states.items()) or "no readers"

    async def look_after(self) -> None:
        """Do what time asks for, and then what only reports wait for."""
        await self.look_after_time()
        try:
            await self._parts.lots.fold()
        except RefusedError as error:
            log.warning("the lots of yesterday were not folded: %s", error)
        mailing = self._parts.mailing
        try:
            if await mailing.triggers.ask():
                mailing.sending.begin()
        except RefusedError as error:
            log.warning("the triggers of today were not all asked: %s", error)

    async def look_after_time(self) -> None:
        """Release holds that ran out, follow the programme, and do the work of a new day."""
        self._watch_clock()
        shop = self._parts.shop
        try:
            await shop.ledger.expire_holds(rfc3339(shop.lasting()), shop.at())
            await self._parts.operators.follow()
            await shop.versions.follow()
            await self._parts.recognition.typed_numbers.write()
            await self._parts.recognition.look_ups.write()
            done = await self._parts.daily_jobs.catch_up()
            if done is not None:
                await self._parts.imports.forget()
                await self._parts.mailing.sending.forget()
                await self._parts.mailing.triggers.forget()
            await self._parts.retention.keep()
            self._parts.mailing.sending.begin()
        except RefusedError as error:  # a full disk must not end the till; the next may serve
            log.warning("holds and the day's work were not looked after: %s", error)
            return
        if done is not None:
            log.info("%s: %d lots expired, %d windows closed", *msgspec.structs.astuple(done))
            log.info("the ledger stands at %s", shop.ledger.head)

    def _watch_clock(self) -> None:
        """Log once when the machine's clock is not believed any more, and when it is again."""
        clock = self._parts.till_clock.status()
        if clock.suspect != self._clock_suspect:
            self._clock_suspect = clock.suspect
            if clock.suspect:
                log.warning(
                    "the machine's clock is %d s %s of the till's time, and nothing confirms it:"
                    " sales go on at %s, nothing expires; see `tillcard clock`",
                    abs(clock.offset_s),
                    clock.suspect,
                    clock.till,
                )
            else:
                log.info("the machine's clock is believed again: %s", clock.machine)

    async def sweep(self) -> None:
        """Look after what time alone changes, until cancelled."""
        while True:
            await self.look_after()
            await asyncio.sleep(HOLD_SWEEP_S)

    async def sweep_inputs(self) -> None:
        """Tell of input that nobody asked about, until cancelled."""
        while True:
            self._parts.inputs.expire()
            await asyncio.sleep(INPUT_SWEEP_S)


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
    housekeeping = Housekeeping(parts)
    path = home / config.socket.path if config.socket.path else socket_paths(os.environ)[0]
    if inherited is not None:
        path = Path(inherited.getsockname())
    async with AsyncExitStack() as stack:
        stack.push_async_callback(parts.ledger.close)
        stack.callback(parts.kept_results.close)
        stack.push_async_callback(parts.reports.close)
        stack.callback(parts.simulator.close)
        newest, others = await parts.ledger.newest_time(), await parts.ledger.newest_of_others()
        check_hand_set(config, clock, newest)
        parts.steady.start(newest, others)
        await claim_names(parts.ledger, config.till.names, home)
        if added := await parts.operator_changes.start(config.cashiers):
            log.info("operators now, by [cashiers]: %s; the table has done its work", added)
        await parts.shop.versions.start()
        parts.mailing.triggers.check(parts.shop.programme)
        await housekeeping.look_after_time()
        await parts.chips.start()
        if parts.web is not None:
            await _start(parts.web)
            stack.push_async_callback(parts.web.stop)
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        background = [
            tasks.create_task(parts.supervisor.run(), name="readers"),
            tasks.create_task(parts.inputs.run(parts.supervisor.events), name="inputs"),
            tasks.create_task(housekeeping.sweep(), name="sweep"),
            tasks.create_task(parts.batches.work.run(), name="batches"),
            tasks.create_task(parts.imports.work.run(), name="imports"),
            tasks.create_task(parts.previews.run(), name="previews"),
            tasks.create_task(parts.mailing.sending.run(), name="messages"),
            tasks.create_task(housekeeping.sweep_inputs(), name="inputs that wait"),
            tasks.create_task(parts.standing_discounts.keep(), name="standing discounts"),
            tasks.create_task(fold(parts.ledger), name="facts of old entries"),
            tasks.create_task(parts.findings.keep(), name="findings"),
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
            housekeeping.beat,
            housekeeping.look_after,
            lambda: parts.ledger.head,
            parts.standing_discounts.catch_up,
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
    log.info("up to %d open files", raise_file_limit())
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    systemd, given = Notifier(os.environ), inherited_sockets(os.environ)
    config, home = configuration.load(config_path), home or config_path.parent
    # A terminal that closes, or somebody who means "reload", must not end a till.
    loop.add_signal_handler(signal.SIGHUP, lambda: _say_what_waits(config, config_path))
    async with (
        running(config, home, clock, inherited=given.get(SOCKET_FD_NAME)) as app,
        asyncio.TaskGroup() as tasks,
    ):
        # What the start has made stays. Walking it again in each full collection of garbage would
        # make scans wait for 60 ms now and then.
        gc.collect()
        gc.freeze()
        by_port = "off" if app.tcp_port is None else app.tcp_port
        log.info("ready: socket %s, port %s, web %s", app.socket, by_port, app.web_url or "off")
        systemd.say("READY=1", f"STATUS={await app.beat()}")
        keeping_alive = tasks.create_task(systemd.keep_alive(app.beat))
        await stop.wait()
        keeping_alive.cancel()
        systemd.say("STOPPING=1", "STATUS=finishing what is in hand")
        log.info("stopping at %s: finishing what is in hand", app.head())


def _say_what_waits(config: Config, config_path: Path) -> None:
    """Log which keys of the file say something else than the till runs with."""
    try:
        now = configuration.load(config_path)
    except ConfigError as error:
        log.warning("the configuration as it stands would not start: %s", error)
        return
    changed = [key for key in now.__struct_fields__ if getattr(now, key) != getattr(config, key)]
    if changed:
        log.warning("%s: changed in the configuration; restart the till", ", ".join(changed))
    else:
        log.info("the till runs with the configuration as it stands")
