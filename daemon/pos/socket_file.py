"""The socket's place in the file system: where it is, and that one daemon alone serves it."""

import fcntl
import os
import shutil
import socket
import stat
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

SOCKET_NAME = "pos.sock"
SOCKET_MODE = 0o660
LOCK_MODE = 0o600
FOLDER_MODE = 0o755
SERVICE_FOLDER = "/run/tillcard"
PROBE_S = 1.0


class SocketTakenError(Exception):
    """The socket cannot be served; the text is a sentence for whoever started the daemon."""


def socket_paths(environ: Mapping[str, str]) -> list[Path]:
    """Return where the socket may be: a daemon serves the first, a client tries them in order.

    ``RUNTIME_DIRECTORY`` is what systemd gives a service (its first folder counts), then comes
    the user's own ``XDG_RUNTIME_DIR``; the last is the place of the installed service.
    """
    folders = [Path(SERVICE_FOLDER)]
    if user_folder := environ.get("XDG_RUNTIME_DIR"):
        folders.insert(0, Path(user_folder) / "tillcard")
    if runtime_folder := environ.get("RUNTIME_DIRECTORY", "").split(":")[0]:
        folders.insert(0, Path(runtime_folder))
    return [folder / SOCKET_NAME for folder in folders]


@contextmanager
def claimed_socket(path: Path, group: str = "") -> Iterator[socket.socket]:
    """Bind the socket for this process alone, with SOCKET_MODE; remove it at the end.

    group: whose socket it becomes, where there is such a group and this user may give it away.
    A socket that a dead daemon left is replaced. The lock file beside it stays: removing it
    would let two daemons lock two files of one name.
    Raises: SocketTakenError.
    """
    with ExitStack() as stack:
        try:
            if not path.parent.exists():
                path.parent.mkdir(parents=True)
                path.parent.chmod(FOLDER_MODE)  # whatever the umask is: the group must get through
            _lock(path, stack)
            _clear(path)
            listener = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            listener.bind(str(path))
            stack.callback(path.unlink, missing_ok=True)
            with suppress(LookupError, PermissionError):
                shutil.chown(path, group=group)
            path.chmod(SOCKET_MODE)  # before it listens, so nobody came in by another mode
        except OSError as error:  # not allowed, or longer than sun_path (unix(7))
            raise SocketTakenError(f"The socket {path} cannot be made: {error}") from error
        yield listener


def _lock(path: Path, stack: ExitStack) -> None:
    """Lock the file beside the socket until ``stack`` ends or the process dies."""
    lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, LOCK_MODE)
    stack.callback(os.close, lock)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise _taken(path) from error


def _clear(path: Path) -> None:
    """Remove a socket that nobody serves."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise SocketTakenError(f"{path} is there and is no socket; move it away.")
    if _is_served(path):
        raise _taken(path)
    path.unlink()


def _is_served(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(PROBE_S)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return False
        except TimeoutError:  # too busy to answer, so alive
            return True
    return True


def _taken(path: Path) -> SocketTakenError:
    return SocketTakenError(f"Another daemon serves {path} already; stop it first.")
