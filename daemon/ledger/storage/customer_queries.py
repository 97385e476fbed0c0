"""What is asked of the tables of customers; as ``queries``, which opens with how."""

from daemon.ledger.storage.customer_rows import (
    ConsentRow,
    CustomerKeyRow,
    CustomerPrivateRow,
    QuestionnaireRow,
)
from daemon.ledger.storage.queries import Question

_QUESTIONNAIRE = "SELECT number, version, text, at, operator FROM questionnaire"
QUESTIONNAIRE_IN_FORCE: Question[tuple[int, str]] = Question(
    "SELECT number, version FROM questionnaire ORDER BY number DESC LIMIT 1",
    lambda number, version: (number, version),
)
QUESTIONNAIRE = Question(f"{_QUESTIONNAIRE} WHERE number = ?", QuestionnaireRow)
CONSENTS_OF = Question(
    "SELECT account, purpose, channel, given, at, source, operator, text_version, language"
    " FROM consent WHERE account = ? ORDER BY purpose, channel",
    ConsentRow,
)
KEYS_OF = Question(
    "SELECT kind, value, account FROM customer_key WHERE account = ? ORDER BY kind, value",
    CustomerKeyRow,
)
PRIVATE = Question(
    "SELECT account, answers FROM customer_private WHERE account = ?", CustomerPrivateRow
)
