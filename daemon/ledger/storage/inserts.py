"""The tables that a group writes, in the order in which every group locks their rows.

``name type`` of each column, account ids leading every key, and what an INSERT ends with: figures
add up, rows of which there is one replace each other, all else is written once.
"""

from typing import NamedTuple

from daemon.ledger.storage.rows import KEPT, replacing


class Insert(NamedTuple):
    """How rows go into a table. ``types`` are those of ``names``, the columns."""

    names: tuple[str, ...]
    types: tuple[str, ...]
    conflict: str


def _insert(columns: str, conflict: str = "") -> Insert:
    names, types = zip(*(column.split() for column in columns.split(", ")), strict=True)
    return Insert(names, types, conflict)


INSERTS: dict[str, Insert] = {
    "balance": _insert(
        "account text, purse text, posted bigint, held bigint",
        "ON CONFLICT (account, purse) DO UPDATE SET"
        " posted = balance.posted + excluded.posted, held = balance.held + excluded.held",
    ),
    "lot": _insert(
        "account text, purse text, expires integer, usable_from integer, amount bigint",
        "ON CONFLICT (account, purse, expires, usable_from)"
        " DO UPDATE SET amount = lot.amount + excluded.amount",
    ),
    "meter": _insert(
        "account text, meter text, day integer, amount bigint",
        "ON CONFLICT (account, meter, day) DO UPDATE SET amount = meter.amount + excluded.amount",
    ),
    "counter": _insert(
        "counter text, amount bigint",
        "ON CONFLICT (counter) DO UPDATE SET amount = counter.amount + excluded.amount",
    ),
    "sale": _insert(
        "sale_id text, state text, account text, until text, body bytea",
        "ON CONFLICT (sale_id) DO UPDATE SET"
        " state = excluded.state, until = excluded.until, body = excluded.body",
    ),
    "request": _insert("method text, request_id text, content bytea, answer bytea, at text"),
    "card": _insert(
        "card_id text, account text, state text, kind text, number text, ean13 text,"
        " token_hash bytea, until text, issuer text",
        "ON CONFLICT (card_id) DO UPDATE SET account = excluded.account, state = excluded.state,"
        " token_hash = excluded.token_hash, until = excluded.until",
    ),
    "identifier": _insert("scheme text, value text, card_id text"),
    "customer": _insert(
        "account text, profile bytea",
        "ON CONFLICT (account) DO UPDATE SET profile = excluded.profile",
    ),
    "phone": _insert(
        "card_id text, number text, generation bigint, last_step bigint, key_id bigint",
        "ON CONFLICT (card_id) DO UPDATE SET number = excluded.number,"
        " generation = excluded.generation, last_step = excluded.last_step,"
        " key_id = excluded.key_id",
    ),
    "pass_device": _insert(
        "device text, card_id text, push_token text",
        "ON CONFLICT (device, card_id) DO UPDATE SET push_token = excluded.push_token",
    ),
    "chip": _insert(
        "uid text, seq bigint, txid text, balance bigint, speaks text, alarm text",
        "ON CONFLICT (uid) DO UPDATE SET seq = excluded.seq, txid = excluded.txid,"
        " balance = excluded.balance, speaks = excluded.speaks, alarm = excluded.alarm",
    ),
    **{table.name: _insert(", ".join(table.columns), replacing(table)) for table in KEPT.values()},
    "programme": _insert("version text, text text", "ON CONFLICT DO NOTHING"),
    "entry": _insert(
        "ledger_id text, seq bigint, account text, at text, body bytea, hash bytea",
    ),
    "outbox": _insert("ledger_id text, seq bigint"),
    "posting": _insert(
        "account text, purse text, ledger_id text, seq bigint, leg integer, amount bigint",
    ),
}
LOT_KEYS = 4
"""How many columns of a lot say which one it is."""
CACHED = (
    ("balance", "SELECT account, purse, 'posted', posted FROM balance"),
    ("balance", "SELECT account, purse, 'held', held FROM balance"),
    ("lot", "SELECT account, purse, expires, usable_from, amount FROM lot"),
    ("meter", "SELECT account, meter, day, amount FROM meter"),
    ("counter", "SELECT counter, amount FROM counter"),
    ("posting", "SELECT ledger_id, seq, leg, account, purse, amount FROM posting"),
)
"""The figures that follow from the entries, each as its key and its value last: for the audit."""
