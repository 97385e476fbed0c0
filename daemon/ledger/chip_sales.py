"""Decisions about a sale that writes a chip: before it is written, and once it is known. Pure.

The ledger and a chip cannot be written in one transaction, and the card may be torn away, or the
till lose power, between any two steps. So the order is always the same:

1. **intend**: everything that could refuse the sale refuses it now. What it needs is reserved as
   by a hold, and what the chip will be asked is written down: which chip, its sequence number after
   it, a transaction id, the amount. This is durable before the chip hears of it.
2. The chip is written, in one transaction of its own: all of it or nothing.
3. The chip's answer, proved by its MAC, is the read-back. **done** posts what was reserved.

After any failure the chip decides, not the till. It has counted a sequence number and keeps the id
of its last transaction; at the next tap, at any till of this ledger, they say how far it came:

    failed                          what is known         decision
    before its commit was sent      not written           not_sent: as before, repeat the call
    after it was sent               nothing               unsure: "tap the same card again"
    till stopped at an intent       nothing               unsure, when it starts again

    the next tap shows              what is known         decision
    our sequence number and id      written               done
    the number before ours          not written           not_written: the same call goes on
    a later number, our id in its   written               done
    history
    another payment with our        not written           not_written: the same call goes on
    number, in a whole history
    a later number, history gone    cannot be told        case: somebody decides
    noise                           nothing               as before: the next good tap decides

A card has 500 on its chip, at sequence number 7. A sale burns 200 of it:

    intend      mirror 500, held 200    the intent says: chip 8, transaction id T, balance 300
    torn        unknown                 did the chip commit? nobody knows
    next tap    the chip says 8, T      done: mirror 300, held 0, posted; nothing is debited twice
            or  the chip says 7         not_written: still reserved; the same call goes on with T

A customer who pays in cash instead voids the sale (**void**): it waits in ``void_pending``, with
all reserved, until the chip has said what it did. If it paid, its 200 are owed to it.

Where the chip cannot tell, because its history has forgotten, or because it is lost and its card
blocked, somebody says what it did (**by_word**): what follows is the same as after a tap.

Each function takes a sale that has an intent, as the store read it. What a chip is merely owed goes
the same way with nothing reserved: ``chip_transfers``.
"""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec.structs import replace

from card_formats.chip.purse_layout import PurchaseRecord, PurseState
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.ledger import chip_limits, sales
from daemon.ledger.chip_limits import ChipLimit
from daemon.ledger.entries import ChipMove, CounterMove, Entry
from daemon.ledger.moves import Balance
from daemon.ledger.sale_records import ChipIntent, SaleRecord
from daemon.ledger.sale_rows import SaleRow
from daemon.ledger.sale_states import SaleEvent, SaleState, after
from daemon.ledger.sales import Decision
from daemon.ledger.storage.rows import ChipRow, too_new
from daemon.ledger.storage.store import View
from daemon.programme.state import Status

WAITING = (SaleState.INTENT, SaleState.UNKNOWN, SaleState.VOID_PENDING)
"""A sale in one of these waits for what its chip says."""
BEING_WRITTEN = "The card is being written; ask again."
REPEAT = "Nothing was written on the card: repeat the call, or void the sale."
TAP_AGAIN = "Tap the same card again: it is not known what was written."
TAP_VOIDED = "This sale is void; the next tap of its card settles what the chip did."
DECIDE = "Its chip cannot tell any more what was written: a manager says so (sale.decide)."
_NEVER = "~"  # sorts behind every time: an intent does not run out


def intent_of(row: SaleRow) -> ChipIntent:
    """Return the intent of a sale that waits for its chip.

    Raises: RefusedError TOO_NEW for a sale that waits for one without it: not ours.
    """
    if row.record is None or row.record.chip is None:
        raise too_new(ValueError(f"a sale that is {row.state} names no chip"))
    return row.record.chip


def intent_in(view: View) -> ChipIntent:
    """Return the intent of the sale that was read."""
    return intent_of(_row(view))


def waits_for(row: SaleRow, uid: str) -> bool:
    """Whether a chip (UID in hex, upper case) has still to say what became of a sale.

    Not of one that is known not to be written and waits for its call, nor where it cannot tell.
    """
    if row.state not in WAITING:
        return False
    intent = intent_of(row)
    return intent.uid == uid and not intent.not_written and not intent.case


def advice_of(row: SaleRow) -> str:
    """Say to the cashier what a sale waits for, or ""."""
    if row.state not in WAITING:
        return ""
    intent = intent_of(row)
    if row.state is SaleState.INTENT:
        return REPEAT if intent.not_written else BEING_WRITTEN
    if intent.case:
        return DECIDE
    return TAP_VOIDED if row.state is SaleState.VOID_PENDING else TAP_AGAIN


