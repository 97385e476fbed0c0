"""What the preview of a programme asks for; as ``queries``."""

from typing import NamedTuple

from daemon.base.ids import LedgerId, SaleId
from daemon.ledger.storage.queries import ROWS_MAX, Question


class SaleFact(NamedTuple):
    """Where the fact of a sale stands, and the sale."""

    day: int
    ledger_id: LedgerId
    seq: int
    sale_id: SaleId


SALES_COUNTED = Question(
    "SELECT count(*) FROM fact WHERE day BETWEEN ? AND ? AND kind = 'sale'", int
)
SALES_BETWEEN = Question(
    "SELECT day, ledger_id, seq, sale_id FROM fact"
    " WHERE day BETWEEN ? AND ? AND kind = 'sale' AND (day, ledger_id, seq) > (?, ?, ?)"
    f" ORDER BY day, ledger_id, seq LIMIT {ROWS_MAX}",
    SaleFact,
)
"""Sales of a period in their order, behind a place in it."""
