"""Customers' own codes, and who was brought by whom: what profiles say, the other way round."""

import json

import sqlalchemy
from alembic import op

revision = "0028"
down_revision = "0027"

CHANGES = """
CREATE TABLE invite (
  code TEXT PRIMARY KEY,
  campaign TEXT NOT NULL,
  account TEXT NOT NULL
);
CREATE INDEX invite_by_account ON invite (account, code);
CREATE TABLE friend (
  account TEXT PRIMARY KEY,
  referrer TEXT NOT NULL,
  at TEXT NOT NULL
);
CREATE INDEX friend_by_referrer ON friend (referrer, at, account)
"""
SAYS_ONE = b'"referrer":"'


def upgrade() -> None:
    """Make the tables; write down whom profiles name."""
    for statement in CHANGES.split(";"):
        op.execute(statement)
    db = op.get_bind()
    insert = sqlalchemy.text("INSERT INTO friend VALUES (:account, :referrer, '')")
    for account, profile in db.execute(sqlalchemy.text("SELECT account, profile FROM customer")):
        if SAYS_ONE in bytes(profile) and (referrer := json.loads(profile)["referrer"]):
            db.execute(insert, {"account": account, "referrer": referrer})
