"""The ledger on PostgreSQL: one database for many tills, each with a chain of its own. Plain SQL.

Which ledger a till writes stands in ``ledger.id`` beside its configuration, made at the first
start. It names a chain and holds no state: a lost file begins a new chain, a copied one is refused
while the other till is connected. Connect directly: the claim on a chain lasts as long as the
session, which a pooler between would share out.

A group reads in one REPEATABLE READ snapshot, and PostgreSQL fails the group that comes second to a
row that both write (StoreConflictError, to be run again). The second run lets no other till write
meanwhile: nobody loses twice.

Two groups may each read what the other writes, and write no row in common:

    till 1    spent on tea 0: 10 % off the coffee    writes "spent on coffee"
    till 2    spent on coffee 0: 10 % off the tea    writes "spent on tea"

So whoever writes also writes one row of each account that was read for it (``batch.TURN``).
"""

import re
import secrets
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from psycopg import errors
from psycopg.sql import SQL, Identifier
from psycopg.types.json import set_json_loads

from daemon.base.ids import NO_ACCOUNT, LedgerId
from daemon.base.regular_files import read_text_file
from daemon.ledger.entries import GENESIS_HASH as GENESIS
from daemon.ledger.lots import Lot, PurseLots
from daemon.ledger.status_moves import states_of
from daemon.ledger.storage import backup_files
from daemon.ledger.storage import postgres_sql as sql
from daemon.ledger.storage.answered import ANSWERED_SUFFIX, Answered, AnsweredFile
from daemon.ledger.storage.batch import Batch, Rows
from daemon.ledger.storage.postgres_line import (
    EXCHANGE_S,
    Watchdog,
    connected,
    dump,
    pause,
    settings_of,
    text_of,
)
from daemon.ledger.storage.queries import HEAD, SALE_WIDTH, Question, R, sale_row, understood
from daemon.ledger.storage.rows import CardRow, CodeRow, MemberRow, RequestRow
from daemon.ledger.storage.schema import check_version, is_behind
from daemon.ledger.storage.sql_store import SQLStore
from daemon.ledger.storage.store import (
    LIFE,
    NO_IDENTIFIER,
    OutcomeUnknownError,
    Reads,
    StorageFullError,
    StoreConflictError,
    StoreError,
    View,
)

GROUP_TIME_S = 10
"""After this the server (17 or newer) drops a till that stopped in a group, and its locks."""

VACUUM_S = 3_600.0
"""How long the tables may take to be cleared."""
ANEW_BYTES = 64 * 1024 * 1024
"""A table up to this is written anew when somebody was erased: for a second nobody reads it."""
ANEW_LIMIT = b"SET lock_timeout = '500ms'"
WARNINGS_MAX = 16
"""Notices of one exchange that are kept; the newest count."""
_SYNC_CANCELLED = "01000"
"""What warns that a COMMIT no longer waits for a standby: the server was asked to cancel it."""
_FIRST_ONE_WINS = (errors.SerializationFailure, errors.DeadlockDetected, errors.UniqueViolation)
_LEDGER_ID = re.compile(r"[0-9a-f]{16}")


