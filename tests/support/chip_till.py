"""Tills without sockets and cards without readers: a purchase can be cut at any point of either."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Protocol, TypeVar

import msgspec

from card_formats.apdu import Dialogue
from card_formats.check_digits import Check
from card_formats.chip.ntag import PassThrough
from card_formats.chip.purse import understood
from card_formats.chip.purse_issue import personalise
from card_formats.chip.purse_layout import (
    DEBIT_KEY,
    LOAD_KEY,
    MASTER_KEY,
    OLDEST_SCHEMA,
    STATE_FILE,
    VALUE_FILE,
    decode_state,
    encode_state,
)
from card_formats.credential import Medium, Shown, Trust
from card_formats.number_ranges import NumberRange
from daemon.accounts.act_contents import ActOffice
from daemon.accounts.card_lifecycle import CardLifecycle
from daemon.accounts.card_terms import CardTerms
from daemon.accounts.cards import Cards, NewCard, Profile
from daemon.accounts.live_codes import LiveCodes
from daemon.accounts.operators import Operators
from daemon.accounts.phones import Phones
from daemon.base.chip_section import ChipSection
from daemon.base.config import LimitsSection
from daemon.base.ids import PosSaleId, PresentationId
from daemon.base.receipt_codes import TillNames
from daemon.chip.hot_list import encode, hot_list_of
from daemon.chip.registry import chips_of
from daemon.chip.terminal import ChipTerminal
from daemon.customers.profiles import Profiles
from daemon.customers.questionnaires import Questionnaires
from daemon.keys.chip_keys import ChipKeys, load_chip_keys, make_chip_keys
from daemon.keys.hot_list_keys import (
    load_hot_list_key,
    make_hot_list_keys,
)
from daemon.keys.phone_keys import PhoneKeys
from daemon.ledger.audit import audit
from daemon.ledger.entries import ChipMove, Entry, decode
from daemon.ledger.ledger import Ledger, RequestKey
from daemon.ledger.storage.registry import open_store
from daemon.ledger.storage.sqlite import SQLiteStore
from daemon.ledger.storage.store import Store, StoreError
from daemon.programme.basket import BasketLine
from daemon.programme.programme import load
from daemon.readers.channel import run_dialogue
from daemon.readers.errors import CardLostError, NoCardError
from daemon.readers.simulated.desfire.card import DesfireCard
from daemon.readers.simulated.desfire.card_files import Rights
from daemon.readers.simulated.desfire.card_state import AS_OBSERVED, Traits
from daemon.readers.simulated.desfire.faults import Fault, FaultyCard
from daemon.readers.simulated.desfire.memory import Generation, Memory
from daemon.sale.checkout import Checkout
from daemon.sale.policy import CheckoutPolicy
from daemon.sale.posting import Posting
from daemon.sale.pricing import Pricing
from daemon.sale.recognition import Recognition
from daemon.sale.terms import ReturnTerms, SaleTerms
from daemon.shop.programme_versions import ProgrammeVersions
from daemon.shop.shop import Shop
from daemon.shop.top_ups import CardShown, ShowTerms, TopUps, TopUpTerms
from tests.support.clock import HandClock
from tests.support.till import LEDGER, begin_ledger

T = TypeVar("T")
Noise = Callable[[bytes], bytes]
"""What becomes of an answer on its way from the card."""
BURN_ONLY = """
[programme]
id = "chips"
currency = "UAH"
tz = "Europe/Kyiv"

[[purse]]
id = "bonus"
unit = "UAH"
where = "chip"

[[rule]]
id = "bonus-burn"
give = { burn = "bonus", max_percent = 100 }

[[rule]]
id = "cashback"
when = { codes = ["BACK"] }
give = { earn = "bonus", amount = 250 }
"""
LINES = (BasketLine(line=1, sku="tea", qty=1, unit_price=10_000),)
LOADED, CAP, READER = 5_000, 100_000, "chip"


class Wallet:
    """A customer's card: it can be laid on any reader, and torn at any APDU."""

    def __init__(
        self,
        keys: ChipKeys,
        random: Random,
        generation: Generation = Generation.EV2,
        traits: Traits = AS_OBSERVED,
    ) -> None:
        self.uid = b"\x04" + random.randbytes(6)
        blank = Memory(uid=self.uid, generation=generation)
        self.model = DesfireCard(blank, random.randbytes, traits)
        challenges = random.randbytes(16), random.randbytes(16), random.randbytes(16)
        issue = personalise(keys.card_keys(self.uid), challenges, cap=CAP, balance=LOADED)
        run_dialogue(issue, self.model.transmit)

    @property
    def balance(self) -> int:
        """What the chip holds, without asking it."""
        (application,) = self.model.snapshot().applications.values()
        value: int = application.files[1].value  # type: ignore[union-attr]
        return value


