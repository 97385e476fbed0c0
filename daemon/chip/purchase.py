"""A sale that changes the purse on its card: planned, written, and taken up again after a tear."""

import secrets
from collections.abc import Callable

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from card_formats.chip.purse_layout import TXID_BYTES
from daemon.base.chip_section import ChipSection
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.chip.hot_list import HotListFile
from daemon.chip.purse_care import PurseCare
from daemon.chip.terminal import ChipTerminal, OpenCard
from daemon.chip.writing import ChipWriter, FullCardError
from daemon.ledger import chip_sales
from daemon.ledger.chip_limits import counters_of, limits_of
from daemon.ledger.chip_sales import TAP_AGAIN, WAITING, advice_of, intent_of, waits_for
from daemon.ledger.ledger import Ledger, RequestKey
from daemon.ledger.sale_records import ChipIntent, Sale
from daemon.ledger.sale_rows import SaleRow
from daemon.ledger.storage.store import Reads, Store, View


class WantedSale(msgspec.Struct, frozen=True, kw_only=True):
    """A sale that is to change a chip.

    settle:  gives it as it will be posted, from what the ledger reads when it is planned.
    reads:   what that takes to read; viewed: reads more where what was read says so.
    content: of the request that waits for it.
    """

    sale: Sale
    settle: Callable[[View], Sale]
    reads: Reads
    viewed: Callable[[Store, View, Reads], View] = lambda store, view, reads: view
    content: bytes

    @classmethod
    def again(cls, intent: ChipIntent) -> "WantedSale":
        """Want what was intended before."""
        sale = intent.sale
        return cls(
            sale=sale,
            settle=lambda view: sale,
            reads=Reads(sale_id=sale.sale_id, accounts=sale.accounts),
            content=intent.content,
        )


class Purchases:
    """Sells with the purses that lie on the till's readers."""

    def __init__(
        self,
        terminal: ChipTerminal,
        writer: ChipWriter,
        care: PurseCare,
        ledger: Ledger,
        hot_list: HotListFile,
        section: ChipSection,
    ) -> None:
        self._terminal = terminal
        self._writer = writer
        self._care = care
        self._ledger = ledger
        self._hot_list = hot_list
        self._section = section

    async def sell(self, wanted: WantedSale) -> Raw | None:
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
            self._hot_list.need_fresh()
        elif not sale.chip_net or not self._terminal.keys.may_load:
            return None
        async with self._terminal.turn(reader):
            try:
                return await self._sell_at(reader, wanted)
            except FullCardError:  # what it has no room for is owed
                return await self._sell_at(reader, wanted)

    async def _sell_at(self, reader: str, wanted: WantedSale) -> Raw | None:
        card, sale = await self._care.ready(reader), wanted.sale
        if not sale.chip_burn and not self._writer.change(card, sale.chip_net):
            return None
        intent = await self._plan(card, wanted, secrets.token_bytes(TXID_BYTES))
        return await self._writer.write(card, intent, self._writer.post)

    async def resume(self, key: RequestKey, row: SaleRow) -> Raw | None:
        """Go on with a sale whose chip was being written when something happened.

        Returns: None where nothing was written and the sale begins anew.
        Raises:  RefusedError TORN with state_unknown until the same card is there and can tell.
        """
        if self._writer.is_writing(row.sale_id):
            raise RefusedError(ErrorCode.BUSY, "The card is being written; ask again.")
        uid = intent_of(row).uid
        reader = self._terminal.reader_of(uid)
        if reader is None:
            advice = advice_of(row) if intent_of(row).case else TAP_AGAIN
            raise RefusedError(ErrorCode.TORN, advice, state_unknown=True)
        async with self._terminal.turn(reader):
            card = await self._care.ready(reader)
            # To make it ready may have settled this very sale: what is stored is looked up again.
            replayed, now = await self._ledger.stored_answer(key, row.sale_id)
            if now is not None and waits_for(now, uid):
                await self._writer.settle(card, now)
                replayed, now = await self._ledger.stored_answer(key, row.sale_id)
            if replayed is not None or now is None or now.state not in WAITING:
                return replayed
            return await self._go_on(key, card, now)

    async def _go_on(self, key: RequestKey, card: OpenCard, row: SaleRow) -> Raw | None:
        """Repeat a sale that its card has proved not to be written."""
        intent = intent_of(row)
        if not intent.not_written:
            advice = advice_of(row)
            raise RefusedError(ErrorCode.TORN, advice, reader=card.reader, state_unknown=True)
        if key.content != intent.content:
            await self._writer.reopen(row)
            return None
        plan = await self._plan(card, WantedSale.again(intent), intent.txid)
        return await self._writer.write(card, plan, self._writer.post)

    async def _plan(self, card: OpenCard, wanted: WantedSale, txid: bytes) -> ChipIntent:
        """Write down what the chip will be asked. Raises RefusedError with nothing written."""
        today = self._writer.today()  # not the hold's day
        limits = limits_of(
            self._section, self._writer.text_of(wanted.sale.chip_purse), card.uid, today
        )
        counters = counters_of(limits)
        reads = replace(wanted.reads, counters=(*wanted.reads.counters, *counters))

        def job(store: Store) -> ChipIntent:
            view = wanted.viewed(store, store.view(reads), reads)
            sale = wanted.settle(view)
            amount = self._writer.change(card, sale.chip_net)
            sale = replace(sale, owed=sale.chip_net - amount)  # what the chip has no room for now
            intent = self._writer.intent(card, sale, amount, txid)
            intent = replace(intent, content=wanted.content, counters=counters)
            store.write(chip_sales.intend(view, intent, limits).change)
            return intent

        return await self._ledger.update(job)
