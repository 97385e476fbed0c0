"""Questionnaires, consents, and what customers are found by; who is there already is found, too."""

import json
import unicodedata
from collections.abc import Iterator

from alembic import op
from sqlalchemy import text

revision = "0017"
down_revision = "0016"

TABLES = """
CREATE TABLE questionnaire (
  number BIGINT PRIMARY KEY,
  version TEXT NOT NULL,
  text TEXT NOT NULL,
  at TEXT NOT NULL,
  operator TEXT NOT NULL
);
CREATE TABLE consent (
  account TEXT NOT NULL,
  purpose TEXT NOT NULL,
  channel TEXT NOT NULL,
  given BIGINT NOT NULL,
  at TEXT NOT NULL,
  source TEXT NOT NULL,
  operator TEXT NOT NULL,
  text_version TEXT NOT NULL,
  language TEXT NOT NULL,
  PRIMARY KEY (account, purpose, channel)
);
CREATE TABLE customer_key (
  kind TEXT NOT NULL,
  value TEXT{bytewise} NOT NULL,
  account TEXT NOT NULL,
  PRIMARY KEY (kind, value, account)
){rowless};
CREATE INDEX customer_key_by_account ON customer_key (account, kind, value);
CREATE TABLE customer_private (
  account TEXT PRIMARY KEY,
  answers {bytes} NOT NULL
)
"""
PAGE = 1_000


def upgrade() -> None:
    """Make the tables, and the keys of the customers that there are."""
    db = op.get_bind()
    is_postgres = db.dialect.name == "postgresql"
    # Beginnings of words are found in the order of bytes, which SQLite keeps anyway.
    words = {
        "rowless": "" if is_postgres else " WITHOUT ROWID",
        "bytewise": ' COLLATE "C"' if is_postgres else "",
        "bytes": "BYTEA" if is_postgres else "BLOB",
    }
    for statement in TABLES.format(**words).split(";"):
        op.execute(statement)
    page, after = text("SELECT account, profile FROM customer WHERE account > :after"
                       f" ORDER BY account LIMIT {PAGE}"), ""  # fmt: skip
    insert = text(
        "INSERT INTO customer_key (kind, value, account) VALUES (:kind, :value, :account)"
    )
    while rows := db.execute(page, {"after": after}).fetchall():
        keys = [
            {"kind": kind, "value": value, "account": account}
            for account, profile in rows
            for kind, value in _keys(bytes(profile))
        ]
        if keys:
            db.execute(insert, keys)
        after = rows[-1][0]


def _keys(profile: bytes) -> set[tuple[str, str]]:
    try:
        known = json.loads(profile) if profile else {}
    except ValueError:
        return set()  # what a newer tillcard wrote is found by the one that wrote it
    digits = "".join(char for char in known.get("phone", "") if char in "0123456789")
    keys = {("word", word) for word in _words(known.get("name", ""))}
    keys |= {("phone", digits[::-1])} if digits else set()
    return keys | ({("email", known["email"].lower())} if known.get("email") else set())


APOSTROPHES = str.maketrans(
    dict.fromkeys("'`\u00b4\u2019\u2018\u02bc\u02b9\u2032")
    | {"ł": "l", "Ł": "l", "ø": "o", "Ø": "o", "đ": "d", "Đ": "d"}
)


def _words(name: str) -> Iterator[str]:
    plain = unicodedata.normalize("NFKD", name.translate(APOSTROPHES)).casefold()
    plain = "".join(char for char in plain if unicodedata.category(char) != "Mn")
    yield from "".join(char if char.isalnum() else " " for char in plain).split()
