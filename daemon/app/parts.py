"""Puts a till together: every part is constructed, in the order of the layers, none is started."""

import logging
import secrets
import shutil
from collections.abc import Container
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path

from card_formats.check_digits import Check
from card_formats.chip.ntag import PassThrough
from card_formats.credential import Trust
from card_formats.number_ranges import NumberRange
from card_formats.phone.rotating import CODE_DIGITS, GOOGLE_CODE_DIGITS
from daemon.accounts.act_contents import ActOffice
from daemon.accounts.acts import CardActs
from daemon.accounts.card_batches import CardBatches
from daemon.accounts.card_books import Books
from daemon.accounts.card_lifecycle import CardLifecycle
from daemon.accounts.card_transfers import CardTransfers
from daemon.accounts.cards import Cards
from daemon.accounts.live_codes import LiveCodes
from daemon.accounts.operator_changes import OperatorChanges
from daemon.accounts.operators import Operators
from daemon.accounts.phones import Phones
from daemon.app.customer_parts import customer_methods
from daemon.app.mailing_parts import MailingParts
from daemon.app.simulation import SimulatedInput, simulator_of
from daemon.app.startup import read_programme, reader_settings
from daemon.base import config as configuration
from daemon.base.chip_section import ChipSection
from daemon.base.clock import Clock, SteadyClock
from daemon.base.config import Config
from daemon.base.ids import AccountId
from daemon.chip.hot_list import hot_list_of
from daemon.chip.registry import NO_CHIPS, Chips, chips_of
from daemon.chip.terminal import ChipTerminal
from daemon.customers.erasing import Erasing
from daemon.customers.import_people import ImportPeople
from daemon.customers.imports import CustomerImports
from daemon.customers.profiles import Profiles
from daemon.customers.questionnaires import Questionnaires
from daemon.customers.retention import Retention
from daemon.keys.chip_keys import ChipKeys, load_chip_keys
from daemon.keys.key_files import load_or_make
from daemon.keys.phone_keys import PHONE_KEYS_FILE, PhoneKeys, load_phone_keys
from daemon.keys.signing_keys import SigningKey
from daemon.ledger.heads import HEAD_KEY_FILE
from daemon.ledger.ledger import Ledger
from daemon.ledger.storage.registry import OpenStore, scheme_of
from daemon.partners.alliance_statements import AllianceStatements
from daemon.partners.directory import Partners
from daemon.partners.payouts import Payouts
from daemon.partners.statements import Statements
from daemon.pos.act_methods import ActMethods
from daemon.pos.alliance_methods import AllianceMethods
from daemon.pos.batch_methods import BatchMethods
from daemon.pos.card_methods import CardMethods
from daemon.pos.claims import Claims
from daemon.pos.clock_methods import ClockMethods
from daemon.pos.closing_methods import ClosingMethods
from daemon.pos.club_methods import ClubMethods
from daemon.pos.erasure_methods import ErasureMethods
from daemon.pos.events import EventRing
from daemon.pos.finding_methods import FindingMethods
from daemon.pos.import_methods import ImportMethods
from daemon.pos.inputs import Inputs
from daemon.pos.method_table import method_table
from daemon.pos.operator_methods import OperatorMethods
from daemon.pos.partner_methods import PartnerMethods, StatementMethods
from daemon.pos.phone_methods import PhoneMethods
from daemon.pos.points_methods import PointsMethods
from daemon.pos.preview_methods import PreviewMethods
from daemon.pos.protocol import DaemonStatus, ReaderStatus
from daemon.pos.report_methods import ReportMethods
from daemon.pos.sale_methods import SaleMethods
from daemon.pos.server import Server, ServerSettings
from daemon.pos.session_methods import Greeting
from daemon.pos.shop_methods import ShopMethods
from daemon.pos.till_methods import TillMethods
from daemon.programme.programme import Programme
from daemon.readers.registry import build_readers
from daemon.readers.supervisor import Supervisor
from daemon.reports.findings.detector import watched_by
from daemon.reports.findings.finding_book import FindingBook
from daemon.reports.kept_results import KeptResults
from daemon.reports.report_reader import ReportReader
from daemon.sale.checkout import Checkout
from daemon.sale.outlook import card_outlook
from daemon.sale.policy import CheckoutPolicy
from daemon.sale.posting import Posting
from daemon.sale.pricing import Pricing
from daemon.sale.recognition import Recognition
from daemon.sale.standing_discounts import StandingDiscounts
from daemon.shop.adjustments import Adjustments
from daemon.shop.closings import Closings
from daemon.shop.club_history import ClubHistory
from daemon.shop.club_setting import ClubSetting
from daemon.shop.daily_jobs import DailyJobs
from daemon.shop.issued_codes import IssuedCodes
from daemon.shop.lot_folding import LotFolding
from daemon.shop.memberships import Memberships
from daemon.shop.phone_card_views import CouponTerms
from daemon.shop.phone_cards import PhoneCards, PhoneCardTerms
from daemon.shop.preview import Previews
from daemon.shop.programme_history import ProgrammeHistory
from daemon.shop.programme_versions import ProgrammeVersions
from daemon.shop.shop import Shop
from daemon.shop.till_clock import TillClock
from daemon.shop.top_ups import TopUps
from daemon.shop.wallet_cards import WalletCards
from web.page_language import LANGUAGES
from web.phone.wallets import Wallets
from web.web_server import WebServer, make_app
from web.web_settings import WebSettings

