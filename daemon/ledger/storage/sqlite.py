"""The ledger on SQLite: write-ahead log, ``synchronous=FULL``, plain SQL."""

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path

from daemon.base.ids import AccountId, LedgerId
from daemon.ledger.entries import GENESIS_HASH as GENESIS
from daemon.ledger.entries import ChainedEntry
from daemon.ledger.lots import Lot, PurseLots
from daemon.ledger.storage.batch import Batch, Rows
from daemon.ledger.storage.inserts import CACHED, TABLES
from daemon.ledger.storage.queries import HEAD, REQUEST, SALE, Question, R
from daemon.ledger.storage.sql_store import SQLStore
from daemon.ledger.storage.sqlite_file import check, claimed, connected, migrate, translated
from daemon.ledger.storage.store import LIFE, NO_REQUEST, Reads, View

_INSERTS = {
    name: f"INSERT INTO {name} ({', '.join(table.names)})"
    f" VALUES ({', '.join('?' * len(table.names))}) {table.conflict}"
    for name, table in TABLES.items()
}
_DELETES = {
    name: f"DELETE FROM {name} WHERE "
    + " AND ".join(f"{column} = ?" for column in table.names[: table.keys])
    for name, table in TABLES.items()
}
_DROP_EMPTY_LOT = f"{_DELETES['lot']} AND amount = 0"
_DROP_REQUESTS = "DELETE FROM request WHERE at < ?"


class SQLiteStore(SQLStore):
    """One connection. ``read_only`` connections serve quotes while the writer syncs.

    trace: called with every SQL statement before it runs.
    """

    def __init__(
        self, path: Path, *, read_only: bool = False, trace: Callable[[str], None] | None = None
    ) -> None:
        self._read_only = read_only
        with ExitStack() as opened:
            if read_only:
                check(path)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                opened.enter_context(claimed(path))
                migrate(path)
            self._db = opened.enter_context(closing(connected(path, read_only=read_only)))
            self._db.set_trace_callback(trace)
            with translated():
                self._db.execute("PRAGMA synchronous = FULL")
                if not read_only:
                    self._db.execute("PRAGMA journal_mode = WAL")
                self.ledger_id = self._own_ledger(read_only=read_only)
            self._opened = opened.pop_all()

    def _own_ledger(self, *, read_only: bool) -> LedgerId:
        row = self._db.execute("SELECT ledger_id FROM ledger WHERE own = 1").fetchone()
        if row is not None:
            return LedgerId(row[0])
        assert not read_only, "a database is made by its writer"
        ledger_id = secrets.token_hex(8)
        self._db.execute("INSERT INTO ledger (ledger_id, own) VALUES (?, 1)", (ledger_id,))
        return LedgerId(ledger_id)

    def begin(self) -> None:
        """Start the transaction of a group."""
        with translated():
            self._db.execute("BEGIN" if self._read_only else "BEGIN IMMEDIATE")
        if not self._read_only:
            head = self.ask_one(HEAD, self.ledger_id) or (0, GENESIS)
            self._batch = Batch(self.ledger_id, head)
            self._before_job = self._batch.mark()

    def commit(self) -> None:
        """Make the group durable: returns after the write-ahead log is synced."""
        if self._batch is not None:
            self._send(self._batch.take())
        with translated():
            self._db.execute("COMMIT")
        self._batch = None

    def rollback(self) -> None:
        """Drop the group; harmless when SQLite has already done so by itself."""
        self._batch = None
        if self._db.in_transaction:
            with translated():
                self._db.execute("ROLLBACK")

    def _send(self, rows: Rows) -> None:
        with translated():
            for table, statement in _INSERTS.items():
                if written := rows.written.get(table):
                    self._db.executemany(statement, written)
            for table, keys in rows.gone.items():
                self._db.executemany(_DELETES[table], keys)
            self._db.executemany(_DROP_EMPTY_LOT, rows.emptied)
            if rows.requests_before:
                self._db.execute(_DROP_REQUESTS, (rows.requests_before,))

    def _view(self, reads: Reads, request: tuple[str, str]) -> View:
        requests = self._rows(REQUEST, *request) if request != NO_REQUEST else []
        sales = self._rows(SALE, reads.sale_id) if reads.sale_id else []
        return View(
            request=requests[0] if requests else None,
            sale=sales[0] if sales else None,
            purses={account: self._purses(account) for account in reads.accounts},
            counters=self._counters(reads.counters),
        )

    def purses(self, account: AccountId) -> dict[str, PurseLots]:
        """Return the account's purses."""
        self._send_earlier_jobs()
        return self._purses(account)

    def _purses(self, account: AccountId) -> dict[str, PurseLots]:
        with translated():
            lots: dict[str, list[Lot]] = {}
            for purse, *lot in self._db.execute(
                "SELECT purse, expires, usable_from, amount FROM lot WHERE account = ?"
                " ORDER BY purse, expires, usable_from",
                (account,),
            ):
                lots.setdefault(purse, []).append(Lot(*lot))
            balances = self._db.execute(
                "SELECT purse, posted, held FROM balance WHERE account = ?", (account,)
            )
            return {
                purse: PurseLots(posted, held, tuple(lots.get(purse, ())))
                for purse, posted, held in balances
            }

    def meters(
        self, account: AccountId, windows: Mapping[str, tuple[int, int] | None]
    ) -> dict[str, int]:
        """Sum meters over windows of local days, first and last included; None is for ever."""
        self._send_earlier_jobs()
        sums = {}
        with translated():
            for meter, window in windows.items():
                first, last = window or (LIFE, LIFE)
                row = self._db.execute(
                    "SELECT coalesce(sum(amount), 0) FROM meter"
                    " WHERE account = ? AND meter = ? AND day BETWEEN ? AND ?",
                    (account, meter, first, last),
                ).fetchone()
                sums[meter] = int(row[0])
        return sums

    def counters(self, keys: Iterable[str]) -> dict[str, int]:
        """Return the counters that are not zero."""
        self._send_earlier_jobs()
        return self._counters(keys)

    def _counters(self, keys: Iterable[str]) -> dict[str, int]:
        found = {}
        with translated():
            for key in keys:
                row = self._db.execute(
                    "SELECT amount FROM counter WHERE counter = ?", (key,)
                ).fetchone()
                if row and row[0]:
                    found[key] = int(row[0])
        return found

    def _rows(self, question: Question[R], *values: str | int | bytes) -> list[R]:
        with translated():
            return [question.row(*row) for row in self._db.execute(question.text, values)]

    def entries(self) -> Iterator[ChainedEntry]:
        """Yield every entry of every ledger here, by ledger and seq."""
        self._send_earlier_jobs()
        with translated():
            for row in self._db.execute(
                # Whoever edits the file by hand may leave text where bytes were.
                "SELECT ledger_id, seq, CAST(body AS BLOB), CAST(hash AS BLOB) FROM entry"
                " ORDER BY ledger_id, seq"
            ):
                yield ChainedEntry(*row)

    def cached(self) -> Iterator[tuple[str, tuple[str | int, ...], int]]:
        """Yield every cached figure as (table, key, value)."""
        self._send_earlier_jobs()
        with translated():
            for table, query in CACHED:
                for *key, value in self._db.execute(query):
                    yield table, tuple(key), value

    def close(self) -> None:
        """Close the connection."""
        self._opened.close()
