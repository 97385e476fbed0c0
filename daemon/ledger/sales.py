"""Decisions about a sale: what a hold, a commit, a void writes. Pure; returns are beside it.

Each takes what the store read (``View``) and what the till wants, and gives the entry, the sale's
new row and the balances after it; or raises RefusedError, and then nothing moves.

A commit after a hold posts from what the hold has reserved, never from the purse: whatever happened
to the purse since, the total that the customer was shown holds. A card has 100 points, in one lot;
its sale burns 30 of them, and earns 5:

                    posted   held   lots      may be spent
    before             100      0   100                100
    hold               100     30    70                 70
    commit              75      0    70 + 5             75
    (or void           100      0   100                100)

If only 20 are burned in the end, the commit puts 10 of those 30 back into their lot. It may burn
less than is held and never more (``check_commit``).

Who pays: gift cards that were shown, in that order, then the card itself. What each gave is kept
under ``purse`` or ``purse@account``, lot by lot, so that a void or a return gives it back to whom
it came from, with the expiry that it had. What a till takes on credit is in no lot, and is kept as
a lot that never expires.

Uses of limited discounts are taken at the hold and given back at its void; ordinals (the hundredth
customer) are taken and not given back: somebody was told the number.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date

import msgspec

from daemon.base.ids import NO_ACCOUNT, AccountId, SaleId
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.ledger import status_moves
from daemon.ledger.chip_owed import owe, owed_purse, shift
from daemon.ledger.entries import FOREVER, CounterMove, Entry, MeterMove
from daemon.ledger.lots import Lot, put, split, take, whole
from daemon.ledger.moves import Balance, Moves
from daemon.ledger.sale_records import Sale, SaleRecord
from daemon.ledger.sale_rows import SaleRow, for_entry
from daemon.ledger.sale_states import SaleEvent, SaleState, after
from daemon.ledger.storage.rows import ChipRow, CodeRow
from daemon.ledger.storage.store import Change, KeptRow, View
from daemon.programme.meters import recount
from daemon.programme.names import OwnedPurse, counts_a_code, worth_counter
from daemon.programme.programme import Programme
from daemon.programme.state import Status
from daemon.programme.status import StatusState


class Decision(msgspec.Struct, frozen=True):
    """What to write: the entry, the rows after it, and what a chip was left at.

    balances: of the card's purses, as they stand then. gifts: those of gift cards, by code.
    """

    entry: Entry
    sale: SaleRow
    balances: dict[str, Balance]
    chip: ChipRow | None = None
    rows: tuple[KeptRow, ...] = ()
    gifts: dict[str, dict[str, Balance]] = {}

    @property
    def change(self) -> Change:
        """What the store is given."""
        chips = (self.chip,) if self.chip is not None else ()
        return Change(entry=self.entry, rows=(self.sale, *chips, *self.rows))


def hold(view: View, sale: Sale, until: str) -> Decision:
    """Reserve burns and uses until ``until`` (RFC 3339); the total is frozen."""
    return decided(msgspec.structs.replace(reservation(view, sale, SaleEvent.HOLD), until=until))


def prolong(view: View, at: str, ends: str) -> Decision:
    """Let a hold run out at ``ends`` (RFC 3339), or when it does, whichever is later."""
    state = after(state_of(view), SaleEvent.PROLONG)
    assert view.sale is not None
    ends = max(ends, view.sale.until)
    step = SaleStep(
        kind="prolong",
        at=at,
        state=state,
        record=record_of(view),
        moves=Moves(view.purses),
        until=ends,
        detail={"until": ends},
        before=view.sale,
    )
    return decided(step)


def reservation(view: View, sale: Sale, event: SaleEvent) -> "SaleStep":
    """Return the step that reserves what a sale burns and uses up."""
    state = after(state_of(view), event)
    moves = Moves(view.purses)
    burned = _burn(moves, sale, holds=True)
    return SaleStep(
        kind="hold",
        at=sale.at,
        state=state,
        record=SaleRecord(sale=sale, burned=burned),
        moves=moves,
        uses=_take_uses(view, sale),
    )


def commit(view: View, sale: Sale, statuses: Mapping[str, Status] | None = None) -> Decision:
    """Post a sale: from its hold, or all at once. ``statuses`` are those that it may change."""
    state = check_commit(view, sale)
    moves = Moves(view.purses)
    day = date.fromordinal(sale.today)
    if sale.account and statuses:
        begun = status_moves.begun(statuses, view.members, day)
        sale = msgspec.structs.replace(sale, statuses=tuple(sorted(begun)))
    if state_of(view) is SaleState.HELD:
        uses: tuple[CounterMove, ...] = ()
        burned = _burn_held(moves, record_of(view), sale)
    else:
        uses = _take_uses(view, sale)
        burned = _burn(moves, sale)
    uses = (*uses, *worth_moves(sale, 1))
    record = SaleRecord(sale=sale, burned=burned, accrued=_accrue(moves, sale))
    _owe(moves, sale)
    meters = sale.quote.meters
    states = status_moves.counted(statuses or {}, view.members, day, meters) if sale.account else {}
    step = SaleStep(
        kind="sale",
        at=sale.at,
        state=state,
        record=record,
        moves=moves,
        uses=uses,
        meters=meters,
        states=states,
        statuses=statuses or {},
        codes=sale.issued,
    )
    return decided(step)


def check_commit(view: View, sale: Sale) -> SaleState:
    """Return where a commit would leave the sale.

    Raises: RefusedError where the sale's state, or its hold, does not allow it. What a sale without
            a hold takes from purses and limits is only checked by taking it.
    """
    before = state_of(view)
    state = after(before, SaleEvent.COMMIT)
    if view.sale is None or before is not SaleState.HELD:
        return state
    reserved = record_of(view).sale.quote.burn
    for purse, amount in sale.quote.burn.items():
        if amount > reserved.get(purse, 0):
            raise RefusedError(
                ErrorCode.EXCEEDS_HOLD,
                f"{purse} is to pay more than is on hold; void the sale and sell anew.",
                extra={"held": reserved.get(purse, 0), "asked": amount},
            )
    return state


def release(view: View, at: str, event: SaleEvent, reason: str, written: int = 0) -> Decision:
    """Give back what a hold reserved: the cashier voids it, or its time has run out.

    written: what the sale did to the card's chip all the same; the chip is owed it.
    """
    state = after(state_of(view), event)
    record = record_of(view)
    sale = record.sale
    moves = Moves(view.purses)
    for key, lots in record.burned.items():
        purse, payer = whose(key, sale.account)
        entering = put(moves.state(payer, purse), lots)
        moves.move(payer, purse, held=-sum(lot.amount for lot in lots), lots=entering)
    if written:
        shift(moves, sale.account, sale.chip_purse, written)
        shift(moves, sale.account, owed_purse(sale.chip_purse), -written)
    # An ordinal is not given twice: the sale that it was told to is void, and the count goes on.
    uses = tuple(CounterMove(use.counter, -use.take) for use in sale.quote.uses)
    step = SaleStep(
        kind="void" if event is SaleEvent.VOID else "expire",
        at=at,
        state=state,
        record=record,
        moves=moves,
        uses=uses,
        detail={"reason": reason},
        before=view.sale,
    )
    return decided(step)


def forestall(view: View, sale_id: SaleId, at: str, reason: str) -> Decision:
    """Void an id that was never seen: a commit that arrives after its cancel is refused."""
    state = after(state_of(view), SaleEvent.VOID)
    detail = msgspec.Raw(msgspec.json.encode({"reason": reason}))
    entry = Entry(at=at, kind="void", ref=sale_id, detail=detail)
    return Decision(entry, SaleRow.of(sale_id, state, NO_ACCOUNT, "", b""), {})


def state_of(view: View) -> SaleState:
    """Return where the sale stands."""
    return view.sale.state if view.sale is not None else SaleState.NEW


def record_of(view: View) -> SaleRecord:
    """Return the sale as kept; there must be one."""
    assert view.sale is not None
    assert view.sale.record is not None
    return view.sale.record


def counted(sale: Sale, programmes: Iterable[Programme]) -> Sale:
    """Return the sale with the meters of ``programmes`` beside those it was priced with.

    What is in force when it is posted counts it, whatever priced it.
    """
    quote = sale.quote
    for programme in programmes if sale.account else ():
        if programme.version == quote.version:
            continue
        again = recount(programme, sale.frozen.basket, quote)
        lines = tuple(
            msgspec.structs.replace(line, meters=_recounted(programme, line.meters, new.meters))
            for line, new in zip(quote.lines, again.lines, strict=True)
        )
        meters = _recounted(programme, quote.meters, again.meters)
        quote = msgspec.structs.replace(quote, lines=lines, meters=meters)
    return msgspec.structs.replace(sale, quote=quote)


def _recounted(
    programme: Programme, before: dict[str, int], counted: dict[str, int]
) -> dict[str, int]:
    return {m: n for m, n in before.items() if m not in programme.meters} | counted


def worth_moves(sale: Sale, sign: int) -> tuple[CounterMove, ...]:
    """Return the moves of what issued codes took off a sale: what they were worth, if it stays."""
    return tuple(
        CounterMove(worth_counter(use.counter), sign * use.minor)
        for use in sale.quote.uses
        if use.minor
    )


def whose(key: str, account: AccountId) -> tuple[str, AccountId]:
    """Return the purse and the account that a key of SaleRecord names."""
    owned = OwnedPurse.of(key)
    return owned.purse, owned.account or account


def check_uses(view: View, sale: Sale) -> None:
    """Raise RefusedError CODE_USED_UP, LIMIT_REACHED where a limit has no use left for a sale."""
    for use in sale.quote.uses:
        if view.counters.get(use.counter, 0) + use.take > use.limit:
            if counts_a_code(use.counter):
                raise RefusedError(ErrorCode.CODE_USED_UP, "This code has been used up.")
            raise RefusedError(
                ErrorCode.LIMIT_REACHED, f"The limit of discount {use.rule!r} has been reached."
            )


def _take_uses(view: View, sale: Sale) -> tuple[CounterMove, ...]:
    check_uses(view, sale)
    uses = [CounterMove(use.counter, use.take) for use in sale.quote.uses]
    return (*uses, *(CounterMove(ordinal, 1) for ordinal in sale.ordinals))


def _burn(moves: Moves, sale: Sale, *, holds: bool = False) -> dict[str, tuple[Lot, ...]]:
    burned = {}
    for purse, amount in sorted(sale.quote.burn.items()):
        for key, payer, part in _parts(moves, sale, purse, amount):
            credit = sale.credit.get(purse, 0) if payer == sale.account else 0
            lots = take(moves.state(payer, purse), part, sale.today, credit)
            posted, held = (0, part) if holds else (-part, 0)
            moves.move(payer, purse, posted=posted, held=held, lots=lots, sign=-1)
            burned[key] = whole(lots, part)
    return burned


def _parts(
    moves: Moves, sale: Sale, purse: str, amount: int
) -> Iterator[tuple[str, AccountId, int]]:
    """Yield who pays ``amount``: gift cards first, in the order they were shown, then the card."""
    gifts = () if purse == sale.chip_purse else dict.fromkeys(sale.gifts.values())
    for payer in gifts:
        part = min(amount, max(0, moves.state(payer, purse).available(sale.today)))
        if part:
            yield OwnedPurse(purse, payer).key, payer, part
            amount -= part
    if amount and not (sale.account and sale.card_pays):
        problem = "The gift cards have not enough any more."
        raise RefusedError(ErrorCode.NOT_ENOUGH, problem, extra={"missing": amount})
    if amount:
        yield purse, sale.account, amount


def _burn_held(moves: Moves, held: SaleRecord, sale: Sale) -> dict[str, tuple[Lot, ...]]:
    burn = sale.quote.burn
    left = {purse: n - burn.get(purse, 0) for purse, n in held.sale.quote.burn.items()}
    burned = {}
    for key, lots in reversed(held.burned.items()):  # who paid last is let go first
        purse, payer = whose(key, sale.account)
        reserved_here = sum(lot.amount for lot in lots)
        free = min(left[purse], reserved_here)
        left[purse] -= free
        burned[key], unused = split(lots, free)
        entering = put(moves.state(payer, purse), unused)
        moves.move(payer, purse, posted=free - reserved_here, held=-reserved_here, lots=entering)
    return dict(reversed(burned.items()))


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


def _joined(lots: tuple[Lot, ...]) -> tuple[Lot, ...]:
    sums: dict[tuple[int, int], int] = {}
    for lot in lots:
        sums[lot.expires, lot.usable_from] = (
            sums.get((lot.expires, lot.usable_from), 0) + lot.amount
        )
    return tuple(Lot(*key, amount) for key, amount in sorted(sums.items()))


def _ordinal(day: str, otherwise: int) -> int:
    return date.fromisoformat(day).toordinal() if day else otherwise


class SaleStep(msgspec.Struct, frozen=True, kw_only=True):
    """One event of a sale, decided: what its entry says, and what the sale's row keeps after it.

    kind:     of the entry.
    uses, meters: what the event adds to counters, and to the account's meters on the sale's day.
    states:   of the account after it, by status, where they change; statuses: as they are defined.
    codes:    rows of codes that it makes or changes.
    until:    when a hold runs out.
    today:    the local day (ordinal) of the balances after it; the sale's own where it is 0.
    detail:   of the entry; the sale itself where it is None.
    before:   the sale's row before, which says what entry has the sale, where this one has not.
    """

    kind: str
    at: str
    state: SaleState
    record: SaleRecord
    moves: Moves
    uses: tuple[CounterMove, ...] = ()
    meters: Mapping[str, int] = {}
    states: Mapping[str, StatusState] = {}
    statuses: Mapping[str, Status] = {}
    codes: tuple[CodeRow, ...] = ()
    until: str = ""
    today: int = 0
    detail: object = None
    before: SaleRow | None = None


def decided(step: SaleStep) -> Decision:
    """Return what a step writes: its entry, and the rows after it."""
    sale, moves = step.record.sale, step.moves
    meters = tuple(
        MeterMove(sale.account, meter, sale.today, amount)
        for meter, amount in sorted(step.meters.items())
        if amount and sale.account
    )
    entry = Entry(
        at=step.at,
        kind=step.kind,
        ref=sale.sale_id,
        account=sale.account,
        postings=tuple(moves.postings),
        lots=tuple(moves.lots),
        held=tuple(moves.held),
        meters=meters,
        counters=step.uses,
        statuses=status_moves.moves(sale.account, step.states),
        detail=msgspec.Raw(
            msgspec.json.encode(for_entry(sale) if step.detail is None else step.detail)
        ),
    )
    if step.detail is None or (step.before and step.before.seq):
        row = SaleRow.beside(step.record, step.state, step.until, step.before)
    else:
        row = SaleRow.whole(step.record, step.state, step.until)
    members = status_moves.rows(step.statuses, sale.account, step.states)
    today = step.today or sale.today
    return Decision(
        entry,
        row,
        moves.balances(sale.account, today),
        rows=(*members, *step.codes),
        gifts={code: moves.balances(account, today) for code, account in sale.gifts.items()},
    )