VERSION = version("tillcard")
"""Read once: ``status`` opens no file, so that it is answered when none can be opened."""
STATIC_DIGITS, EAN_DIGITS = 16, 13
log = logging.getLogger("tillcard")


class Parts:
    """All the parts of one till, constructed and not yet started.

    Each stage below needs only those before it, as the layers of the house do.
    """

    def __init__(self, config: Config, home: Path, clock: Clock, open_store: OpenStore) -> None:
        """Raise one of STARTUP_ERRORS for what is wrong; nothing is open then."""
        self.config, self.home, self.clock = config, home, clock
        self._started_s = clock.monotonic_s()
        # What can be wrong in the files comes first: nothing is open yet when it is.
        programme = read_programme(home / config.programme, config.till.store)
        self.policy = _policy(config)
        web = configuration.convert(config.web, WebSettings | None, "web")
        wallets = Wallets(web, home, clock) if web else None
        chip_keys = load_chip_keys(home / config.chip.keys) if config.chip else None
        phone_keys = load_phone_keys(home / PHONE_KEYS_FILE)
        self._head_key = SigningKey(load_or_make(home / HEAD_KEY_FILE))
        self._readers(chip_keys)
        self._books(open_store, programme)
        self._accounts(phone_keys, web.coupons if web else ())
        self.events = EventRing(self.steady, secrets.token_hex(4))
        self.chips = self._chips(config.chip, chip_keys) if chip_keys else NO_CHIPS
        self._sale()
        self.mailing = MailingParts(
            self.ledger,
            (self.reports, self.kept_results),
            self.steady,
            lambda: self.shop.programme,
            config,
            home,
            lambda: self.web.address if self.web else "",
        )
        self.web = self._web_server(web, wallets) if web and wallets else None
        self._pos()

    def _readers(self, chip_keys: ChipKeys | None) -> None:
        self.simulator = simulator_of(self.config, self.clock, self.home, chip_keys)
        readers = build_readers(reader_settings(self.config), self.clock, self.simulator)
        self.supervisor = Supervisor(readers, self.clock)

    def _books(self, open_store: OpenStore, programme: Programme) -> None:
        url, home = self.config.ledger, self.home
        writing = open_store(url, home)  # first: it makes the ledger, or brings it up to date
        open_reading = partial(open_store, url, home, read_only=True)
        self.ledger = Ledger(writing, open_reading(), open_reading)
        self.reports = ReportReader(open_reading, self.config.reports.timeout_s)
        self.kept_results = KeptResults(home, self.clock)
        jump = timedelta(hours=self.config.till.clock_jump_h)
        # The phones are asked later, when there are live codes to ask.
        self.steady = SteadyClock(
            self.clock, jump, lambda since_s: self.live_codes.clocks.agree_since(since_s)
        )
        versions = ProgrammeVersions(self.ledger, self.steady, programme, self.config.till.terminal)
        self.shop = Shop(self.ledger, versions, self.steady)
        self.daily_jobs = DailyJobs(self.shop)
        self.previews = Previews(self.shop, url, home)
        self.lots = LotFolding(self.shop)
        self.till_clock = TillClock(self.ledger, versions, self.clock, self.steady)
        self.findings = FindingBook(
            self.ledger,
            self.reports,
            self.steady,
            lambda: self.shop.programme,
            watched_by(self.config),
            lambda: self.recognition.look_ups.write(),
        )

    def _accounts(self, phone_keys: PhoneKeys, coupons: Container[str]) -> None:
        self.questionnaires = Questionnaires(self.ledger, self.steady)
        self.profiles = Profiles(self.questionnaires, self.config.till.country)
        self.cards = Cards(self.ledger, self.steady, self.policy.ranges, self.profiles.of_new)
        self.batches = CardBatches(
            self.ledger, self.cards, self.steady, lambda: self.shop.programme.days, self.office
        )
        self.imports = self._imports()
        self.acts = CardActs(
            self.ledger, self.cards, self.steady, lambda: self.shop.programme.days, self.office
        )
        self.phones = Phones(self.ledger, self.steady, phone_keys, coupons)
        till, known_only = self.config.till, self.config.policy.known_operators
        self.operators = Operators(self.ledger, self.steady, till.store, known_only=known_only)
        self.operator_changes = OperatorChanges(
            self.ledger, self.cards, self.operators, self.steady, f"file {till.terminal}"
        )
        # A code is judged by the machine's own clock: a steady one that stands would take it twice.
        self.live_codes = LiveCodes(
            self.ledger, self.cards, self.clock, phone_keys, lambda: self.steady.behind
        )

    def _imports(self) -> CustomerImports:
        people = ImportPeople(
            self.cards,
            self.profiles,
            self.config.card_numbers.prefix,
            lambda: self.shop.programme,
            self.office,
        )
        return CustomerImports(
            self.ledger,
            self.cards,
            self.profiles,
            people,
            self.steady,
            lambda: self.shop.programme,
        )

    def _statement_methods(self) -> StatementMethods:
        statements = Statements(self.shop, self.office)
        return StatementMethods(statements, Payouts(self.shop, self.office), self.operators)

    def _books_of_cards(self) -> Books:
        """Say whose books of cards they are, and on which accounts."""
        return Books(self.office().company, self.config.books, self.shop.programme.days)

    def office(self) -> ActOffice:
        """Say whose acts about cards are numbered here: the store's company, or the shop's."""
        till = self.config.till
        stores = self.shop.programme.stores
        companies = {name: place.company or till.shop for name, place in stores.items()}
        company = companies.get(till.store, till.shop)
        its_own = tuple(name for name, its_company in companies.items() if its_company == company)
        return ActOffice(company, till.store, its_own)

    def _chips(self, section: ChipSection | None, keys: ChipKeys) -> Chips:
        assert section is not None, "there are keys because there is a section"
        through = {
            reader["name"]: PassThrough(reader["pass_through"])
            for reader in self.config.reader
            if reader.get("pass_through")
        }
        return chips_of(
            ChipTerminal(self.supervisor, keys, self.clock),
            self.shop,
            self.cards,
            section,
            hot_list_of(section, self.home, keys, self.ledger, self.steady),
            through,
            self.events.publish,
        )

    def _sale(self) -> None:
        policy, shop = self.policy, self.shop
        self.recognition = Recognition(
            shop, self.cards, self.live_codes, self.phones, policy, self.chips
        )
        store, role_of = policy.till.store, self.operators.role_of
        pricing = Pricing(shop, policy.ranges, role_of, self.config.chip, store=store)
        self.standing_discounts = StandingDiscounts(shop)
        posting = Posting(shop, self.recognition, pricing, policy.till, self._thanks)

        def forget(account: AccountId) -> None:
            posting.forget(account)
            self.kept_results.close()  # they name people; whoever reads one asks it again

        self.erasing = Erasing(
            self.ledger,
            self.steady,
            lambda: shop.programme,
            self.config.retention,
            forget,
        )
        self.retention = Retention(
            self.ledger, self.steady, lambda: shop.programme, self.config.retention, self.erasing
        )
        self.checkout = Checkout(
            shop, posting, self.chips, self.operators, policy.hold_ttl_s, self.config.limits
        )

    def _thanks(self, language: str) -> str:
        till = self.config.till.language
        words = self.policy.greeting.thanks
        return getattr(words, language, "") or getattr(words, till)

    def _web_server(self, settings: WebSettings, wallets: Wallets) -> WebServer:
        secret = load_or_make(self.home / "forms.key")
        coupons = {
            kind: CouponTerms(words.rule, {code: getattr(words, code) for code in LANGUAGES})
            for kind, words in settings.coupons.items()
        }
        free_min = settings.disk_free_min_mb * 1024 * 1024
        cards = PhoneCards(
            self.shop,
            self.cards,
            self.phones,
            PhoneCardTerms(self.config.card_numbers, secret, coupons),
            partial(card_outlook, self.shop),
            lambda: shutil.disk_usage(self.home).free >= free_min,
            questionnaires=self.questionnaires,
        )
        wallet_cards = WalletCards(self.ledger, cards, secret, LANGUAGES)
        country = self.config.till.country
        passes = wallet_cards, wallets
        app = make_app(cards, settings, self.clock, passes, country, self.mailing.unsubscribing)
        return WebServer(app, settings, self.home)

    def _pos(self) -> None:
        config = self.config
        self.claims = Claims(self.steady)
        self.inputs = Inputs(
            self.events,
            self.recognition,
            self.steady,
            self.supervisor.states,
            self.claims,
            ttl_s=config.policy.input_ttl_s,
        )
        methods = method_table(
            TillMethods(
                self.recognition,
                self.inputs,
                self.claims,
                self.steady,
                self.status,
                SimulatedInput(config, self.simulator, self.inputs, self.phones).play,
                self.operators,
            ),
            PhoneMethods(
                self.recognition, self.operators, lambda: self.web.address if self.web else ""
            ),
            SaleMethods(self.checkout, self.operators),
            self._card_methods(),
            BatchMethods(self.batches, self.operators),
            ActMethods(self.acts, self.operators),
            self._shop_methods(),
            ClockMethods(self.till_clock, self.operators, self._a_day_later),
            ReportMethods(
                self.reports,
                self.shop,
                self._books_of_cards,
                self.operators,
                self.kept_results,
                self.profiles.lacking,
            ),
            PartnerMethods(Partners(self.shop, self.cards), self.cards.guesses, self.operators),
            PreviewMethods(self.previews, ProgrammeHistory(self.shop)),
            self._statement_methods(),
            AllianceMethods(AllianceStatements(self.shop, self.office), self.operators),
            ClosingMethods(Closings(self.shop, self._head_key, self.policy.till), self.operators),
            OperatorMethods(self.operator_changes, self.cards.guesses),
            PointsMethods(Adjustments(self.shop), self.operators, config.policy.adjust_max),
            *customer_methods(
                self.ledger,
                (self.cards, self.profiles, self.questionnaires),
                self.steady,
                lambda: self.shop.programme,
                self.operators,
            ),
            ImportMethods(self.imports, self.operators),
            ErasureMethods(self.erasing, self.retention, self.operators),
            self._club_methods(),
            self.mailing.methods(self.operators),
            FindingMethods(self.findings, self.ledger, self.operators),
        )
        listens = config.socket.tcp_port is not None
        token = load_or_make(self.home / config.socket.token_file).hex() if listens else ""
        greeting = Greeting(
            server=f"tillcard {VERSION}",
            capabilities=sorted(methods),
            terminal=config.till.terminal,
            currency=self.shop.programme.currency.code,
            language=config.till.language,
        )
        settings = ServerSettings(group=config.socket.group, token=token, own=self.policy.ranges)
        self.server = Server(methods, self.events, greeting, settings)

    def _card_methods(self) -> CardMethods:
        shop = self.shop
        lifecycle = CardLifecycle(
            self.ledger,
            self.cards,
            self.steady,
            self.config.card_numbers.prefix,
            lambda: shop.programme,
            self.office,
            self.profiles.lacking,
        )
        return CardMethods(
            lifecycle,
            self.recognition,
            self.inputs,
            self.claims,
            self.cards.guesses,
            self.operators,
            CardTransfers(self.ledger, self.cards, self.steady, lambda: shop.programme),
        )

    async def _a_day_later(self) -> None:
        await self.shop.versions.follow()
        await self.daily_jobs.catch_up()
        await self.lots.fold()
        await self.retention.keep()

    def _club_methods(self) -> ClubMethods:
        memberships = Memberships(self.shop)
        history = ClubHistory(self.shop, memberships)
        setting = ClubSetting(self.shop)
        return ClubMethods(memberships, history, setting, self.daily_jobs, self.operators)

    def _shop_methods(self) -> ShopMethods:
        shop, chips, till = self.shop, self.chips, self.policy.till
        return ShopMethods(
            shop,
            TopUps(shop, self.cards, chips.pay_owed, till.store, self.config.policy.topup_max),
            IssuedCodes(shop, self.cards),
            self.cards.guesses,
            self.operators,
            store=till.store,
            is_previewed=self.previews.is_fresh,
        )

    async def status(self) -> DaemonStatus:
        """Say how the till is."""
        programme, clocks = self.shop.programme, self.live_codes.clocks
        return DaemonStatus(
            version=VERSION,
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
            clock_suspect=self.steady.ahead or self.steady.behind or clocks.suspect,
            clock=self.till_clock.status(),
            outbox=0,  # nothing forwards entries yet
            simulated={
                "readers": tuple(self.simulator.actions),
                "cards": tuple(self.simulator.cards),
            },
            phones_ahead_s=clocks.offset_s,
        )


def _policy(config: Config) -> CheckoutPolicy:
    phone = config.card_numbers
    own = (
        NumberRange(name="phone", prefix=phone.prefix, length=STATIC_DIGITS, check=Check.MOD97),
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
    ean = (
        NumberRange(name="phone-ean", prefix=prefix, length=EAN_DIGITS, check=Check.EAN)
        for prefix in (phone.ean13_prefix,)
        if prefix
    )
    return CheckoutPolicy(
        till=config.till.names,
        ranges=(*config.number_range, *own, *ean),
        spend_from=Trust(config.policy.spend_from),
        typed_spend_max=config.policy.typed_spend_max,
        greeting=config.greeting,
        hold_ttl_s=config.policy.hold_ttl_s,
    )