class PostgresStore(SQLStore):
    """One connection, made again when it was lost. ``home`` holds ``ledger.id``.

    A read-only connection without that file has no ``ledger_id``: it is "".
    """

    overwrites_beside = True

    def __init__(
        self, location: str, home: Path, *, read_only: bool = False, limit_s: float = EXCHANGE_S
    ) -> None:
        self._settings = settings_of(location)
        self._read_only = read_only
        self._waiting: list[sql.Statement] = []
        self._head: tuple[int, bytes] | None = None
        self._in_group = self._alone = self.in_doubt = False
        self._warnings: deque[str | None] = deque(maxlen=WARNINGS_MAX)
        self._answered_file = AnsweredFile(home / f"ledger{ANSWERED_SUFFIX}")
        with ExitStack() as opened:
            self._watchdog = Watchdog(limit_s)
            opened.callback(self._watchdog.close)
            if not read_only:
                _migrate(self._settings, self._watchdog)
            self.ledger_id = _own_ledger(home, make=not read_only)
            self.answered = self._answered_file.read()
            if self.answered is not None and self.answered.ledger_id != self.ledger_id:
                self.answered = None  # ledger.id was deleted, to begin another chain
            self._connect()
            opened.callback(lambda: self._db.close())
            if not read_only:
                opened.callback(self._answered_file.close)
                self._open_answered()
            self._opened = opened.pop_all()

    def _connect(self) -> None:
        with _pausing(), _said(), ExitStack() as opened:
            self._db = connected(self._settings, self._watchdog, read_only=self._read_only)
            opened.callback(self._db.close)
            # Its fields are gone with the answer that brought it.
            self._db.add_notice_handler(lambda heard: self._warnings.append(heard.sqlstate))
            set_json_loads(msgspec.json.decode, self._db)
            with self._watchdog.over(self._db):
                check_version(_version(self._db), "This database")
                self._db.execute(sql.DURABLE)
                if not self._read_only:
                    self._db.execute(sql.LIMIT_GROUPS, (f"{GROUP_TIME_S}s",))
                    self._claim()
            if not self._read_only:
                self._check_answered("This database")
            opened.pop_all()
        # The claim has waited for the session before it to end: what it committed is seen now.
        self._head, self.in_doubt = None, False

    def _claim(self) -> None:
        try:
            # Waits: after a lost line the server may not have noticed yet that the old one ended.
            self._db.execute(sql.CLAIM, (self.ledger_id,))
        except errors.LockNotAvailable as error:
            raise StoreError(
                f"Ledger {self.ledger_id} is being written by another tillcard on this server."
                " If this till's files were copied from another one, delete ledger.id here."
            ) from error
        self._db.execute(sql.NEW_LEDGER, (self.ledger_id,))

    # A group.

    def begin(self) -> None:
        """Start the transaction of a group, after connecting again if need be."""
        assert not self._in_group
        if self._db.closed:
            self._connect()
        if not self._read_only:
            if self._head is None:
                self._head = self.ask_one(HEAD, self.ledger_id) or (0, GENESIS)
            self._batch = Batch(self.ledger_id, self._head)
            self._before_job = self._batch.mark()
        self._in_group = True
        self._waiting = [(sql.BEGIN, ())]
        if not self._read_only:
            self._waiting.append((sql.ALONE if self._alone else sql.TOGETHER, ()))

    def commit(self) -> None:
        """Make the group durable: what it wrote and COMMIT leave together."""
        assert self._batch is not None
        self._waiting += sql.write(self._batch.take())
        self._warnings.clear()
        with self._translated(lost=OutcomeUnknownError), self._db.pipeline():
            for statement, values in self._waiting:
                self._db.execute(statement, values, prepare=True)
            self._db.execute("COMMIT")
        if _SYNC_CANCELLED in self._warnings:  # committed here, and may be lost with this server
            self._db.close()
            self.in_doubt = True
            raise OutcomeUnknownError("PostgreSQL: COMMIT was told not to wait for a standby")
        self._head, self._alone = self._batch.head, False
        self._keep_answered(self._head)
        self._end()

    def rollback(self) -> None:
        """Drop the group; harmless when the connection is gone and has taken it along."""
        self._head = None
        self._end()
        if not self._db.closed and self._db.info.transaction_status:
            with self._translated(lost=StoreError):
                self._db.execute("ROLLBACK")

    def _end(self) -> None:
        self._batch, self._in_group = None, False
        self._waiting = []

    def _send(self, rows: Rows) -> None:
        self._waiting += sql.write(rows)

    # Reading.

    def _view(self, reads: Reads, request: tuple[str, str]) -> View:
        counters, sale_id = list(reads.counters), reads.sale_id
        accounts, card_named = list(reads.accounts), _card_named(reads)
        windows = (reads.meters_of, *_by_column(reads.windows))
        known = (reads.profile_of, reads.members_of, sale_id if reads.with_codes else "")
        values = (accounts, accounts, counters, *windows, *known, *request, sale_id, *card_named)
        [row] = self._fetch(sql.VIEW, values, send=False)  # all in one round trip
        content, answer, at, *rest = row
        sale, figures = rest[:SALE_WIDTH], rest[SALE_WIDTH:]
        balances, lots, counted, sums, profile, members, codes, *card = figures
        found, its = _purses(balances, lots), card[1] or NO_ACCOUNT
        # Whoever only reads takes no turn.
        if self._batch is not None:
            self._rests_on |= reads.of(its).of_accounts
        return View(
            request=RequestRow(*request, content, answer, at) if at else None,
            sale=sale_row(*sale) if sale[0] else None,
            purses={account: found.get(account, {}) for account in reads.of(its).accounts},
            counters=dict(counted or ()),
            meters=dict(sums or ()),
            profile=profile or b"",
            members=states_of(MemberRow(*member) for member in members or ()),
            codes=tuple(CodeRow(*code) for code in codes or ()),
            card=CardRow(*card) if card[0] else None,
        )

    def _rows(self, question: Question[R], *values: str | int | bytes) -> list[R]:
        if any(isinstance(value, str) and "\0" in value for value in values):
            return []  # PostgreSQL keeps no such text, so no row has it
        statement = question.text.replace("%", "%%").replace("?", "%s").encode()
        return understood(question, self._fetch(statement, values, send=False))

    def overwrite(self, bytes_max: int) -> bool:
        """Let PostgreSQL clear the tables that people are erased from, beside what others write.

        Short ones are written anew. Of others the rows are gone; what their pages still hold
        PostgreSQL writes over as it fills them, and its own log when it is recycled.
        """
        # A session of its own: that of the till ends whatever takes longer than a group may.
        with (
            closing(Watchdog(VACUUM_S)) as watchdog,
            _said(),
            closing(connected(self._settings, watchdog)) as db,
            watchdog.over(db),
        ):
            for table, size in db.execute(sql.SIZES, (sql.PERSONAL,)).fetchall():
                _clear(db, table, whole=size <= min(bytes_max, ANEW_BYTES))
        return True

    def backup(self, file: Path) -> list[Answered]:
        """Dump the database by pg_dump as of one snapshot, while tills write; return its heads."""
        part = backup_files.begin(file)
        self.begin()
        try:
            [(snapshot,)] = self._fetch(b"SELECT pg_export_snapshot()")
            heads = self.heads()
            dump(self._settings, snapshot, part)
            backup_files.settle(part, file)
        finally:
            part.unlink(missing_ok=True)
            self.rollback()
        return heads

    @property
    def exchange_limit_s(self) -> float:
        """How long one exchange with the server may take."""
        return self._watchdog.limit_s

    @exchange_limit_s.setter
    def exchange_limit_s(self, limit_s: float) -> None:
        self._watchdog.limit_s = limit_s

    def interrupt(self) -> None:
        """End the question that another thread is asking."""
        with suppress(psycopg.Error):  # the line is gone, and the question with it
            self._db.cancel_safe()

    def close(self) -> None:
        """Close the connection, and give up the claim on the chain."""
        self._opened.close()

    # The wire.

    def _fetch(
        self, statement: bytes, values: Sequence[Any] = (), *, send: bool = True
    ) -> list[Any]:
        """Read in one round trip, with what waits; outside a group, again after a lost line."""
        if send:
            self._send_earlier_jobs()
        if self._in_group:
            return self._ask(statement, values)
        if self._db.closed:
            self._connect()
        try:
            return self._ask(statement, values)
        except StoreConflictError:
            self._connect()
            return self._ask(statement, values)

    def _ask(self, statement: bytes, values: Sequence[Any]) -> list[Any]:
        with self._translated():
            if not self._waiting:
                cursor = self._db.execute(statement, values, prepare=True, binary=True)
                return cursor.fetchall()
            with self._db.pipeline():
                for before, its_values in self._waiting:
                    self._db.execute(before, its_values, prepare=True)
                cursor = self._db.execute(statement, values, prepare=True, binary=True)
            self._waiting = []
            return cursor.fetchall()

    def _stream(self, statement: str) -> Iterator[tuple[Any, ...]]:
        self._fetch(sql.NOTHING)  # so that what waits has gone
        with self._db.cursor(binary=True) as cursor:
            rows = cursor.stream(statement.encode())
            while True:
                with self._translated():  # each row is an exchange
                    row = next(rows, None)
                if row is None:
                    return
                yield row

    @contextmanager
    def _translated(self, *, lost: type[StoreError] = StoreConflictError) -> Iterator[None]:
        """Raise what the server says as a StoreError; ``lost`` where the line was lost."""
        try:
            with self._watchdog.over(self._db):
                yield
        except errors.DiskFull as error:
            raise StorageFullError(text_of(error)) from error
        except _FIRST_ONE_WINS as error:
            self._alone = True
            raise StoreConflictError(text_of(error)) from error
        except errors.DataError as error:  # one job's fault, for which the others must not pay
            raise StoreConflictError(text_of(error)) from error
        except psycopg.Error as error:
            if not self._db.closed:
                raise StoreError(f"PostgreSQL: {text_of(error)}") from error
            # A COMMIT may have arrived though its answer did not: that group is not run again
            # here. Whoever asked asks again, and finds the request if it was stored.
            self.in_doubt = self.in_doubt or lost is OutcomeUnknownError
            raise lost(f"PostgreSQL: {text_of(error)}") from error


