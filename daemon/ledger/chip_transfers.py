"""What a chip is owed, on its way to it: like a sale that writes a chip, with nothing sold. Pure.

A transfer goes the way of ``chip_sales``: an intent, the chip, its proof; and the next tap where it
was torn. But nobody waits for its answer, so where the chip was not written it is simply over: what
is owed is owed still, and the next tap plans it anew. Until then it is counted as in the air
(``chip_owed.air_counter``), so that no other card of the account gets the same.

It is kept among the sales, under an id that no till gives, in the shape of one with an empty
basket: entries and rows of older ledgers look like that, and so do new ones. ``ChipTransfer.of``
reads either.
"""

from datetime import datetime

import msgspec

from daemon.base.ids import AccountId, SaleId
from daemon.ledger import chip_sales, sales
from daemon.ledger.chip_owed import air_counter, owe
from daemon.ledger.entries import CounterMove
from daemon.ledger.moves import Moves
from daemon.ledger.sale_records import ChipIntent, Frozen, Sale, SaleRecord
from daemon.ledger.sale_states import SaleEvent, SaleState, after
from daemon.ledger.sales import Decision, SaleStep, decided
from daemon.ledger.storage.store import View
from daemon.programme.basket import Basket
from daemon.programme.quote import Quote

TRANSFER = "owed-"
"""What a transfer's id begins with, before its transaction id in hex."""


class ChipTransfer(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be written on a chip: ``amount`` is what it gets; below 0 it gives.

    at, today: when it was planned, RFC 3339, and the local day (ordinal).
    programme, version: in force then.
    """

    transfer_id: SaleId
    account: AccountId
    uid: str
    purse: str
    amount: int
    at: str
    today: int
    programme: str
    version: str

    @classmethod
    def of(cls, sale: Sale) -> "ChipTransfer | None":
        """Return the transfer that was kept as ``sale``; None for one that sells something."""
        if sale.quote.lines:
            return None
        return cls(
            transfer_id=sale.sale_id,
            account=sale.account,
            uid=sale.card_uid,
            purse=sale.chip_purse,
            amount=-sale.owed,
            at=sale.at,
            today=sale.today,
            programme=sale.quote.programme,
            version=sale.quote.version,
        )

    @property
    def sale(self) -> Sale:
        """The shape in which it is kept. What the chip gets, it is owed no more."""
        at = datetime.fromisoformat(self.at)
        quote = Quote(
            programme=self.programme,
            version=self.version,
            now=self.at,
            lines=(),
            list_total=0,
            discount=0,
            net=0,
            total=0,
        )
        return Sale(
            sale_id=self.transfer_id,
            account=self.account,
            terminal="",
            cashier="",
            at=self.at,
            today=self.today,
            frozen=Frozen(programme=self.version, now=at, basket=Basket(lines=()), facts={}),
            quote=quote,
            chip_purse=self.purse,
            card_uid=self.uid,
            owed=-self.amount,
        )


def intend(view: View, intent: ChipIntent) -> Decision:
    """Write down what the chip is about to be asked."""
    state, sale = after(sales.state_of(view), SaleEvent.CHIP_INTENT), intent.sale
    counters = (air_counter(sale.account, intent.amount),)
    intent = msgspec.structs.replace(intent, counters=counters)
    record = SaleRecord(sale=sale, burned={})
    return _landed(chip_sales.undecided("intent", record, state, intent), intent, 1)


def done(view: View, at: str) -> Decision:
    """Post the transfer that the chip has proved: the mirror follows, and nothing is owed of it."""
    record, intent = sales.record_of(view), chip_sales.intent_in(view)
    moves, sale = Moves(view.purses), intent.sale
    owe(moves, sale.account, sale.chip_purse, sale.owed)
    step = SaleStep(
        kind="owed",
        at=at,
        state=after(sales.state_of(view), SaleEvent.CHIP_DONE),
        record=msgspec.structs.replace(record, chip=None),
        moves=moves,
    )
    return _landed(chip_sales.proved(decided(step), intent, at), intent, -1)


def by_word(view: View, at: str, *, written: bool) -> Decision:
    """Do what a tap would have led to; of the chip nothing is known by it."""
    if not written:
        return not_written(view, at)
    return msgspec.structs.replace(done(view, at), chip=None)


def not_sent(view: View, at: str) -> Decision:
    """Let go of a transfer of which nothing was sent to the chip."""
    return _landed(chip_sales.not_sent(view, at), chip_sales.intent_in(view), -1)


def not_written(view: View, at: str) -> Decision:
    """Let go of a transfer of which a later tap proved that nothing was written."""
    intent, state = chip_sales.intent_in(view), chip_sales.state_after_nothing(view)
    body = None
    if state is not SaleState.VOIDED:
        state, body = after(state, SaleEvent.CHIP_NOT_SENT_NEW), b""  # the next tap plans it anew
    released = chip_sales.released(view, at, state, "the chip was not written", body)
    return _landed(released, intent, -1)


def _landed(decision: Decision, intent: ChipIntent, sign: int) -> Decision:
    """Count a transfer as in the air, or no more."""
    moves = (CounterMove(counter, sign * abs(intent.amount)) for counter in intent.counters)
    counters = (*decision.entry.counters, *moves)
    entry = msgspec.structs.replace(decision.entry, counters=counters)
    return msgspec.structs.replace(decision, entry=entry)
