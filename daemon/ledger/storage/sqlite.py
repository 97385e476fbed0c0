"""The ledger on SQLite: write-ahead log, ``synchronous=FULL``, plain SQL."""

import secrets
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from daemon.base.ids import NO_ACCOUNT, AccountId, LedgerId
from daemon.ledger.entries import GENESIS_HASH as GENESIS
from daemon.ledger.lots import Lot, PurseLots
from daemon.ledger.status_moves import states_of
from daemon.ledger.storage import backup_files
from daemon.ledger.storage.answered import ANSWERED_SUFFIX, Answered, AnsweredFile
from daemon.ledger.storage.batch import Batch, Rows
from daemon.ledger.storage.inserts import DELETED_BY, TABLES
from daemon.ledger.storage.queries import (
    CARD,
    CARD_BY_IDENTIFIER,
    CODES_OF,
    CUSTOMER,
    HEAD,
    MEMBERS_OF,
    REQUEST,
    SALE,
    Question,
    R,
    understood,
)
from daemon.ledger.storage.rows import CardRow
from daemon.ledger.storage.sql_store import SQLStore
from daemon.ledger.storage.sqlite_file import (
    CHECKED_AT_ONCE_BYTES,
    CheckBeside,
    OpenedFiles,
    Translated,
    check,
    claimed_whole,
    connected,
    fold_log_in,
    is_device_fault,
    quick_check,
    wrong_types,
)
from daemon.ledger.storage.store import (
    LIFE,
    NO_IDENTIFIER,
    NO_REQUEST,
    LedgerDamagedError,
    Reads,
    StoreError,
    View,
)

_INSERTS = {
    name: f"INSERT INTO {name} ({', '.join(table.names)})"
    f" VALUES ({', '.join('?' * len(table.names))}) {table.conflict}"
    for name, table in TABLES.items()
}
_DELETES = {
    name: f"DELETE FROM {name} WHERE "
    + " AND ".join(f"{column} = ?" for column in TABLES[name].names[:count])
    for name, count in DELETED_BY.items()
}
_DROP_EMPTY_LOT = f"{_DELETES['lot']} AND amount = 0"
_DROP_REQUESTS = "DELETE FROM request WHERE at < ?"


