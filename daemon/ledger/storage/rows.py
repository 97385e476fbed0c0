"""Rows that a store keeps as they are: one struct a table, its fields the columns in order.

A struct in KEPT is written whole and replaced by its key; a Question reads structs back. Both are
the same plain SQL on every store; ``?`` stands where a value goes.
"""

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

import msgspec

from daemon.programme.names import code_counter

R = TypeVar("R")

ROWS_MAX = 500
"""Rows that one question brings at most; whoever wants more asks again."""


class MemberRow(msgspec.Struct, frozen=True):
    """Where an account stands with a status; ``state`` is JSON of ``programme.status``.

    due:    the first local day (ordinal) on which time alone changes it, or FOREVER.
    listed: the owner's list that it is on (``join extend exclude``), or "".
    """

    account: str
    status: str
    state: str
    due: int
    listed: str


class CodeRow(msgspec.Struct, frozen=True):
    """An issued code, in one case. How often it was used is the counter ``counter``.

    account:  the only account that may use it, or "".
    ref:      the sale or the request that issued it.
    first_day, last_day: local days (ordinals) on which it is good, both included.
    uses:     how many sales may use it.
    state:    ``good``, or ``taken_back`` when the goods it came with were.
    """

    code: str
    campaign: str
    account: str
    ref: str
    first_day: int
    last_day: int
    uses: int
    state: str

    @property
    def counter(self) -> str:
        """The name of the counter of its uses."""
        return code_counter(self.code)


class ActivationRow(msgspec.Struct, frozen=True):
    """A programme that is in force from ``at`` (RFC 3339) on, until the next one is.

    source: who said so: a person, or ``file <terminal>`` when it was found in that till's file.
    number: counts them, so that of two at one moment the later is known.
    """

    at: str
    version: str
    source: str
    number: int


Row = MemberRow | CodeRow | ActivationRow


class KeptTable(NamedTuple):
    """Where a struct is kept. ``columns`` are ``name type``; ``key`` names what identifies one."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]


class Question(Generic[R]):
    """A SELECT whose columns are the fields of ``row``, in order."""

    def __init__(self, text: str, row: Callable[..., R]) -> None:
        self.text = text
        self.row = row


def _table(name: str, row: type[msgspec.Struct], key: str) -> KeptTable:
    kinds = {str: "text", int: "bigint"}
    columns = tuple(f"{field.name} {kinds[field.type]}" for field in msgspec.structs.fields(row))
    return KeptTable(name, columns, tuple(key.split()))


KEPT: dict[type[msgspec.Struct], KeptTable] = {
    MemberRow: _table("member", MemberRow, "account status"),
    CodeRow: _table("code", CodeRow, "code"),
    ActivationRow: _table("activation", ActivationRow, "at version"),
}


def replacing(table: KeptTable) -> str:
    """Return what an INSERT ends with so that a row replaces the one with its key."""
    names = [column.split()[0] for column in table.columns]
    rest = [f"{name} = excluded.{name}" for name in names if name not in table.key]
    return f"ON CONFLICT ({', '.join(table.key)}) DO UPDATE SET {', '.join(rest)}"


class LotRow(msgspec.Struct, frozen=True):
    """A lot of one purse of one account that has something left."""

    account: str
    purse: str
    expires: int
    usable_from: int
    amount: int


_MEMBER = "SELECT account, status, state, due, listed FROM member"
MEMBERS_OF = Question(f"{_MEMBER} WHERE account = ? ORDER BY status", MemberRow)
MEMBERS_AFTER = Question(
    f"{_MEMBER} WHERE (account, status) > (?, ?) ORDER BY account, status LIMIT {ROWS_MAX}",
    MemberRow,
)
MEMBERS_DUE = Question(
    f"{_MEMBER} WHERE due <= ? ORDER BY due, account, status LIMIT {ROWS_MAX}", MemberRow
)
MEMBERS_LISTED = Question(
    f"{_MEMBER} WHERE status = ? AND listed = ? AND account > ? ORDER BY account LIMIT {ROWS_MAX}",
    MemberRow,
)
HOT_AFTER = Question(
    "SELECT value FROM (SELECT value FROM identifier JOIN card ON card.card_id = identifier.card_id"
    " WHERE scheme = 'uid' AND state IN ('blocked', 'replaced', 'written_off') AND value > ?"
    " UNION SELECT uid AS value FROM chip WHERE alarm <> '' AND uid > ?) AS hot"
    f" ORDER BY value LIMIT {ROWS_MAX}",
    str,
)
"""UIDs of chips that must not be used; both values are the last one seen."""
CHIPS_OF = Question(
    "SELECT uid FROM chip JOIN identifier ON value = uid WHERE scheme = 'uid' AND card_id = ?", str
)
"""UIDs of the chips of a card that have been seen."""
_CODE = "SELECT code, campaign, account, ref, first_day, last_day, uses, state FROM code"
CODE = Question(f"{_CODE} WHERE code = ?", CodeRow)
CODES_OF = Question(f"{_CODE} WHERE ref = ? ORDER BY code", CodeRow)
CAMPAIGN = Question(f"{_CODE} WHERE campaign = ? LIMIT 1", CodeRow)
_ACTIVATION = "SELECT at, version, source, number FROM activation"
NEWEST_ACTIVATION = Question(
    f"{_ACTIVATION} WHERE at <= ? ORDER BY at DESC, number DESC LIMIT 1", ActivationRow
)
NEWEST_OF_SOURCE = Question(
    f"{_ACTIVATION} WHERE source = ? ORDER BY at DESC, number DESC LIMIT 1", ActivationRow
)
ACTIVATIONS_AFTER = Question(
    f"{_ACTIVATION} WHERE at > ? ORDER BY at, number LIMIT {ROWS_MAX}", ActivationRow
)
ACTIVATION_COUNT = Question("SELECT count(*) FROM activation", int)
LOTS_EXPIRED = Question(
    "SELECT account, purse, expires, usable_from, amount FROM lot"
    f" WHERE expires < ? AND amount > 0 ORDER BY expires, account, purse LIMIT {ROWS_MAX}",
    LotRow,
)
ACCOUNTS_SOLD_TO = Question(
    "SELECT DISTINCT account FROM sale"
    f" WHERE account > ? AND state = 'posted' ORDER BY account LIMIT {ROWS_MAX}",
    str,
)
SALES_OF = Question("SELECT body FROM sale WHERE account = ? AND state = 'posted'", bytes)
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
