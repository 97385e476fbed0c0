"""The one way in which a purse is written and the books hear of it, exactly once.

intent  what the chip will be asked; whoever plans a write makes it durable before
write   the chip, then what its own proof decides
settle  a later tap of the same card says how far a torn write came

Why in this order, and what decides after each failure: ``daemon.ledger.chip_sales``.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
from msgspec import Raw

from card_formats.chip.purse import (
    BAD_HISTORY,
    TOO_SLOW,
    ChipPayment,
    Handover,
    Outcome,
    after_payment,
    pay,
    settle,
    understood,
)
from card_formats.chip.purse_layout import SEQ_MAX
from card_formats.credential import mask
from card_formats.errors import CardFormatError
from daemon.base.chip_section import ChipSection
from daemon.base.ids import SaleId, given_id, scope_of
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.chip.terminal import ChipTerminal, OpenCard, misread, refusal
from daemon.customers.friends import befriend_as_priced
from daemon.ledger import chip_sales, chip_transfers, sales
from daemon.ledger.chip_sales import TAP_AGAIN, intent_of
from daemon.ledger.chip_transfers import ChipTransfer
from daemon.ledger.ledger import RequestKey
from daemon.ledger.sale_answers import Posted
from daemon.ledger.sale_records import ChipIntent, Sale
from daemon.ledger.sale_rows import SaleRow
from daemon.ledger.sale_states import SaleState
from daemon.ledger.sales import Decision
from daemon.ledger.storage.queries import UNSETTLED
from daemon.ledger.storage.store import Change, Reads, Store, View
from daemon.readers.errors import CardSilentError, ReaderError
from daemon.shop.shop import Shop

T = TypeVar("T")
_FULL = "desfire.boundary"
_NEAR = 64
"""A card's own limit is known well enough where no more than this part of it is in question."""
Decide = Callable[[View, str], Decision]
"""Decides, at a time (RFC 3339), what became of an intent."""

COMMIT = "sale.commit"
SLOW_CARD = "The card answers too slowly to pay: lay it on the reader itself, alone."
_REFUSED_PAYMENTS = {
    "purse.not-enough": ErrorCode.NOT_ENOUGH,
    "purse.too-much": ErrorCode.LIMIT_REACHED,
    "purse.blocked": ErrorCode.CARD_BLOCKED,
    "purse.expired": ErrorCode.CARD_EXPIRED,
    "purse.migrating": ErrorCode.CARD_BLOCKED,
    "purse.worn-out": ErrorCode.CARD_EXPIRED,
    "purse.newer-schema": ErrorCode.CARD_UNKNOWN,
}
_SALES: dict[Outcome, Decide] = {
    Outcome.WRITTEN: chip_sales.done,
    Outcome.NOT_WRITTEN: chip_sales.not_written,
    Outcome.UNDECIDED: chip_sales.case,
}
_TRANSFERS: dict[Outcome, Decide] = {
    Outcome.WRITTEN: chip_transfers.done,
    Outcome.NOT_WRITTEN: chip_transfers.not_written,
    Outcome.UNDECIDED: chip_sales.case,
}
log = logging.getLogger("tillcard.chip")


class FullCardError(RefusedError):
    """Nothing was written, for the card's own limit is below this till's; planned anew it fits."""


class OwnLimit(msgspec.Struct, frozen=True):
    """What is known of the limit that a card was made with: between ``low`` and ``high``.

    A till cannot read it, only the desk. It is asked for where a credit was refused: half of what
    is in question at each further tap, until that is little.
    """

    low: int
    high: int

    def room(self, balance: int, *, tries: bool) -> int:
        """Return how much more the card takes, surely or, where it ``tries``, perhaps."""
        is_near = self.high - self.low <= self.high // _NEAR
        most = self.low if is_near or not tries else (self.low + self.high + 1) // 2
        return max(most - balance, 0)