def check_no_case(view: View) -> None:
    """Raise RefusedError TORN where only a manager can say what became of a sale."""
    if view.sale is not None and advice_of(view.sale) == DECIDE:
        raise RefusedError(ErrorCode.TORN, DECIDE, state_unknown=True)


def check_undecided(view: View, *, is_lost: bool) -> None:
    """Refuse a decision by hand where there is nothing to decide, or where the chip can still tell.

    is_lost: whether the chip's card may not be used, so that no tap is waited for.
    Raises:  RefusedError TORN; BUSY while the chip is being written; by the sale's state.
    """
    state = after(sales.state_of(view), SaleEvent.CHIP_DONE)
    intent = intent_in(view)
    if intent.not_written:
        raise RefusedError(ErrorCode.TORN, REPEAT)
    if state is SaleState.POSTED and sales.state_of(view) is SaleState.INTENT:
        raise RefusedError(ErrorCode.BUSY, BEING_WRITTEN)
    if not (intent.case or is_lost):
        raise RefusedError(
            ErrorCode.TORN,
            "The chip can still tell: tap the same card again. If it is lost, block it first.",
            state_unknown=True,
        )


def intend(view: View, intent: ChipIntent, limits: Sequence[ChipLimit] = ()) -> Decision:
    """Write down what the chip is about to be asked, and reserve all that the sale needs.

    limits: those that the sale is counted against, in ``intent.counters``.
    Raises: RefusedError as `sales.hold` and `sales.commit`; LIMIT_REACHED.
    """
    before = sales.state_of(view)
    # A tap has proved that the first attempt was not written. Its reservation still stands, so
    # nothing is taken or counted again; only the chip's number and balance may be others by now.
    if before is SaleState.INTENT and intent_in(view).not_written:
        # Nor is what it is counted in: a limit that was set since has not counted it.
        record, first = sales.record_of(view), intent_in(view)
        again = replace(intent, until=first.until, counters=first.counters)
        return undecided("intent", record, before, again)
    state = after(before, SaleEvent.CHIP_INTENT)
    chip_limits.check(limits, view.counters, intent.sale.chip_burn)
    # From a hold, everything is reserved already. What the commit will refuse is refused now, for
    # after the chip was written it is too late; the hold's end is kept in case nothing was sent.
    if before is SaleState.HELD:
        sales.check_commit(view, intent.sale)
        held = replace(intent, until=_row(view).until)
        return _counted(undecided("intent", sales.record_of(view), state, held), intent, 1)
    step = sales.reservation(view, intent.sale, SaleEvent.CHIP_INTENT)
    record = replace(step.record, chip=intent)
    step = replace(step, kind="intent", record=record, detail=_asked(intent))
    return _counted(sales.decided(step), intent, 1)


def done(view: View, at: str, statuses: Mapping[str, Status] | None = None) -> Decision:
    """Post the sale that the chip has proved, or owe a voided one's money back.

    statuses: those that the sale may change.
    """
    intent = intent_in(view)
    state = after(sales.state_of(view), SaleEvent.CHIP_DONE)
    if state is SaleState.VOIDED:
        reason = "the chip was written all the same"
        decision = sales.release(_as_held(view), at, SaleEvent.VOID, reason, intent.amount)
        decision = _counted(decision, intent, -1)
    else:
        decision = sales.commit(_as_held(view), intent.sale, statuses)
    return proved(decision, intent, at)


def proved(decision: Decision, intent: ChipIntent, at: str) -> Decision:
    """Return a decision with what its chip has proved: its payment, and what it was left at."""
    txid = intent.txid.hex()
    move = ChipMove(intent.uid, intent.seq, txid, intent.amount, intent.balance)
    return replace(
        decision,
        entry=replace(decision.entry, at=at, chip=move),
        balances=_balances(decision, intent),
        chip=ChipRow(intent.uid, intent.seq, txid, intent.balance, intent.speaks),
    )


def by_word(
    view: View, at: str, *, written: bool, statuses: Mapping[str, Status] | None = None
) -> Decision:
    """Do what a tap would have led to; of the chip nothing is known by it."""
    if not written:
        return not_written(view, at)
    decision = done(view, at, statuses)
    return replace(decision, chip=None)


def not_sent(view: View, at: str) -> Decision:
    """Go back to where the sale was: surely nothing was written."""
    intent = intent_in(view)
    if not intent.until:
        state = after(sales.state_of(view), SaleEvent.CHIP_NOT_SENT_NEW)
        return released(view, at, state, "nothing was sent to the chip", b"")
    state = after(sales.state_of(view), SaleEvent.CHIP_NOT_SENT_HELD)
    decision = undecided("not_sent", sales.record_of(view), state, None, at)
    row = replace(decision.sale, until=intent.until)
    return _counted(replace(decision, sale=row), intent, -1)


