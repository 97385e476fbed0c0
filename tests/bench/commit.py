"""What a commit costs beside the disk and the database that it cannot do without.

``python -m tests.bench.commit``. One client: how far a commit on SQLite lies above one sync of the
same disk. Sixteen clients: sales a second through the whole ledger (queue, decision, hash chain,
JSON) beside a bare loop that has everything decided beforehand and only executes the statements,
sixteen sales to a transaction. Rounds alternate, so that whatever else the machine does meets both
alike; ratios count, not figures. Exit status 1 when a limit is missed.
"""

import asyncio
import os
import sqlite3
import statistics
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import msgspec
import psycopg

from daemon.base.ids import LedgerId
from daemon.ledger import sales
from daemon.ledger.entries import GENESIS_HASH
from daemon.ledger.ledger import Ledger
from daemon.ledger.sale_records import Sale
from daemon.ledger.storage import postgres_sql
from daemon.ledger.storage.batch import Batch, Rows
from daemon.ledger.storage.inserts import TABLES
from daemon.ledger.storage.registry import open_store
from daemon.ledger.storage.rows import RequestRow
from daemon.ledger.storage.store import View
from tests.stores.hand_made import AT, commit, made_sale, open_ledger
from tests.support.postgres import running_server

CLIENTS = 16
ACCOUNTS, LINES = 500, 5
ROUNDS, SALES_A_ROUND, SINGLES_A_ROUND = 15, 320, 20
ABOVE_SYNC_MS_MAX = 1.0
RATIO_MIN = 0.5
PAGE = bytes(4_096)
WARM_UP = 64

BareGroup = Callable[[list[tuple[Sale, Rows]]], None]

SQLITE_READS = (
    "SELECT method, request_id, content, answer, at FROM request"
    " WHERE method = 'sale.commit' AND request_id = :sale",
    "SELECT sale.*, entry.body FROM sale LEFT JOIN entry ON entry.ledger_id = sale.ledger_id"
    " AND entry.seq = sale.seq WHERE sale_id = :sale",
    "SELECT purse, expires, usable_from, amount FROM lot WHERE account = :account"
    " ORDER BY purse, expires, usable_from",
    "SELECT purse, posted, held FROM balance WHERE account = :account",
)


def new_sales() -> Callable[[int], list[Sale]]:
    """Return a till: ask it for the next so many sales."""
    numbers = count()
    return lambda wanted: [
        made_sale(f"s{n}", f"a{n % ACCOUNTS}", earn=24, lines=LINES)
        for n, _ in zip(numbers, range(wanted), strict=False)
    ]


class Bare:
    """The loop without a ledger: all is decided, encoded and hashed before its clock starts."""

    def __init__(self, write_group: BareGroup) -> None:
        self._batch = Batch(LedgerId("bare"), (0, GENESIS_HASH))
        self._next_sales = new_sales()
        self._write_group = write_group

    def round_s(self, wanted: int) -> float:
        """Return the seconds for so many sales."""
        decided = [(sale, self._rows(sale)) for sale in self._next_sales(wanted)]
        begun = perf_counter()
        for first in range(0, wanted, CLIENTS):
            self._write_group(decided[first : first + CLIENTS])
        return perf_counter() - begun

    def _rows(self, sale: Sale) -> Rows:
        nothing = View(request=None, sale=None, purses={}, counters={})
        decision = sales.commit(nothing, sale)
        request = RequestRow("sale.commit", sale.sale_id, bytes(32), b'{"replayed":false}', AT)
        change = decision.change
        self._batch.add(msgspec.structs.replace(change, rows=(*change.rows, request)))
        return self._batch.take()


def bare_sqlite(path: Path) -> BareGroup:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA synchronous = FULL")

    def write_group(group: list[tuple[Sale, Rows]]) -> None:
        db.execute("BEGIN IMMEDIATE")
        for sale, rows in group:
            db.execute("SAVEPOINT job")
            for query in SQLITE_READS:
                db.execute(query, {"sale": sale.sale_id, "account": sale.account}).fetchall()
            for table, written in rows.written.items():
                columns, conflict = TABLES[table].names, TABLES[table].conflict
                places = ", ".join("?" * len(columns))
                db.executemany(
                    f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places}) {conflict}",
                    written,
                )
            db.execute("RELEASE job")
        db.execute("COMMIT")

    return write_group


