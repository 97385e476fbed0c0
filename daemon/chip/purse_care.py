"""A purse at every tap: opened, settled after a tear, noted, and refused where it must not be used.

Nothing is done with a purse before this: not paid with, not even shown. In this order,

1. it opens with its own key, or it is a copy (the chip of a known UID that has another key);
2. the books say what it was left at: a count that fell, two payments of one number, a balance that
   does not follow, and it is blocked here and on its chip, for every till;
3. it says what became of a sale that was torn (``daemon.ledger.chip_sales``);
4. what it shows is written down, for the next tap to be compared with;
5. a card on the hot list, or blocked in the ledger, is blocked on its chip too, so that tills
   without a line know it; one that the ledger has unblocked or extended is made good again.
"""

import logging

import msgspec
from msgspec.structs import replace

from card_formats.atr import memory_of
from card_formats.chip.purse import (
    BAD_HISTORY,
    NO_SUCH_RECORD,
    Messaging,
    history_is_short,
    read_history,
    set_status,
    understood,
)
from card_formats.chip.purse_layout import NewerState, PurchaseRecord, PurseState, PurseStatus
from card_formats.credential import Credential, Medium, Shown, Trust, mask
from card_formats.errors import CardFormatError
from daemon.accounts.card_lifecycle import lift_counter
from daemon.accounts.cards import Account, Cards
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.chip.hot_list import HotListFile
from daemon.chip.proof import KnownChip, forged, known_chip
from daemon.chip.terminal import NO_ANSWER, UID_BYTES, ChipTerminal, OpenCard, misread, refusal
from daemon.chip.writing import ChipWriter
from daemon.ledger import chip_sales
from daemon.ledger.chip_sales import intent_of
from daemon.ledger.entries import CounterMove, Entry
from daemon.ledger.storage.queries import CHIP
from daemon.ledger.storage.rows import ChipRow
from daemon.ledger.storage.store import Change
from daemon.readers.errors import ReaderError
from daemon.shop.shop import Shop

_LIFTED_BY = {PurseStatus.BLOCKED: "unblock", PurseStatus.EXPIRED: "extend"}
"""What the ledger does to a card that makes a chip with this status good again."""

ON_HOT_LIST = "This card is on the hot list; if it was unblocked, make the hot list anew."
_NOT_A_PURSE = {
    "desfire.foreign",
    "desfire.no-application",
    "desfire.illegal-command",
    "desfire.status",
}
_NOT_ITS_KEY = {"desfire.authentication", "desfire.not-the-card", "desfire.no-such-key"}
log = logging.getLogger("tillcard.chip")