def falsified(model: DesfireCard, file_no: int, **change: Any) -> None:
    """Change a file of the purse as nobody can who has no key."""
    memory = model.snapshot()
    ((aid, application),) = memory.applications.items()
    file = msgspec.structs.replace(application.files[file_no], **change)
    changed = msgspec.structs.replace(application, files={**application.files, file_no: file})
    model.restore(msgspec.structs.replace(memory, applications={aid: changed}))


def of_the_old_layout(model: DesfireCard) -> None:
    """Make a purse as schema 1 had it: a debit key could give back what it had taken last."""
    rights = Rights(DEBIT_KEY, DEBIT_KEY, LOAD_KEY, MASTER_KEY)
    falsified(model, VALUE_FILE, rights=rights, limited_credit_enabled=True)
    (application,) = model.snapshot().applications.values()
    state = decode_state(application.files[STATE_FILE].content, 0)  # type: ignore[union-attr]
    old = msgspec.structs.replace(understood(state), schema=OLDEST_SCHEMA)
    falsified(model, STATE_FILE, content=encode_state(old))


class Laid(Protocol):
    """A chip that can be laid on a reader."""

    uid: bytes
    model: Any


class HandReaders:
    """One reader, on which the test lays cards.

    keeps_power: a card that was lost at the field's edge stays there and is presented again with
                 the power that it has, as pcscd does it, and so is one that is laid down; else it
                 leaves, and is reset.
    """

    def __init__(self) -> None:
        self.cards: dict[str, Shown] = {}
        self.lying: FaultyCard | None = None
        self.keeps_power = False

    def lay(
        self,
        wallet: Laid,
        faults: Mapping[int, Fault] | None = None,
        noise: Mapping[int, Noise] | None = None,
    ) -> Shown:
        """Lay a card down; ``faults`` and ``noise`` by the APDU's number, the first being 1."""
        self.lying = FaultyCard(wallet.model, faults, noise, keeps_power=self.keeps_power)
        self.lying.reset()
        shown = Shown(Medium.CHIP, wallet.uid, wallet.model.atr)
        self.cards = {READER: shown}
        return shown

    def take_away(self) -> None:
        self.cards, self.lying = {}, None

    async def converse(self, reader: str, dialogue: Dialogue[T], *, timeout_s: float) -> T:
        card = self.lying
        if card is None:
            dialogue.close()
            raise NoCardError("no card lies on the reader")
        try:
            return run_dialogue(dialogue, card.transmit)
        except CardLostError:
            if card is self.lying and self.keeps_power:
                again = self.cards[READER]
                self.cards = {READER: Shown(again.medium, again.raw, again.atr)}
            elif card is self.lying:
                self.take_away()
            raise


class PowerCut:
    """Lets so many calls of the ledger's store pass, then none: the till is dead.

    at:    the number of the call that does not happen, or, ``after``, whose caller never hears.
    calls: the names of those that were made since the till was up.
    """

    def __init__(self, at: int = 0, *, after: bool = False) -> None:
        self.calls: list[str] = []
        self.dead = self.armed = False
        self._at, self._after = at, after

    def __call__(self, call: Callable[..., T], *args: Any, **named: Any) -> T:
        if self.dead:
            raise StoreError("no power")
        if not self.armed:
            return call(*args, **named)
        self.calls.append(call.__name__)
        if len(self.calls) != self._at:
            return call(*args, **named)
        self.dead = True
        if self._after:
            call(*args, **named)
        raise StoreError("no power")


class CutStore:
    """A store whose calls go through a PowerCut; closing it forgets what was not committed."""

    def __init__(self, store: Store, cut: PowerCut) -> None:
        self._store, self._cut = store, cut
        self.ledger_id, self.answered = store.ledger_id, store.answered
        self.in_doubt = False

    def close(self) -> None:
        self._store.close()

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._store, name)
        if not callable(call):
            return call
        return lambda *args, **named: self._cut(call, *args, **named)


PRINTED = (NumberRange(name="plastic", prefix="2900", length=13, check=Check.EAN),)


