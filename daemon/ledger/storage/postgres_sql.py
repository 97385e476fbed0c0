"""What ``postgres`` says to the server: plain SQL text, and rows turned to arrays.

A whole group is written by one statement: a WITH of one INSERT for each
table, whose rows come as one array a column.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from daemon.ledger.storage.batch import Row, Rows
from daemon.ledger.storage.inserts import DELETED_BY, TABLES, Table
from daemon.ledger.storage.queries import CARD_COLUMNS, SALE_COLUMNS, SALE_ENTRY

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
SIZES = b"""
SELECT relname, pg_total_relation_size(oid) FROM pg_class WHERE relkind = 'r'
AND relnamespace = current_schema()::regnamespace AND relname = ANY (%s)
"""
PERSONAL = ["customer", "customer_key", "customer_private", "card", "phone", "pass_device"]
PERSONAL += ["act", "partner", "sale", "request", "customer_photo", "invite"]
PERSONAL += ["import_line", "import_key", "message", "occasion"]
"""Tables that people are erased from, or that have held what they said while it waited."""
CLAIM = b"SELECT pg_advisory_lock(hashtextextended('tillcard ledger ' || %s, 0))"
# It writes, where the ledger is there too, so that its COMMIT waits for a standby as sales do: what
# was committed without one before is safe, or this till does not start.
NEW_LEDGER = b"""
INSERT INTO ledger (ledger_id, own) VALUES (%s, 1) ON CONFLICT (ledger_id) DO UPDATE SET own = 1
"""

# The view's account is the one that is given, or in place of OF_CARD that of the card it names.
_OF_CARD = r"E'\x1a'"
_CARD_COLUMNS = ", ".join(f"c.{name}" for name in CARD_COLUMNS.split(", "))
_ACCOUNTS = f"array_replace(%s::text[], {_OF_CARD}, its.account)"


def _with_card(text: str) -> str:
    return f"replace({text}, {_OF_CARD}, its.account)"


VIEW = f"""
SELECT r.content, r.answer, r.at, {SALE_COLUMNS},
(SELECT json_agg(json_build_array(account, purse, posted, held))
 FROM balance WHERE account = ANY ({_ACCOUNTS})),
(SELECT json_agg(json_build_array(account, purse, expires, usable_from, amount)
                 ORDER BY account, purse, expires, usable_from)
 FROM lot WHERE account = ANY ({_ACCOUNTS}) AND amount <> 0),
(SELECT json_agg(json_build_array(counter, amount)) FROM counter
 WHERE counter = ANY (ARRAY(SELECT {_with_card("name")} FROM unnest(%s::text[]) AS name))
 AND amount <> 0),
(SELECT json_agg(json_build_array(w.meter, (
    SELECT coalesce(sum(m.amount), 0) FROM meter m
    WHERE m.account = {_with_card("%s")} AND m.meter = w.meter
    AND m.day BETWEEN w.first AND w.last)))
 FROM unnest(%s::text[], %s::integer[], %s::integer[]) AS w (meter, first, last)),
(SELECT profile FROM customer WHERE account = {_with_card("%s")}),
(SELECT json_agg(json_build_array(account, status, state, due, listed))
 FROM member WHERE account = {_with_card("%s")}),
(SELECT json_agg(json_build_array(
    code, campaign, account, ref, first_day, last_day, uses, state) ORDER BY code)
 FROM code WHERE ref = %s),
{_CARD_COLUMNS}
FROM (SELECT) AS one
LEFT JOIN request r ON r.method = %s AND r.request_id = %s
LEFT JOIN sale ON sale.sale_id = %s
{SALE_ENTRY}
LEFT JOIN card c ON c.card_id =
    coalesce((SELECT card_id FROM identifier WHERE scheme = %s AND value = %s), %s)
CROSS JOIN LATERAL (SELECT coalesce(c.account, '') AS account) AS its
""".encode()


def _insert(name: str, table: Table) -> str:
    """Return the INSERT that takes an array of each column."""
    rows = f"SELECT * FROM {_unnest(table.types)}"
    return f"INSERT INTO {name} ({', '.join(table.names)}) {rows} {table.conflict}"


def _delete(name: str, table: Table, condition: str = "") -> bytes:
    """Return the DELETE of rows by their keys, which takes an array of each of these columns."""
    count = DELETED_BY[name]
    keys = f"({', '.join(table.names[:count])})"
    of_these = f"{keys} IN (SELECT * FROM {_unnest(table.types[:count])})"
    return f"DELETE FROM {name} WHERE {of_these} {condition}".encode()


def _unnest(types: Sequence[str]) -> str:
    return f"unnest({', '.join(f'%s::{kind}[]' for kind in types)})"


_PARTS = {
    name: (table.types, f"{name}_rows AS ({_insert(name, table)})")
    for name, table in TABLES.items()
}
_DELETES = {name: _delete(name, TABLES[name]) for name in DELETED_BY}
_DROP_EMPTY_LOTS = _delete("lot", TABLES["lot"], "AND amount = 0")
_DROP_REQUESTS = b"DELETE FROM request WHERE at < %s"


def write(rows: Rows) -> Iterator[Statement]:
    """Yield what writes the rows of every table: one statement, and one each for what goes."""
    parts, values = [], []
    for name, (types, part) in _PARTS.items():
        if written := rows.written.get(name):
            parts.append(part)
            values += _arrays(types, written)
    if parts:
        yield f"WITH {', '.join(parts)} SELECT".encode(), values
    for name, keys in rows.gone.items():
        yield _DELETES[name], _keys(name, keys)
    if rows.emptied:
        yield _DROP_EMPTY_LOTS, _keys("lot", rows.emptied)
    if rows.requests_before:
        yield _DROP_REQUESTS, (rows.requests_before,)


def _keys(name: str, keys: Sequence[Row]) -> list[Any]:
    return _arrays(TABLES[name].types[: DELETED_BY[name]], keys)


def _arrays(types: Sequence[str], rows: Sequence[Row]) -> list[Any]:
    # Numbers go as text: psycopg names an array's type by the largest number in it, and every
    # other type would be another statement to prepare.
    return [
        list(column) if kind in ("text", "bytea") else "{" + ",".join(map(str, column)) + "}"
        for kind, column in zip(types, zip(*rows, strict=True), strict=True)
    ]
