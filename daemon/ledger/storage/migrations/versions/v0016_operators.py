"""Operators: who works in the shop, as what, and what proves that it is them."""

from alembic import op

revision = "0016"
down_revision = "0015"

CHANGES = """
CREATE TABLE operator (
  key TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  stores TEXT NOT NULL,
  state TEXT NOT NULL,
  language TEXT NOT NULL,
  password TEXT NOT NULL,
  pin TEXT NOT NULL,
  totp TEXT NOT NULL,
  account TEXT NOT NULL,
  created_at TEXT NOT NULL
);
CREATE INDEX operator_by_account ON operator (account) WHERE account <> ''
"""


def upgrade() -> None:
    """Make the table."""
    for statement in CHANGES.split(";"):
        op.execute(statement)
