"""Puts the daemon together and takes it apart again. The only place that constructs anything."""

import asyncio
import gc
import logging
import os
import secrets
import signal
import socket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import msgspec

from card_formats.check_digits import Check
from card_formats.chip.ntag import PassThrough
from card_formats.credential import Trust
from card_formats.numbers import NumberRange
from card_formats.phone.rotating import CODE_DIGITS, GOOGLE_CODE_DIGITS
from daemon import config as configuration
from daemon.accounts.cards import Cards
from daemon.accounts.life import Life
from daemon.accounts.phones import Phones
from daemon.accounts.rotating import LiveCodes
from daemon.checkout import Checkout, CheckoutPolicy
from daemon.chip.hot_list import HotListFile
from daemon.chip.purses import ChipPurses
from daemon.chip.tags import Tags
from daemon.chip.terminal import ChipTerminal
from daemon.chip.writing import ChipWriter
from daemon.clock import Clock, SteadyClock, rfc3339
from daemon.club import Club
from daemon.config import ChipSection, Config, ConfigError
from daemon.daily import Daily
from daemon.editions import Editions
from daemon.errors import RefusedError
from daemon.issued_codes import IssuedCodes
from daemon.keys import (
    PHONE_KEYS_FILE,
    ChipKeys,
    KeyFileError,
    load_chip_keys,
    load_or_make,
    load_phone_keys,
)
from daemon.ledger.ledger import Ledger
from daemon.ledger.store import Change, StoreError
from daemon.ledger.stores import OpenStore, open_store, scheme_of
from daemon.pos.claims import Claims
from daemon.pos.dispatch import Method
from daemon.pos.errors import ProtocolCode, ProtocolFaultError
from daemon.pos.events import EventRing
from daemon.pos.inputs import Inputs
from daemon.pos.methods import Till
from daemon.pos.protocol import DaemonStatus, ReaderStatus, SimulateParams
from daemon.pos.server import Server
from daemon.pos.session_methods import Greeting
from daemon.pos.shop_methods import ShopMethods
from daemon.pos.socket_file import SocketTakenError, socket_paths
from daemon.pricing import Pricing
from daemon.programme.errors import ProgrammeError
from daemon.programme.programme import Programme, load
from daemon.readers.registry import build_readers, check_together
from daemon.readers.settings import ReaderSettings
from daemon.readers.simulated.cards import sample_cards
from daemon.readers.simulated.purse_card import purse_card
from daemon.readers.simulated.simulator import Simulator
from daemon.readers.supervisor import Supervisor
from daemon.stored_value import StoredValue
from daemon.systemd import Notifier, inherited_sockets
from web.server import WebServer, make_app
from web.settings import WalletError, WebSettings
from web.shop_desk import ShopDesk
from web.shop_wallets import ShopWallets
from web.wallets import Wallets

HOLD_SWEEP_S = 5.0
INPUT_SWEEP_S = 1.0
SOCKET_FD_NAME = "pos"
STATIC_DIGITS, EAN_DIGITS = 16, 13
PHONE_SHOWN = {"scan": "]Q1", "type": ""}
"""How the sample phone is shown, and what stands before its code then."""

STARTUP_ERRORS = (ConfigError, KeyFileError, SocketTakenError, StoreError, WalletError, OSError)
"""What can be wrong before a till runs; each says in its text what to do."""

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