def unsure(view: View, at: str) -> Decision:
    """Note that the chip was asked and nobody knows what it did."""
    state = after(sales.state_of(view), SaleEvent.CHIP_UNSURE)
    intent = replace(intent_in(view), not_written=False)
    return undecided("unknown", sales.record_of(view), state, intent, at)


def not_written(view: View, at: str) -> Decision:
    """Open the sale again, or void it for good: a later tap proved that nothing was written."""
    state = state_after_nothing(view)
    if state is SaleState.VOIDED:
        return released(view, at, state, "the chip was not written")
    intent = replace(intent_in(view), not_written=True, case=False)
    return undecided("not_written", sales.record_of(view), state, intent, at)


def state_after_nothing(view: View) -> SaleState:
    """Return the state after a tap has proved that nothing was written."""
    before = sales.state_of(view)
    # An answer that could not be written down (the disk was full) left the intent as it was: it is
    # as unknown as one that was noted so.
    if before is SaleState.INTENT:
        before = after(before, SaleEvent.CHIP_UNSURE)
    return after(before, SaleEvent.CHIP_NOT_WRITTEN)


def case(view: View, at: str) -> Decision:
    """Leave the sale as it is, for a manager: a later tap could not tell."""
    intent = replace(intent_in(view), case=True)
    return undecided("case", sales.record_of(view), sales.state_of(view), intent, at)


def void(view: View, at: str, reason: str) -> Decision:
    """Void what the customer paid otherwise; the chip's next tap settles what it did.

    Raises: RefusedError BUSY while the chip is being written; TORN where no tap can settle it.
    """
    check_no_case(view)
    before, intent = sales.state_of(view), intent_in(view)
    if before is SaleState.INTENT and intent.not_written:
        state = after(after(before, SaleEvent.CHIP_NOT_SENT_NEW), SaleEvent.VOID)
        return released(view, at, state, reason)
    state = after(before, SaleEvent.VOID)
    decision = undecided("void", sales.record_of(view), state, intent, at)
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


def undecided(
    kind: str, record: SaleRecord, state: SaleState, intent: ChipIntent | None, at: str = ""
) -> Decision:
    """Move a sale to a state in which nothing else moves; ``at`` is the sale's own where ""."""
    sale = intent.sale if intent else record.sale
    detail = msgspec.Raw(msgspec.json.encode(_asked(intent) if intent else {}))
    entry = Entry(
        at=at or sale.at, kind=kind, ref=sale.sale_id, account=sale.account, detail=detail
    )
    row = SaleRow.whole(replace(record, chip=intent), state)
    return Decision(entry, row, {})


def released(
    view: View, at: str, state: SaleState, reason: str, body: bytes | None = None
) -> Decision:
    """Give back what an intent reserved. ``body`` takes the place of the sale's record."""
    decision = sales.release(_as_held(view), at, SaleEvent.VOID, reason)
    row = replace(decision.sale, state=state)
    if body is not None:
        row = SaleRow.of(row.sale_id, state, row.account, "", body)
    kind = "void" if state is SaleState.VOIDED else "not_sent"
    decision = replace(decision, entry=replace(decision.entry, kind=kind), sale=row)
    return _counted(decision, intent_in(view), -1)


def _row(view: View) -> SaleRow:
    assert view.sale is not None
    return view.sale


def _balances(decision: Decision, intent: ChipIntent) -> dict[str, Balance]:
    """Return the balances with the chip's own in place of the mirror's."""
    chip = {intent.sale.chip_purse: Balance(intent.balance, 0)}
    return dict(sorted((decision.balances | chip).items()))


def _counted(decision: Decision, intent: ChipIntent, sign: int) -> Decision:
    """Count what the chip pays today, and the sale against the shop's limits; or take it back."""
    paid = intent.sale.chip_burn
    moves = [CounterMove(counter, sign * paid) for counter in intent.counters if paid]
    moves += [CounterMove(one.counter, sign * one.amount) for one in intent.sale.day_counts]
    entry = replace(decision.entry, counters=(*decision.entry.counters, *moves))
    return replace(decision, entry=entry)


def _as_held(view: View) -> View:
    """Return the view as if the intent were the hold that it reserves like."""
    return replace(view, sale=replace(_row(view), state=SaleState.HELD, until=_NEVER))


def _asked(intent: ChipIntent) -> dict[str, str | int]:
    return {
        "chip": intent.uid,
        "seq": intent.seq,
        "txid": intent.txid.hex(),
        "amount": intent.amount,
        "balance": intent.balance,
    }
