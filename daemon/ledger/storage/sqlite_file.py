"""The file of a SQLite ledger: its one writer, its schema, and what its errors mean to us.

SQLite trusts that nobody touches its files behind its back; a shop's machine does not promise
that. A file that was moved away, replaced by an older copy or unlinked is still open here: SQLite
would go on writing to what no path leads to, and every sale would be lost at the next start. So
`OpenedFiles` remembers which files were opened, by inode, and each group looks again. Nor does a
file or its log ever get shorter while the till runs: what was cut off one was written by the till.
"""

import fcntl
import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from daemon.ledger.storage.schema import check_version, is_behind
from daemon.ledger.storage.store import (
    LedgerDamagedError,
    OutcomeUnknownError,
    StorageFullError,
    StoreConflictError,
    StoreError,
)

_BUSY_TIMEOUT_MS = 5_000
CHECKED_AT_ONCE_BYTES = 16 * 1024 * 1024
"""A larger file is looked through while the till is open already: a million sales take 7 s."""
_INTERRUPT_AGAIN_S = 0.05
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_PRIMARY = 0xFF
"""What is left of an extended error code is the kind. Source: sqlite.org/rescode.html."""
_TYPES = {
    "TEXT": "text",
    "VARCHAR": "text",
    "INTEGER": "integer",
    "BIGINT": "integer",
    "BLOB": "blob",
    "BYTEA": "blob",
}
"""What SQLite calls the type of a value in a column that was declared so."""
_LOG = logging.getLogger(__name__)


class Translated(AbstractContextManager[None]):
    """Raises what SQLite raises as a StoreError.

    A sale enters it 22 times, and a generator would take four times as long each time.
    """

    def __init__(
        self, *, committing: bool = False, notice: Callable[[StoreError], None] | None = None
    ) -> None:
        """Set up what is raised.

        committing: the statement is COMMIT. It has written frames that end in a commit before it
                    fails, unless the disk was full: a sync that failed may be whole after a kill.
        notice:     told of the error before it is raised.
        """
        self._committing = committing
        self._notice = notice

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Raise in place of ``error`` what it means to us, if it is SQLite's."""
        if error is None or (meant := _meant(error, committing=self._committing)) is None:
            return
        meant.__cause__ = error
        if self._notice is not None:
            self._notice(meant)
        raise meant


def _meant(error: BaseException, *, committing: bool) -> StoreError | None:
    match error:
        case sqlite3.IntegrityError():
            return StoreConflictError(str(error))
        case sqlite3.Error():
            return _failure(error, committing=committing)
        case UnicodeDecodeError():  # SQLite quotes what it found, and it is no text
            return LedgerDamagedError("The ledger's file is damaged: it holds bytes for text.")
        case _:
            return None


def _failure(error: sqlite3.Error, *, committing: bool) -> StoreError:
    code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
    if code == sqlite3.SQLITE_FULL:
        return StorageFullError(str(error))
    if committing:
        return OutcomeUnknownError(str(error))
    if code in _DAMAGED:
        return LedgerDamagedError(f"The ledger's file is damaged: {error}.")
    return StoreError(str(error))


def is_device_fault(error: StoreError) -> bool:
    """Whether the disk failed, after which nothing that SQLite has in memory is trusted."""
    cause = error.__cause__
    code = getattr(cause, "sqlite_errorcode", 0) & _PRIMARY
    return code == sqlite3.SQLITE_IOERR or isinstance(error, OutcomeUnknownError)


@contextmanager
def claimed(path: Path) -> Iterator[None]:
    """Be the one writer: lock ``<path>.lock``, which any end of the process frees.

    path: resolved, so that every name of the file leads to one lock; a hard link would have a
          lock, and a log, of its own, and is refused.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        lock = os.open(path.with_name(path.name + ".lock"), flags, 0o666)
    except OSError as error:
        raise StoreError(f"{path} cannot be claimed: {error.strerror}.") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise StoreError(
            f"{path} is being written by another tillcard. Stop that one, or give this one a"
            " ledger of its own."
        ) from error
    finally:
        os.close(lock)


def connected(path: Path, *, read_only: bool) -> sqlite3.Connection:
    """Connect to a file that is there. Transactions are begun by hand."""
    with Translated():
        return sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=_BUSY_TIMEOUT_MS / 1000,
        )


class OpenedFiles:
    """Which files a connection has open: the database and its log."""

    def __init__(self, path: Path) -> None:
        self._seen = {name: _seen(name) for name in (str(path), f"{path}-wal")}

    def check(self) -> None:
        """Raise LedgerDamagedError unless the paths still lead to them."""
        for path, before in self._seen.items():
            now = _seen(path)
            if now.inode != before.inode:
                raise LedgerDamagedError(
                    f"{path} was moved, removed or replaced while the till runs. Stop the till,"
                    " bring back the file and start again."
                )
            if now.size < before.size:
                raise LedgerDamagedError(
                    f"{path} was cut off while the till runs: {before.size - now.size} bytes are"
                    " missing. Stop the till and bring back a backup."
                )

    def remember(self) -> None:
        """Remember how long they have become: what was committed is in them."""
        for path, before in self._seen.items():
            size = max(_seen(path).size, before.size)
            self._seen[path] = before._replace(size=size)


class _Seen(NamedTuple):
    inode: tuple[int, int]
    size: int


def _seen(path: str) -> _Seen:
    """Look at a file; one that is not there is no inode's and has no bytes."""
    try:
        found = os.stat(path)
    except OSError:
        return _Seen((0, 0), 0)
    return _Seen((found.st_dev, found.st_ino), found.st_size)