class HandTill:
    """A till on its own ledger, for as long as it has power."""

    def __init__(
        self,
        home: Path,
        ledger: Ledger,
        keys: ChipKeys,
        clock: HandClock,
        section: ChipSection,
        programme: str = BURN_ONLY,
    ) -> None:
        self.home, self.ledger = home, ledger
        self.readers = HandReaders()
        self.pass_through: dict[str, PassThrough] = {}
        self.events: list[dict[str, Any]] = []
        people = Profiles(Questionnaires(ledger, clock), "")
        self.cards = Cards(ledger, clock, filling=people.of_new)
        self.versions = ProgrammeVersions(ledger, clock, load(programme), "till")
        hot = hot_list_of(section, home, keys, ledger, clock)
        versions = self.versions
        shop = Shop(ledger, versions, clock)
        terminal = ChipTerminal(self.readers, keys, clock)
        self.chips = chips = chips_of(
            terminal, shop, self.cards, section, hot, self.pass_through, self._publish
        )
        self.life = CardLifecycle(
            ledger,
            self.cards,
            clock,
            "91",
            lambda: versions.active,
            lambda: ActOffice("Our shop", "1"),
        )
        self.stored_value = TopUps(shop, self.cards, chips.pay_owed, "1")
        phone_keys = PhoneKeys({1: bytes(32)})
        names = TillNames("1", "till")
        policy = CheckoutPolicy(till=names, ranges=PRINTED, spend_from=Trust.UID, hold_ttl_s=900)
        live_codes = LiveCodes(ledger, self.cards, clock, phone_keys)
        phones = Phones(ledger, clock, phone_keys)
        self.recognition = Recognition(shop, self.cards, live_codes, phones, policy, chips)
        operators = Operators(ledger, clock, "1")
        pricing = Pricing(shop, (), operators.role_of, section)
        posting = Posting(shop, self.recognition, pricing, policy.till)
        self._checkout = partial(Checkout, shop, posting, chips, operators, policy.hold_ttl_s)
        self.checkout = self._checkout()

    def limit(self, **limits: int) -> None:
        """Set limits of a day, as ``[limits]`` has them."""
        self.checkout = self._checkout(LimitsSection(**limits))

    def _publish(self, event_type: str, **fields: Any) -> None:
        self.events.append({"type": event_type} | fields)

    async def tap(
        self,
        wallet: Laid,
        faults: Mapping[int, Fault] | None = None,
        noise: Mapping[int, Noise] | None = None,
    ) -> Any:
        """Lay a card down and identify it. Raises RefusedError."""
        return await self.recognition.identify(self.readers.lay(wallet, faults, noise), READER)

    async def buy(self, sale_id: str, presentation: str, burn: int = 0, **more: Any) -> Any:
        """Commit a sale that burns from the chip. Raises RefusedError."""
        terms = SaleTerms(
            presentation=PresentationId(presentation),
            burn={"bonus": burn} if burn else None,
            **{"lines": LINES} | more,
        )
        key = RequestKey.of("sale.commit", sale_id, terms)
        return msgspec.json.decode(await self.checkout.commit(key, PosSaleId(sale_id), terms, None))

    async def hold(self, sale_id: str, presentation: str, burn: int) -> Any:
        """Hold a sale that burns from the chip. Raises RefusedError."""
        terms = SaleTerms(
            presentation=PresentationId(presentation), lines=LINES, burn={"bonus": burn}
        )
        key = RequestKey.of("sale.hold", sale_id, terms)
        return msgspec.json.decode(await self.checkout.hold(key, PosSaleId(sale_id), terms, None))

    async def void(self, sale_id: str) -> Any:
        """Void a sale. Raises RefusedError."""
        key = RequestKey("sale.void", sale_id, b"void")
        return msgspec.json.decode(
            await self.checkout.void(key, PosSaleId(sale_id), "paid in cash")
        )

    async def give_back(self, sale_id: str, *, in_cash: bool = False) -> Any:
        """Take all of a sale back. Raises RefusedError."""
        key = RequestKey("sale.return", f"return of {sale_id}", b"return")
        terms = ReturnTerms(lines={}, cashier="anna", reason="broken", in_cash=in_cash)
        return msgspec.json.decode(await self.checkout.return_sale(key, PosSaleId(sale_id), terms))

    async def change(self, event: str, wallet: Laid, request_id: str, **more: Any) -> Any:
        """Block, unblock or extend a card. Raises RefusedError."""
        said: dict[str, Any] = {"by": "anna", "reason": "the test says so"} | more
        terms = CardTerms(request_id=request_id, card=wallet.uid.hex(), **said)
        key = RequestKey.of(f"card.{event}", request_id, terms)
        return msgspec.json.decode(await self.life.change(key, event, terms))

    async def top_up(self, wallet: Laid, topup_id: str, amount: int) -> Any:
        """Put money on a card. Raises RefusedError."""
        terms = TopUpTerms(topup_id=topup_id, card=wallet.uid.hex(), amount=amount, cashier="anna")
        key = RequestKey.of("card.topup", topup_id, terms)
        return msgspec.json.decode(await self.stored_value.top_up(key, terms))

    async def show(self, wallet: Laid) -> CardShown:
        """Show a card. Raises RefusedError."""
        return await self.stored_value.show(ShowTerms(card=wallet.uid.hex()))

    async def state(self, sale_id: str) -> str:
        return (await self.checkout.status(PosSaleId(sale_id))).state


