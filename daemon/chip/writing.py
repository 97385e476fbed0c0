"""A sale on a chip, exactly once: intent, chip, post; and what became of one that was torn.

plan    how much the chip changes; written down and synced before the chip is asked
write   the chip; what its own proof decides is written down
settle  a later tap of the same card says how far a torn write came
"""

import logging
from collections.abc import Callable

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from card_formats.chip.purse import ChipPayment, Handover, Outcome, after_payment, pay, settle
from card_formats.chip.purse_layout import PurseState
from card_formats.credential import mask
from card_formats.errors import CardFormatError
from daemon.base.clock import Clock, rfc3339
from daemon.base.config import ChipSection
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.chip.terminal import ChipTerminal, OpenCard, refusal
from daemon.ledger import chip_sales, sales
from daemon.ledger.chip_limits import counters_of, limits_of
from daemon.ledger.chip_sales import intent_of
from daemon.ledger.ledger import Ledger, RequestKey
from daemon.ledger.sale_answers import Posted
from daemon.ledger.sale_records import ChipIntent, Sale, SaleRow
from daemon.ledger.sale_states import SaleState
from daemon.ledger.sales import Decision
from daemon.ledger.storage.queries import UNSETTLED
from daemon.ledger.storage.store import Change, Reads, Store, View
from daemon.readers.errors import CardSilentError, ReaderError
from daemon.shop.programme_versions import ProgrammeVersions

COMMIT = "sale.commit"
TAP_AGAIN = "Tap the same card again: it is not known what was written."
_REFUSED_PAYMENTS = {
    "purse.not-enough": ErrorCode.NOT_ENOUGH,
    "purse.too-much": ErrorCode.LIMIT_REACHED,
    "purse.blocked": ErrorCode.CARD_BLOCKED,
    "purse.expired": ErrorCode.CARD_EXPIRED,
    "purse.migrating": ErrorCode.CARD_BLOCKED,
    "purse.worn-out": ErrorCode.CARD_EXPIRED,
    "purse.newer-schema": ErrorCode.CARD_UNKNOWN,
}
_DECISIONS = {
    Outcome.WRITTEN: chip_sales.done,
    Outcome.NOT_WRITTEN: chip_sales.not_written,
    Outcome.UNDECIDED: chip_sales.case,
}
log = logging.getLogger("tillcard.chip")


class WantedSale(msgspec.Struct, frozen=True, kw_only=True):
    """A sale that is to change a chip.

    settle:   gives it as it will be posted, from what the ledger reads when it is planned.
    accounts, counters: what that takes to read.
    content:  of the request that waits for it; b"" where none does.
    """

    sale: Sale
    settle: Callable[[View], Sale]
    accounts: tuple[str, ...]
    counters: tuple[str, ...] = ()
    content: bytes = b""

    @classmethod
    def again(cls, intent: ChipIntent) -> "WantedSale":
        """Want what was intended before."""
        sale = intent.sale
        return cls(
            sale=sale, settle=lambda view: sale, accounts=sale.accounts, content=intent.content
        )


