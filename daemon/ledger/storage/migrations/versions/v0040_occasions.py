"""What a till writes to customers by itself: each occasion of theirs once."""

from alembic import op

revision = "0040"
down_revision = "0039"

STATEMENTS = """
CREATE TABLE occasion (
  name TEXT NOT NULL,
  account TEXT NOT NULL,
  occasion TEXT NOT NULL,
  day BIGINT NOT NULL,
  mailing TEXT NOT NULL,
  PRIMARY KEY (name, account, occasion)
);
CREATE INDEX occasion_by_account ON occasion (account) WHERE account <> '';
CREATE INDEX occasion_by_mailing ON occasion (mailing, account) WHERE mailing <> '';
CREATE INDEX occasion_by_day ON occasion (day)
"""


def upgrade() -> None:
    """Make the table and its indexes."""
    for statement in STATEMENTS.split(";"):
        op.execute(statement)