def _clear(db: psycopg.Connection[Any], table: str, *, whole: bool) -> None:
    """Clear a table of rows that are gone; ``whole``: write it anew, unless somebody is at it.

    ANALYZE, because the server's statistics keep values of the table, too.
    """
    name = Identifier(table)
    try:
        if whole:
            db.execute(ANEW_LIMIT)
            db.execute(SQL("VACUUM (FULL, ANALYZE) {}").format(name))
            return
    except errors.LockNotAvailable:
        pass  # whoever asks for it would wait behind us
    db.execute(SQL("VACUUM (ANALYZE) {}").format(name))


@contextmanager
def _pausing() -> Iterator[None]:
    """Wait before another attempt where this one fails."""
    try:
        yield
    except StoreError:
        pause()
        raise


@contextmanager
def _said() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise StoreError(f"PostgreSQL: {text_of(error)}") from error


def _own_ledger(home: Path, *, make: bool) -> LedgerId:
    path = home / "ledger.id"
    if make and not path.exists():
        home.mkdir(parents=True, exist_ok=True)
        path.write_text(secrets.token_hex(8) + "\n", "ascii")
    if not path.exists():
        return LedgerId("")
    text = read_text_file(path, "utf-8", "replace").strip()
    if not _LEDGER_ID.fullmatch(text):
        raise StoreError(f"{path} is damaged: it holds 16 hex digits, the name of this ledger.")
    return LedgerId(text)