def bare_postgres(address: str) -> BareGroup:
    db = psycopg.connect(address, autocommit=True)

    def write_group(group: list[tuple[Sale, Rows]]) -> None:
        db.execute(postgres_sql.BEGIN)
        db.execute(postgres_sql.TOGETHER)
        for sale, rows in group:
            figures: list[Any] = [[sale.account], [sale.account], [], "", [], [], [], "", "", ""]
            values = [*figures, "sale.commit", sale.sale_id, sale.sale_id, "", "", ""]
            db.execute(postgres_sql.VIEW, values, prepare=True, binary=True).fetchall()
            for statement, arrays in postgres_sql.write(rows):
                db.execute(statement, arrays, prepare=True)
        db.execute("COMMIT")

    return write_group


async def clients_s(ledger: Ledger, wanted: list[Sale]) -> float:
    """Return the seconds in which CLIENTS clients commit the sales, each one after the other."""
    waiting = iter(wanted)

    async def client() -> None:
        for sale in waiting:
            await commit(ledger, sale)

    begun = perf_counter()
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return perf_counter() - begun


def sync_s(file: int) -> float:
    os.write(file, PAGE)
    begun = perf_counter()
    os.fdatasync(file)
    return perf_counter() - begun


async def commit_s(ledger: Ledger, sale: Sale) -> float:
    begun = perf_counter()
    await commit(ledger, sale)
    return perf_counter() - begun


async def one_client(ledger: Ledger, folder: Path, next_sales: Callable[[int], list[Sale]]) -> bool:
    """Compare single commits with single syncs, taken in turns."""
    file = os.open(folder / "synced", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    syncs, commits = [], []
    for sale in next_sales(ROUNDS * SINGLES_A_ROUND):
        syncs.append(sync_s(file))
        commits.append(await commit_s(ledger, sale))
    os.close(file)
    sync_ms, commit_ms = (1_000 * statistics.median(times) for times in (syncs, commits))
    above_ms = commit_ms - sync_ms
    print(f"one commit on SQLite: p50 {commit_ms:.2f} ms, a sync {sync_ms:.2f} ms:", end=" ")
    return judge(f"{above_ms:.2f} ms above", above_ms <= ABOVE_SYNC_MS_MAX)


async def sixteen_clients(
    name: str, ledger: Ledger, bare: Bare, next_sales: Callable[[int], list[Sale]]
) -> bool:
    """Compare sales a second, the ledger's with the bare loop's."""
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(SALES_A_ROUND / await clients_s(ledger, next_sales(SALES_A_ROUND)))
        theirs.append(SALES_A_ROUND / bare.round_s(SALES_A_ROUND))
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    print(
        f"{CLIENTS} clients on {name}: {statistics.median(ours):,.0f} sales/s,"
        f" bare {statistics.median(theirs):,.0f}:",
        end=" ",
    )
    return judge(f"{ratio:.2f} of the bare loop", ratio >= RATIO_MIN)


def judge(said: str, holds: bool) -> bool:
    print(said, "" if holds else "MISSED")
    return holds


async def sqlite(folder: Path) -> list[bool]:
    next_sales = new_sales()
    (alone := folder / "alone").mkdir()  # a folder has one ledger
    open_store("bare.db", alone).close()
    bare = Bare(bare_sqlite(alone / "bare.db"))
    writing, reading = (open_store("l.db", folder, read_only=only) for only in (False, True))
    async with open_ledger(writing, reading) as ledger:
        await clients_s(ledger, next_sales(WARM_UP))
        bare.round_s(WARM_UP)
        return [
            await one_client(ledger, folder, next_sales),
            await sixteen_clients("SQLite", ledger, bare, next_sales),
        ]


async def postgres(folder: Path) -> list[bool]:
    next_sales = new_sales()
    with running_server(durable=True) as server:
        bare_address, address = server.new_database(), server.new_database()
        open_store(bare_address, folder / "bare").close()
        bare = Bare(bare_postgres(bare_address))
        writing = open_store(address, folder)
        async with open_ledger(writing, open_store(address, folder, read_only=True)) as ledger:
            await clients_s(ledger, next_sales(WARM_UP))
            bare.round_s(WARM_UP)
            return [await sixteen_clients("PostgreSQL", ledger, bare, next_sales)]


def main() -> int:
    """Run both comparisons; return the exit status."""
    with TemporaryDirectory() as folder:
        held = asyncio.run(sqlite(Path(folder))) + asyncio.run(postgres(Path(folder)))
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
