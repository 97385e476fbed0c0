"""What ``daemon.ledger.postgres`` says to the server: plain SQL text, and rows turned to arrays.

Account ids lead every key. A whole group is written by one statement: a WITH of one INSERT for each
table, whose rows come as one array a column.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from daemon.ledger.batch import Row
from daemon.ledger.rows import KEPT, replacing

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
HEAD = b"SELECT seq, hash FROM entry WHERE ledger_id = %s ORDER BY seq DESC LIMIT 1"

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
SALE = b"SELECT sale_id, state, account, until, body FROM sale WHERE sale_id = %s"
REQUEST = b"""
SELECT method, request_id, content, answer, at FROM request WHERE method = %s AND request_id = %s
"""
EXPIRED_HOLDS = b"""
SELECT sale_id, state, account, until, body FROM sale
WHERE until <> '' AND until <= %s ORDER BY until LIMIT %s
"""
CARD = b"""
SELECT card_id, account, state, kind, number, ean13, token_hash, until, issuer
FROM card WHERE card_id = %s
"""
CARD_BY_IDENTIFIER = CARD.replace(
    b"= %s", b"= (SELECT card_id FROM identifier WHERE scheme = %s AND value = %s)"
)
CARD_BY_TOKEN = CARD.replace(b"card_id = %s", b"token_hash = %s")
DEVICE_CARDS = CARD.replace(
    b"= %s", b"IN (SELECT card_id FROM pass_device WHERE device = %s) ORDER BY card_id"
)
UNSETTLED = b"""
SELECT sale_id, state, account, until, body FROM sale
WHERE state IN ('intent', 'unknown', 'void_pending') AND account = coalesce(%s, account)
ORDER BY sale_id
"""
CHIP = b"SELECT uid, seq, txid, balance, speaks, alarm FROM chip WHERE uid = %s"
UNSENT_BURNS = b"""
SELECT coalesce(sum(p.amount), 0)::bigint FROM outbox o JOIN posting p USING (ledger_id, seq)
WHERE o.ledger_id = %s AND p.account = %s AND p.purse = %s AND p.amount > 0
"""
PHONE = b"""
SELECT card_id, number, generation, last_step, key_id FROM phone WHERE card_id = %s
"""
DEVICES = b"""
SELECT device, card_id, push_token FROM pass_device WHERE card_id = %s ORDER BY device
"""
NEWEST_AT = b"SELECT at FROM entry WHERE ledger_id = %s ORDER BY seq DESC LIMIT 1"
CUSTOMER = b"SELECT account, profile FROM customer WHERE account = %s"
PROGRAMME = b"SELECT text FROM programme WHERE version = %s"
HISTORY = b"""
SELECT body FROM entry WHERE account = %s ORDER BY at DESC, ledger_id DESC, seq DESC LIMIT %s
"""
OUTBOX_DEPTH = b"SELECT count(*) FROM outbox"
ENTRIES = b"SELECT ledger_id, seq, body, hash FROM entry ORDER BY ledger_id, seq"
CACHED = (
    ("balance", b"SELECT account, purse, 'posted', posted FROM balance"),
    ("balance", b"SELECT account, purse, 'held', held FROM balance"),
    ("lot", b"SELECT account, purse, expires, usable_from, amount FROM lot"),
    ("meter", b"SELECT account, meter, day, amount FROM meter"),
    ("counter", b"SELECT counter, amount FROM counter"),
    ("posting", b"SELECT ledger_id, seq, leg, account, purse, amount FROM posting"),
)


def _insert(table: str, columns: str, conflict: str = "") -> tuple[list[str], str]:
    """Return the columns' types and the INSERT that takes an array of each."""
    names, types = zip(*(column.split() for column in columns.split(", ")), strict=True)
    arrays = ", ".join(f"%s::{kind}[]" for kind in types)
    text = f"INSERT INTO {table} ({', '.join(names)}) SELECT * FROM unnest({arrays}) {conflict}"
    return list(types), text


# In the order in which every group locks them.
_INSERTS = {
    "balance": _insert(
        "balance",
        "account text, purse text, posted bigint, held bigint",
        "ON CONFLICT (account, purse) DO UPDATE SET"
        " posted = balance.posted + excluded.posted, held = balance.held + excluded.held",
    ),
    "lot": _insert(
        "lot",
        "account text, purse text, expires integer, usable_from integer, amount bigint",
        "ON CONFLICT (account, purse, expires, usable_from)"
        " DO UPDATE SET amount = lot.amount + excluded.amount",
    ),
    "meter": _insert(
        "meter",
        "account text, meter text, day integer, amount bigint",
        "ON CONFLICT (account, meter, day) DO UPDATE SET amount = meter.amount + excluded.amount",
    ),
    "counter": _insert(
        "counter",
        "counter text, amount bigint",
        "ON CONFLICT (counter) DO UPDATE SET amount = counter.amount + excluded.amount",
    ),
    "sale": _insert(
        "sale",
        "sale_id text, state text, account text, until text, body bytea",
        "ON CONFLICT (sale_id) DO UPDATE SET"
        " state = excluded.state, until = excluded.until, body = excluded.body",
    ),
    "request": _insert(
        "request", "method text, request_id text, content bytea, answer bytea, at text"
    ),
    "card": _insert(
        "card",
        "card_id text, account text, state text, kind text, number text, ean13 text,"
        " token_hash bytea, until text, issuer text",
        "ON CONFLICT (card_id) DO UPDATE SET account = excluded.account, state = excluded.state,"
        " token_hash = excluded.token_hash, until = excluded.until",
    ),
    "identifier": _insert("identifier", "scheme text, value text, card_id text"),
    "customer": _insert(
        "customer",
        "account text, profile bytea",
        "ON CONFLICT (account) DO UPDATE SET profile = excluded.profile",
    ),
    "phone": _insert(
        "phone",
        "card_id text, number text, generation bigint, last_step bigint, key_id bigint",
        "ON CONFLICT (card_id) DO UPDATE SET number = excluded.number,"
        " generation = excluded.generation, last_step = excluded.last_step,"
        " key_id = excluded.key_id",
    ),
    "pass_device": _insert(
        "pass_device",
        "device text, card_id text, push_token text",
        "ON CONFLICT (device, card_id) DO UPDATE SET push_token = excluded.push_token",
    ),
    "chip": _insert(
        "chip",
        "uid text, seq bigint, txid text, balance bigint, speaks text, alarm text",
        "ON CONFLICT (uid) DO UPDATE SET seq = excluded.seq, txid = excluded.txid,"
        " balance = excluded.balance, speaks = excluded.speaks, alarm = excluded.alarm",
    ),
    **{
        table.name: _insert(table.name, ", ".join(table.columns), replacing(table))
        for table in KEPT.values()
    },
    "programme": _insert("programme", "version text, text text", "ON CONFLICT DO NOTHING"),
    "entry": _insert(
        "entry", "ledger_id text, seq bigint, account text, at text, body bytea, hash bytea"
    ),
    "outbox": _insert("outbox", "ledger_id text, seq bigint"),
    "posting": _insert(
        "posting",
        "account text, purse text, ledger_id text, seq bigint, leg integer, amount bigint",
    ),
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
    for table, (types, text) in _INSERTS.items():
        if rows := tables.get(table):
            parts.append(f"{table}_rows AS ({text})")
            values += _arrays(types, rows)
    if parts:
        yield f"WITH {', '.join(parts)} SELECT".encode(), values
    if emptied := [row[:4] for row in tables.get("lot", ()) if row[4] < 0]:
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
