"""What a chip is owed is paid: at its tap, and at once where it lies on a reader.

What is owed, and why, is in ``daemon.ledger.chip_owed``; how a write is done exactly once, in
``daemon.ledger.chip_sales``.
"""

import logging
import secrets

from card_formats.chip.purse_layout import TXID_BYTES, NewerState
from card_formats.credential import mask
from daemon.base.ids import AccountId, PosSaleId
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.chip.purse_care import PurseCare
from daemon.chip.terminal import ChipTerminal, OpenCard
from daemon.chip.writing import ChipWriter
from daemon.ledger import chip_sales, chip_transfers
from daemon.ledger.chip_owed import air_counters, chip_purse, due, owed_purse
from daemon.ledger.chip_transfers import TRANSFER, ChipTransfer
from daemon.ledger.sale_records import ChipIntent
from daemon.ledger.storage.store import Reads, Store
from daemon.shop.shop import Shop

_NOT_TAKEN = (
    ErrorCode.WRITE_FAILED,
    ErrorCode.LIMIT_REACHED,
    ErrorCode.CARD_EXPIRED,
    ErrorCode.CARD_BLOCKED,
)
log = logging.getLogger("tillcard.chip")


class OwedCredit:
    """Writes what chips are owed."""

    def __init__(
        self, terminal: ChipTerminal, writer: ChipWriter, care: PurseCare, shop: Shop
    ) -> None:
        self._terminal = terminal
        self._writer = writer
        self._care = care
        self._shop = shop

    async def pay_if_there(self, uid: str, account: AccountId) -> None:
        """Write what a card is owed if it lies on a reader; else its next tap does."""
        reader = self._terminal.reader_of(uid) if uid else None
        if reader is None:
            return
        try:
            async with self._terminal.turn(reader):
                card = await self._care.ready(reader)
                await self._write(card, account)
                card.count_anew()  # no customer has waited for it, and no sale is part of it
        except RefusedError as error:
            log.info("card %s is owed until its next tap: %s", mask(uid), error)

    async def pay(self, card: OpenCard, account: AccountId) -> None:
        """Write what an open card is owed at its tap, as far as it has room.

        Whoever calls has the reader's turn. A card that does not take it is a good card all the
        same: it stays owed. Raises: RefusedError where it is torn away.
        """
        try:
            await self._write(card, account)
        except RefusedError as error:
            if error.code not in _NOT_TAKEN:
                raise
            log.warning("card %s does not take what it is owed: %s", mask(card.uid), error)

    async def _write(self, card: OpenCard, account: AccountId) -> None:
        """Write what a card is owed. Raises RefusedError as `ChipWriter.write`."""
        if isinstance(card.purse.state, NewerState):
            return
        if not await self._shop.ledger.read(lambda store: self._due(store, card, account)):
            return
        intent = await self._plan(card, account)
        if intent is not None:
            await self._writer.write(card, intent, self._done)

    def _due(self, store: Store, card: OpenCard, account: AccountId) -> int:
        """Return how much the chip can be given now, or below 0 give."""
        purse = owed_purse(chip_purse(self._shop.programme))
        states = store.purses(account)
        owed = states[purse].posted if purse in states else 0
        amount = due(account, owed, store.counters(air_counters(account)))
        # A chip that is to give back more than it holds gives what it has; the rest stays owed.
        return self._writer.change(card, max(amount, -card.purse.state.balance), tries=True)

    async def _plan(self, card: OpenCard, account: AccountId) -> ChipIntent | None:
        """Write down what the chip will be asked; None where it is owed nothing by now."""
        programme, (_, at, today) = self._shop.programme, self._shop.moment()
        txid = secrets.token_bytes(TXID_BYTES)

        def job(store: Store) -> ChipIntent | None:
            # Asked again where it is written down: another card of the account may lie elsewhere.
            amount = self._due(store, card, account)
            if not amount:
                return None
            transfer = ChipTransfer(
                transfer_id=self._shop.ledger.sale_id(PosSaleId(TRANSFER + txid.hex())),
                account=account,
                uid=card.uid,
                purse=chip_purse(programme),
                amount=amount,
                at=at,
                today=today.toordinal(),
                programme=programme.id,
                version=programme.version,
            )
            view = store.view(Reads(sale_id=transfer.transfer_id))
            intent = self._writer.intent(card, transfer.sale, amount, txid)
            decision = chip_transfers.intend(view, intent)
            store.write(decision.change)
            return chip_sales.intent_of(decision.sale)

        return await self._shop.ledger.update(job)

    async def _done(self, card: OpenCard, intent: ChipIntent) -> None:
        await self._writer.move(intent, chip_transfers.done)
