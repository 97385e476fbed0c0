"""How a row that is kept beside the entries is bound to the chain: by a mark in the entry. Pure.

Figures follow from entries; a sale's body, an answer, a code's uses do not. Whoever edits one of
them in the file changes what is refunded, and no sum would say so. So each entry carries a mark of
every row that was written with it, and the last mark of a row must be that of the row as it is:

    "sa" + 12 characters of the key's hash + 16 of the whole row's; without these: deleted

Both hashes are SHA-256, cut. ``EXEMPT`` and ``FREE`` say what has no mark, and why.
"""

import hashlib
from binascii import b2a_base64
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec.structs import astuple

from daemon.ledger.sale_rows import SaleRow
from daemon.ledger.storage.inserts import KEPT, TABLES
from daemon.ledger.storage.store import Change, KeptRow

EXEMPT = {
    "customer": "a person can be erased, and an entry never says who it was, not even as a hash",
    "customer_key": "the same: it says who is behind an account",
    "customer_private": "the same",
    "customer_photo": "the same",
    "friend": "the profile of a customer says it, see customer; here it is found the other way",
    "chip": "what was last seen of a chip is written at every tap; the chip itself has the money",
    "till": "a receipt leads through it to a sale, which says itself at which till it was made",
    "lot_fold": "how far entries are in the sums of lots, which are under the audit",
    "fold": "how far old entries were gone through; the facts of all of them are under the audit",
    "staged_number": "a printer's number that waits; the card that it becomes has a mark",
    "import_line": "the same; what it has made is in its entry, from which it is undone",
    "import_key": "the same, while a table of customers waits",
    "audience_part": "whom a mailing may be for; the audience itself has a mark",
    "message": "a contact that can be erased; what was sent moves nothing in the books",
    "occasion": "what a customer was written to for by itself; it moves nothing",
    "pass_device": "where to send news of a pass; it moves nothing",
}
"""Tables whose rows have no mark, and why."""
FREE = {
    (
        "partner",
        "name",
    ): "says who somebody is, and may be erased; no entry says it, even as a hash",
    ("partner", "contact"): "as the name",
    ("phone", "last_step"): "moves on with each code that is shown, without an entry",
    ("account_sum", "standing_bp"): "follows from the programme in force, which changes",
    ("card", "holder"): "a person's name, see customer",
    ("act", "names"): "who gave and who got the cards: a person can be erased, see customer",
    ("phone", "key_id"): "is renewed by the phone itself, without an entry",
}
"""Columns that a mark does not cover."""
ADDED = {
    *(("sale", "ledger_id"), ("sale", "seq")),
    ("activation", "reason"),
    *(("card", "batch"), ("card", "batch_index"), ("card", "act")),
}
"""Columns that came when there were marks already: one counts from when it says something."""
KEYS = {"request": 2, "identifier": 2, "assignment": 4}
"""How many columns say which row it is, where none is ever written twice."""
FORGOTTEN = "re"
"""How marks of rows begin that are forgotten in time: requests."""
KEY_CHARS, ROW_CHARS = 14, 16
_KEY_BYTES, _ROW_BYTES = 9, 12
_ENCODER = msgspec.json.Encoder()


def marks(change: Change) -> tuple[str, ...]:
    """Return the marks of a change's rows, in their order, for its entry."""
    written = (mark(KEPT[type(row)].table, values_of(row)) for row in change.rows if _marked(row))
    gone = (
        _key_mark(KEPT[one.kind].table, one.key)
        for one in change.gone
        if KEPT[one.kind].table not in EXEMPT
    )
    return (*written, *gone)


def values_of(row: KeptRow) -> tuple[Any, ...]:
    """Return the columns of a row, which its fields are, in order."""
    values = astuple(row)
    if isinstance(row, SaleRow):  # a database takes the text of a state, not our enum
        values = values[0], row.state.value, *values[2:]
    return values[: len(TABLES[KEPT[type(row)].table].names)]


def mark(table: str, values: Sequence[Any]) -> str:
    """Return the mark of a row as it stands in ``table``."""
    covered = [values[place] for place, always in _COVERED[table] if always or values[place]]
    key = values[: KEYS.get(table, TABLES[table].keys)]
    return _key_mark(table, key) + _hash([table, *covered], _ROW_BYTES)


def _covered(table: str) -> tuple[tuple[int, bool], ...]:
    """Return the places of the columns that a mark covers, and whether it does so always."""
    names = enumerate(TABLES[table].names)
    return tuple(
        (place, (table, name) not in ADDED) for place, name in names if (table, name) not in FREE
    )


_COVERED = {kept.table: _covered(kept.table) for kept in KEPT.values()}


def _key_mark(table: str, key: Sequence[Any]) -> str:
    return table[:2] + _hash([table, *key], _KEY_BYTES)


def _marked(row: KeptRow) -> bool:
    return KEPT[type(row)].table not in EXEMPT


def _hash(values: list[Any], size: int) -> str:
    digest = hashlib.sha256(_ENCODER.encode(values)).digest()
    return b2a_base64(digest[:size], newline=False).decode("ascii")


def questions() -> Iterator[tuple[str, str]]:
    """Yield each table with marks, and the SELECT of its rows."""
    for kept in KEPT.values():
        if kept.table not in EXEMPT:
            names = ", ".join(TABLES[kept.table].names)
            yield kept.table, f"SELECT {names} FROM {kept.table}"
