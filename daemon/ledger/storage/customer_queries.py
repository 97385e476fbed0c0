"""What is asked of the tables of customers; as ``queries``, which opens with how."""

from typing import NamedTuple

from daemon.base.ids import AccountId, LedgerId, SaleId
from daemon.ledger.storage.customer_rows import (
    ConsentRow,
    CustomerKeyRow,
    CustomerPrivateRow,
    MergedRow,
    PhotoRow,
    QuestionnaireRow,
)
from daemon.ledger.storage.packing import unpacked
from daemon.ledger.storage.queries import SALE_COLUMNS, SALE_ENTRY, Question, sale_row
from daemon.ledger.storage.rows import CodeRow

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
PHOTO = Question(
    "SELECT account, kind, at, image FROM customer_photo WHERE account = ? AND kind = ?", PhotoRow
)
PHOTO_KINDS = Question("SELECT kind FROM customer_photo WHERE account = ? ORDER BY kind", str)
"""Which pictures there are of an account; the pictures themselves are not read for it."""
_BEGINS = "value >= ? AND value < ?"
"""A beginning, and the least text that is greater than all that begin so."""
KEYS_LIKE = Question(
    f"SELECT count(*) FROM (SELECT 1 AS one FROM customer_key WHERE kind = 'word' AND {_BEGINS}"
    " LIMIT ?) AS counted",
    int,
)
"""How many words of names begin so, counted as far as the last value."""
ACCOUNTS_BY_KEY = Question(
    f"SELECT account FROM customer_key WHERE kind = ? AND {_BEGINS}"
    " ORDER BY value, account LIMIT ?",
    AccountId,
)
ACCOUNTS_WITH_KEY = Question(
    "SELECT account FROM customer_key WHERE kind = ? AND value = ? ORDER BY account LIMIT 5000",
    AccountId,
)
_HAS_WORD = (
    "EXISTS (SELECT 1 FROM customer_key AS w WHERE w.account = k.account AND w.kind = 'word'"
    " AND w.value >= ? AND w.value < ?)"
)
_RAREST = (
    f"SELECT account FROM customer_key WHERE kind = 'word' AND {_BEGINS}"
    " ORDER BY value, account LIMIT ?"
)


def accounts_by_words(count: int) -> Question[AccountId]:
    """Return the question for accounts whose names have ``count`` words that begin so.

    Its values: the rarest beginning, and how many keys with it are looked at; the others; how many
    accounts are brought.
    """
    others = " AND ".join([_HAS_WORD] * (count - 1))
    where = f"WHERE {others} " if others else ""
    return Question(
        f"SELECT DISTINCT k.account FROM ({_RAREST}) AS k {where}LIMIT ?",
        AccountId,
    )


ENTRIES_OF: Question[tuple[str, str, int, bytes]] = Question(
    "SELECT at, ledger_id, seq, body FROM entry WHERE account = ?"
    " AND (at, ledger_id, seq) < (?, ?, ?) ORDER BY at DESC, ledger_id DESC, seq DESC LIMIT ?",
    lambda at, ledger_id, seq, body: (at, ledger_id, seq, unpacked(body)),
)
"""An account's entries before one, newest first: when, where, and what they say."""


class SoldRow(NamedTuple):
    """A sale or a return of an account, with the entry that says what it was. ``day``: ordinal."""

    day: int
    ledger_id: LedgerId
    seq: int
    kind: str
    sale_id: SaleId
    store: str
    terminal: str
    cashier: str
    list_total: int
    discount: int
    net: int
    paid: int
    entry: bytes

    @property
    def body(self) -> bytes:
        """The entry, as it was chained."""
        return unpacked(self.entry)


_SOLD = ", ".join(f"fact.{name}" for name in SoldRow._fields if name != "entry")
SALES_BEFORE = Question(
    f"SELECT {_SOLD}, entry.body FROM fact JOIN entry"
    " ON entry.ledger_id = fact.ledger_id AND entry.seq = fact.seq WHERE fact.account = ?"
    " AND (fact.day, fact.ledger_id, fact.seq) < (?, ?, ?)"
    " ORDER BY fact.day DESC, fact.ledger_id DESC, fact.seq DESC LIMIT ?",
    SoldRow,
)
"""An account's sales and returns before one, newest first."""


class GreetedRow(NamedTuple):
    """One thing that a greeting may say: ``day`` of the last sale, a ``lot``, a ``member``."""

    kind: str
    name: str
    day: int
    amount: int
    state: str


