"""Puts the daemon together: the only place that constructs anything."""

import asyncio
import logging
import secrets
from collections import Counter
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import msgspec

from card_formats.check_digits import Check
from card_formats.chip.ntag import PassThrough
from card_formats.credential import Trust
from card_formats.number_ranges import NumberRange
from card_formats.phone.rotating import CODE_DIGITS, GOOGLE_CODE_DIGITS
from daemon.accounts.card_lifecycle import CardLifecycle
from daemon.accounts.cards import Cards
from daemon.accounts.live_codes import LiveCodes
from daemon.accounts.phones import Phones
from daemon.app.simulation import simulator_of
from daemon.app.startup import read_programme, reader_settings
from daemon.base import config as configuration
from daemon.base.clock import Clock, SteadyClock, rfc3339
from daemon.base.config import ChipSection, Config
from daemon.base.refusals import RefusedError
from daemon.chip.hot_list import HotListFile
from daemon.chip.purses import ChipPurses
from daemon.chip.tags import Tags
from daemon.chip.terminal import ChipTerminal
from daemon.chip.writing import ChipWriter
from daemon.keys.chip_keys import ChipKeys, load_chip_keys
from daemon.keys.key_files import load_or_make
from daemon.keys.phone_keys import PHONE_KEYS_FILE, load_phone_keys
from daemon.ledger.ledger import Ledger
from daemon.ledger.storage.registry import OpenStore, scheme_of
from daemon.ledger.storage.store import Change
from daemon.pos.claims import Claims
from daemon.pos.dispatch import Method
from daemon.pos.errors import ProtocolCode, ProtocolFaultError
from daemon.pos.events import EventRing
from daemon.pos.inputs import Inputs
from daemon.pos.methods import SaleMethods
from daemon.pos.protocol import DaemonStatus, ReaderStatus, SimulateParams
from daemon.pos.server import Server
from daemon.pos.session_methods import Greeting
from daemon.pos.shop_methods import ShopMethods
from daemon.readers.registry import build_readers
from daemon.readers.supervisor import Supervisor
from daemon.sale.checkout import Checkout, CheckoutPolicy
from daemon.sale.pricing import Pricing
from daemon.shop.daily_jobs import DailyJobs
from daemon.shop.issued_codes import IssuedCodes
from daemon.shop.memberships import Memberships
from daemon.shop.phone_card_views import CouponTerms
from daemon.shop.phone_cards import PhoneCards
from daemon.shop.programme_versions import ProgrammeVersions
from daemon.shop.top_ups import TopUps
from daemon.shop.wallet_cards import WalletCards
from web.page_language import LANGUAGES
from web.phone.wallets import Wallets
from web.web_server import WebServer, make_app
from web.web_settings import WebSettings

HOLD_SWEEP_S = 5.0

INPUT_SWEEP_S = 1.0

STATIC_DIGITS, EAN_DIGITS = 16, 13

PHONE_SHOWN = {"scan": "]Q1", "type": ""}
"""How the sample phone is shown, and what stands before its code then."""

log = logging.getLogger("tillcard")


class Parts:
    """All the parts of one till, constructed and not yet started."""

    def __init__(self, config: Config, home: Path, clock: Clock, open_store: OpenStore) -> None:
        self.config, self.clock = config, clock
        self._started_s = clock.monotonic_s()
        # What can be wrong in the files comes first: nothing is open yet when it is.
        programme, policy = read_programme(home / config.programme), _policy(config)
        web = configuration.convert(config.web, WebSettings | None, "web")
        wallets = Wallets(web, home, clock) if web else None
        chip_keys = load_chip_keys(home / config.chip.keys) if config.chip else None
        self.simulator = simulator_of(config, clock, home, chip_keys)
        readers = build_readers(reader_settings(config), clock, self.simulator)
        self.supervisor = Supervisor(readers, clock)

        self.ledger = Ledger(
            open_store(config.ledger, home), open_store(config.ledger, home, read_only=True)
        )
        self.steady = SteadyClock(clock, lambda: self.ledger.newest_at)
        clock = self.steady  # but for what must not trust it: live codes
        self.versions = ProgrammeVersions(self.ledger, clock, programme, config.till.terminal)
        self.daily = DailyJobs(self.ledger, self.versions, clock)
        self.cards = Cards(self.ledger, clock)
        phone_keys = load_phone_keys(home / PHONE_KEYS_FILE)
        self.phones = Phones(self.ledger, clock, phone_keys, web.coupons if web else ())
        self.live_codes = LiveCodes(self.ledger, self.cards, self.clock, phone_keys)
        pricing = Pricing(
            self.ledger, self.versions, clock, policy.ranges, config.cashiers, config.chip
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
            self.versions,
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
        self.methods = SaleMethods(
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
            terminal, self.ledger, self.steady, said, self.versions, self.events.publish
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
            self.versions,
            self.steady,
            hot,
        )

    def _web_server(self, settings: WebSettings, wallets: Wallets, home: Path) -> WebServer:
        secret = load_or_make(home / "forms.key")
        coupons = {
            kind: CouponTerms(said.rule, {code: getattr(said, code) for code in LANGUAGES})
            for kind, said in settings.coupons.items()
        }
        desk = PhoneCards(
            self.cards,
            self.phones,
            self.ledger,
            self.versions,
            self.clock,
            self.config.card_numbers,
            secret,
            coupons,
        )
        wallet_desk = WalletCards(self.ledger, desk, secret, LANGUAGES)
        app = make_app(desk, settings, self.clock, (wallet_desk, wallets))
        return WebServer(app, settings, home)

    def _shop_methods(self, policy: CheckoutPolicy, chips: ChipPurses | None) -> dict[str, Method]:
        ledger, versions, clock = self.ledger, self.versions, self.steady
        prefix = self.config.card_numbers.prefix
        life = CardLifecycle(ledger, clock, policy.ranges, prefix, lambda: versions.active.zone)
        return ShopMethods(
            life,
            TopUps(ledger, versions, life, clock, chips.pay_owed if chips else None),
            IssuedCodes(ledger, versions, life, clock),
            Memberships(ledger, versions, clock),
            versions,
            clock,
        ).methods()

    def _web_address(self) -> str:
        return self.web.address if self.web else ""

    def _greeting(self) -> Greeting:
        return Greeting(
            server=f"tillcard {version('tillcard')}",
            capabilities=sorted(self.methods),
            terminal=self.config.till.terminal,
            currency=self.versions.active.currency,
            language=self.config.till.language,
        )

    async def status(self) -> DaemonStatus:
        """Say how the till is."""
        outbox = await self.ledger.read(lambda store: store.outbox_depth())
        programme, clocks = self.versions.active, self.live_codes.clocks
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
            await self.versions.follow()
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
