"""Decisions about a sale that writes a chip: before it is written, and once it is known. Pure.

An intent reserves what a hold does, so that nothing can stand in the way of posting once the chip
is written. Each function takes a sale that has an intent, as the store read it.
"""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec.structs import replace

from card_formats.chip.purse_layout import PurchaseRecord, PurseState
from daemon.ledger import chip_limits, sales
from daemon.ledger.chip_limits import ChipLimit
from daemon.ledger.entries import ChipMove, CounterMove, Entry
from daemon.ledger.moves import Balance
from daemon.ledger.sale_records import ChipIntent, SaleRecord, SaleRow
from daemon.ledger.sale_states import SaleEvent, SaleState, after
from daemon.ledger.sales import Decision
from daemon.ledger.storage.rows import ChipRow
from daemon.ledger.storage.store import View
from daemon.programme.state import Status

WAITING = (SaleState.INTENT, SaleState.UNKNOWN, SaleState.VOID_PENDING)
"""A sale in one of these waits for what its chip says."""
_NEVER = "~"  # sorts behind every time: an intent does not run out


def intent_of(row: SaleRow) -> ChipIntent:
    """Return the intent of a sale that waits for its chip."""
    assert row.record is not None
    assert row.record.chip is not None
    return row.record.chip


def intend(view: View, intent: ChipIntent, limits: Sequence[ChipLimit] = ()) -> Decision:
    """Write down what the chip is about to be asked, and reserve all that the sale needs.

    limits: those that the sale is counted against, in ``intent.counters``.
    Raises: RefusedError as `sales.hold` and `sales.commit`; LIMIT_REACHED.
    """
    before = sales.state_of(view)
    if before is SaleState.INTENT and intent_of(_row(view)).not_written:
        record = sales.record_of(view)  # its reservation still stands
        return _decision("intent", record, before, replace(intent, until=_until(record)))
    state = after(before, SaleEvent.CHIP_INTENT)
    chip_limits.check(limits, view.counters, intent.sale.chip_burn)
    if before is SaleState.HELD:
        sales.commit(view, intent.sale)  # only to hear whether it may be
        held = replace(intent, until=_row(view).until)
        return _counted(_decision("intent", sales.record_of(view), state, held), intent, 1)
    reserved = sales.hold(view, intent.sale, "")
    assert reserved.sale.record is not None
    record = replace(reserved.sale.record, chip=intent)
    row = replace(reserved.sale, state=state, body=msgspec.json.encode(record))
    entry = replace(reserved.entry, kind="intent", detail=_detail(intent))
    return _counted(replace(reserved, entry=entry, sale=row), intent, 1)


def done(view: View, at: str, statuses: Mapping[str, Status] | None = None) -> Decision:
    """Post the sale that the chip has proved, or owe a voided one's money back.

    statuses: those that the sale may change.
    """
    record = sales.record_of(view)
    intent = intent_of(_row(view))
    state = after(sales.state_of(view), SaleEvent.CHIP_DONE)
    if state is SaleState.VOIDED:
        reason = "the chip was written all the same"
        decision = sales.release(_as_held(view), at, SaleEvent.VOID, reason, intent.amount)
        decision = _counted(decision, intent, -1)
    else:
        decision = sales.commit(_as_held(view), intent.sale, statuses)
    txid = intent.txid.hex()
    move = ChipMove(intent.uid, intent.seq, txid, intent.amount, intent.balance)
    chip = ChipRow(intent.uid, intent.seq, txid, intent.balance, intent.speaks)
    kind = decision.entry.kind if record.sale.quote.lines else "owed"
    entry = replace(decision.entry, at=at, kind=kind, chip=move)
    return replace(decision, entry=entry, balances=_balances(decision, intent), chip=chip)


def not_sent(view: View, at: str) -> Decision:
    """Go back to where the sale was: surely nothing was written."""
    intent = intent_of(_row(view))
    if not intent.until:
        state = after(sales.state_of(view), SaleEvent.CHIP_NOT_SENT_NEW)
        return _released(view, at, state, "nothing was sent to the chip", b"")
    state = after(sales.state_of(view), SaleEvent.CHIP_NOT_SENT_HELD)
    decision = _decision("not_sent", sales.record_of(view), state, None, at)
    row = replace(decision.sale, until=intent.until)
    return _counted(replace(decision, sale=row), intent, -1)


def unsure(view: View, at: str) -> Decision:
    """Note that the chip was asked and nobody knows what it did."""
    state = after(sales.state_of(view), SaleEvent.CHIP_UNSURE)
    intent = replace(intent_of(_row(view)), not_written=False)
    return _decision("unknown", sales.record_of(view), state, intent, at)


