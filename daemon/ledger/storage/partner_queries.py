"""What is asked of the tables of partners; as ``queries``, which opens with how."""

from typing import NamedTuple

from daemon.base.ids import AccountId, CardId, LedgerId
from daemon.ledger.storage.packing import unpacked
from daemon.ledger.storage.partner_rows import AssignmentRow, PartnerRow, StatementRow
from daemon.ledger.storage.queries import ROWS_MAX, Question
from daemon.ledger.storage.rows import RequestRow

_PARTNER = "SELECT code, account, kind, partner, name, contact, pay, state, since FROM partner"
PARTNER = Question(f"{_PARTNER} WHERE code = ?", PartnerRow)
PARTNER_BY_ACCOUNT = Question(f"{_PARTNER} WHERE account = ?", PartnerRow)
PARTNERS_AFTER = Question(f"{_PARTNER} WHERE code > ? ORDER BY code LIMIT {ROWS_MAX}", PartnerRow)
EMPLOYEES_OF = Question(
    f"{_PARTNER} WHERE partner = ? AND code > ? ORDER BY code LIMIT {ROWS_MAX}", PartnerRow
)
_ASSIGNMENT = "SELECT account, at, ledger_id, seq, partner, employee, operator FROM assignment"
ASSIGNMENTS_OF = Question(
    f"{_ASSIGNMENT} WHERE account = ? ORDER BY at, ledger_id, seq", AssignmentRow
)
_STATEMENT = "SELECT number, partner, first, last, state, payable, paid, contents FROM statement"
STATEMENT = Question(f"{_STATEMENT} WHERE number = ?", StatementRow)
STATEMENTS_OF = Question(f"{_STATEMENT} WHERE partner = ? ORDER BY first, number", StatementRow)
ANSWERS_TO = Question(
    "SELECT method, request_id, content, answer, at FROM request"
    f" WHERE method = ? AND request_id > ? ORDER BY request_id LIMIT {ROWS_MAX}",
    RequestRow,
)
"""What requests of a method were answered, after one."""


class IssuerFact(NamedTuple):
    """A sale to a card of an issuer, or its return; amounts in minor units."""

    day: int
    store: str
    account: AccountId
    card_id: CardId
    discount: int
    net: int
    ledger_id: LedgerId
    seq: int


FACTS_OF_ISSUER = Question(
    "SELECT day, store, account, card_id, discount, net, ledger_id, seq FROM fact"
    " WHERE day BETWEEN ? AND ? AND issuer = ? ORDER BY day, ledger_id, seq",
    IssuerFact,
)
POSTED_TO: Question[tuple[str, int, bytes]] = Question(
    "SELECT DISTINCT posting.ledger_id, posting.seq, entry.body FROM posting"
    " JOIN entry ON entry.ledger_id = posting.ledger_id AND entry.seq = posting.seq"
    " WHERE posting.account = ? ORDER BY posting.ledger_id, posting.seq",
    lambda ledger_id, seq, body: (LedgerId(ledger_id), seq, unpacked(body)),
)
"""Every entry that has moved a purse of an account."""
