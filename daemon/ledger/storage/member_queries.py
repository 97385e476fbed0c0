"""What is asked of members of statuses, and of the entries behind them; see ``queries``."""

from daemon.base.ids import AccountId
from daemon.ledger.storage.queries import Question
from daemon.ledger.storage.rows import MemberRow

_MEMBER = "SELECT account, status, state, due, listed FROM member"


def members_among(count: int) -> Question[MemberRow]:
    """Return the question for one status and ``count`` accounts, the values in this order."""
    return Question(f"{_MEMBER} WHERE status = ? AND account IN ({_places(count)})", MemberRow)


def customers_among(count: int) -> Question[AccountId]:
    """Return the question which of ``count`` accounts have a customer behind them."""
    return Question(f"SELECT account FROM customer WHERE account IN ({_places(count)})", AccountId)


def _places(count: int) -> str:
    return ", ".join("?" * count)