class ChipWriter:
    """Writes purses and what they proved. Whoever calls has the reader's turn.

    publish: tells the POS of an event: its type, the reader, further fields.
    """

    def __init__(
        self,
        terminal: ChipTerminal,
        ledger: Ledger,
        clock: Clock,
        policy: ChipSection,
        versions: ProgrammeVersions,
        publish: Callable[..., object],
    ) -> None:
        self._terminal = terminal
        self._ledger = ledger
        self._clock = clock
        self._policy = policy
        self._versions = versions
        self._publish = publish
        self._writing: set[str] = set()

    async def start(self) -> None:
        """Take up after a stop: what was about to be written then is not known now."""

        def job(store: Store) -> None:
            rows = [row for row in store.ask(UNSETTLED) if row.state is SaleState.INTENT]
            mine = [row for row in rows if intent_of(row).ledger_id == store.ledger_id]
            views = [store.view(Reads(sale_id=row.sale_id)) for row in mine]
            for view in views:
                store.write(chip_sales.unsure(view, self._at()).change)

        if await self._ledger.read(lambda store: store.ask(UNSETTLED)):
            await self._ledger.update(job)

    def is_writing(self, sale_id: str) -> bool:
        """Whether a chip is being written for this sale now."""
        return sale_id in self._writing

    def change(self, card: OpenCard, wanted: int) -> int:
        """Return how much of ``wanted`` the chip can take now; it is owed the rest."""
        if wanted <= 0:
            return wanted
        room = max(self._policy.cap - card.purse.state.balance, 0)
        return min(wanted, room) if self._terminal.keys.may_load else 0

    async def plan(self, card: OpenCard, wanted: WantedSale, txid: bytes) -> ChipIntent:
        """Write down what the chip will be asked. Raises RefusedError with nothing written."""
        limits = limits_of(self._policy, card.uid, wanted.sale.today)
        counters = counters_of(limits)

        def job(store: Store) -> ChipIntent:
            view = store.view(
                Reads(
                    sale_id=wanted.sale.sale_id,
                    accounts=wanted.accounts,
                    counters=(*wanted.counters, *counters),
                )
            )
            sale = wanted.settle(view)
            net = sale.chip_net if sale.quote.lines else -sale.owed
            amount = self.change(card, net)
            after = self._after(card, txid, amount)
            intent = ChipIntent(
                ledger_id=store.ledger_id,
                uid=card.uid,
                seq=after.seq,
                txid=txid,
                amount=amount,
                balance=after.balance,
                sale=replace(sale, owed=net - amount if sale.quote.lines else -amount),
                content=wanted.content,
                counters=counters,
                speaks=card.purse.messaging.value,
            )
            store.write(chip_sales.intend(view, intent, limits).change)
            return intent

        return await self._ledger.update(job)

    def _after(self, card: OpenCard, txid: bytes, amount: int) -> PurseState:
        try:
            return after_payment(card.purse.state, self._payment(txid, amount))
        except CardFormatError as error:
            code = _REFUSED_PAYMENTS[error.code]
            raise RefusedError(code, f"The card cannot pay: {error.message}.") from error

    def _payment(self, txid: bytes, amount: int) -> ChipPayment:
        time_s = int(self._clock.now().timestamp())
        return ChipPayment(txid, amount, self._policy.shop, self._policy.till, time_s)

    async def write(self, card: OpenCard, intent: ChipIntent) -> Raw:
        """Write the chip, then the ledger.

        Returns: the answer to the request that waits for it.
        Raises:  RefusedError; with state_unknown where it is not known what the chip did, or where
                 the chip was written and the ledger could not be.
        """
        sale_id, failure = intent.sale.sale_id, None
        self._writing.add(sale_id)
        try:
            payment = self._payment(intent.txid, intent.amount)
            try:
                await self._terminal.ask(card, pay(card.purse, payment))
            except (ReaderError, CardFormatError) as error:
                failure = error
            if card.purse.handover is Handover.VERIFIED:
                return await self._written(card, intent)
            assert failure is not None
            raise await self._not_proved(card, intent, failure) from failure
        finally:
            self._writing.discard(sale_id)

    async def _written(self, card: OpenCard, intent: ChipIntent) -> Raw:
        try:
            if intent.content:
                return await self._post(card, intent)
            await self._move(intent, chip_sales.done)
            return Raw(b"null")
        except RefusedError as error:
            raise RefusedError(error.code, error.detail, state_unknown=True) from error

    async def _not_proved(
        self, card: OpenCard, intent: ChipIntent, failure: ReaderError | CardFormatError
    ) -> RefusedError:
        """Write down what is known of a write that failed; return what to tell the till."""
        is_unknown = card.purse.handover is Handover.SENT
        decide = chip_sales.unsure if is_unknown else chip_sales.not_sent
        try:
            await self._move(intent, decide)
        except RefusedError as error:  # it stays an intent, which the next tap settles as well
            log.warning("sale %s: %s", intent.sale.sale_id, error)
        code, detail = ErrorCode.TORN, "Nothing was written; lay the card down and hold it still."
        if isinstance(failure, CardSilentError):
            code = ErrorCode.TIMEOUT
        elif isinstance(failure, CardFormatError) and not is_unknown:
            code = ErrorCode.WRITE_FAILED
            detail = f"The card refused ({failure.code}); lay it down again."
        if is_unknown:
            detail = TAP_AGAIN
        return RefusedError(code, detail, reader=card.reader, state_unknown=is_unknown)

    # What a tear left open.

    async def settle(self, card: OpenCard, row: SaleRow) -> None:
        """Let the card say what became of a sale; write it down and tell the POS.

        Raises: RefusedError where the card is torn away again.
        """
        intent = intent_of(row)
        try:
            question = settle(card.purse, intent.seq, intent.txid)
            outcome = await self._terminal.ask(card, question)
        except ReaderError as error:
            raise refusal(error, card.reader) from error
        except CardFormatError as error:
            log.warning("sale %s: %s", row.sale_id, error)
            outcome = Outcome.UNDECIDED
        is_asked_for = intent.content and row.state is not SaleState.VOID_PENDING
        if outcome is Outcome.WRITTEN and is_asked_for:
            await self._post(card, intent)
            state = SaleState.POSTED
        else:
            state = await self._move(intent, _DECISIONS[outcome])
        if intent.sale.quote.lines:  # else no POS made it: the till moved what the chip was owed
            self.tell("sale.settled", card, sale_id=row.sale_id, outcome=outcome, state=state)

    def tell(self, event_type: str, card: OpenCard, **fields: str) -> None:
        """Tell the POS of something that concerns a card."""
        self._publish(event_type, reader=card.reader, card=mask(card.uid), **fields)

    async def reopen(self, row: SaleRow) -> None:
        """Take back an intent of which a tap has proved that nothing was written."""
        await self._move(intent_of(row), chip_sales.not_sent)

    async def _post(self, card: OpenCard, intent: ChipIntent) -> Raw:
        traffic, at = card.traffic, self._at()

        def decide(store: Store, view: View) -> tuple[Change, Posted]:
            if sales.state_of(view) not in (SaleState.INTENT, SaleState.UNKNOWN):
                # Voided or settled since it was looked at: not a refusal to be kept for ever.
                raise RefusedError(ErrorCode.BUSY, "The sale is being settled; ask again.")
            decision = chip_sales.done(view, at, self._versions.active.statuses)
            return decision.change, Posted.of(intent.sale, decision, traffic)

        sale = intent.sale
        key = RequestKey(COMMIT, sale.sale_id, intent.content)
        reads = Reads(sale_id=sale.sale_id, accounts=sale.accounts, members_of=sale.account)
        raw = await self._ledger.once(key, at, decide, reads)
        card.count_anew()
        return raw

    async def _move(self, intent: ChipIntent, decide: Callable[[View, str], Decision]) -> SaleState:
        """Move a sale whose answer is not this."""
        at, sale = self._at(), intent.sale

        def job(store: Store) -> SaleState:
            view = store.view(Reads(sale_id=sale.sale_id, accounts=sale.accounts))
            decision = decide(view, at)
            store.write(decision.change)
            return decision.sale.state

        return await self._ledger.update(job)

    def _at(self) -> str:
        return rfc3339(self._clock.now())
