"""What reports read: a fact a sale, and sums of them. Entries of before are folded in later.

It takes long where there are millions of sales, so a till does it beside its work.
"""

from alembic import op

revision = "0015"
down_revision = "0014"

AMOUNTS = ("list_total", "discount", "net", "paid", "burned", "earned", "cost", "cost_net")
CHANGES = f"""
CREATE TABLE fact (
  day BIGINT NOT NULL,
  ledger_id TEXT NOT NULL,
  seq BIGINT NOT NULL,
  minute BIGINT NOT NULL,
  kind TEXT NOT NULL,
  sale_id TEXT NOT NULL,
  account TEXT NOT NULL,
  card_id TEXT NOT NULL,
  store TEXT NOT NULL,
  terminal TEXT NOT NULL,
  cashier TEXT NOT NULL,
  visits BIGINT NOT NULL,
  {"".join(f"{name} BIGINT NOT NULL, " for name in AMOUNTS)}
  flags BIGINT NOT NULL,
  statuses TEXT NOT NULL,
  issuer TEXT NOT NULL,
  partner TEXT NOT NULL,
  employee TEXT NOT NULL,
  PRIMARY KEY (day, ledger_id, seq)
) WITHOUT ROWID;
CREATE INDEX fact_by_account ON fact (account, day);
CREATE TABLE month_sum (
  month BIGINT NOT NULL,
  account TEXT NOT NULL,
  partner TEXT NOT NULL,
  employee TEXT NOT NULL,
  sales BIGINT NOT NULL,
  visits BIGINT NOT NULL,
  {"".join(f"{name} BIGINT NOT NULL, " for name in AMOUNTS)}
  first_day BIGINT NOT NULL,
  last_day BIGINT NOT NULL,
  PRIMARY KEY (month, account, partner, employee)
) WITHOUT ROWID;
CREATE TABLE day_sum (
  day BIGINT NOT NULL,
  store TEXT NOT NULL,
  terminal TEXT NOT NULL,
  cashier TEXT NOT NULL,
  rule TEXT NOT NULL,
  n BIGINT NOT NULL,
  list_total BIGINT NOT NULL,
  discount BIGINT NOT NULL,
  net BIGINT NOT NULL,
  PRIMARY KEY (day, store, terminal, cashier, rule)
) WITHOUT ROWID;
CREATE TABLE account_sum (
  account TEXT PRIMARY KEY,
  first_day BIGINT NOT NULL,
  last_day BIGINT NOT NULL,
  visits BIGINT NOT NULL,
  net BIGINT NOT NULL,
  paid BIGINT NOT NULL,
  discount BIGINT NOT NULL,
  standing_bp BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX account_sum_by_last_day ON account_sum (last_day);
CREATE TABLE fold (
  ledger_id TEXT PRIMARY KEY,
  done BIGINT NOT NULL,
  upto BIGINT NOT NULL
);
INSERT INTO fold (ledger_id, done, upto)
  SELECT ledger_id, 0, max(seq) FROM entry GROUP BY ledger_id
"""


def upgrade() -> None:
    """Make the tables, and note which entries have no facts yet."""
    # Reports read days in their order: on SQLite the rows lie in it only without a rowid.
    elsewhere = op.get_bind().dialect.name != "sqlite"
    for statement in CHANGES.split(";"):
        op.execute(statement.replace(" WITHOUT ROWID", "") if elsewhere else statement)
