"""Decisions about a sale: what a hold, a commit, a void, a return writes. Pure.

Each takes what the store read (``View``) and what the till wants, and gives the entry, the sale's
new row and the balances after it; or raises RefusedError, and then nothing moves.
"""

from collections.abc import Mapping
from datetime import date, datetime

import msgspec

from daemon.errors import ErrorCode, RefusedError
from daemon.ledger.entries import FOREVER, CounterMove, Entry, MeterMove
from daemon.ledger.moves import Balance, Moves
from daemon.ledger.owed import owe, owed_purse, shift
from daemon.ledger.purse import Lot, claw_back, put, split, take, whole
from daemon.ledger.states import SaleEvent, SaleState, after
from daemon.ledger.store import ChipRow, SaleRow, View
from daemon.programme.basket import Basket, Fact, LineId
from daemon.programme.quote import Quote
from daemon.programme.returns import GivenBack, give_back

CODE_COUNTER = ":code:"
"""What stands in the names of counters that count a code's uses."""


class Frozen(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a price follows from: price these again and the same quote comes out."""

    programme: str
    now: datetime
    basket: Basket
    facts: dict[str, Fact]


class Sale(msgspec.Struct, frozen=True, kw_only=True):
    """A sale as the till wants it. ``today`` is its local day (ordinal).

    credit:  how far a burn may overdraw each purse.
    chip_purse, card_uid: the purse that is kept on chips, and the chip that was shown, or "".
    owed:    what the sale gives to the chip purse beside the chip (see ``daemon.ledger.owed``).
    tenders: what the till took, as it said; kept, not interpreted.
    """

    sale_id: str
    account: str
    terminal: str
    cashier: str
    at: str
    today: int
    frozen: Frozen
    quote: Quote
    credit: dict[str, int] = {}
    chip_purse: str = ""
    card_uid: str = ""
    owed: int = 0
    tenders: tuple[dict[str, int | str], ...] = ()

    @property
    def accounts(self) -> tuple[str, ...]:
        """Return every account whose purses the sale may move: the card's own and referrers'."""
        others = (earned.account for earned in self.quote.earn)
        return tuple(dict.fromkeys(a for a in (self.account, *others) if a))

    @property
    def chip_net(self) -> int:
        """Return what the sale changes in the card's own chip purse."""
        purse = self.chip_purse
        earned = (e.amount for e in self.quote.earn if e.purse == purse and not e.account)
        return sum(earned) - self.quote.burn.get(purse, 0) if purse else 0


class ReturnedLine(msgspec.Struct, frozen=True):
    """How much of a line came back, in thousandths of its unit."""

    line: LineId
    qty_milli: int


class Return(msgspec.Struct, frozen=True, kw_only=True):
    """What the till wants to take back.

    cash_worth: what a unit that the card's chip would get back is paid out as, in minor units; 0
                owes it to the chip.
    """

    return_id: str
    sale_id: str
    at: str
    cashier: str
    reason: str
    lines: tuple[ReturnedLine, ...]
    cash_worth: int = 0


class ChipIntent(msgspec.Struct, frozen=True, kw_only=True):
    """What a sale is about to do to a chip; synced before the chip is spoken to.

    seq, balance: the chip's, once it is done. content: of the request that asked for it.
    sale:         as it will be posted. until: of the hold that it came from, or "".
    counter:      counts what the chip pays on a day, or "". speaks: as in ChipRow.
    not_written:  a later tap proved that nothing was written: the same call may go through.
    case:         a later tap could not tell; the owner decides.
    """

    ledger_id: str
    uid: str
    seq: int
    txid: bytes
    amount: int
    balance: int
    sale: Sale
    content: bytes
    until: str = ""
    counter: str = ""
    speaks: str = ""
    not_written: bool = False
    case: bool = False


class SaleRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A sale as kept. ``burned`` and ``accrued`` are the lots it moved, less what came back.

    chip: what it is about to do to a chip, until that is decided.
    """

    sale: Sale
    burned: dict[str, tuple[Lot, ...]]
    accrued: dict[str, tuple[Lot, ...]] = {}
    returned: tuple[ReturnedLine, ...] = ()
    refunded: int = 0
    chip: ChipIntent | None = None


class Decision(msgspec.Struct, frozen=True):
    """What to write: the entry, the sale's row after it, and what a chip was left at."""

    entry: Entry
    sale: SaleRow
    balances: dict[str, Balance]
    chip: ChipRow | None = None


def hold(view: View, sale: Sale, until: str) -> Decision:
    """Reserve burns and uses until ``until`` (RFC 3339); the total is frozen."""
    state = after(state_of(view), SaleEvent.HOLD)
    moves = Moves(view.purses)
    burned: dict[str, tuple[Lot, ...]] = {}
    for purse, amount in sorted(sale.quote.burn.items()):
        lots = take(moves.state(sale.account, purse), amount, sale.today, sale.credit.get(purse, 0))
        moves.move(sale.account, purse, held=amount, lots=lots, sign=-1)
        burned[purse] = whole(lots, amount)
    uses = _take_uses(view, sale.quote)
    record = SaleRecord(sale=sale, burned=burned)
    return _decision("hold", record, state, moves, sale.at, uses=uses, until=until)


def commit(view: View, sale: Sale) -> Decision:
    """Post a sale: from its hold, or all at once."""
    before = state_of(view)
    state = after(before, SaleEvent.COMMIT)
    moves = Moves(view.purses)
    if view.sale is not None and before is SaleState.HELD:
        if view.sale.until <= sale.at:  # the clock decides, whether or not the sweep has come by
            raise RefusedError(ErrorCode.HOLD_EXPIRED, "The hold has run out; use a new sale id.")
        uses: tuple[CounterMove, ...] = ()
        burned = _burn_held(moves, record_of(view), sale)
    else:
        uses = _take_uses(view, sale.quote)
        burned = _burn(moves, sale)
    record = SaleRecord(sale=sale, burned=burned, accrued=_accrue(moves, sale))
    _owe(moves, sale)
    return _decision("sale", record, state, moves, sale.at, uses=uses, meters=sale.quote.meters)


def release(view: View, at: str, event: SaleEvent, reason: str, written: int = 0) -> Decision:
    """Give back what a hold reserved: the cashier voids it, or its time has run out.

    written: what the sale did to the card's chip all the same; the chip is owed it.
    """
    state = after(state_of(view), event)
    record = record_of(view)
    sale = record.sale
    moves = Moves(view.purses)
    for purse, lots in record.burned.items():
        entering = put(moves.state(sale.account, purse), lots)
        moves.move(sale.account, purse, held=-sale.quote.burn[purse], lots=entering)
    if written:
        shift(moves, sale.account, sale.chip_purse, written)
        shift(moves, sale.account, owed_purse(sale.chip_purse), -written)
    uses = tuple(CounterMove(use.counter, -use.take) for use in sale.quote.uses)
    kind = "void" if event is SaleEvent.VOID else "expire"
    return _decision(kind, record, state, moves, at, uses=uses, detail={"reason": reason})


def forestall(view: View, sale_id: str, at: str, reason: str) -> Decision:
    """Void an id that was never seen: a commit that arrives after its cancel is refused."""
    state = after(state_of(view), SaleEvent.VOID)
    detail = msgspec.Raw(msgspec.json.encode({"reason": reason}))
    entry = Entry(at=at, kind="void", ref=sale_id, detail=detail)
    return Decision(entry, SaleRow(sale_id, state, "", "", b""), {})


def take_back(
    view: View, ask: Return, never_negative: frozenset[str] = frozenset()
) -> tuple[Decision, GivenBack]:
    """Take back a posted sale, wholly or in part: burns return, accruals and meters leave.

    never_negative: purses that give up no more than they have left.
    """
    state = after(state_of(view), SaleEvent.RETURN)
    record = record_of(view)
    returned = {line.line: line.qty_milli for line in record.returned}
    asked = {line.line: line.qty_milli for line in ask.lines}
    back = give_back(record.sale.quote, returned, asked or _rest(record))
    moves, account = Moves(view.purses), record.sale.account
    burned, accrued = dict(record.burned), dict(record.accrued)
    for purse, amount in sorted(back.burned.items()):
        burned[purse], returning = split(burned[purse], amount)
        moves.move(account, purse, posted=amount, lots=put(moves.state(account, purse), returning))
    for key, amount in sorted(back.earned.items()):
        purse, _, other = key.partition("@")
        earner = other or account
        accrued[key], leaving = split(accrued[key], amount)
        lots = claw_back(moves.state(earner, purse), leaving)
        found = sum(lot.amount for lot in lots)
        taken = found if purse in never_negative else amount
        moves.move(earner, purse, posted=-taken, lots=lots, sign=-1)
    cash = _owe_back(moves, record.sale, back, ask.cash_worth)
    record = msgspec.structs.replace(
        record,
        burned=burned,
        accrued=accrued,
        returned=_add(record.returned, back),
        refunded=record.refunded + back.money,
    )
    detail = msgspec.to_builtins(ask) | {"refund": back.money + cash}
    # Meters leave on the day of the sale: a return must not count in a window the sale is not in.
    meters = {meter: -amount for meter, amount in back.meters.items()}
    uses = tuple(CounterMove(use.counter, -use.take) for use in back.uses)
    decision = _decision(
        "return", record, state, moves, ask.at, uses=uses, meters=meters, detail=detail
    )
    return decision, msgspec.structs.replace(back, money=back.money + cash)


def state_of(view: View) -> SaleState:
    """Return where the sale stands."""
    return view.sale.state if view.sale is not None else SaleState.NEW


def record_of(view: View) -> SaleRecord:
    """Return the sale as kept; there must be one."""
    assert view.sale is not None
    return decode_record(view.sale.body)


def decode_record(body: bytes) -> SaleRecord:
    """Decode a sale row's body."""
    return msgspec.json.decode(body, type=SaleRecord)


def accounts_of(row: SaleRow | None) -> tuple[str, ...]:
    """Return the accounts whose purses a kept sale may move."""
    return decode_record(row.body).sale.accounts if row is not None and row.body else ()


def _take_uses(view: View, quote: Quote) -> tuple[CounterMove, ...]:
    for use in quote.uses:
        if view.counters.get(use.counter, 0) + use.take > use.limit:
            if CODE_COUNTER in use.counter:
                raise RefusedError(ErrorCode.CODE_USED_UP, "This code has been used up.")
            raise RefusedError(
                ErrorCode.LIMIT_REACHED, f"The limit of discount {use.rule!r} has been reached."
            )
    return tuple(CounterMove(use.counter, use.take) for use in quote.uses)


def _burn(moves: Moves, sale: Sale) -> dict[str, tuple[Lot, ...]]:
    burned = {}
    for purse, amount in sorted(sale.quote.burn.items()):
        lots = take(moves.state(sale.account, purse), amount, sale.today, sale.credit.get(purse, 0))
        moves.move(sale.account, purse, posted=-amount, lots=lots, sign=-1)
        burned[purse] = whole(lots, amount)
    return burned


def _burn_held(moves: Moves, held: SaleRecord, sale: Sale) -> dict[str, tuple[Lot, ...]]:
    reserved = held.sale.quote.burn
    for purse, amount in sale.quote.burn.items():
        if amount > reserved.get(purse, 0):
            raise RefusedError(
                ErrorCode.EXCEEDS_HOLD, f"{amount} is more than the {reserved.get(purse, 0)} held."
            )
    burned = {}
    for purse, lots in held.burned.items():
        amount = sale.quote.burn.get(purse, 0)
        burned[purse], unused = split(lots, reserved[purse] - amount)
        entering = put(moves.state(sale.account, purse), unused)
        moves.move(sale.account, purse, posted=-amount, held=-reserved[purse], lots=entering)
    return burned


def _accrue(moves: Moves, sale: Sale) -> dict[str, tuple[Lot, ...]]:
    accrued: dict[str, tuple[Lot, ...]] = {}
    for earned in sale.quote.earn:
        account = earned.account or sale.account
        lot = Lot(
            expires=_ordinal(earned.expires, FOREVER),
            usable_from=_ordinal(earned.usable_from, 0),
            amount=earned.amount,
        )
        entering = put(moves.state(account, earned.purse), (lot,))
        moves.move(account, earned.purse, posted=earned.amount, lots=entering)
        accrued[earned.key] = _joined((*accrued.get(earned.key, ()), lot))
    return accrued


def _owe(moves: Moves, sale: Sale) -> None:
    if not sale.chip_purse:
        return
    owe(moves, sale.account, sale.chip_purse, sale.owed)
    for earned in sale.quote.earn:
        if earned.purse == sale.chip_purse and earned.account:
            owe(moves, earned.account, sale.chip_purse, earned.amount)


def _owe_back(moves: Moves, sale: Sale, back: GivenBack, cash_worth: int) -> int:
    """Owe a chip what a return gives and takes; return what is paid out instead."""
    purse = sale.chip_purse
    if not purse:
        return 0
    for key, amount in back.earned.items():
        if key.startswith(f"{purse}@"):
            owe(moves, key.partition("@")[2], purse, -amount)
    net = back.burned.get(purse, 0) - back.earned.get(purse, 0)
    if net > 0 and cash_worth:
        shift(moves, sale.account, purse, -net)
        return net * cash_worth
    owe(moves, sale.account, purse, net)
    return 0


def _joined(lots: tuple[Lot, ...]) -> tuple[Lot, ...]:
    sums: dict[tuple[int, int], int] = {}
    for lot in lots:
        sums[lot.expires, lot.usable_from] = (
            sums.get((lot.expires, lot.usable_from), 0) + lot.amount
        )
    return tuple(Lot(*key, amount) for key, amount in sorted(sums.items()))


def _ordinal(day: str, otherwise: int) -> int:
    return date.fromisoformat(day).toordinal() if day else otherwise


def _rest(record: SaleRecord) -> dict[LineId, int]:
    left = {line.line: line.qty_milli for line in record.sale.quote.lines}
    for line in record.returned:
        left[line.line] -= line.qty_milli
    return {line: qty_milli for line, qty_milli in left.items() if qty_milli}


def _add(returned: tuple[ReturnedLine, ...], back: GivenBack) -> tuple[ReturnedLine, ...]:
    sums = {line.line: line.qty_milli for line in returned}
    for line in back.lines:
        sums[line.line] = sums.get(line.line, 0) + line.qty_milli
    return tuple(ReturnedLine(line, qty_milli) for line, qty_milli in sums.items())


def _decision(
    kind: str,
    record: SaleRecord,
    state: SaleState,
    moves: Moves,
    at: str,
    *,
    uses: tuple[CounterMove, ...] = (),
    meters: Mapping[str, int] | None = None,
    until: str = "",
    detail: object = None,
) -> Decision:
    sale = record.sale
    entry = Entry(
        at=at,
        kind=kind,
        ref=sale.sale_id,
        account=sale.account,
        postings=tuple(moves.postings),
        lots=tuple(moves.lots),
        held=tuple(moves.held),
        meters=tuple(
            MeterMove(sale.account, meter, sale.today, amount)
            for meter, amount in sorted((meters or {}).items())
            if amount and sale.account
        ),
        counters=uses,
        detail=msgspec.Raw(msgspec.json.encode(sale if detail is None else detail)),
    )
    body = msgspec.json.encode(record)
    row = SaleRow(sale.sale_id, state, sale.account, until, body)
    return Decision(entry, row, moves.balances(sale.account, sale.today))
