"""Ten million facts in minutes: rows by `row_of`, and their sums by one statement a table.

The store's own groups write the same rows and sums, some 4,000 facts a second of which three years
take an hour. Here facts go into the file in the order of their days; the index and the sums are
made of them when all are there, so their pages are fuller than a till leaves them.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from rich.progress import track

from daemon.ledger.entries import FOREVER
from daemon.ledger.posted_facts import FIGURES
from daemon.ledger.storage.fact_tables import NEVER, month_of, row_of
from daemon.reports.period import first_day_of
from tests.bench.facts import drawn_facts

AT_ONCE = 100_000
_SUMS = ", ".join(f"sum({name})" for name in FIGURES)
_DAYS = (
    f"min(CASE WHEN kind = 'sale' THEN day ELSE {FOREVER} END),"
    f" max(CASE WHEN kind = 'sale' THEN day ELSE {NEVER} END)"
)
_MONTH = (
    f"INSERT INTO month_sum SELECT ?, account, partner, employee, sum(kind = 'sale'), sum(visits),"
    f" {_SUMS}, {_DAYS} FROM fact WHERE day BETWEEN ? AND ? AND account <> '' GROUP BY 2, 3, 4"
)
_DAY = (
    "INSERT INTO day_sum (day, store, terminal, cashier, rule, n, list_total, discount, net, cost,"
    " cost_net) SELECT day, store, terminal, cashier, ?, sum(visits), sum(list_total),"
    " sum(discount), sum(net), sum(cost), sum(cost_net) FROM fact GROUP BY 1, 2, 3, 4"
)
_ACCOUNT = (
    "INSERT INTO account_sum SELECT account, min(first_day), max(last_day), sum(visits), sum(net),"
    " sum(paid), sum(discount), -1 FROM month_sum GROUP BY 1"
)


def lay_facts(path: Path, wanted: int, since: int = 0) -> None:
    """Write drawn facts from the day ``since`` (ordinal) on into a new ledger's file."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous = OFF")
        db.execute("DROP INDEX fact_by_account")
        rows = (row_of(*placed) for placed in drawn_facts(wanted))
        kept = (row for row in rows if row[0] >= since)
        for some in track(_groups(kept), "writing facts", total=wanted // AT_ONCE):
            places = ", ".join("?" * len(some[0]))
            db.execute("BEGIN")
            db.executemany(f"INSERT INTO fact VALUES ({places})", some)
            db.execute("COMMIT")
        db.execute("CREATE INDEX fact_by_account ON fact (account, day)")
        _add_sums(db)


def _groups(rows: Iterator[Any]) -> Iterator[list[Any]]:
    while some := list(islice(rows, AT_ONCE)):
        yield some


def _add_sums(db: sqlite3.Connection) -> None:
    first, last = db.execute("SELECT min(day), max(day) FROM fact").fetchone()
    db.execute("BEGIN")
    for month in range(month_of(first), month_of(last) + 1):
        db.execute(_MONTH, (month, first_day_of(month), first_day_of(month + 1) - 1))
    for rule in ("", "club"):  # each drawn fact has its whole discount by this rule
        db.execute(_DAY, (rule,))
    db.execute(_ACCOUNT)
    db.execute("COMMIT")
