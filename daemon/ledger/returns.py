"""Decisions about a return: burns come back, accruals, meters, windows and codes leave. Pure.

What comes back is the programme's to say (``daemon.programme.shares_back``): of each line's share
of money, points burned and points earned, as much as of its quantity, so that several small returns
give the same as a whole one. Here it is moved. Of a sale of 100.00 for which 20 points were burned
and 8 earned, half comes back; the customer has spent the 8 meanwhile:

                     purse     lots     what happens
    after the sale       8     8
    spent                0     -
    10 burned back      10     10       into the lots that they were burned from
    4 earned leave       6     6        first the lot that they went to, then any other

Points that lapsed unspent are gone already and are taken no second time. Whether the day's work has
written them off or not, the same is taken: of 500 earned, of which 200 were spent before the other
300 lapsed, a return takes 200 from what the card has now. What was written off meanwhile
(`lapsed_counter`) goes back from breakage to what the shop owes, and so leaves with the sale.

What was burned and comes back after its last day is good for some days more (``lapsed_days``), and
the answer says how much of it that is: the customer has it, and not as before.

Where the lots have not enough, the purse says what then (``may_go_negative``): it goes below 0, and
the next points fill that up; or, with "never", the refund is less by what is missing, at what a
point is worth (``kept``).

What was handed out with the sale goes where its rule would not have given it for what is left. A
code from 300.00 on was given with 310.00; goods for 20.00 come back, and 290.00 would have brought
no code. It is good for nothing now. If it was used meanwhile, what it took off there is kept from
this refund, and where that is too small, from the next ones (``short``).
"""

from collections.abc import Mapping
from datetime import date

import msgspec

from card_formats.code_text import normal_code
from daemon.base.ids import AccountId, SaleId
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.ledger import sales, status_moves
from daemon.ledger.chip_owed import owe, shift
from daemon.ledger.chip_sales import check_no_case
from daemon.ledger.entries import CounterMove
from daemon.ledger.lots import Lot, claw_back, lapsed_counter, put, split
from daemon.ledger.moves import Moves
from daemon.ledger.returned_figures import came_back
from daemon.ledger.sale_records import ReturnedLine, Sale, SaleRecord
from daemon.ledger.sale_states import SaleEvent, after
from daemon.ledger.sales import (
    Decision,
    SaleStep,
    counted,
    decided,
    record_of,
    state_of,
    whose,
)
from daemon.ledger.storage.rows import CodeRow, damaged
from daemon.ledger.storage.store import View
from daemon.programme.basket import Facts, LineId, payment_of
from daemon.programme.names import OwnedPurse, worth_counter
from daemon.programme.programme import Programme
from daemon.programme.quote import Quote
from daemon.programme.rule import Rule
from daemon.programme.shares_back import (
    SharesBack,
    check_pieces,
    less,
    price_alone,
    recompute,
    rounded,
    shares_back,
    sums_back,
    with_sums,
)
from daemon.programme.state import Purse

GOOD, TAKEN_BACK = "good", "taken_back"


def counters_of(record: SaleRecord | None) -> tuple[str, ...]:
    """Return the counters that a return reads: of issued codes, and of what lapsed of its lots."""
    if record is None:
        return ()
    owners = ((whose(key, record.sale.account), lots) for key, lots in record.accrued.items())
    return (
        *(code.counter for code in record.sale.issued),
        *(worth_counter(code.counter) for code in record.sale.issued),
        *(lapsed_counter(owner, purse, lot) for (purse, owner), lots in owners for lot in lots),
    )


