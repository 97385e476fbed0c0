"""Whose receipt a code is on: from the names on it to a till's ledger, and so to one sale."""

from daemon.base.ids import LedgerId, SaleId
from daemon.base.receipt_codes import ReceiptCode, TillNames
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.ledger.sale_rows import SaleRow
from daemon.ledger.storage.queries import SALES_FOLDED, TILL
from daemon.ledger.storage.rows import TillRow
from daemon.ledger.storage.store import Change, Store


def owner_of(store: Store, names: TillNames) -> LedgerId:
    """Return the ledger whose names these are, or "" while they are nobody's."""
    till = store.ask_one(TILL, names.plain.store, names.plain.terminal)
    return till.ledger_id if till else LedgerId("")


def claim(store: Store, names: TillNames) -> LedgerId:
    """Make names this till's, unless they are another's; return the ledger whose they are.

    They stay so for good: receipts that say them are in customers' hands.
    """
    if owner := owner_of(store, names):
        return owner
    row = TillRow(names.plain.store, names.plain.terminal, store.ledger_id)
    store.write(Change(rows=(row,)))
    return store.ledger_id


def sale_of(store: Store, code: ReceiptCode) -> SaleId:
    """Return the sale on whose receipt a code is. Raises RefusedError NOT_RETURNABLE."""
    plain = code.till.plain
    rows = store.ask(SALES_FOLDED, *(plain.store, plain.terminal, code.sale_id) * 2)
    # The sale itself has the last word on whose it is: its row is under the audit.
    found = [row.sale_id for row in rows if _sold_by(row, code.till)]
    if len(found) > 1:
        raise RefusedError(
            ErrorCode.NOT_RETURNABLE,
            "Two sales have this code but for capitals and blanks; their till knows them by id.",
        )
    if not found:
        raise RefusedError(
            ErrorCode.NOT_RETURNABLE, "No sale is known here under this receipt's code."
        )
    return found[0]


def _sold_by(row: SaleRow, till: TillNames) -> bool:
    return row.record is not None and row.record.sale.till.plain == till
