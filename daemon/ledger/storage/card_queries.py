"""What is asked about cards by the thousand; see ``queries``."""

from typing import Any

from daemon.ledger.storage.card_rows import (
    ActRow,
    BatchRow,
    CardIssueRow,
    IssuedCard,
    StagedRow,
)
from daemon.ledger.storage.queries import CARD_COLUMNS, Question
from daemon.ledger.storage.rows import CardRow

TOGETHER_MAX = 1_000
"""Numbers that are asked about, and cards that are made, at once."""
_MANY = ", ".join("?" * TOGETHER_MAX)
_BATCH = (
    "SELECT batch, made_at, by, kind, issuer, count, total_cost, vat_bp, book, supplier, document,"
    " until, numbers, upload, ledger_id, made FROM card_batch"
)
BATCH = Question(f"{_BATCH} WHERE batch = ?", BatchRow)
BATCH_UNFINISHED = Question(
    f"{_BATCH} WHERE ledger_id = ? AND made < count ORDER BY batch LIMIT 1", BatchRow
)
BATCH_OF_UPLOAD = Question(
    f"{_BATCH} WHERE ledger_id = ? AND made < count AND upload = ? LIMIT 1", BatchRow
)
CARDS_OF_BATCH = Question(
    f"SELECT {CARD_COLUMNS} FROM card WHERE batch = ? AND batch <> '' AND batch_index >= ?"
    " ORDER BY batch_index LIMIT ?",
    CardRow,
)
NUMBERS_TAKEN = Question(
    f"SELECT value FROM identifier WHERE scheme = 'number' AND value IN ({_MANY})", str
)
"""Which of some numbers are on cards; TOGETHER_MAX of them, filled up with ""."""
_STAGED = "SELECT upload, position, number FROM staged_number"
STAGED_NUMBER = Question(f"{_STAGED} WHERE number = ?", StagedRow)
NUMBERS_STAGED = Question(f"{_STAGED} WHERE number IN ({_MANY})", StagedRow)
STAGED_OF = Question(
    f"{_STAGED} WHERE upload = ? AND position >= ? ORDER BY position LIMIT {TOGETHER_MAX}",
    StagedRow,
)
STAGED_COUNT: Question[int] = Question(
    "SELECT coalesce(max(position) + 1, 0) FROM staged_number WHERE upload = ?", int
)
"""How many numbers wait: they are without gaps until the first card is made of them."""
UPLOAD_AFTER = Question(
    "SELECT upload FROM staged_number WHERE upload > ? AND upload < ? ORDER BY upload LIMIT 1", str
)

_CARD_COLUMNS = ", ".join(f"card.{name}" for name in CARD_COLUMNS.split(", "))
CARDS_NUMBERED = Question(
    f"SELECT {_CARD_COLUMNS} FROM identifier JOIN card ON card.card_id = identifier.card_id"
    f" WHERE scheme = 'number' AND value IN ({_MANY})",
    CardRow,
)
STOCK_OF_BATCH = Question(
    f"SELECT {CARD_COLUMNS} FROM card WHERE batch = ? AND batch <> '' AND state = 'stock'"
    " ORDER BY batch_index LIMIT ?",
    CardRow,
)
_ACT = (
    "SELECT act, company, kind, made_at, by, state, store, count, total, head, contents, names"
    " FROM act"
)
ACT = Question(f"{_ACT} WHERE act = ? AND company = ?", ActRow)
ACTS = Question(f"{_ACT} WHERE company = ? AND kind = ? AND act > ? ORDER BY act LIMIT ?", ActRow)
WRITE_OFFS_AFTER = Question(
    f"{_ACT} WHERE (act, company) > (?, ?) AND act < 'X' ORDER BY act, company LIMIT 20", ActRow
)
"""Acts that write cards off, of every company, after one."""
_ISSUE = "card_id, day, minute, account, by, store, condition, cost, price, sale_id, act"
CARD_ISSUE = Question(f"SELECT {_ISSUE} FROM card_issue WHERE card_id = ?", CardIssueRow)


def _issued(number: str, *columns: Any) -> IssuedCard:
    return IssuedCard(number, CardIssueRow(*columns))


_ISSUED = (
    f"SELECT card.number, {', '.join(f'card_issue.{name}' for name in _ISSUE.split(', '))}"
    " FROM card_issue JOIN card ON card.card_id = card_issue.card_id"
)
ISSUED_UNWRITTEN = Question(
    f"{_ISSUED} WHERE day BETWEEN ? AND ? AND card_issue.act = '' AND store = ?"
    " ORDER BY day, minute, card_issue.card_id LIMIT ?",
    _issued,
)
"""Cards issued in a store, from one local day (ordinal) to another, that no write-off has yet."""
ISSUED_UNWRITTEN_ANYWHERE = Question(
    f"{_ISSUED} WHERE day BETWEEN ? AND ? AND card_issue.act = ''"
    " ORDER BY day, minute, card_issue.card_id LIMIT ?",
    _issued,
)
"""The same of every store."""

ACTS_BETWEEN = Question(
    f"{_ACT} WHERE company = ? AND kind = ? AND state = 'final' AND made_at >= ? AND made_at < ?"
    " ORDER BY act",
    ActRow,
)
"""Acts of a company and a kind from one moment (RFC 3339) on, before another."""
ISSUED_ON = Question(
    f"{_ISSUED.replace('card.number', 'card.number, card.batch')} WHERE day = ?"
    " ORDER BY minute, card_issue.card_id",
    lambda number, batch, *columns: (batch, IssuedCard(number, CardIssueRow(*columns))),
)
"""Cards issued on a local day (ordinal), each with its batch."""
CARDS_FOR_SALE = Question(
    f"{_ISSUED} WHERE card_issue.sale_id = ? AND card_issue.sale_id <> ''"
    " AND card.state NOT IN ('written_off', 'replaced') ORDER BY card_issue.card_id",
    _issued,
)
"""Cards that a sale has brought, but for those that have come back or have another in place."""
CARDS_OF_ACCOUNT = Question(
    f"SELECT {CARD_COLUMNS} FROM card WHERE account = ? AND account <> '' ORDER BY card_id",
    CardRow,
)


def filled_up(numbers: tuple[str, ...]) -> tuple[str, ...]:
    """Return some numbers as NUMBERS_TAKEN and NUMBERS_STAGED want them."""
    assert len(numbers) <= TOGETHER_MAX
    return numbers + ("",) * (TOGETHER_MAX - len(numbers))