GREETED = Question(
    "SELECT 'day' AS kind, '' AS name, last_day AS day, 0 AS amount, '' AS state"
    " FROM account_sum WHERE account = ?"
    " UNION ALL SELECT 'lot', purse, expires, amount, '' FROM lot"
    " WHERE account = ? AND expires >= ? AND expires <= ? AND amount > 0"
    " UNION ALL SELECT 'member', status, 0, 0, state FROM member WHERE account = ?",
    GreetedRow,
)
"""All in one question: an account; the account, today and the last day to tell of; the account."""


_MERGED = "SELECT dropped, kept, ledger_id, seq, at FROM merged"
MERGED = Question(f"{_MERGED} WHERE dropped = ?", MergedRow)
MERGED_INTO = Question(f"{_MERGED} WHERE kept = ? ORDER BY dropped", MergedRow)
METERS_OF: Question[tuple[str, int, int]] = Question(
    "SELECT meter, day, amount FROM meter WHERE account = ? AND day <> 0 AND amount <> 0"
    " ORDER BY meter, day",
    lambda meter, day, amount: (meter, day, amount),
)
"""What each meter of an account counted on each local day (ordinal)."""
PURSES_OF: Question[tuple[str, int, int]] = Question(
    "SELECT purse, posted, held FROM balance WHERE account = ? ORDER BY purse",
    lambda purse, posted, held: (purse, posted, held),
)
CODES_OF_ACCOUNT = Question(
    "SELECT code, campaign, account, ref, first_day, last_day, uses, state FROM code"
    " WHERE account = ? AND account <> '' ORDER BY code",
    CodeRow,
)
ALL_SALES_OF = Question(
    f"SELECT {SALE_COLUMNS} FROM sale {SALE_ENTRY} WHERE sale.account = ? ORDER BY sale_id",
    sale_row,
)
"""An account's sales in every state."""
BUYERS_UNTIL: Question[tuple[int, AccountId]] = Question(
    "SELECT last_day, account_sum.account FROM account_sum"
    " WHERE last_day < ? AND (last_day, account_sum.account) > (?, ?)"
    " AND EXISTS (SELECT 1 FROM customer WHERE customer.account = account_sum.account)"
    " ORDER BY last_day, account_sum.account LIMIT ?",
    lambda last_day, account: (last_day, AccountId(account)),
)
"""Customers who have bought last before a day (ordinal), the longest ago first, after one."""
CUSTOMERS_AT_ONCE = 2_000
NEVER_BOUGHT: Question[tuple[AccountId, bool]] = Question(
    "SELECT k.account, EXISTS (SELECT 1 FROM entry WHERE entry.account = k.account AND at < ?)"
    " AND NOT EXISTS (SELECT 1 FROM account_sum WHERE account_sum.account = k.account)"
    " FROM (SELECT account FROM customer WHERE account > ? ORDER BY account"
    f" LIMIT {CUSTOMERS_AT_ONCE}) AS k ORDER BY k.account",
    lambda account, is_one: (AccountId(account), bool(is_one)),
)
"""The next customers after one, each with whether it was known before a moment (RFC 3339) and has
never bought."""
SALE_ROWS_OF = Question(
    f"SELECT {SALE_COLUMNS.replace('entry.body', 'NULL')} FROM sale WHERE sale.account = ?"
    " ORDER BY sale_id",
    sale_row,
)
"""The same without the entries that have them."""
ENTRY_BODY = Question("SELECT body FROM entry WHERE ledger_id = ? AND seq = ?", unpacked)
ENTRIES_SINCE: Question[tuple[str, int, bytes]] = Question(
    "SELECT ledger_id, seq, body FROM entry WHERE account = ? AND at >= ?"
    " ORDER BY at, ledger_id, seq LIMIT 500",
    lambda ledger_id, seq, body: (ledger_id, seq, unpacked(body)),
)
POSTINGS_SINCE: Question[tuple[str, int, bytes]] = Question(
    "SELECT entry.ledger_id, entry.seq, entry.body FROM posting JOIN entry"
    " ON entry.ledger_id = posting.ledger_id AND entry.seq = posting.seq"
    " WHERE posting.account = ? AND entry.at >= ? ORDER BY entry.at LIMIT 500",
    lambda ledger_id, seq, body: (ledger_id, seq, unpacked(body)),
)
"""Entries that moved a purse of an account, whosever they are."""
