"""Members of statuses, issued codes, when which programme came into force; whose card it is."""

from alembic import op

revision = "0011"
down_revision = "0010"

TABLES = """
CREATE TABLE member (
  account TEXT NOT NULL,
  status TEXT NOT NULL,
  state TEXT NOT NULL,
  due BIGINT NOT NULL,
  listed TEXT NOT NULL,
  PRIMARY KEY (account, status)
);
CREATE INDEX member_by_due ON member (due);
CREATE INDEX member_by_list ON member (status, listed, account) WHERE listed <> '';
CREATE TABLE code (
  code TEXT PRIMARY KEY,
  campaign TEXT NOT NULL,
  account TEXT NOT NULL,
  ref TEXT NOT NULL,
  first_day BIGINT NOT NULL,
  last_day BIGINT NOT NULL,
  uses BIGINT NOT NULL,
  state TEXT NOT NULL
);
CREATE INDEX code_by_campaign ON code (campaign);
CREATE INDEX code_by_ref ON code (ref);
CREATE TABLE activation (
  at TEXT NOT NULL,
  version TEXT NOT NULL,
  source TEXT NOT NULL,
  number BIGINT NOT NULL,
  PRIMARY KEY (at, version)
);
CREATE INDEX lot_by_expiry ON lot (expires);
CREATE INDEX sale_by_account ON sale (account);
CREATE INDEX request_by_time ON request (at);
ALTER TABLE card ADD COLUMN issuer TEXT NOT NULL DEFAULT ''
"""


def upgrade() -> None:
    """Make the tables, the indexes and the column."""
    for statement in TABLES.split(";"):
        op.execute(statement)