def check(path: Path) -> None:
    """Check a file that is only read. Raises StoreError unless it is a ledger of this schema."""
    if not path.exists():
        raise StoreError(f"There is no ledger at {path}.")
    check_version(_version(path), str(path))


def check_wanted(path: Path, answered_suffix: str) -> None:
    """Refuse to make a ledger where this till has had one: its name is mistyped, or it is lost."""
    if path.exists():
        return
    for answered in sorted(path.parent.glob("*" + answered_suffix)):
        raise StoreError(
            f"There is no ledger at {path}, but this till has answered from"
            f" {answered.name.removesuffix(answered_suffix)}, which lies or lay beside it. Correct"
            f" ledger in the configuration or bring the file back; to begin a new ledger all the"
            f" same, delete {answered}."
        )


def check_one_name(path: Path) -> None:
    """Raise StoreError for a file that another till could write under another name."""
    if path.stat().st_nlink > 1:
        raise StoreError(
            f"{path} has a second name (a hard link), under which another till could write it."
            " Remove one of them."
        )


def check_whole(path: Path) -> None:
    """Raise LedgerDamagedError for a file that no till may sell into."""
    with Translated(), closing(connected(path, read_only=False)) as db:
        quick_check(db)


def fold_log_in(db: sqlite3.Connection) -> None:
    """Bring the log into the file and cut it off. Raises StoreError while somebody reads it."""
    with Translated():
        busy, *_ = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise StoreError("the log is being read and cannot be folded in yet")


def quick_check(db: sqlite3.Connection) -> None:
    """Raise LedgerDamagedError unless SQLite finds the file whole."""
    with Translated():
        [found] = db.execute("PRAGMA quick_check(1)").fetchone()
        faults = [found] if found != "ok" else wrong_types(db)
    if faults:
        raise LedgerDamagedError(f"The ledger's file is damaged: {faults[0]}. Bring back a backup.")


def wrong_types(db: sqlite3.Connection) -> list[str]:
    """Return where a value is not of its column's type: SQLite keeps any type anywhere."""
    tables = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return [fault for (table,) in tables for fault in _wrong_types_in(db, str(table))]


def _wrong_types_in(db: sqlite3.Connection, table: str) -> list[str]:
    """One walk through a table, whatever version made it."""
    info = db.execute("SELECT name, type FROM pragma_table_info(?)", (table,))
    typed = {name: _TYPES.get(declared.upper().partition("(")[0]) for name, declared in info}
    known = {name: kind for name, kind in typed.items() if kind}
    if not known:
        return []
    wrong = (f"total(typeof(\"{name}\") NOT IN ('{kind}', 'null'))" for name, kind in known.items())
    counts = db.execute(f'SELECT {", ".join(wrong)} FROM "{table}"').fetchone()
    return [
        f"{table}.{name} has another type than {kind} in {int(count)} rows"
        for (name, kind), count in zip(known.items(), counts, strict=True)
        if count
    ]


class CheckBeside:
    """Looks through a file in a thread of its own, while a till sells into it.

    damage: what it found, or "". done: set at its end.
    """

    def __init__(self, path: Path) -> None:
        self.damage = ""
        self.done = threading.Event()
        self._db = connected(path, read_only=True)
        self._thread = threading.Thread(target=self._look, name="ledger-check", daemon=True)
        self._thread.start()

    def _look(self) -> None:
        try:
            quick_check(self._db)
        except LedgerDamagedError as error:
            self.damage = str(error)
        except StoreError as error:  # it was ended before its time, or cannot be read now
            _LOG.info("the ledger was not looked through: %s", error)
        finally:
            self._db.close()
            self.done.set()

    def end(self) -> None:
        """Give it up, unless it has ended."""
        while self._thread.is_alive():  # an interrupt between two statements stops neither
            with suppress(sqlite3.ProgrammingError):  # it is closed already
                self._db.interrupt()
            self._thread.join(_INTERRUPT_AGAIN_S)


@contextmanager
def claimed_whole(path: Path, answered_suffix: str, checked_bytes: int) -> Iterator[None]:
    """Be the one writer of a file of this version's schema.

    It is whole, or longer than ``checked_bytes``, and then nobody has looked yet.
    """
    check_wanted(path, answered_suffix)
    path.parent.mkdir(parents=True, exist_ok=True)
    with claimed(path):
        if path.is_file():
            check_one_name(path)
            if path.stat().st_size <= checked_bytes:
                check_whole(path)
        migrate(path)
        yield


def migrate(path: Path) -> None:
    """Bring the database file to this version's schema, making it if it is not there."""
    if is_behind(_version(path), str(path)):
        from daemon.ledger.storage.migrations import upgrade  # slow to import and seldom needed

        # Not by an address: a file's name may hold what means something there.
        upgrade("sqlite://", lambda: sqlite3.connect(path, check_same_thread=False))


def _version(path: Path) -> str:
    if path.exists() and not path.is_file():
        raise StoreError(f"{path} is no ledger: it is not a regular file.")
    try:
        with closing(sqlite3.connect(path)) as db:
            named = "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"
            if db.execute(named).fetchone() is None:
                return ""
            row = db.execute("SELECT version_num FROM alembic_version").fetchone()
            return str(row[0]) if row else ""
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise StoreError(f"{path} is no ledger that can be opened: {error}.") from error