class Room:
    """All the parts of one till, constructed and not yet started."""

    def __init__(self, config: Config, home: Path, clock: Clock, open_store: OpenStore) -> None:
        self.config, self.clock = config, clock
        self._started_s = clock.monotonic_s()
        # What can be wrong in the files comes first: nothing is open yet when it is.
        programme, policy = read_programme(home / config.programme), _policy(config)
        web = configuration.convert(config.web, WebSettings | None, "web")
        wallets = Wallets(web, home, clock) if web else None
        chip_keys = load_chip_keys(home / config.chip.keys) if config.chip else None
        self.simulator = _simulator(config, clock, home, chip_keys)
        readers = build_readers(reader_settings(config), clock, self.simulator)
        self.supervisor = Supervisor(readers, clock)

        self.ledger = Ledger(
            open_store(config.ledger, home), open_store(config.ledger, home, read_only=True)
        )
        self.steady = SteadyClock(clock, lambda: self.ledger.newest_at)
        clock = self.steady  # but for what must not trust it: live codes
        self.editions = Editions(self.ledger, clock, programme, config.till.terminal)
        self.daily = Daily(self.ledger, self.editions, clock)
        self.cards = Cards(self.ledger, clock)
        phone_keys = load_phone_keys(home / PHONE_KEYS_FILE)
        self.phones = Phones(self.ledger, clock, phone_keys, web.coupons if web else ())
        self.live_codes = LiveCodes(self.ledger, self.cards, self.clock, phone_keys)
        pricing = Pricing(
            self.ledger, self.editions, clock, policy.ranges, config.cashiers, config.chip
        )
        self.events = EventRing(clock, secrets.token_hex(4))
        self.chip_writer: ChipWriter | None = None
        chips = self._chips(config.chip, chip_keys, home) if config.chip and chip_keys else None
        self.checkout = Checkout(
            self.ledger,
            self.cards,
            self.live_codes,
            self.phones,
            pricing,
            self.editions,
            clock,
            policy,
            chips,
        )
        self.claims = Claims(clock)
        self.inputs = Inputs(
            self.events,
            self.checkout,
            clock,
            self.supervisor.states,
            self.claims,
            ttl_s=config.policy.input_ttl_s,
        )
        self.web = self._web_server(web, wallets, home) if web and wallets else None
        self.methods = Till(
            self.checkout,
            self.inputs,
            self.claims,
            clock,
            self.status,
            self._simulate,
            self._web_address,
            self._shop_methods(policy, chips),
        ).methods()
        listens = config.socket.tcp_port is not None
        token = load_or_make(home / config.socket.token_file).hex() if listens else ""
        self.server = Server(
            self.methods,
            self.events,
            self._greeting(),
            group=config.socket.group,
            token=token,
            own=policy.ranges,
        )

    def _chips(self, said: ChipSection, keys: ChipKeys, home: Path) -> ChipPurses:
        hot_list = home / said.hot_list if said.hot_list else None
        if hot_list is not None and not hot_list.exists():
            log.warning("there is no hot list %s: no chip is refused by it", hot_list)
        hot = HotListFile(hot_list, keys, self.clock, said.hot_list_days)
        terminal = ChipTerminal(self.supervisor, keys, self.clock)
        self.chip_writer = ChipWriter(
            terminal, self.ledger, self.steady, said, self.editions, self.events.publish
        )
        through = {
            one["name"]: PassThrough(one["pass_through"])
            for one in self.config.reader
            if one.get("pass_through")
        }
        return ChipPurses(
            terminal,
            self.chip_writer,
            Tags(terminal, self.ledger, through),
            self.ledger,
            self.cards,
            self.editions,
            self.steady,
            hot,
        )

    def _web_server(self, settings: WebSettings, wallets: Wallets, home: Path) -> WebServer:
        secret = load_or_make(home / "forms.key")
        desk = ShopDesk(
            self.cards,
            self.phones,
            self.ledger,
            self.editions,
            self.clock,
            self.config.card_numbers,
            secret,
            settings.coupons,
        )
        wallet_desk = ShopWallets(self.ledger, desk, secret)
        app = make_app(desk, settings, self.clock, (wallet_desk, wallets))
        return WebServer(app, settings, home)

    def _shop_methods(self, policy: CheckoutPolicy, chips: ChipPurses | None) -> dict[str, Method]:
        ledger, editions, clock = self.ledger, self.editions, self.steady
        prefix = self.config.card_numbers.prefix
        life = Life(ledger, clock, policy.ranges, prefix, lambda: editions.active.zone)
        return ShopMethods(
            life,
            StoredValue(ledger, editions, life, clock, chips.pay_owed if chips else None),
            IssuedCodes(ledger, editions, life, clock),
            Club(ledger, editions, clock),
            editions,
            clock,
        ).methods()

    def _web_address(self) -> str:
        return self.web.address if self.web else ""

    def _greeting(self) -> Greeting:
        return Greeting(
            server=f"tillcard {version('tillcard')}",
            capabilities=sorted(self.methods),
            terminal=self.config.till.terminal,
            currency=self.editions.active.currency,
            language=self.config.till.language,
        )

    async def status(self) -> DaemonStatus:
        """Say how the till is."""
        outbox = await self.ledger.read(lambda store: store.outbox_depth())
        programme, clocks = self.editions.active, self.live_codes.clocks
        return DaemonStatus(
            version=version("tillcard"),
            terminal=self.config.till.terminal,
            uptime_s=int(self.clock.monotonic_s() - self._started_s),
            readers=tuple(
                ReaderStatus(
                    name,
                    state,
                    claim.name if (claim := self.claims.of(name)) else None,
                    self.supervisor.details[name],
                )
                for name, state in self.supervisor.states.items()
            ),
            web=self.web.url if self.web else "",
            ledger={
                "ledger_id": self.ledger.ledger_id,
                "store": scheme_of(self.config.ledger) or "sqlite",
            },
            programme={"id": programme.id, "version": programme.version},
            clock_suspect=self.steady.suspect or clocks.suspect,
            outbox=outbox,
            simulated={
                "readers": tuple(self.simulator.actions),
                "cards": tuple(self.simulator.cards),
            },
            phones_ahead_s=clocks.offset_s,
        )

    async def _simulate(self, params: SimulateParams) -> None:
        card, data, sample = params.card or "", params.data or "", self.config.simulated
        if sample and card == "phone" and not data and params.do in PHONE_SHOWN:
            prefix = self.config.card_numbers.rotating_prefix
            code = await self.phones.simulated_code(sample.phone, prefix)
            data = PHONE_SHOWN[params.do] + code if code else ""
        try:
            async with self.inputs.seen(params.reader, params.do):
                self.simulator.do(params.reader, params.do, card, data)
        except ValueError as error:
            raise ProtocolFaultError(ProtocolCode.INVALID_PARAMS, str(error)) from error

    async def beat(self) -> str:
        """Return once the supervisor and the ledger's writer are seen to move; never, while not.

        The caller runs in the event loop and so proves that it turns. A reader that hangs is only
        a word in the sentence.
        """
        await self.supervisor.beat()
        with suppress(RefusedError):  # the disk may be full; the writer has answered
            await self.ledger.write(Change(), unless=lambda store: True)
        states = Counter(self.supervisor.states.values())
        return ", ".join(f"{count} {state}" for state, count in states.items()) or "no readers"

    async def look_after(self) -> None:
        """Release holds that ran out, follow the programme, and do the work of a new day."""
        try:
            await self.ledger.expire_holds(rfc3339(self.steady.now()))
            await self.editions.follow()
            done = await self.daily.catch_up()
        except RefusedError as error:  # a full disk must not end the till; the next may serve
            log.warning("holds and the day's work were not looked after: %s", error)
            return
        if done is not None:
            log.info("%s: %d lots expired, %d windows closed", *msgspec.structs.astuple(done))

    async def sweep(self) -> None:
        """Look after what time alone changes, until cancelled."""
        while True:
            await self.look_after()
            await asyncio.sleep(HOLD_SWEEP_S)

    async def sweep_inputs(self) -> None:
        """Tell of input that nobody asked about, until cancelled."""
        while True:
            self.inputs.expire()
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
    room = Room(config, home, clock, open_store)
    path = home / config.socket.path if config.socket.path else socket_paths(os.environ)[0]
    if inherited is not None:
        path = Path(inherited.getsockname())
    async with AsyncExitStack() as stack:
        stack.push_async_callback(room.ledger.close)
        stack.callback(room.simulator.close)
        await room.ledger.look_back()
        await room.editions.start()
        await room.look_after()
        if room.chip_writer is not None:
            await room.chip_writer.start()
        if room.web is not None:
            await _start(room.web)
            stack.push_async_callback(room.web.stop)
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        background = [
            tasks.create_task(room.supervisor.run(), name="readers"),
            tasks.create_task(room.inputs.run(room.supervisor.events), name="inputs"),
            tasks.create_task(room.sweep(), name="sweep"),
            tasks.create_task(room.sweep_inputs(), name="inputs that wait"),
        ]
        stack.callback(lambda: [task.cancel() for task in background])
        tcp_port = await stack.enter_async_context(
            room.server.listening(path, inherited=inherited, tcp_port=config.socket.tcp_port)
        )
        yield App(
            path,
            tcp_port,
            room.web.url if room.web else "",
            room.cards,
            room.phones,
            await room.status(),
            room.beat,
            room.look_after,
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


def leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    """Return what really went wrong: task groups wrap it once for each that it passed through."""
    found: list[BaseException] = []
    for error in group.exceptions:
        found += leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


def read_programme(path: Path) -> Programme:
    """Load the programme file. Raises ConfigError with the path of the wrong key."""
    try:
        return load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("programme", f"{path} cannot be read: {error}") from error
    except ProgrammeError as error:
        raise ConfigError(f"programme {path.name}: {error.path}", error.message) from error


def _policy(config: Config) -> CheckoutPolicy:
    phone = config.card_numbers
    own = (
        NumberRange(name="phone", prefix=phone.prefix, length=STATIC_DIGITS, check=Check.MOD97),
        NumberRange(
            name="phone-ean", prefix=phone.ean13_prefix, length=EAN_DIGITS, check=Check.EAN
        ),
        NumberRange(
            name="phone-live",
            prefix=phone.rotating_prefix,
            length=CODE_DIGITS,
            check=Check.MOD97,
            live=True,
        ),
        NumberRange(
            name="google-live", prefix=phone.google_prefix, length=GOOGLE_CODE_DIGITS, live=True
        ),
    )
    return CheckoutPolicy(
        terminal=config.till.terminal,
        ranges=(*config.number_range, *own),
        spend_from=Trust(config.policy.spend_from),
        typed_spend_max=config.policy.typed_spend_max,
        hold_ttl_s=config.policy.hold_ttl_s,
    )


def _simulator(config: Config, clock: Clock, home: Path, keys: ChipKeys | None) -> Simulator:
    said = config.simulated
    if said is None:
        return Simulator({}, clock)
    chip, uid = None, bytes.fromhex(said.chip_uid)
    if said.chip == "purse":
        if keys is None or config.chip is None:
            raise ConfigError("simulated.chip", "a purse is made with the keys of [chip]")
        path = home / "simulated-chip.json"
        chip = purse_card(path, uid, keys.card_keys(uid), cap=config.chip.cap)
    cards = sample_cards(
        plastic=said.plastic,
        phone=said.phone,
        stripe=said.stripe,
        chip_uid=uid,
        chip=chip,
    )
    return Simulator(cards, clock)


def reader_settings(config: Config) -> list[ReaderSettings]:
    """Return what the ``[[reader]]`` tables say. Raises ConfigError."""
    settings: list[ReaderSettings] = [
        configuration.convert(raw, ReaderSettings, f"reader[{index}]")
        for index, raw in enumerate(config.reader)
    ]
    try:
        check_together(settings)
    except ValueError as error:
        raise ConfigError("reader", str(error)) from error
    return settings
