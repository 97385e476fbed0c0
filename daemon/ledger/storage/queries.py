"""Everything that is asked of a ledger's tables: plain SQL, the same on every store.

A question brings rows of one type; ``?`` stands where a value goes. Whoever needs another answer
adds a question here and asks it with ``Store.ask`` or ``ask_one``. Each must find its rows by an
index: ``tests/stores/test_no_scans.py`` looks at what a till asks.
"""

from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from daemon.base.ids import LEDGER_ID_CHARS, AccountId, LedgerId, SaleId
from daemon.ledger.sale_rows import SaleRow
from daemon.ledger.sale_states import SaleState
from daemon.ledger.storage.packing import unpacked
from daemon.ledger.storage.rows import (
    ActivationRow,
    CardRow,
    ChipRow,
    CodeRow,
    CustomerRow,
    DeviceRow,
    FoldRow,
    LotFoldRow,
    LotRow,
    MemberRow,
    OperatorRow,
    PhoneRow,
    RequestRow,
    TillRow,
    too_new,
)

R = TypeVar("R")

ROWS_MAX = 500
"""Rows that one question brings at most; whoever wants more asks again."""
EXPIRED_HOLDS_MAX = 100
STANDINGS_MAX = 20
"""Customers whose discounts are computed between two sales: 1.2 ms of a core."""


class Question(Generic[R]):
    """A SELECT whose columns are what ``row`` takes, in order."""

    def __init__(self, text: str, row: Callable[..., R]) -> None:
        self.text = text
        self.row = row


def understood(question: Question[R], rows: Iterable[tuple[Any, ...]]) -> list[R]:
    """Return the rows that answer a question. Raises RefusedError TOO_NEW."""
    try:
        return [question.row(*row) for row in rows]
    except (TypeError, ValueError) as error:
        raise too_new(error) from error


# Requests and sales.

REQUEST = Question(
    "SELECT method, request_id, content, answer, at FROM request"
    " WHERE method = ? AND request_id = ?",
    RequestRow,
)


def sale_row(
    sale_id: SaleId,
    state: str,
    account: AccountId,
    until: str,
    body: bytes,
    folded: str,
    ledger_id: LedgerId,
    seq: int,
    entry: bytes | None,
) -> SaleRow:
    """Return a row of the table ``sale``, and the entry that it names, as a struct."""
    try:
        known = SaleState(state)
    except ValueError as error:
        raise too_new(error) from error
    entry = unpacked(entry) if entry else b""
    return SaleRow(sale_id, known, account, until, body, folded, ledger_id, seq, entry)


SALE_COLUMNS = (
    "sale.sale_id, sale.state, sale.account, sale.until, sale.body, sale.folded, sale.ledger_id,"
    " sale.seq, entry.body"
)
SALE_ENTRY = "LEFT JOIN entry ON entry.ledger_id = sale.ledger_id AND entry.seq = sale.seq"
SALE_WIDTH = SALE_COLUMNS.count(",") + 1
_SALE = f"SELECT {SALE_COLUMNS} FROM sale {SALE_ENTRY}"
_WAITING = "state IN ('intent', 'unknown', 'void_pending')"
SALE = Question(f"{_SALE} WHERE sale_id = ?", sale_row)
_NAMED = "(SELECT ledger_id FROM till WHERE store = ? AND terminal = ?) || '/' || ?"
SALES_FOLDED = Question(
    f"{_SALE} WHERE sale_id = {_NAMED} UNION ALL {_SALE} WHERE folded = {_NAMED} AND folded <> ''",
    sale_row,
)
"""Sales that a receipt's code may mean; twice the till's names and the folded id."""
TILL = Question(
    "SELECT store, terminal, ledger_id FROM till WHERE store = ? AND terminal = ?", TillRow
)
SALES_OF = Question(f"{_SALE} WHERE sale.account = ? AND state = 'posted'", sale_row)
_KNOWN = f"state IN ({', '.join(repr(state.value) for state in SaleState)})"
"""A sweep passes over what a newer tillcard wrote; whoever asks for one such row is told."""
EXPIRED_HOLDS = Question(
    f"{_SALE} WHERE until <> '' AND until <= ? AND {_KNOWN}"
    f" AND (substr(sale_id, 1, {LEDGER_ID_CHARS}) = ? OR until <= ?)"
    f" ORDER BY until LIMIT {EXPIRED_HOLDS_MAX}",
    sale_row,
)
"""Holds of a ledger whose time has run out, and of others by a time of their own; oldest first."""
UNSETTLED = Question(f"{_SALE} WHERE {_WAITING} ORDER BY sale_id", sale_row)
"""Sales that wait for what a chip says, of every till on this database."""
UNSETTLED_OF = Question(f"{_SALE} WHERE {_WAITING} AND sale.account = ? ORDER BY sale_id", sale_row)
ACCOUNTS_SOLD_TO = Question(
    "SELECT DISTINCT account FROM sale"
    f" WHERE account > ? AND state = 'posted' ORDER BY account LIMIT {ROWS_MAX}",
    AccountId,
)