class SQLiteStore(SQLStore):
    """One connection. ``read_only`` connections serve quotes while the writer syncs.

    trace: called with every SQL statement before it runs.
    """

    overwrites_beside = False
    # Whoever edits the file by hand may leave text where bytes were.
    ENTRIES = SQLStore.ENTRIES.replace("body, hash", "CAST(body AS BLOB), CAST(hash AS BLOB)")

    def __init__(
        self,
        path: Path,
        *,
        read_only: bool = False,
        trace: Callable[[str], None] | None = None,
        checked_bytes: int = CHECKED_AT_ONCE_BYTES,
    ) -> None:
        self._path = path = path.resolve()
        self._read_only, self._trace = read_only, trace
        self._answered_file = AnsweredFile(path.with_name(path.name + ANSWERED_SUFFIX))
        self.in_doubt = False
        self.exchange_limit_s = 0.0  # nothing is at the other end of a line
        self.check_beside: CheckBeside | None = None
        with ExitStack() as opened:
            if read_only:
                check(path)
            else:
                opened.enter_context(claimed_whole(path, ANSWERED_SUFFIX, checked_bytes))
            self.answered = self._answered_file.read()
            self._connect()
            opened.callback(lambda: self._db.close())
            self.ledger_id = self._own_ledger(read_only=read_only)
            if not read_only:
                opened.callback(self._answered_file.close)
                self._check_answered(str(path))
                self._open_answered()
                if path.stat().st_size > checked_bytes:
                    self.check_beside = CheckBeside(path)
                    opened.callback(self.check_beside.end)
            self._opened = opened.pop_all()

    def _connect(self) -> None:
        self._db = connected(self._path, read_only=self._read_only)
        self._db.set_trace_callback(self._trace)
        with Translated():
            self._db.execute("PRAGMA synchronous = FULL")
            if not self._read_only:
                self._db.execute("PRAGMA secure_delete = ON")  # what goes is zeros in its page
                self._db.execute("PRAGMA journal_mode = WAL")
                self._db.execute("SELECT 1 FROM ledger").fetchone()  # opens the log
        self._files = OpenedFiles(self._path)

    def _reopen(self) -> None:
        """Trust the disk again after it failed: from the file itself, whole, its log folded in.

        Until the log is gone a commit whose sync failed is there or not, as a kill decides.
        """
        self._db.close()
        self._connect()
        fold_log_in(self._db)
        self._files = OpenedFiles(self._path)  # the log is empty now
        quick_check(self._db)
        self.in_doubt = False

    def _own_ledger(self, *, read_only: bool) -> LedgerId:
        with Translated():
            row = self._db.execute("SELECT ledger_id FROM ledger WHERE own = 1").fetchone()
        if row is not None:
            return LedgerId(row[0])
        if read_only:
            raise StoreError(
                f"{self._path} has no ledger of its own; a start of the till makes it."
            )
        ledger_id = secrets.token_hex(8)
        with Translated():
            self._db.execute("INSERT INTO ledger (ledger_id, own) VALUES (?, 1)", (ledger_id,))
        return LedgerId(ledger_id)

    def begin(self) -> None:
        """Start the transaction of a group."""
        if self.in_doubt:
            self._reopen()
        if self._read_only:
            with Translated():
                self._db.execute("BEGIN")
            return
        self._files.check()
        if self.check_beside is not None and self.check_beside.damage:
            raise LedgerDamagedError(self.check_beside.damage)
        with self._device_watched():
            self._db.execute("BEGIN IMMEDIATE")
        head = self.ask_one(HEAD, self.ledger_id) or (0, GENESIS)
        self._batch = Batch(self.ledger_id, head)
        self._before_job = self._batch.mark()

    def commit(self) -> None:
        """Make the group durable: returns after the write-ahead log is synced."""
        head = None
        if self._batch is not None:
            head = self._batch.head
            self._send(self._batch.take())
        with self._device_watched(committing=True):
            self._db.execute("COMMIT")
        self._batch = None
        self._files.remember()
        if head is not None:
            self._keep_answered(head)

    def rollback(self) -> None:
        """Drop the group; harmless when SQLite has already done so by itself."""
        self._batch = None
        if self._db.in_transaction:
            with self._device_watched():
                self._db.execute("ROLLBACK")

    def _device_watched(self, *, committing: bool = False) -> Translated:
        return Translated(committing=committing, notice=self._notice)

    def _notice(self, error: StoreError) -> None:
        self.in_doubt = self.in_doubt or is_device_fault(error)

    def _send(self, rows: Rows) -> None:
        with self._device_watched():
            for table, statement in _INSERTS.items():
                if written := rows.written.get(table):
                    self._db.executemany(statement, written)
            for table, keys in rows.gone.items():
                self._db.executemany(_DELETES[table], keys)
            self._db.executemany(_DROP_EMPTY_LOT, rows.emptied)
            if rows.requests_before:
                self._db.execute(_DROP_REQUESTS, (rows.requests_before,))

    def _view(self, reads: Reads, request: tuple[str, str]) -> View:
        if self._db.in_transaction:
            with Translated():
                return self._looked_up(reads, request)
        # All as of one moment; and the file is locked for reading once, not for each SELECT.
        try:
            with Translated():
                self._db.execute("BEGIN")
                return self._looked_up(reads, request)
        finally:
            self.rollback()

    def _looked_up(self, reads: Reads, request: tuple[str, str]) -> View:
        card = self._card(reads) if reads.names_card else None
        if reads.names_card:
            reads = reads.of(card.account if card else NO_ACCOUNT)
        requests = _found(self._db, REQUEST, *request) if request != NO_REQUEST else []
        sales = _found(self._db, SALE, reads.sale_id) if reads.sale_id else []
        customers = _found(self._db, CUSTOMER, reads.profile_of) if reads.profile_of else []
        members = _found(self._db, MEMBERS_OF, reads.members_of) if reads.members_of else []
        return View(
            request=requests[0] if requests else None,
            sale=sales[0] if sales else None,
            purses={account: _purses(self._db, account) for account in reads.accounts},
            counters=_counters(self._db, reads.counters),
            meters=_sums(self._db, reads.meters_of, reads.windows),
            profile=customers[0].profile if customers else b"",
            members=states_of(members),
            codes=tuple(_found(self._db, CODES_OF, reads.sale_id)) if reads.with_codes else (),
            card=card,
        )

    def _card(self, reads: Reads) -> CardRow | None:
        cards: list[CardRow] = []
        if reads.identifier != NO_IDENTIFIER:
            cards = _found(self._db, CARD_BY_IDENTIFIER, *reads.identifier)
        if reads.card_id and not cards:
            cards = _found(self._db, CARD, reads.card_id)
        return cards[0] if cards else None

    def _rows(self, question: Question[R], *values: str | int | bytes) -> list[R]:
        with Translated():
            return _found(self._db, question, *values)

    def _stream(self, statement: str) -> Iterator[tuple[Any, ...]]:
        self._send_earlier_jobs()
        with Translated():
            yield from self._db.execute(statement)

    def overwrite(self, bytes_max: int) -> bool:
        """Write the file anew, and empty its log, unless it is longer than ``bytes_max``.

        ``secure_delete`` is not enough: when pages are filled anew, SQLite may leave a copy of a
        row behind that moved to another page.
        """
        assert not self._db.in_transaction
        if self.in_doubt:
            raise StoreError("what became of the newest entries is not known yet")
        self._files.check()
        is_short = self._path.stat().st_size <= bytes_max
        try:
            if is_short and self.check_beside is not None:
                self.check_beside.done.wait()  # it reads the file as it was
            if is_short:
                with self._device_watched():
                    self._db.execute("VACUUM")
        finally:  # there may be no room for it: then zeros in place of what was erased must do
            fold_log_in(self._db)
            self._files = OpenedFiles(self._path)  # the log is empty now, the file may be shorter
        return is_short

    def faults(self) -> list[str]:
        """Return what SQLite finds damaged: pages, indexes against their tables, types."""
        with Translated():
            rows = self._db.execute("PRAGMA integrity_check(20)")
            findings = [finding for (finding,) in rows]
            return wrong_types(self._db) if findings == ["ok"] else findings

    def backup(self, file: Path) -> list[Answered]:
        """Write a copy of the database as of one moment, while the till writes; return its heads.

        It is checked as it was written, and stands there whole or not at all.
        """
        part = backup_files.begin(file)
        try:
            with Translated(), closing(sqlite3.connect(part)) as copy:
                self._db.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")  # one file alone
                quick_check(copy)
            with closing(SQLiteStore(part, read_only=True)) as copied:
                heads = copied.heads()
            backup_files.settle(part, file)
        finally:
            part.unlink(missing_ok=True)
        return heads

    def interrupt(self) -> None:
        """End the question that another thread is asking."""
        self._db.interrupt()

    def close(self) -> None:
        """Close the connection."""
        self._opened.close()