@asynccontextmanager
async def hand_till(
    home: Path,
    clock: HandClock,
    *,
    cut: PowerCut | None = None,
    keys: ChipKeys | None = None,
    programme: str = BURN_ONLY,
    location: str = LEDGER,
    **limits: Any,
) -> AsyncIterator[HandTill]:
    """Run the till of ``home``, as a start of the daemon does; it may die on the way."""
    cut = cut or PowerCut()
    if location == LEDGER:
        begin_ledger(home)
    store = CutStore(open_store(location, home), cut)
    ledger = Ledger(store, open_store(location, home, read_only=True))
    section = ChipSection(**{"shop": 1, "till": 1, "cap": CAP} | limits)
    keys = keys or load_chip_keys(home / "chip.keys")
    till = HandTill(home, ledger, keys, clock, section, programme)
    try:
        await till.versions.start()
        await till.chips.start()
        cut.armed = True
        yield till
    finally:
        await ledger.close()


async def make_home(
    home: Path,
    wallets: list[Wallet],
    clock: HandClock,
    keys: Path,
    location: str = LEDGER,
    number: str = "",
) -> None:
    """Make a till's folder from the one with the keys; every wallet's card is issued there.

    number: is printed on the card, of which there is one.
    """
    await asyncio.to_thread(shutil.copytree, keys, home)
    async with hand_till(home, clock, location=location) as till:
        for wallet in wallets:
            known = [("uid", wallet.uid.hex().upper())] + [("number", number)] * bool(number)
            card = NewCard(kind="chip", number=number, identifiers=tuple(known))
            assert await till.cards.issue(card, Profile())


def make_keys(folder: Path) -> ChipKeys:
    """Make a folder that holds new keys and nothing else."""
    folder.mkdir()
    make_chip_keys(folder / "chip.keys")
    make_hot_list_keys(folder / "hot-list.key", folder / "hot-list.pub")
    return load_chip_keys(folder / "chip.keys")


def chip_moves(*homes: Path) -> list[ChipMove]:
    """Return what the ledgers say was done to chips; each ledger is audited on the way."""
    moves = []
    for home in homes:
        store = SQLiteStore(home / "tillcard.db", read_only=True)
        try:
            assert audit(store).findings == ()
            entries = [decode(chained.body) for chained in store.entries()]
        finally:
            store.close()
        moves += [entry.chip for entry in entries if entry.chip]
    return moves


def entries(home: Path, kind: str) -> list[Entry]:
    """Return a till's entries of one kind, oldest first."""
    store = SQLiteStore(home / "tillcard.db", read_only=True)
    try:
        return [one for c in store.entries() if (one := decode(c.body)).kind == kind]
    finally:
        store.close()


class ChipShop:
    """Tills with ledgers of their own, and a customer with a card."""

    def __init__(self, home: Path) -> None:
        self.home, self.clock = home, HandClock()
        self.keys = make_keys(home / "keys")
        self.wallet = Wallet(self.keys, Random(5))

    @asynccontextmanager
    async def till(self, name: str = "a", /, **more: Any) -> AsyncIterator[HandTill]:
        async with hand_till(self.home / name, self.clock, **more) as till:
            yield till

    def hot_list(self, uids: Iterable[str] = (), made_at: datetime | None = None) -> str:
        """Return a list of these chips, as of now unless told."""
        signer = load_hot_list_key(self.home / "keys" / "hot-list.key")
        return encode(uids, made_at or self.clock.now(), self.keys, signer)

    def hold(self) -> int:
        """Return what the ledger of till A says was done to the chip, after auditing it."""
        return sum(move.amount for move in chip_moves(self.home / "a"))