# Cards, their customers, phones and wallet passes.

CARD_COLUMNS = (
    "card_id, account, state, kind, number, ean13, token_hash, until, issuer, batch, batch_index,"
    " act, holder"
)
_CARD = f"SELECT {CARD_COLUMNS} FROM card WHERE"
CARD = Question(f"{_CARD} card_id = ?", CardRow)
CARD_BY_IDENTIFIER = Question(
    f"{_CARD} card_id = (SELECT card_id FROM identifier WHERE scheme = ? AND value = ?)", CardRow
)
CARDS_OF = Question(f"{_CARD} account = ? ORDER BY card_id", CardRow)
"""The cards of an account, a family's in the order of their ids."""
CARD_BY_TOKEN = Question(f"{_CARD} token_hash = ?", CardRow)
CARDS_ON_DEVICE = Question(
    f"{_CARD} card_id IN (SELECT card_id FROM pass_device WHERE device = ?) ORDER BY card_id",
    CardRow,
)
DEVICES_OF = Question(
    "SELECT device, card_id, push_token FROM pass_device WHERE card_id = ? ORDER BY device",
    DeviceRow,
)
PHONE = Question(
    "SELECT card_id, number, generation, last_step, key_id FROM phone WHERE card_id = ?", PhoneRow
)
CUSTOMER = Question("SELECT account, profile FROM customer WHERE account = ?", CustomerRow)

# Chips.

CHIP = Question("SELECT uid, seq, txid, balance, speaks, alarm FROM chip WHERE uid = ?", ChipRow)
CHIPS_OF = Question(
    "SELECT uid FROM chip JOIN identifier ON value = uid WHERE scheme = 'uid' AND card_id = ?", str
)
"""UIDs of the chips of a card that have been seen."""
HOT_AFTER = Question(
    "SELECT value FROM (SELECT value FROM identifier JOIN card ON card.card_id = identifier.card_id"
    " WHERE scheme = 'uid' AND state IN ('blocked', 'replaced', 'written_off') AND value > ?"
    " UNION SELECT uid AS value FROM chip WHERE alarm <> '' AND uid > ?) AS hot"
    f" ORDER BY value LIMIT {ROWS_MAX}",
    str,
)
"""UIDs of chips that must not be used; both values are the last one seen."""

# Statuses, codes, programmes.

_MEMBER = "SELECT account, status, state, due, listed FROM member"
MEMBERS_OF = Question(f"{_MEMBER} WHERE account = ? ORDER BY status", MemberRow)
MEMBERS_DUE = Question(
    f"{_MEMBER} WHERE due <= ? ORDER BY due, account, status LIMIT {ROWS_MAX}", MemberRow
)
MEMBERS_LISTED = Question(
    f"{_MEMBER} WHERE status = ? AND listed = ? AND account > ? ORDER BY account LIMIT {ROWS_MAX}",
    MemberRow,
)
_CODE = "SELECT code, campaign, account, ref, first_day, last_day, uses, state FROM code"
CODE = Question(f"{_CODE} WHERE code = ?", CodeRow)
CODES_OF = Question(f"{_CODE} WHERE ref = ? ORDER BY code", CodeRow)
CAMPAIGN = Question(f"{_CODE} WHERE campaign = ? LIMIT 1", CodeRow)
PROGRAMME = Question("SELECT text FROM programme WHERE version = ?", str)
_ACTIVATION = "SELECT at, version, source, number, reason FROM activation"
NEWEST_ACTIVATION = Question(
    f"{_ACTIVATION} WHERE at <= ? ORDER BY at DESC, number DESC LIMIT 1", ActivationRow
)
NEWEST_OF_SOURCE = Question(
    f"{_ACTIVATION} WHERE source = ? ORDER BY at DESC, number DESC LIMIT 1", ActivationRow
)
ACTIVATIONS_AFTER = Question(
    f"{_ACTIVATION} WHERE at > ? ORDER BY at, number LIMIT {ROWS_MAX}", ActivationRow
)
ACTIVATIONS_BEFORE = Question(
    f"{_ACTIVATION} WHERE number < ? ORDER BY number DESC, at DESC LIMIT ?", ActivationRow
)
LAST_ACTIVATION = Question("SELECT coalesce(max(number), 0) FROM activation", int)
"""The greatest number that one has; they may be fewer: the same one at the same time is one row."""

