"""What a partner is paid by a statement: out of its purses, against ``@payouts``.

P0007 has earned 60.00 and an employee of it 40.00; the statement says that 100.00 are payable to
P0007. 70.00 are paid:

    P0007 -60.00    P0007-02 -10.00    @payouts +70.00      part_paid, 30.00 left

The organisation's own purse pays first, then those of the employees, each from the lots that expire
first. Money that a purse has no more, because a sale has come back since, is not paid.
"""

from collections.abc import Callable
from typing import Annotated

import msgspec

from daemon.accounts.act_contents import ActOffice
from daemon.base.approval import UNSIGNED, Approvable, Signed
from daemon.base.currency import amount_text
from daemon.base.refusals import ErrorCode, ParamError, RefusedError
from daemon.base.text_limits import IdText, RequestId, SaidText, Text
from daemon.ledger.entries import PAYOUTS
from daemon.ledger.ledger import RequestKey
from daemon.ledger.lots import take
from daemon.ledger.moves import Moves
from daemon.ledger.storage.partner_rows import StatementRow
from daemon.ledger.storage.store import Change, Store, View
from daemon.partners.statement_book import (
    PAID,
    PART_PAID,
    amounts_kept,
    amounts_of,
    check_payable,
    number_told,
    statement_entry,
    statement_named,
)
from daemon.partners.statement_contents import PurseSums, contents_of
from daemon.partners.statements import LETTER, StatementDone, done
from daemon.shop.shop import Shop

PAYOUT_MAX = 1_000_000_000_000


class PayTerms(Approvable, frozen=True, kw_only=True):
    """Money for a partner, at most what is left of a statement, in the purse's unit.

    payee, purse: which line of the statement; may be left out where only one has something left.
    method, document: how it was paid, and by which paper: "bank", "order 17".
    """

    request_id: RequestId
    statement: IdText
    amount: Annotated[int, msgspec.Meta(ge=1, le=PAYOUT_MAX)]
    method: SaidText
    document: Text = ""
    payee: IdText = ""
    purse: Text = ""
    by: SaidText


class Payouts:
    """Writes them down. ``office``: whose statements they are."""

    def __init__(self, shop: Shop, office: Callable[[], ActOffice]) -> None:
        self._shop = shop
        self._office = office

    async def pay(self, key: RequestKey, terms: PayTerms, signed: Signed = UNSIGNED) -> msgspec.Raw:
        """Pay what a statement says, or a part of it, once.

        Raises: ParamError where nothing, less or something else is left;
                RefusedError NOT_ENOUGH where the purses have less by now.
        """
        (_, at, day), office = self._shop.moment(), self._office()
        today = day.toordinal()

        def job(store: Store, view: View) -> tuple[Change, StatementDone]:
            row = statement_named(store, office, terms.statement, LETTER)
            sums = _asked(row, terms)
            moves = Moves({one: store.purses(one) for one in sums.accounts})
            _take(moves, sums, terms.amount, today)
            row = _after(row, sums, terms.amount)
            detail = {"by": terms.by, "payee": sums.payee, "method": terms.method}
            detail |= {"document": terms.document, **signed.approved}
            entry = msgspec.structs.replace(
                statement_entry(at, row, detail, kind="payout"),
                postings=tuple(moves.postings),
                lots=tuple(moves.lots),
            )
            return Change(entry=entry, rows=(row,)), done(row)

        return await self._shop.ledger.once(key, at, job)


def _left(row: StatementRow) -> list[tuple[PurseSums, int]]:
    """Return the lines of which something is left to pay, and how much."""
    payable, paid = amounts_of(row.payable), amounts_of(row.paid)
    lines = ((one, payable[one.key] - paid.get(one.key, 0)) for one in contents_of(row).sums)
    return [(one, left) for one, left in lines if left]


def _asked(row: StatementRow, terms: PayTerms) -> PurseSums:
    number, all_left = number_told(row), _left(row)
    check_payable(row, is_left=bool(all_left))
    payee = terms.payee.strip().upper()
    lines = [
        (one, left)
        for one, left in all_left
        if payee in ("", one.payee) and terms.purse in ("", one.purse)
    ]
    if len(lines) != 1:
        known = ", ".join(one.key for one, _ in all_left)
        raise ParamError("payee", f"say which payee and purse; something is left for {known}")
    [(sums, left)] = lines
    if terms.amount > left:
        most = amount_text(left, sums.unit)
        raise ParamError("amount", f"only {most} is left to pay of {number}")
    return sums


def _take(moves: Moves, sums: PurseSums, amount: int, today: int) -> None:
    has = {one: moves.state(one, sums.purse).available(today) for one in sums.accounts}
    if sum(has.values()) < amount:
        raise RefusedError(
            ErrorCode.NOT_ENOUGH,
            "The purse has not enough any more.",
            extra={"available": max(0, sum(has.values())), "asked": amount},
        )
    for account, available in has.items():
        part = min(amount, max(0, available))
        if part:
            lots = take(moves.state(account, sums.purse), part, today)
            moves.move(account, sums.purse, posted=-part, lots=lots, sign=-1, against=PAYOUTS)
        amount -= part


def _after(row: StatementRow, sums: PurseSums, amount: int) -> StatementRow:
    paid = amounts_of(row.paid)
    paid[sums.key] = paid.get(sums.key, 0) + amount
    row = msgspec.structs.replace(row, paid=amounts_kept(paid), state=PART_PAID)
    return row if _left(row) else msgspec.structs.replace(row, state=PAID)
