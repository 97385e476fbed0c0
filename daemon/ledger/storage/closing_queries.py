"""What is asked of closings; as ``queries``."""

from daemon.ledger.storage.closing_rows import ClosingRow
from daemon.ledger.storage.packing import unpacked
from daemon.ledger.storage.queries import ROWS_MAX, Question

LAST_CLOSING = Question(
    "SELECT ledger_id, number, name, seq FROM closing WHERE ledger_id = ?"
    " ORDER BY number DESC LIMIT 1",
    ClosingRow,
)
_BODY = (
    "SELECT entry.body FROM closing JOIN entry"
    " ON entry.ledger_id = closing.ledger_id AND entry.seq = closing.seq"
    " WHERE closing.ledger_id = ?"
)
CLOSING = Question(f"{_BODY} AND closing.number = ?", unpacked)
"""The entry of a closing."""
CLOSINGS_AFTER = Question(
    f"{_BODY} AND closing.number > ? ORDER BY closing.number LIMIT {ROWS_MAX}", unpacked
)
"""The entries of a ledger's closings behind one."""
