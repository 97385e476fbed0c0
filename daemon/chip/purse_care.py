"""Cards with a purse at the till: proved by their keys, looked after at every tap, sold with.

prove   a card is laid down: open it, settle what an earlier tear left open, pay what it is owed
sell    a sale that changes the purse on its card
resume  the same call again after a tear: the card says how far it came
"""

import logging
import secrets

import msgspec
from msgspec.structs import replace

from card_formats.atr import decode_atr, storage_card
from card_formats.chip.purse import Messaging, read_history, set_status, understood
from card_formats.chip.purse_layout import (
    TXID_BYTES,
    NewerState,
    PurchaseRecord,
    PurseState,
    PurseStatus,
)
from card_formats.chip.uid import read_uid
from card_formats.credential import Credential, Medium, Shown, Trust, mask
from card_formats.errors import CardFormatError
from daemon.accounts.card_lifecycle import lift_counter
from daemon.accounts.cards import Account, Cards
from daemon.base.clock import Clock, rfc3339
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.chip.hot_list import HotListFile
from daemon.chip.tags import Tags, forged
from daemon.chip.terminal import UID_BYTES, ChipTerminal, OpenCard, refusal
from daemon.chip.writing import TAP_AGAIN, ChipWriter, WantedSale
from daemon.ledger import chip_sales
from daemon.ledger.chip_owed import chip_purse, owed_purse
from daemon.ledger.chip_sales import WAITING, intent_of
from daemon.ledger.entries import CounterMove, Entry
from daemon.ledger.ledger import Ledger, RequestKey
from daemon.ledger.sale_records import Frozen, Sale, SaleRow
from daemon.ledger.storage.queries import CARD_BY_IDENTIFIER, CHIP, UNSETTLED_OF
from daemon.ledger.storage.rows import ChipRow
from daemon.ledger.storage.store import Change, Store
from daemon.programme.basket import Basket
from daemon.programme.programme import local_day
from daemon.programme.quote import Quote
from daemon.readers.errors import ReaderError
from daemon.shop.programme_versions import ProgrammeVersions

WRITE_APDUS = 4
PURCHASE_APDUS_MAX = 10
"""Without recovery. The history is not looked at where that would not fit."""
RECOVERY_APDUS_MAX = 13
"""What a card is owed waits for its next tap where it would not fit."""

_LIFTED_BY = {PurseStatus.BLOCKED: "unblock", PurseStatus.EXPIRED: "extend"}
"""What the ledger does to a card that makes a chip with this status good again."""

_NOT_A_PURSE = {
    "desfire.foreign",
    "desfire.no-application",
    "desfire.illegal-command",
    "desfire.status",
    "apdu.short",
}
_NOT_ITS_KEY = {"desfire.authentication", "desfire.not-the-card", "desfire.no-such-key"}
log = logging.getLogger("tillcard.chip")


class ProvenCard(msgspec.Struct, frozen=True):
    """A card that proved itself. ``balance`` is its purse's, or None for a tag."""

    account: Account
    credential: Credential
    balance: int | None = None


class _Known(msgspec.Struct, frozen=True):
    """What the ledger knows of a chip, as of this tap.

    lifts: by their counters: how often its card was unblocked or extended since it was seen good.
    """

    chip: ChipRow | None
    unsettled: tuple[SaleRow, ...]
    lifts: dict[str, int]
    card_id: str = ""