def _migrate(settings: dict[str, Any], watchdog: Watchdog) -> None:
    def connect() -> psycopg.Connection[Any]:
        return psycopg.connect(**settings)

    with _said(), connected(settings, watchdog) as db:
        with watchdog.over(db):
            db.execute("SELECT pg_advisory_lock(hashtextextended('tillcard schema', 0))")
            behind = is_behind(_version(db), "This database")
        if behind:
            from daemon.ledger.storage.migrations import upgrade  # slow to import and seldom needed

            upgrade("postgresql+psycopg://", connect)


def _version(db: psycopg.Connection[Any]) -> str:
    made = db.execute("SELECT to_regclass('alembic_version')").fetchone()
    if made is None or made[0] is None:
        return ""
    row = db.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else ""


def _card_named(reads: Reads) -> tuple[str, str, str]:
    unknown = any("\0" in text for text in reads.identifier)  # PostgreSQL keeps no such text
    return (*(NO_IDENTIFIER if unknown else reads.identifier), reads.card_id)


def _by_column(windows: Mapping[str, tuple[int, int] | None]) -> tuple[list[Any], ...]:
    days = [window or (LIFE, LIFE) for window in windows.values()]
    return [*windows], [first for first, _ in days], [last for _, last in days]


def _purses(
    balances: list[tuple[str, str, int, int]] | None,
    lots: list[tuple[str, str, int, int, int]] | None,
) -> dict[str, dict[str, PurseLots]]:
    kept: dict[tuple[str, str], list[Lot]] = {}
    for account, purse, *lot in lots or ():
        kept.setdefault((account, purse), []).append(Lot(*lot))
    purses: dict[str, dict[str, PurseLots]] = {}
    for account, purse, posted, held in balances or ():
        state = PurseLots(posted, held, tuple(kept.get((account, purse), ())))
        purses.setdefault(account, {})[purse] = state
    return purses