class PurseCare:
    """Opens purses and looks after them. Whoever calls has the reader's turn."""

    def __init__(
        self,
        terminal: ChipTerminal,
        writer: ChipWriter,
        shop: Shop,
        cards: Cards,
        hot_list: HotListFile,
    ) -> None:
        self._terminal = terminal
        self._writer = writer
        self._shop = shop
        self._cards = cards
        self._hot_list = hot_list

    async def ready(self, reader: str) -> OpenCard:
        """Return the purse on ``reader``, opened and looked after if it was gone meanwhile."""
        card = self._terminal.lying(reader)
        if card is not None and card.looked_after:
            await self._check_usable(card)
            return card
        shown = self._terminal.shown_at(reader)
        if shown is None:
            raise RefusedError(ErrorCode.NO_CARD, "Lay the card down.", reader=reader)
        uid = shown.raw.hex().upper()
        known = await self._shop.ledger.read(lambda store: known_chip(store, uid))
        card = await self.open(reader, shown, known)
        if card is None:
            raise forged("it does not prove what it proved before")
        await self.look_after(card, known)
        card.looked_after = True
        return card

    async def open(self, reader: str, shown: Shown, known: KnownChip) -> OpenCard | None:
        """Open the purse on ``reader``; None for a chip that has none.

        Raises: RefusedError CARD_FORGED for one that does not know its key; MISREAD; the readers'.
        """
        if len(shown.raw) != UID_BYTES or memory_of(shown.atr) is not None:
            return None
        is_old = known.chip is not None and known.chip.speaks == Messaging.EV1
        try:
            return await self._terminal.open(reader, Messaging.EV1 if is_old else Messaging.EV2)
        except CardFormatError as error:
            if error.code == NO_ANSWER:
                await self._terminal.doubt(reader, shown, is_known=known.chip is not None)
                return None
            if error.code in _NOT_A_PURSE:
                return None
            if error.code in _NOT_ITS_KEY:
                await self._terminal.check_same_card(reader, shown)
                raise forged("it does not know its key") from error
            raise misread(error) from error

    async def look_after(self, card: OpenCard, known: KnownChip) -> Account:
        """Settle what is open, keep what was seen, refuse what must not be used.

        A purse of a newer layout is only shown: what stands on it is not understood here. Whoever
        has a debit key can say so of any, so what is known of the chip counts all the same.
        """
        credential, state = credential_of(card), card.purse.state
        if isinstance(state, NewerState):
            return await self._look_at_newer(card, known)
        await self._check_alarm(card, known, state)
        for row in known.unsettled:
            await self._writer.settle(card, row)
        await self._note(card, state)
        if await self._hot_list.names(card.uid):
            await self._block(card, state)
            raise RefusedError(ErrorCode.CARD_BLOCKED, ON_HOT_LIST)
        return await self._resolve(card, credential, known)

    async def _look_at_newer(self, card: OpenCard, known: KnownChip) -> Account:
        if known.chip is not None and known.chip.alarm:
            raise RefusedError(ErrorCode.CARD_BLOCKED, f"This card is blocked: {known.chip.alarm}.")
        if await self._hot_list.names(card.uid):
            raise RefusedError(ErrorCode.CARD_BLOCKED, ON_HOT_LIST)
        return await self._cards.resolve(credential_of(card))

    async def _check_usable(self, card: OpenCard) -> None:
        """Refuse a card that was blocked or replaced while it lay there."""
        try:
            await self._cards.resolve(credential_of(card))
        except RefusedError as error:
            state = card.purse.state
            if error.code is ErrorCode.CARD_BLOCKED and isinstance(state, PurseState):
                await self._block(card, state)
            raise

    # A purse that cannot be what it was.

    async def _check_alarm(self, card: OpenCard, known: KnownChip, state: PurseState) -> None:
        """Refuse a chip that cannot be the one seen before, from now on and at every till."""
        chip = known.chip
        if chip is None or not chip.txid:
            return
        alarm = chip.alarm
        if not alarm:
            alarm = await self._alarm_of(card, chip, known, state)
            if not alarm:
                return
            await self._raise_alarm(card, chip, state, alarm)
        await self._block(card, state)
        raise RefusedError(ErrorCode.CARD_BLOCKED, f"This card is blocked: {alarm}.")

    async def _raise_alarm(
        self, card: OpenCard, chip: ChipRow, state: PurseState, alarm: str
    ) -> None:
        seen = {"seq": state.seq, "txid": state.last_txid.hex(), "balance": state.balance}
        finding = {"alarm": alarm, "seen": seen, "known": msgspec.to_builtins(chip)}
        detail = msgspec.Raw(msgspec.json.encode(finding))
        entry = Entry(at=self._shop.at(), kind="chip_alarm", ref=card.uid, detail=detail)
        await self._shop.ledger.write(Change(entry=entry, rows=(replace(chip, alarm=alarm),)))
        self._writer.tell("card.alarm", card, reason=alarm)

    async def _alarm_of(
        self, card: OpenCard, chip: ChipRow, known: KnownChip, state: PurseState
    ) -> str:
        record: tuple[PurchaseRecord, ...] = ()
        # A payment of our own that was torn explains the difference; `settle` looks at it next.
        is_ours = any(intent_of(row).txid == state.last_txid for row in known.unsettled)
        if chip.seq and not is_ours:
            unseen = state.seq - chip.seq
            reading = read_history(card.purse, back=unseen) if unseen > 0 else None
            try:
                record = await self._terminal.ask(card, reading, writes=False) if reading else ()
            except ReaderError as error:
                raise refusal(error, card.reader) from error
            except CardFormatError as error:
                is_short = error.code == NO_SUCH_RECORD and await self._is_short(card)
                if error.code != BAD_HISTORY and not is_short:
                    raise misread(error) from error
                return "its history does not fit its count"
        return chip_sales.alarm_of(chip, state, record)

    async def _is_short(self, card: OpenCard) -> bool:
        """Ask again, in a new session, where a card has less to remember than its count says."""
        try:
            again = await self._terminal.open(card.reader, card.purse.messaging)
            return await self._terminal.ask(again, history_is_short(again.purse), writes=False)
        except ReaderError as error:
            raise refusal(error, card.reader) from error
        except CardFormatError as error:
            raise misread(error) from error

    # What the books and the chip say of its status.

    async def _resolve(self, card: OpenCard, credential: Credential, known: KnownChip) -> Account:
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

    async def _lift(self, card: OpenCard, known: KnownChip) -> PurseState:
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
        entry = Entry(at=self._shop.at(), kind="chip_good", ref=card.uid, counters=moves)
        await self._shop.ledger.write(Change(entry=entry))
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
        if await self._shop.ledger.read(lambda store: store.ask_one(CHIP, card.uid)) != seen:
            await self._shop.ledger.write(Change(rows=(seen,)))


def credential_of(card: OpenCard) -> Credential:
    """Return what an open purse has proved."""
    return Credential("uid", card.uid, Medium.CHIP, Trust.MUTUAL_AUTH)