class Return(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the till wants to take back; ``today`` is the local day (ordinal).

    minute:     of that day by the clock on the wall, 0 to 1439.
    store, terminal: of the till that takes it back.
    cash_worth: what a unit that the card's chip would get back is paid out as, in minor units; 0
                owes it to the chip.
    approved_by: who has approved it with a PIN, or "".
    """

    return_id: str
    sale_id: SaleId
    store: str
    terminal: str
    at: str
    today: int
    minute: int
    cashier: str
    reason: str
    lines: tuple[ReturnedLine, ...]
    cash_worth: int = 0
    approved_by: str = ""


def return_sale(
    view: View, ask: Return, priced_by: Programme, in_force: Programme
) -> tuple[Decision, SharesBack]:
    """Take back a posted sale, wholly or in part.

    priced_by: the programme of the sale, which says what is given back.
    in_force:  today's, whose meters and statuses give up what they have counted.
    """
    check_no_case(view)
    state = after(state_of(view), SaleEvent.RETURN)
    record = record_of(view)
    sale = counted(record.sale, (in_force,))
    record = msgspec.structs.replace(record, sale=sale)
    before, due = record, _given_back(record, ask, priced_by)
    back = due
    alone = _alone(record, back, priced_by)
    codes = _codes_back(view, record, back, alone, priced_by)
    sums = sums_back(sale.quote, alone, record.sums_gone)
    back = msgspec.structs.replace(
        with_sums(back, sale.quote, sums), codes=tuple(code.code.upper() for code in codes.rows)
    )
    gone = {rule: record.sums_gone.get(rule, 0) + amount for rule, amount in sums.items()}
    record = msgspec.structs.replace(
        record, sums_gone=record.sums_gone | gone, short=record.short + codes.worth
    )
    moves = Moves(view.purses)
    back, record, lapsed = _purses_back(view, record, back, priced_by, moves, ask.today)
    moved = tuple(moves.postings)
    cash = _owe_back(moves, sale, back, ask.cash_worth)
    figures = came_back(before, due, back, moved, cash)
    # Meters leave on the day of the sale: a return must not count in a window the sale is not in.
    meters = {meter: -amount for meter, amount in back.meters.items()}
    states = status_moves.uncounted(
        in_force.statuses,
        view.members,
        date.fromordinal(sale.today),
        back.meters,
        date.fromordinal(ask.today),
    )
    uses = tuple(CounterMove(use.counter, -use.take) for use in back.uses)
    worth = sales.worth_moves(sale, -1) if back.complete else ()
    step = SaleStep(
        kind="return",
        at=ask.at,
        state=state,
        record=record,
        moves=moves,
        uses=(*uses, *worth, *codes.used_up, *lapsed),
        meters=meters,
        states=states if sale.account else {},
        statuses=in_force.statuses,
        codes=codes.rows,
        today=ask.today,
        detail=msgspec.to_builtins(ask)
        | {"refund": back.money + cash, "rounding": back.rounding, "came_back": figures},
        before=view.sale,
    )
    return decided(step), msgspec.structs.replace(back, money=back.money + cash)


def _given_back(record: SaleRecord, ask: Return, programme: Programme) -> SharesBack:
    quote, frozen = record.sale.quote, record.sale.frozen
    returned = {line.line: line.qty_milli for line in record.returned}
    asked = {line.line: line.qty_milli for line in ask.lines} or _rest(record)
    if not asked:
        raise RefusedError(ErrorCode.RETURNED_ALREADY, "All of this sale has come back already.")
    check_pieces(frozen.basket, {line.line: line.qty_milli for line in ask.lines})
    settled = record.refunded + record.kept - record.rounded
    if programme.recomputes and not record.erased:  # its facts are not whole any more
        facts = Facts(frozen.now, frozen.facts)
        back = recompute(programme, quote, frozen.basket, facts, returned, asked, settled)
    else:
        back = shares_back(quote, returned, asked)
    cash, payment = programme.cash_rounding, payment_of(frozen.basket.payment, frozen.facts)
    return rounded(back, cash, settled) if cash and cash.rounds(payment) else back


def _alone(record: SaleRecord, back: SharesBack, programme: Programme) -> Quote | None:
    """Return the quote of what stays, where something hangs on it; None where nothing stays."""
    quote, frozen = record.sale.quote, record.sale.frozen
    rules = {rule.id: rule for rule in programme.rules}
    handed_out = any(rules[issued.rule].give.once for issued in quote.issue)
    if back.complete or not (handed_out or any(earned.by_line for earned in quote.earn)):
        return None
    if record.erased:
        return quote  # nothing tells what rested on the person: what was given stays to the end
    gone = {line.line: line.qty_milli for line in _add(record.returned, back)}
    return price_alone(programme, frozen.basket, Facts(frozen.now, frozen.facts), gone)


def _purses_back(
    view: View,
    record: SaleRecord,
    back: SharesBack,
    programme: Programme,
    moves: Moves,
    today: int,
) -> tuple[SharesBack, SaleRecord, tuple[CounterMove, ...]]:
    """Move the purses; return what they really gave up, the record after it, and what lapsed."""
    account = record.sale.account
    burned, accrued, earned_back = dict(record.burned), dict(record.accrued), dict(back.earned)
    kept, written_off = record.short, _WrittenOff(view)
    lapsed: dict[str, int] = {}
    for purse, amount in sorted(back.burned.items()):
        for key, part in _shared_out(burned, purse, amount):
            payer = whose(key, account)[1]
            burned[key], returning = split(burned[key], part)
            returning, late = _still_good(returning, programme.purses.get(purse), today)
            lapsed[purse] = lapsed.get(purse, 0) + late
            entering = put(moves.state(payer, purse), returning)
            moves.move(payer, purse, posted=part, lots=entering)
    for key, amount in sorted(back.earned.items()):
        purse, earner = whose(key, account)
        if key not in accrued:
            raise damaged()  # the entry says that it was earned, and its row does not
        accrued[key], leaving = split(accrued[key], amount)
        leaving = written_off.taken_from(leaving, earner, purse, moves)
        gone = amount - sum(lot.amount for lot in leaving)
        lots = claw_back(moves.state(earner, purse), leaving, today)
        rule = programme.purses.get(purse)
        if rule is not None and rule.may_go_negative == "never":
            left = gone + sum(lot.amount for lot in lots)
            kept += _worth_of(rule, amount - left) if earner == account else 0
            amount = left
        moves.move(earner, purse, posted=gone - amount, lots=lots, sign=-1)
        earned_back[key] = amount
    given = less(back, kept) if kept else back
    short, kept = kept, back.money - given.money
    record = msgspec.structs.replace(
        record,
        burned=burned,
        accrued=accrued,
        returned=_add(record.returned, back),
        refunded=record.refunded + given.money,
        kept=record.kept + kept,
        short=short - kept,
        rounded=record.rounded + back.rounding,
    )
    # All of a sale that has come back was paid back, but for what is kept: to the last minor unit.
    assert not back.complete or record.refunded + record.kept == record.sale.quote.to_pay
    lapsed = {purse: amount for purse, amount in lapsed.items() if amount}
    back = msgspec.structs.replace(given, earned=earned_back, kept=kept, lapsed=lapsed)
    return back, record, tuple(written_off.moves)


def _still_good(
    lots: tuple[Lot, ...], purse: Purse | None, today: int
) -> tuple[tuple[Lot, ...], int]:
    """Return lots as they come back, and how much of them had lapsed meanwhile.

    A purse that the programme does not know any more lets it lapse.
    """
    days = purse.lapsed_days if purse else 0
    late = sum(lot.amount for lot in lots if lot.expires < today)
    if not days:
        return lots, late
    again = (today + days if lot.expires < today else lot.expires for lot in lots)
    good = (msgspec.structs.replace(lot, expires=day) for lot, day in zip(lots, again, strict=True))
    return tuple(good), late


class _WrittenOff:
    """What the day's work has written off of the lots that leave, taken back from breakage."""

    def __init__(self, view: View) -> None:
        self._left = dict(view.counters)
        self.moves: list[CounterMove] = []

    def taken_from(
        self, lots: tuple[Lot, ...], account: AccountId, purse: str, moves: Moves
    ) -> tuple[Lot, ...]:
        """Return ``lots`` less what has lapsed of them and was written off."""
        staying = []
        for lot in lots:
            counter = lapsed_counter(account, purse, lot)
            gone = min(lot.amount, self._left.get(counter, 0))
            if gone:
                self._left[counter] -= gone
                self.moves.append(CounterMove(counter, -gone))
                moves.unlapse(purse, gone)
            staying.append(msgspec.structs.replace(lot, amount=lot.amount - gone))
        return tuple(staying)


def _worth_of(purse: Purse, missing: int) -> int:
    """Return what a refund is less for what the sale had given and is gone, in minor units.

    Raises: RefusedError NOT_RETURNABLE where that was goods, which have no price.
    """
    if missing and not purse.worth:
        raise RefusedError(
            ErrorCode.NOT_RETURNABLE,
            f"{purse.text(missing)} of what came with these goods have been used.",
        )
    return missing * purse.worth


def _owe_back(moves: Moves, sale: Sale, back: SharesBack, cash_worth: int) -> int:
    """Owe a chip what a return gives and takes; return what is paid out instead."""
    purse = sale.chip_purse
    if not purse:
        return 0
    for key, amount in back.earned.items():
        owned = OwnedPurse.of(key)
        if owned.purse == purse and owned.account:
            owe(moves, owned.account, purse, -amount)
    net = back.burned.get(purse, 0) - back.earned.get(purse, 0)
    if net > 0 and cash_worth:
        shift(moves, sale.account, purse, -net)
        return net * cash_worth
    owe(moves, sale.account, purse, net)
    return 0


def _shared_out(
    burned: Mapping[str, tuple[Lot, ...]], purse: str, amount: int
) -> list[tuple[str, int]]:
    """Return who gets back how much: who paid last gets it first."""
    shares = []
    for key in reversed(list(burned)):
        if OwnedPurse.of(key).purse == purse:
            part = min(amount, sum(lot.amount for lot in burned[key]))
            amount -= part
            shares.append((key, part))
    if amount:
        raise damaged()  # the entry says that more was burned than its row has
    return shares


class _CodesBack(msgspec.Struct, frozen=True):
    """Codes that leave with the goods, and what is used up so that nobody uses them any more.

    worth: what those that were used have taken off, in minor units.
    """

    rows: tuple[CodeRow, ...]
    used_up: tuple[CounterMove, ...]
    worth: int


def _codes_back(
    view: View, record: SaleRecord, back: SharesBack, alone: Quote | None, programme: Programme
) -> _CodesBack:
    """Take back codes that the sale handed out, and use them up.

    A code bought with a line leaves with it; one that was given with the sale leaves where
    ``alone``, the quote of what stays, brings it no more. Those that were not used leave first.
    Raises: RefusedError NOT_RETURNABLE for a bought code that was used.
    """
    # Three codes came with three pieces, and one has been used. When the first piece comes back, 2
    # are to stay of the 3 that are left, so 1 goes, a fresh one; so with the second. With the third
    # the used one would have to go: refused.
    own = {code.code for code in record.sale.issued}  # a request may be named as the sale is
    rules = {rule.id: rule for rule in programme.rules}
    given = {issued.rule: issued.count for issued in alone.issue} if alone else {}
    staying: dict[str, int] = {}
    bought = set()
    for issued in record.sale.quote.issue:
        rule, campaign = rules[issued.rule], normal_code(issued.campaign)
        stays = min(issued.count, given.get(issued.rule, 0))
        if not rule.give.once:
            bought.add(campaign)
            stays = issued.count - _bought_gone(record, back, rule, issued.count)
        staying[campaign] = staying.get(campaign, 0) + stays
    leaving: list[CodeRow] = []
    for campaign, stays in staying.items():
        good = [one for one in view.codes if (one.campaign, one.state) == (campaign, GOOD)]
        left = [one for one in good if one.code in own]
        left.sort(key=lambda code: view.counters.get(code.counter, 0))
        mine = left[: max(0, len(left) - stays)]
        if campaign in bought and any(view.counters.get(code.counter, 0) for code in mine):
            raise RefusedError(
                ErrorCode.NOT_RETURNABLE, "A code that was bought with this sale has been used."
            )
        leaving += mine
    fresh = ((code, code.uses - view.counters.get(code.counter, 0)) for code in leaving)
    return _CodesBack(
        rows=tuple(msgspec.structs.replace(code, state=TAKEN_BACK) for code in leaving),
        used_up=tuple(CounterMove(code.counter, uses) for code, uses in fresh if uses),
        worth=sum(view.counters.get(worth_counter(code.counter), 0) for code in leaving),
    )


def _bought_gone(record: SaleRecord, back: SharesBack, rule: Rule, count: int) -> int:
    """Return how many of ``count`` codes have come back with their lines, this return included."""
    gone_milli = {line.line: line.qty_milli for line in _add(record.returned, back)}
    day = date.fromordinal(record.sale.today)
    basket, goods = record.sale.frozen.basket, rule.scope.goods
    lines = [line.line for line in basket.lines if goods.holds(line, day)]
    whole = sum(line.qty_milli for line in record.sale.quote.lines if line.line in lines)
    return -(-count * sum(gone_milli.get(line, 0) for line in lines) // whole)


def _rest(record: SaleRecord) -> dict[LineId, int]:
    left = {line.line: line.qty_milli for line in record.sale.quote.lines}
    for line in record.returned:
        left[line.line] -= line.qty_milli
    return {line: qty_milli for line, qty_milli in left.items() if qty_milli}


def _add(returned: tuple[ReturnedLine, ...], back: SharesBack) -> tuple[ReturnedLine, ...]:
    sums = {line.line: line.qty_milli for line in returned}
    for line in back.lines:
        sums[line.line] = sums.get(line.line, 0) + line.qty_milli
    return tuple(ReturnedLine(line, qty_milli) for line, qty_milli in sums.items())
