"""Whose receipt a code is on: from the names on it to a till's ledger, and so to one sale."""

from daemon.base.ids import LedgerId, SaleId, scoped
from daemon.base.receipt_codes import ReceiptCode, TillNames
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.ledger.sale_records import SaleRow
from daemon.ledger.storage.queries import SALES_FOLDED, TILL
from daemon.ledger.storage.rows import TillRow
from daemon.ledger.storage.store import Change, Store


def claim(store: Store, names: TillNames) -> LedgerId:
    """Make names this till's, unless they are another's; return the ledger whose they are.

    They stay so for good: receipts that say them are in customers' hands.
    """
    plain = names.plain
    known = store.ask_one(TILL, plain.store, plain.terminal)
    if known is not None:
        return known.ledger_id
    store.write(Change(rows=(TillRow(plain.store, plain.terminal, store.ledger_id),)))
    return store.ledger_id


def sale_of(store: Store, code: ReceiptCode) -> SaleId:
    """Return the sale on whose receipt a code is. Raises RefusedError NOT_RETURNABLE."""
    till = store.ask_one(TILL, code.till.store, code.till.terminal)
    plain = scoped(till.ledger_id, code.sale_id) if till else ""
    rows = store.ask(SALES_FOLDED, plain, plain) if till else []
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
