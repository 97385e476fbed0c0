"""The line to a PostgreSQL server: every wait on it has an end, and nobody stands in between.

A server that hangs is not noticed by TCP: its kernel still acknowledges. So a thread beside each
connection shuts the socket down when one exchange takes too long; the thread that waits in libpq
gets an error then. It never cancels: a COMMIT that waits for a standby answers a cancel with
success, and a warning that nobody reads.
"""

import os
import secrets
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from daemon.ledger.storage.store import StoreError

CONNECT_TIMEOUT_S = 2
LOCK_WAIT_S = 5
"""How long a group, or a claim on a chain, waits for another till; longer is a StoreError."""
EXCHANGE_S = 8.0
"""How long one exchange with the server takes at most, COMMIT too; more than LOCK_WAIT_S."""
PAUSE_S = (0.2, 1.0)
"""After a connection that failed, before the next: a random while, so that tills do not come
back all at once."""
_TICKS = 8

# What the ledger's address does not say itself.
_SETTINGS: dict[str, str | int] = {
    "application_name": "tillcard",
    "connect_timeout": CONNECT_TIMEOUT_S,
    # A line that went dead is noticed within 15 s at either end.
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 15_000,
}
_OPTIONS = (
    "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=2"
    f" -c lock_timeout={LOCK_WAIT_S}s"
)


def settings_of(location: str) -> dict[str, Any]:
    """Return what to connect with. Raises StoreError for an address that is none."""
    try:
        settings = _SETTINGS | conninfo_to_dict(location)
    except psycopg.Error as error:
        raise StoreError(f"The ledger's address is wrong: {text_of(error)}") from error
    # The address goes last, so that it may say otherwise.
    return settings | {"options": f"{_OPTIONS} {settings.get('options', '')}".strip()}


def connected(
    settings: dict[str, Any], watchdog: "Watchdog", *, read_only: bool = False
) -> psycopg.Connection[Any]:
    """Connect, and make sure that it is the server's own session. Raises StoreError, psycopg.Error.

    A pooler that shares sessions out would leak settings and locks from one till to another, so
    the session must know a word that only its own start has said.
    """
    word = secrets.token_hex(8)
    options = f"{settings['options']} -c tillcard.session={word}"
    if read_only:
        options += " -c default_transaction_read_only=on"
    db: psycopg.Connection[Any] = psycopg.connect(
        **settings | {"options": options}, autocommit=True
    )
    try:
        with watchdog.over(db):
            session = db.execute("SELECT current_setting('tillcard.session', true)").fetchone()
        if session is None or session[0] != word:
            raise StoreError(
                "PostgreSQL: a pooler stands before this server. Connect directly: the claim on"
                " a ledger lasts as long as the session."
            )
    except BaseException:
        db.close()
        raise
    return db


def dump(settings: dict[str, Any], snapshot: str, file: Path) -> None:
    """Run pg_dump for ``pg_restore``. Raises StoreError with what it said."""
    address = make_conninfo(**{k: v for k, v in settings.items() if k != "password"})
    words = ["pg_dump", "--format=custom", f"--snapshot={snapshot}", f"--file={file}", address]
    # A password must not stand in the list of processes.
    password = {"PGPASSWORD": str(settings["password"])} if "password" in settings else {}
    try:
        done = subprocess.run(words, capture_output=True, env=os.environ | password, check=False)
    except OSError as error:
        raise StoreError(
            f"pg_dump cannot be run ({error.strerror}); install PostgreSQL's client programs."
        ) from error
    if done.returncode:
        complaint = " ".join(done.stderr.decode("utf-8", "replace").split())
        raise StoreError(f"pg_dump failed: {complaint}")


def pause() -> None:
    """Wait before the next attempt."""
    low, high = PAUSE_S
    threading.Event().wait(secrets.SystemRandom().uniform(low, high))


def text_of(error: psycopg.Error) -> str:
    """Return the error's text in one line."""
    return " ".join(str(error).split())


class Watchdog:
    """Cuts a connection whose exchange takes longer than ``limit_s``, within an eighth of it."""

    def __init__(self, limit_s: float = EXCHANGE_S) -> None:
        self.limit_s = limit_s
        self._exchange = 0
        """Odd while one is under way."""
        self._db: psycopg.Connection[Any] | None = None
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def over(self, db: psycopg.Connection[Any]) -> Iterator[None]:
        """Watch over one exchange with the server."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="ledger-line", daemon=True)
            self._thread.start()
        self._db = db
        self._exchange += 1
        try:
            yield
        finally:
            with self._lock:
                self._exchange += 1

    def close(self) -> None:
        """End the thread."""
        self._ended.set()

    def _watch(self) -> None:
        seen, ticks = 0, 0
        while not self._ended.wait(self.limit_s / _TICKS):
            exchange = self._exchange
            ticks = ticks + 1 if exchange == seen and exchange % 2 else 0
            seen = exchange
            if ticks >= _TICKS:
                self._cut(exchange)
                ticks = 0

    def _cut(self, exchange: int) -> None:
        with self._lock, suppress(OSError, psycopg.Error):
            if self._exchange == exchange and self._db is not None:
                with socket.socket(fileno=os.dup(self._db.fileno())) as line:
                    line.shutdown(socket.SHUT_RDWR)
