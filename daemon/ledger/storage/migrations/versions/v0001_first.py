"""The first schema: entries, and everything that indexes them."""

from alembic import op

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE ledger (
  ledger_id TEXT PRIMARY KEY,
  own INTEGER NOT NULL
);
CREATE TABLE entry (
  ledger_id TEXT NOT NULL,
  seq BIGINT NOT NULL,
  account TEXT NOT NULL,
  body BLOB NOT NULL,
  hash BLOB NOT NULL,
  PRIMARY KEY (ledger_id, seq)
);
CREATE INDEX entry_by_account ON entry (account, ledger_id, seq);
CREATE TABLE posting (
  account TEXT NOT NULL,
  purse TEXT NOT NULL,
  ledger_id TEXT NOT NULL,
  seq BIGINT NOT NULL,
  leg INTEGER NOT NULL,
  amount BIGINT NOT NULL,
  PRIMARY KEY (account, purse, ledger_id, seq, leg)
);
CREATE TABLE balance (
  account TEXT NOT NULL,
  purse TEXT NOT NULL,
  posted BIGINT NOT NULL,
  held BIGINT NOT NULL,
  PRIMARY KEY (account, purse)
);
CREATE TABLE lot (
  account TEXT NOT NULL,
  purse TEXT NOT NULL,
  expires INTEGER NOT NULL,
  usable_from INTEGER NOT NULL,
  amount BIGINT NOT NULL,
  PRIMARY KEY (account, purse, expires, usable_from)
);
CREATE TABLE meter (
  account TEXT NOT NULL,
  meter TEXT NOT NULL,
  day INTEGER NOT NULL,
  amount BIGINT NOT NULL,
  PRIMARY KEY (account, meter, day)
);
CREATE TABLE counter (
  counter TEXT PRIMARY KEY,
  amount BIGINT NOT NULL
);
CREATE TABLE request (
  method TEXT NOT NULL,
  request_id TEXT NOT NULL,
  content BLOB NOT NULL,
  answer BLOB NOT NULL,
  at TEXT NOT NULL,
  PRIMARY KEY (method, request_id)
);
CREATE TABLE sale (
  sale_id TEXT PRIMARY KEY,
  state TEXT NOT NULL,
  account TEXT NOT NULL,
  until TEXT NOT NULL,
  body BLOB NOT NULL
);
CREATE INDEX sale_held ON sale (until) WHERE until <> '';
CREATE TABLE card (
  card_id TEXT PRIMARY KEY,
  account TEXT NOT NULL,
  state TEXT NOT NULL,
  kind TEXT NOT NULL,
  number TEXT NOT NULL,
  ean13 TEXT NOT NULL,
  token_hash BLOB NOT NULL
);
CREATE INDEX card_by_account ON card (account);
CREATE UNIQUE INDEX card_by_token ON card (token_hash);
CREATE TABLE identifier (
  scheme TEXT NOT NULL,
  value TEXT NOT NULL,
  card_id TEXT NOT NULL,
  PRIMARY KEY (scheme, value)
);
CREATE TABLE customer (
  account TEXT PRIMARY KEY,
  profile BLOB NOT NULL
);
CREATE TABLE programme (
  version TEXT PRIMARY KEY,
  text TEXT NOT NULL
);
CREATE TABLE outbox (
  ledger_id TEXT NOT NULL,
  seq BIGINT NOT NULL,
  PRIMARY KEY (ledger_id, seq)
)
"""


def upgrade() -> None:
    """Make every table. ``BLOB`` is spelled ``BYTEA`` where the database says so."""
    text = TABLES
    if op.get_bind().dialect.name == "postgresql":
        text = text.replace("BLOB", "BYTEA")
    for statement in text.split(";"):
        op.execute(statement)