def not_written(view: View, at: str) -> Decision:
    """Open the sale again, or void it for good: a later tap proved that nothing was written."""
    record, intent = sales.record_of(view), intent_of(_row(view))
    before = sales.state_of(view)
    if before is SaleState.INTENT:  # left behind by an answer that could not be written down
        before = after(before, SaleEvent.CHIP_UNSURE)
    state = after(before, SaleEvent.CHIP_NOT_WRITTEN)
    if state is SaleState.VOIDED:
        return _released(view, at, state, "the chip was not written")
    if not record.sale.quote.lines:  # nobody repeats what was owed; the next tap plans it anew
        return _released(view, at, after(state, SaleEvent.CHIP_NOT_SENT_NEW), "not written", b"")
    return _decision("not_written", record, state, replace(intent, not_written=True), at)


def case(view: View, at: str) -> Decision:
    """Leave the sale as it is, for the owner: a later tap could not tell."""
    intent = replace(intent_of(_row(view)), case=True)
    return _decision("case", sales.record_of(view), sales.state_of(view), intent, at)


def void(view: View, at: str, reason: str) -> Decision:
    """Void what the customer paid otherwise; the chip's next tap settles what it did.

    Raises: RefusedError BUSY while the chip is being written.
    """
    before, intent = sales.state_of(view), intent_of(_row(view))
    if before is SaleState.INTENT and intent.not_written:
        state = after(after(before, SaleEvent.CHIP_NOT_SENT_NEW), SaleEvent.VOID)
        return _released(view, at, state, reason)
    state = after(before, SaleEvent.VOID)
    decision = _decision("void", sales.record_of(view), state, intent, at)
    detail = msgspec.Raw(msgspec.json.encode({"reason": reason, "waits_for": "chip"}))
    return replace(decision, entry=replace(decision.entry, detail=detail))


def alarm_of(known: ChipRow, state: PurseState, record: Sequence[PurchaseRecord] = ()) -> str:
    """Return why a purse cannot be the one that was ``known`` before, or "".

    A chip counts up, has one payment for each number, and its balance follows from its payments.
    What others have paid between is not added up here: their ledgers know, and the card's history.

    record: the payment with the ``known`` number, where others were made since and it was read.
    """
    if state.seq < known.seq:
        return "its count fell"
    txid, balance = state.last_txid, state.balance
    if state.seq > known.seq:
        if state.seq == known.seq + 1 and balance != known.balance + state.last_amount:
            return "its balance does not follow from its payments"
        if not record:
            return ""
        txid, balance = record[0].txid, record[0].balance_after
    if txid.hex() != known.txid:
        return "two payments have one number"
    if balance != known.balance:
        return "its balance does not follow from its payments"
    return ""


def _row(view: View) -> SaleRow:
    assert view.sale is not None
    return view.sale


def _balances(decision: Decision, intent: ChipIntent) -> dict[str, Balance]:
    """Return the balances with the chip's own in place of the mirror's."""
    chip = {intent.sale.chip_purse: Balance(intent.balance, 0)}
    return dict(sorted((decision.balances | chip).items()))


def _until(record: SaleRecord) -> str:
    return record.chip.until if record.chip else ""


def _counted(decision: Decision, intent: ChipIntent, sign: int) -> Decision:
    """Count what the chip pays today, or take it back."""
    paid = intent.sale.chip_burn
    moves = [CounterMove(counter, sign * paid) for counter in intent.counters if paid]
    entry = replace(decision.entry, counters=(*decision.entry.counters, *moves))
    return replace(decision, entry=entry)


def _as_held(view: View) -> View:
    """Return the view as if the intent were the hold that it reserves like."""
    return replace(view, sale=replace(_row(view), state=SaleState.HELD, until=_NEVER))


def _released(
    view: View, at: str, state: SaleState, reason: str, body: bytes | None = None
) -> Decision:
    decision = sales.release(_as_held(view), at, SaleEvent.VOID, reason)
    kept = decision.sale.body if body is None else body
    row = replace(decision.sale, state=state, body=kept)
    kind = "void" if state is SaleState.VOIDED else "not_sent"
    decision = replace(decision, entry=replace(decision.entry, kind=kind), sale=row)
    return _counted(decision, intent_of(_row(view)), -1)


def _decision(
    kind: str, record: SaleRecord, state: SaleState, intent: ChipIntent | None, at: str = ""
) -> Decision:
    sale = intent.sale if intent else record.sale
    detail = _detail(intent) if intent else msgspec.Raw(b"{}")
    entry = Entry(
        at=at or sale.at, kind=kind, ref=sale.sale_id, account=sale.account, detail=detail
    )
    body = msgspec.json.encode(replace(record, chip=intent))
    return Decision(entry, SaleRow(sale.sale_id, state, sale.account, "", body), {})


def _detail(intent: ChipIntent) -> msgspec.Raw:
    told = {
        "chip": intent.uid,
        "seq": intent.seq,
        "txid": intent.txid.hex(),
        "amount": intent.amount,
        "balance": intent.balance,
    }
    return msgspec.Raw(msgspec.json.encode(told))