# Operators.

_OPERATOR = (
    "SELECT key, name, role, stores, state, language, password, pin, totp, account, created_at"
    " FROM operator WHERE"
)
OPERATOR = Question(f"{_OPERATOR} key = ?", OperatorRow)
OPERATORS_AFTER = Question(f"{_OPERATOR} key > ? ORDER BY key LIMIT {ROWS_MAX}", OperatorRow)
"""A page of them, closed ones too, by name without case."""
OPERATORS_WITH = Question(f"{_OPERATOR} account = ? AND account <> '' ORDER BY key", OperatorRow)
"""Those whose own account, as a customer's, it is."""

# Entries, and the figures that follow from them.

HISTORY = Question(
    "SELECT body FROM entry WHERE account = ? ORDER BY at DESC, ledger_id DESC, seq DESC LIMIT ?",
    unpacked,
)
"""The bodies of an account's newest entries, newest first."""
NEWEST_AT = Question("SELECT at FROM entry WHERE ledger_id = ? ORDER BY seq DESC LIMIT 1", str)
"""When a ledger's newest entry was made, RFC 3339."""
NEWEST_OF_OTHERS = Question(
    "SELECT coalesce((SELECT at FROM entry WHERE entry.ledger_id = ledger.ledger_id"
    " ORDER BY seq DESC LIMIT 1), '') FROM ledger WHERE ledger_id <> ?",
    str,
)
"""When the newest entry of each other ledger on this database was made, or "" before one."""
HEAD: Question[tuple[int, bytes]] = Question(
    "SELECT seq, hash FROM entry WHERE ledger_id = ? ORDER BY seq DESC LIMIT 1",
    lambda seq, link: (seq, link),
)
ENTRY_HASH = Question("SELECT hash FROM entry WHERE ledger_id = ? AND seq = ?", bytes)
LEDGERS: Question[tuple[str, int]] = Question(
    "SELECT ledger_id, own FROM ledger", lambda ledger_id, own: (ledger_id, own)
)
STANDINGS_AFTER: Question[tuple[AccountId, int]] = Question(
    "SELECT account, standing_bp FROM account_sum WHERE account > ?"
    f" ORDER BY account LIMIT {STANDINGS_MAX}",
    lambda account, standing_bp: (AccountId(account), standing_bp),
)
"""Who has ever bought, with the standing discount that is written down, in basis points."""
FOLDS = Question("SELECT ledger_id, done, upto FROM fold", FoldRow)
"""How far the old entries of each ledger have been gone through for their facts."""
FOLD = Question("SELECT ledger_id, done, upto FROM fold WHERE ledger_id = ?", FoldRow)
LOT_FOLDS = Question("SELECT ledger_id, done, day FROM lot_fold", LotFoldRow)
"""How far the entries of each ledger have been folded into sums of lots."""
LOT_FOLD = Question("SELECT ledger_id, done, day FROM lot_fold WHERE ledger_id = ?", LotFoldRow)
ENTRIES_FROM: Question[tuple[int, str, bytes]] = Question(
    "SELECT seq, at, body FROM entry WHERE ledger_id = ? AND seq > ?"
    f" ORDER BY seq LIMIT {ROWS_MAX}",
    lambda seq, at, body: (seq, at, unpacked(body)),
)
ENTRIES_AFTER: Question[tuple[int, bytes]] = Question(
    "SELECT seq, body FROM entry WHERE ledger_id = ? AND seq > ? AND seq <= ?"
    f" ORDER BY seq LIMIT {ROWS_MAX}",
    lambda seq, body: (seq, unpacked(body)),
)
"""Entries of a ledger in their order, after one and up to another."""
LEDGER = Question("SELECT ledger_id FROM ledger WHERE ledger_id = ?", str)
LOTS_EXPIRED = Question(
    "SELECT account, purse, expires, usable_from, amount FROM lot"
    f" WHERE expires < ? AND amount > 0 ORDER BY expires, account, purse LIMIT {ROWS_MAX}",
    LotRow,
)
METER_DAYS: Question[tuple[int, int]] = Question(
    "SELECT day, amount FROM meter WHERE account = ? AND meter = ? ORDER BY day",
    lambda day, amount: (day, amount),
)
METERS_LIKE: Question[tuple[str, int]] = Question(
    "SELECT meter, amount FROM meter WHERE account = ? AND day = 0 AND meter LIKE ?"
    f" ORDER BY meter LIMIT {ROWS_MAX}",
    lambda meter, amount: (meter, amount),
)
"""The sums over all days (``store.LIFE``) of an account's meters of like names."""
