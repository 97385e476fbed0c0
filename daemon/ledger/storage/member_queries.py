"""What is asked of members of statuses, and of the entries behind them; see ``queries``."""

from daemon.base.ids import AccountId
from daemon.ledger.club_chain import AccountEntry
from daemon.ledger.storage.queries import ROWS_MAX, Question
from daemon.ledger.storage.rows import MemberRow

_MEMBER = "SELECT account, status, state, due, listed FROM member"

MEMBERS_DUE_SOON = Question(
    f"{_MEMBER} WHERE (due, account) > (?, ?) AND due <= ? AND status = ?"
    f" ORDER BY due, account LIMIT {ROWS_MAX}",
    MemberRow,
)
"""Who has a window that ends soon: after a due day and an account there, up to another day."""

ENTRIES_OF = Question(
    "SELECT ledger_id, seq, at, hash, body FROM entry"
    " WHERE account = ? AND (at, ledger_id, seq) > (?, ?, ?)"
    f" ORDER BY at, ledger_id, seq LIMIT {ROWS_MAX}",
    AccountEntry.of_row,
)
"""An account's entries in their order, after a time, a ledger and a seq there."""


def members_among(count: int) -> Question[MemberRow]:
    """Return the question for one status and ``count`` accounts, the values in this order."""
    return Question(f"{_MEMBER} WHERE status = ? AND account IN ({_places(count)})", MemberRow)


def customers_among(count: int) -> Question[AccountId]:
    """Return the question which of ``count`` accounts have a customer behind them."""
    return Question(f"SELECT account FROM customer WHERE account IN ({_places(count)})", AccountId)


def _places(count: int) -> str:
    return ", ".join("?" * count)