class ChipWriter:
    """Writes purses and what they proved. Whoever calls has the reader's turn.

    publish: tells the POS of an event: its type, the reader, further fields.
    """

    def __init__(
        self,
        terminal: ChipTerminal,
        shop: Shop,
        section: ChipSection,
        publish: Callable[..., object],
    ) -> None:
        self._terminal = terminal
        self._shop = shop
        self._section = section
        self._publish = publish
        self._writing: set[str] = set()
        self._own_limits: dict[str, OwnLimit] = {}

    async def start(self) -> None:
        """Take up after a stop: what was about to be written then is not known now.

        Not what a tap has proved not to be written: that stays so.
        """

        def job(store: Store) -> None:
            rows = [row for row in store.ask(UNSETTLED) if row.state is SaleState.INTENT]
            open_ = [row for row in rows if not intent_of(row).not_written]
            mine = [row for row in open_ if intent_of(row).ledger_id == store.ledger_id]
            views = [store.view(Reads(sale_id=row.sale_id)) for row in mine]
            for view in views:
                store.write(chip_sales.unsure(view, self._shop.at()).change)

        if await self._shop.ledger.read(lambda store: store.ask(UNSETTLED)):
            await self._shop.ledger.update(job)

    def is_writing(self, sale_id: SaleId) -> bool:
        """Whether a chip is being written for this sale now."""
        return sale_id in self._writing

    def today(self) -> int:
        """Return the local day (ordinal) on which a chip is written now."""
        return self._shop.moment()[2].toordinal()

    def text_of(self, purse: str) -> Callable[[int], str]:
        """Return how an amount of the purse on chips is written for people."""
        known = self._shop.programme.purses.get(purse)
        return known.text if known else str  # a programme that came after the hold may have none

    def change(self, card: OpenCard, wanted: int, *, tries: bool = False) -> int:
        """Return how much of ``wanted`` the chip can take now; it is owed the rest.

        Nothing where its count is at its end: it is written no more. What it is owed stays the
        account's, and the card that replaces it gets it.
        tries: whether a card may refuse it, which has refused more before: nobody waits for it.
        """
        if wanted <= 0:
            return wanted
        if understood(card.purse.state).seq >= SEQ_MAX:
            return 0
        balance = card.purse.state.balance
        room = max(self._section.cap - balance, 0)
        if (limit := self._own_limits.get(card.uid)) is not None:
            room = min(room, limit.room(balance, tries=tries))
        return min(wanted, room) if self._terminal.keys.may_load else 0

    def _learn(self, uid: str, *, low: int, refused: int | None = None) -> None:
        """Note that a card has held ``low``, and has not taken what came to ``refused``."""
        known = self._own_limits.get(uid)
        if refused is None and known is None:
            return
        low = max(low, known.low if known else 0)
        high = known.high if known else self._section.cap
        high = high if refused is None else refused - 1
        self._own_limits[uid] = OwnLimit(low, max(low, high))

    def intent(self, card: OpenCard, sale: Sale, amount: int, txid: bytes) -> ChipIntent:
        """Return what the chip will be asked: to change by ``amount``.

        Raises: RefusedError where it would refuse: not enough on it, blocked, expired.
        """
        try:
            after = after_payment(card.purse.state, self._payment(txid, amount))
        except CardFormatError as error:
            code = _REFUSED_PAYMENTS[error.code]
            raise RefusedError(code, f"The card cannot pay: {error.message}.") from error
        return ChipIntent(
            ledger_id=self._shop.ledger.ledger_id,
            uid=card.uid,
            seq=after.seq,
            txid=txid,
            amount=amount,
            balance=after.balance,
            sale=sale,
            content=b"",
            speaks=card.purse.messaging.value,
        )

    def _payment(self, txid: bytes, amount: int) -> ChipPayment:
        time_s = int(self._shop.now().timestamp())
        return ChipPayment(txid, amount, self._section.shop, self._section.till, time_s)

    async def write(
        self,
        card: OpenCard,
        intent: ChipIntent,
        post: Callable[[OpenCard, ChipIntent], Awaitable[T]],
    ) -> T:
        """Write the chip, then the ledger; return what ``post`` does, which writes the latter.

        Raises: FullCardError; RefusedError, with state_unknown where it is not known what the chip
                did, or where the chip was written and the ledger could not be.
        """
        sale_id, failure = intent.sale.sale_id, None
        self._writing.add(sale_id)
        try:
            payment = self._payment(intent.txid, intent.amount)
            try:
                paying = pay(card.purse, payment, may_commit=lambda: self._is_quick(card))
                await self._terminal.ask(card, paying)
            except (ReaderError, CardFormatError) as error:
                failure = error
            if card.purse.handover is not Handover.VERIFIED:
                assert failure is not None
                raise await self._not_proved(card, intent, failure) from failure
            self._learn(card.uid, low=intent.balance)
            try:
                return await post(card, intent)
            except RefusedError as error:
                raise RefusedError(error.code, error.detail, state_unknown=True) from error
        finally:
            self._writing.discard(sale_id)

    def _is_quick(self, card: OpenCard) -> bool:
        """Whether the card has answered as fast as one that lies on the reader itself.

        What stands between, a relay by a network, takes its time for each exchange.
        """
        most_s = self._section.card_time_s_max
        return not most_s or card.talked_s <= most_s

    async def _not_proved(
        self, card: OpenCard, intent: ChipIntent, failure: ReaderError | CardFormatError
    ) -> RefusedError:
        """Write down what is known of a write that failed; return what to tell the till."""
        is_unknown = card.purse.handover is Handover.SENT
        is_transfer = ChipTransfer.of(intent.sale) is not None
        not_sent = chip_transfers.not_sent if is_transfer else chip_sales.not_sent
        decide = chip_sales.unsure if is_unknown else not_sent
        try:
            await self.move(intent, decide)
        except RefusedError as error:  # it stays an intent, which the next tap settles as well
            log.warning("sale %s: %s", intent.sale.sale_id, error)
        code, detail = ErrorCode.TORN, "Nothing was written; lay the card down and hold it still."
        if isinstance(failure, CardFormatError) and failure.code == _FULL and not is_unknown:
            self._learn(card.uid, low=intent.balance - intent.amount, refused=intent.balance)
            detail = f"The card refused ({failure.code}); lay it down again."
            return FullCardError(ErrorCode.WRITE_FAILED, detail, reader=card.reader)
        if isinstance(failure, CardSilentError):
            code = ErrorCode.TIMEOUT
        elif isinstance(failure, CardFormatError) and failure.code == TOO_SLOW:
            code, detail = ErrorCode.TIMEOUT, SLOW_CARD
        elif isinstance(failure, CardFormatError) and not is_unknown:
            code = ErrorCode.WRITE_FAILED
            detail = f"The card refused ({failure.code}); lay it down again."
        if is_unknown:
            detail = TAP_AGAIN
        return RefusedError(code, detail, reader=card.reader, state_unknown=is_unknown)

    # What a tear left open.

    async def settle(self, card: OpenCard, row: SaleRow) -> None:
        """Let the card say what became of a sale or a transfer; write it down, tell the POS.

        Only what was read whole decides. Noise is a misread, and the next good tap settles.
        Raises: RefusedError where the card is torn away again, or misread.
        """
        intent = intent_of(row)
        try:
            question = settle(card.purse, intent.seq, intent.txid)
            outcome = await self._terminal.ask(card, question, writes=False)
        except ReaderError as error:
            raise refusal(error, card.reader) from error
        except CardFormatError as error:
            if error.code != BAD_HISTORY:
                raise misread(error) from error
            log.warning("sale %s: %s", row.sale_id, error)
            outcome = Outcome.UNDECIDED
        is_transfer = ChipTransfer.of(intent.sale) is not None
        if is_transfer:
            state = await self.move(intent, _TRANSFERS[outcome])
            if outcome is not Outcome.UNDECIDED:  # no POS made it, and none hears of it
                return
        elif outcome is Outcome.WRITTEN and row.state is not SaleState.VOID_PENDING:
            await self.post(card, intent)
            state = SaleState.POSTED
        else:
            state = await self.move(intent, _SALES[outcome])
        # Another till's id would be taken for one of this till's own.
        own = is_transfer or scope_of(row.sale_id) == self._shop.ledger.ledger_id
        sale_id, receipt = given_id(row.sale_id) if own else "", intent.sale.receipt
        said = {"sale_id": sale_id, "receipt": receipt, "outcome": outcome, "state": state}
        self.tell("sale.settled", card, **said)

    def tell(self, event_type: str, card: OpenCard, **fields: str) -> None:
        """Tell the POS of something that concerns a card."""
        self._publish(event_type, reader=card.reader, card=mask(card.uid), **fields)

    async def reopen(self, row: SaleRow) -> None:
        """Take back an intent of which a tap has proved that nothing was written."""
        await self.move(intent_of(row), chip_sales.not_sent)

    # What the books hear of it.

    async def post(self, card: OpenCard, intent: ChipIntent) -> Raw:
        """Post a sale that its chip has proved; return the answer to the request for it."""
        traffic, at, sale = card.traffic, self._shop.at(), intent.sale

        def decide(store: Store, view: View) -> tuple[Change, Posted]:
            if sales.state_of(view) not in (SaleState.INTENT, SaleState.UNKNOWN):
                # Voided or settled since it was looked at: not a refusal to be kept for ever.
                raise RefusedError(ErrorCode.BUSY, "The sale is being settled; ask again.")
            decision = chip_sales.done(view, at, self._shop.programme.statuses)
            befriend_as_priced(store, self._shop.programme, sale, at)
            return decision.change, Posted.of(sale, decision, traffic)

        given, scope = given_id(sale.sale_id), scope_of(sale.sale_id)  # another till's, perhaps
        key = RequestKey(COMMIT, given, intent.content, scope)
        reads = Reads(sale_id=sale.sale_id, accounts=sale.accounts, members_of=sale.account)
        raw = await self._shop.ledger.once(key, at, decide, reads)
        card.count_anew()
        return raw

    async def move(self, intent: ChipIntent, decide: Decide) -> SaleState:
        """Move a sale or a transfer where no request waits for the answer; return its state."""
        at, sale = self._shop.at(), intent.sale
        reads = Reads(sale_id=sale.sale_id, accounts=sale.accounts)

        def job(store: Store) -> SaleState:
            decision = decide(store.view(reads), at)
            if decision.sale.state is SaleState.POSTED:
                befriend_as_priced(store, self._shop.programme, sale, at)
            store.write(decision.change)
            return decision.sale.state

        return await self._shop.ledger.update(job)