def _found(db: sqlite3.Connection, question: Question[R], *values: str | int | bytes) -> list[R]:
    return understood(question, db.execute(question.text, values).fetchall())


def _purses(db: sqlite3.Connection, account: AccountId) -> dict[str, PurseLots]:
    lots: dict[str, list[Lot]] = {}
    for purse, *lot in db.execute(
        "SELECT purse, expires, usable_from, amount FROM lot WHERE account = ?"
        " ORDER BY purse, expires, usable_from",
        (account,),
    ):
        lots.setdefault(purse, []).append(Lot(*lot))
    balances = db.execute("SELECT purse, posted, held FROM balance WHERE account = ?", (account,))
    return {
        purse: PurseLots(posted, held, tuple(lots.get(purse, ())))
        for purse, posted, held in balances
    }


def _counters(db: sqlite3.Connection, keys: Iterable[str]) -> dict[str, int]:
    found = {}
    for key in keys:
        row = db.execute("SELECT amount FROM counter WHERE counter = ?", (key,)).fetchone()
        if row and row[0]:
            found[key] = int(row[0])
    return found


def _sums(
    db: sqlite3.Connection, account: str, windows: Mapping[str, tuple[int, int] | None]
) -> dict[str, int]:
    sums = {}
    for meter, window in windows.items():
        first, last = window or (LIFE, LIFE)
        row = db.execute(
            "SELECT coalesce(sum(amount), 0) FROM meter"
            " WHERE account = ? AND meter = ? AND day BETWEEN ? AND ?",
            (account, meter, first, last),
        ).fetchone()
        sums[meter] = int(row[0])
    return sums