class ChipPurses:
    """The chips that lie on the till's readers, and what is done with them."""

    def __init__(
        self,
        terminal: ChipTerminal,
        writer: ChipWriter,
        tags: Tags,
        ledger: Ledger,
        cards: Cards,
        versions: ProgrammeVersions,
        clock: Clock,
        hot: HotListFile,
    ) -> None:
        self._terminal = terminal
        self._writer = writer
        self._ledger = ledger
        self._cards = cards
        self._versions = versions
        self._clock = clock
        self._hot = hot
        self._tags = tags

    # A card is laid down.

    async def prove(self, shown: Shown, reader: str) -> ProvenCard | None:
        """Let the chip on ``reader`` prove itself; None for one that has nothing to prove with.

        Raises: RefusedError for a forged, blocked, torn or silent card; CARD_FORGED also for a
                chip that shows the UID of one that has proved itself here, and cannot.
        """
        if not shown.raw:
            return None
        async with self._terminal.turn(reader):
            if self._terminal.shown_at(reader) != shown:
                raise RefusedError(ErrorCode.NO_CARD, "Show the card again.", reader=reader)
            known = await self._known(shown)
            card = await self._open(reader, shown, known)
            if card is not None:
                return await self._look_after(card, known, pays_owed=True)
            credential = await self._tags.prove(reader, shown)
            if credential is not None:
                return ProvenCard(await self._cards.resolve(credential), credential)
        if known.chip is not None:
            raise forged("it does not prove what it proved before")
        return None

    async def _known(self, shown: Shown) -> _Known:
        uid = shown.raw.hex().upper()

        def read(store: Store) -> _Known:
            card = store.ask_one(CARD_BY_IDENTIFIER, "uid", uid)
            rows = store.ask(UNSETTLED_OF, card.account) if card is not None else []
            waiting = tuple(row for row in rows if _waits_for(row, uid))
            card_id = card.card_id if card is not None else ""
            names = [lift_counter(card_id, event) for event in _LIFTED_BY.values()]
            lifts = {name: n for name, n in store.counters(names).items() if n}
            return _Known(store.ask_one(CHIP, uid), waiting, lifts, card_id)

        return await self._ledger.read(read)

    async def _open(self, reader: str, shown: Shown, known: _Known) -> OpenCard | None:
        if len(shown.raw) != UID_BYTES or _is_memory(shown.atr):
            return None
        is_old = known.chip is not None and known.chip.speaks == Messaging.EV1
        try:
            return await self._terminal.open(reader, Messaging.EV1 if is_old else Messaging.EV2)
        except CardFormatError as error:
            if error.code in _NOT_A_PURSE:
                return None
            if error.code in _NOT_ITS_KEY:
                await self._check_same_card(reader, shown)
                raise forged("it does not know its key") from error
            raise misread(error) from error

    async def _check_same_card(self, reader: str, shown: Shown) -> None:
        """Raise RefusedError NO_CARD where another card lies there by now."""
        try:
            lying = await self._terminal.listen(reader, read_uid())
        except CardFormatError:
            lying = b""
        if lying != shown.raw:
            raise RefusedError(ErrorCode.NO_CARD, "Show the card again.", reader=reader)

    async def _look_after(self, card: OpenCard, known: _Known, *, pays_owed: bool) -> ProvenCard:
        """Settle what is open, keep what was seen, refuse what must not be used."""
        credential = Credential("uid", card.uid, Medium.CHIP, Trust.MUTUAL_AUTH)
        state = card.purse.state
        if isinstance(state, NewerState):
            return ProvenCard(await self._cards.resolve(credential), credential, state.balance)
        await self._check_alarm(card, known, state)
        for row in known.unsettled:
            await self._writer.settle(card, row)
        await self._note(card, state)
        if await self._hot.names(card.uid):
            await self._block(card, state)
            raise RefusedError(ErrorCode.CARD_BLOCKED, "This card is on the hot list.")
        account = await self._resolve(card, credential, known)
        if pays_owed:
            await self._pay_owed(card, account.account)
        card.looked_after = True
        return ProvenCard(account, credential, card.purse.state.balance)

    async def _check_alarm(self, card: OpenCard, known: _Known, state: PurseState) -> None:
        """Refuse a chip that cannot be the one seen before, from now on and at every till."""
        chip = known.chip
        if chip is None or not chip.txid:
            return
        alarm = chip.alarm
        if not alarm:
            alarm = await self._alarm_of(card, known, state)
            if not alarm:
                return
            seen = {"seq": state.seq, "txid": state.last_txid.hex(), "balance": state.balance}
            told = {"alarm": alarm, "seen": seen, "known": msgspec.to_builtins(chip)}
            detail = msgspec.Raw(msgspec.json.encode(told))
            at = rfc3339(self._clock.now())
            entry = Entry(at=at, kind="chip_alarm", ref=card.uid, detail=detail)
            await self._ledger.write(Change(entry=entry, rows=(replace(chip, alarm=alarm),)))
            self._writer.tell("card.alarm", card, reason=alarm)
        await self._block(card, state)
        raise RefusedError(ErrorCode.CARD_BLOCKED, f"This card is blocked: {alarm}.")

    async def _alarm_of(self, card: OpenCard, known: _Known, state: PurseState) -> str:
        assert known.chip is not None
        record: tuple[PurchaseRecord, ...] = ()
        is_ours = any(intent_of(row).txid == state.last_txid for row in known.unsettled)
        if known.chip.seq and not is_ours and card.apdus + 1 + WRITE_APDUS <= PURCHASE_APDUS_MAX:
            unseen = state.seq - known.chip.seq
            reading = read_history(card.purse, back=unseen) if unseen > 0 else None
            try:
                record = await self._terminal.ask(card, reading) if reading else ()
            except ReaderError as error:
                raise refusal(error, card.reader) from error
            except CardFormatError as error:
                if error.code != "purse.bad-history":
                    raise misread(error) from error
                return "its history does not fit its count"
        return chip_sales.alarm_of(known.chip, state, record)

    async def _resolve(self, card: OpenCard, credential: Credential, known: _Known) -> Account:
        state = understood(card.purse.state)
        try:
            account = await self._cards.resolve(credential)
        except RefusedError as error:
            if error.code is ErrorCode.CARD_BLOCKED:
                await self._block(card, state)
            raise
        if known.lifts:
            state = await self._lift(card, known)
        if state.status is PurseStatus.EXPIRED:
            raise RefusedError(ErrorCode.CARD_EXPIRED, "This card has expired.")
        if state.status is not PurseStatus.ACTIVE:
            raise RefusedError(ErrorCode.CARD_BLOCKED, "This card is blocked on its chip.")
        return account

    async def _lift(self, card: OpenCard, known: _Known) -> PurseState:
        """Make a chip good again whose card this ledger has unblocked or extended since.

        That counts once: a chip that another till blocks after it was seen good stays blocked.
        Raises: RefusedError where the card is torn away.
        """
        state = understood(card.purse.state)
        if state.status is not PurseStatus.ACTIVE:
            event = _LIFTED_BY.get(state.status, "")
            if lift_counter(known.card_id, event) not in known.lifts:
                return state
            try:
                state = await self._terminal.ask(card, set_status(card.purse, PurseStatus.ACTIVE))
            except ReaderError as error:
                raise refusal(error, card.reader) from error
            except CardFormatError as error:
                raise misread(error) from error
        moves = tuple(CounterMove(name, -n) for name, n in known.lifts.items())
        at = rfc3339(self._clock.now())
        entry = Entry(at=at, kind="chip_good", ref=card.uid, counters=moves)
        await self._ledger.write(Change(entry=entry))
        return state

    async def _block(self, card: OpenCard, state: PurseState) -> None:
        """Write on the chip that it is blocked, so that tills without a line know it too."""
        if state.status is not PurseStatus.ACTIVE:
            return
        try:
            await self._terminal.ask(card, set_status(card.purse, PurseStatus.BLOCKED))
        except (ReaderError, CardFormatError) as error:
            log.warning("card %s was not blocked on its chip: %s", mask(card.uid), error)

    async def _note(self, card: OpenCard, state: PurseState) -> None:
        """Keep how far the chip has counted; other tills count on it too."""
        speaks = card.purse.messaging.value
        seen = ChipRow(card.uid, state.seq, state.last_txid.hex(), state.balance, speaks)
        if await self._ledger.read(lambda store: store.ask_one(CHIP, card.uid)) != seen:
            await self._ledger.write(Change(rows=(seen,)))

    # A sale.

    async def sell(self, wanted: WantedSale) -> msgspec.Raw | None:
        """Post a sale that changes the purse on its card.

        Returns: None where the chip has no part in it: it pays nothing, and gets nothing now: no
                 change, or a credit that waits for a till with the load key or for the card. A sale
                 that it pays is written on it even where it earns as much: limits count there.
        Raises:  RefusedError NO_CARD for a burn without the card, OFFLINE for one with an old hot
                 list, and what the writer raises.
        """
        sale = wanted.sale
        reader = self._terminal.reader_of(sale.card_uid) if sale.card_uid else None
        if reader is None:
            if sale.chip_burn:
                raise RefusedError(ErrorCode.NO_CARD, "Lay the card down: it pays by its chip.")
            return None
        if sale.chip_burn:
            self._hot.need_fresh()
        elif not sale.chip_net or not self._terminal.keys.may_load:
            return None
        async with self._terminal.turn(reader):
            card = await self._ready(reader)
            if not sale.chip_burn and not self._writer.change(card, sale.chip_net):
                return None
            intent = await self._writer.plan(card, wanted, secrets.token_bytes(TXID_BYTES))
            return await self._writer.write(card, intent)

    async def resume(self, key: RequestKey, row: SaleRow) -> msgspec.Raw | None:
        """Go on with a sale whose chip was being written when something happened.

        Returns: None where nothing was written and the sale begins anew.
        Raises:  RefusedError TORN with state_unknown until the same card is there and can tell.
        """
        if self._writer.is_writing(row.sale_id):
            raise RefusedError(ErrorCode.BUSY, "The card is being written; ask again.")
        uid = intent_of(row).uid
        reader = self._terminal.reader_of(uid)
        if reader is None:
            raise RefusedError(ErrorCode.TORN, TAP_AGAIN, state_unknown=True)
        async with self._terminal.turn(reader):
            card = await self._ready(reader)
            replayed, now = await self._ledger.stored_answer(key, row.sale_id)
            if now is not None and _waits_for(now, uid):
                await self._writer.settle(card, now)
                replayed, now = await self._ledger.stored_answer(key, row.sale_id)
            if replayed is not None or now is None or now.state not in WAITING:
                return replayed
            intent = intent_of(now)
            if not intent.not_written:
                raise RefusedError(ErrorCode.TORN, TAP_AGAIN, reader=reader, state_unknown=True)
            if key.content != intent.content:
                await self._writer.reopen(now)
                return None
            plan = await self._writer.plan(card, WantedSale.again(intent), intent.txid)
            return await self._writer.write(card, plan)

    async def _ready(self, reader: str) -> OpenCard:
        """Return the purse on ``reader``, opened and looked after if it was gone meanwhile."""
        card = self._terminal.lying(reader)
        if card is not None and card.looked_after:
            return card
        shown = self._terminal.shown_at(reader)
        if shown is None:
            raise RefusedError(ErrorCode.NO_CARD, "Lay the card down.", reader=reader)
        known = await self._known(shown)
        card = await self._open(reader, shown, known)
        if card is None:
            raise forged("it does not prove what it proved before")
        await self._look_after(card, known, pays_owed=False)
        return card

    # What a card is owed.

    async def pay_owed(self, uid: str, account: str) -> None:
        """Write what a card is owed if it lies on a reader; else its next tap does."""
        reader = self._terminal.reader_of(uid) if uid else None
        if reader is None:
            return
        try:
            async with self._terminal.turn(reader):
                await self._pay_owed(await self._ready(reader), account)
        except RefusedError as error:
            log.info("card %s is owed until its next tap: %s", mask(uid), error)

    async def _pay_owed(self, card: OpenCard, account: str) -> None:
        purse = chip_purse(self._versions.active)
        states = await self._ledger.read(lambda store: store.purses(account))
        owed = states[owed_purse(purse)].posted if owed_purse(purse) in states else 0
        amount = self._writer.change(card, max(owed, -card.purse.state.balance))
        if not amount or card.apdus + 2 * WRITE_APDUS > RECOVERY_APDUS_MAX:
            return
        txid = secrets.token_bytes(TXID_BYTES)
        sale = self._sale_of_nothing(f"owed-{txid.hex()}", account, card.uid, purse, -amount)
        wanted = WantedSale(sale=sale, settle=lambda view: sale, accounts=sale.accounts)
        await self._writer.write(card, await self._writer.plan(card, wanted, txid))

    def _sale_of_nothing(self, sale_id: str, account: str, uid: str, purse: str, owed: int) -> Sale:
        """Return the sale that moves to the chip what it is owed: ``owed`` turned round."""
        programme, now = self._versions.active, self._clock.now()
        at = rfc3339(now)
        quote = Quote(
            programme=programme.id,
            version=programme.version,
            now=at,
            lines=(),
            list_total=0,
            discount=0,
            net=0,
            total=0,
        )
        return Sale(
            sale_id=sale_id,
            account=account,
            terminal="",
            cashier="",
            at=at,
            today=local_day(programme, now).toordinal(),
            frozen=Frozen(programme=programme.version, now=now, basket=Basket(lines=()), facts={}),
            quote=quote,
            chip_purse=purse,
            card_uid=uid,
            owed=owed,
        )


def _waits_for(row: SaleRow, uid: str) -> bool:
    if row.state not in WAITING:
        return False
    intent = intent_of(row)
    return intent.uid == uid and not intent.not_written and not intent.case


def misread(error: CardFormatError) -> RefusedError:
    """Say that what came from the card makes no sense."""
    return RefusedError(ErrorCode.MISREAD, f"Misread ({error.code}); lay the card down again.")


def _is_memory(atr: bytes) -> bool:
    try:
        return storage_card(decode_atr(atr)) is not None
    except CardFormatError:
        return False
