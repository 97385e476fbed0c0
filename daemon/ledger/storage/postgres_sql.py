"""What ``postgres`` says to the server: plain SQL text, and rows turned to arrays.

A whole group is written by one statement: a WITH of one INSERT for each
table, whose rows come as one array a column.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from daemon.ledger.storage.batch import Row
from daemon.ledger.storage.inserts import INSERTS, LOT_KEYS, Insert

Statement = tuple[bytes, Sequence[Any]]

BEGIN = b"BEGIN ISOLATION LEVEL REPEATABLE READ"
# Locking a table takes no snapshot, so the group that waited for ALONE sees what it waited for.
TOGETHER = b"LOCK TABLE ledger IN ROW EXCLUSIVE MODE"
ALONE = b"LOCK TABLE ledger IN SHARE ROW EXCLUSIVE MODE"
NOTHING = b"SELECT"
DURABLE = b"""
SELECT set_config('synchronous_commit', 'on', false)
WHERE current_setting('synchronous_commit') = 'off'
"""
LIMIT_GROUPS = b"""
SELECT set_config('transaction_timeout', %s, false)
WHERE current_setting('transaction_timeout', true) = '0'
"""
CLAIM = b"SELECT pg_advisory_lock(hashtextextended('tillcard ledger ' || %s, 0))"
NEW_LEDGER = b"INSERT INTO ledger (ledger_id, own) VALUES (%s, 1) ON CONFLICT DO NOTHING"

_PURSES = """
(SELECT json_agg(json_build_array(account, purse, posted, held))
 FROM balance WHERE account = ANY (%s::text[])),
(SELECT json_agg(json_build_array(account, purse, expires, usable_from, amount)
                 ORDER BY account, purse, expires, usable_from)
 FROM lot WHERE account = ANY (%s::text[]) AND amount <> 0)
"""
PURSES = f"SELECT {_PURSES}".encode()
VIEW = f"""
SELECT r.content, r.answer, r.at, s.state, s.account, s.until, s.body, {_PURSES},
(SELECT json_agg(json_build_array(counter, amount))
 FROM counter WHERE counter = ANY (%s::text[]) AND amount <> 0)
FROM (SELECT) AS one
LEFT JOIN request r ON r.method = %s AND r.request_id = %s
LEFT JOIN sale s ON s.sale_id = %s
""".encode()
METERS = b"""
SELECT w.meter, coalesce(sum(m.amount), 0)::bigint
FROM unnest(%s::text[], %s::integer[], %s::integer[]) AS w (meter, first, last)
LEFT JOIN meter m ON m.account = %s AND m.meter = w.meter AND m.day BETWEEN w.first AND w.last
GROUP BY w.meter
"""
COUNTERS = b"SELECT counter, amount FROM counter WHERE counter = ANY (%s::text[]) AND amount <> 0"
ENTRIES = b"SELECT ledger_id, seq, body, hash FROM entry ORDER BY ledger_id, seq"


def _insert(table: str, insert: Insert) -> str:
    """Return the INSERT that takes an array of each column."""
    arrays = ", ".join(f"%s::{kind}[]" for kind in insert.types)
    rows = f"SELECT * FROM unnest({arrays})"
    return f"INSERT INTO {table} ({', '.join(insert.names)}) {rows} {insert.conflict}"


_PARTS = {
    table: (insert.types, f"{table}_rows AS ({_insert(table, insert)})")
    for table, insert in INSERTS.items()
}
_DROP_EMPTY_LOTS = b"""
DELETE FROM lot WHERE amount = 0 AND (account, purse, expires, usable_from) IN
(SELECT * FROM unnest(%s::text[], %s::text[], %s::integer[], %s::integer[]))
"""
_DROP_REQUESTS = b"DELETE FROM request WHERE at < ANY (%s::text[])"
_DROP_DEVICES = b"""
DELETE FROM pass_device WHERE (device, card_id) IN (SELECT * FROM unnest(%s::text[], %s::text[]))
"""


def write(tables: Mapping[str, Sequence[Row]]) -> Iterator[Statement]:
    """Yield what writes the rows of every table: one statement, and one each for what goes."""
    parts, values = [], []
    for table, (types, part) in _PARTS.items():
        if rows := tables.get(table):
            parts.append(part)
            values += _arrays(types, rows)
    if parts:
        yield f"WITH {', '.join(parts)} SELECT".encode(), values
    if emptied := [row[:LOT_KEYS] for row in tables.get("lot", ()) if row[LOT_KEYS] <= 0]:
        yield _DROP_EMPTY_LOTS, _arrays(["text", "text", "integer", "integer"], emptied)
    if before := tables.get("request_gone"):
        yield _DROP_REQUESTS, _arrays(["text"], before)
    if gone := tables.get("pass_device_gone"):
        yield _DROP_DEVICES, _arrays(["text", "text"], gone)


def _arrays(types: Sequence[str], rows: Sequence[Row]) -> list[Any]:
    # Numbers go as text: psycopg names an array's type by the largest number in it, and every
    # other type would be another statement to prepare.
    return [
        list(column) if kind in ("text", "bytea") else "{" + ",".join(map(str, column)) + "}"
        for kind, column in zip(types, zip(*rows, strict=True), strict=True)
    ]
