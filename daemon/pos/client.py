"""A small blocking client of the POS socket, for the command line and for scripts."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from daemon.base.text_limits import ANSWER_BYTES_MAX
from daemon.pos.server import LOOPBACK
from daemon.pos.socket_file import socket_paths

CALL_S_MAX = 60.0


class UnreachableError(Exception):
    """No daemon answers, or it went away; the text is a sentence with what to do."""


class CallError(Exception):
    """The daemon refused a call. ``name`` is stable; ``detail`` is a sentence for people."""

    def __init__(self, code: int, name: str, detail: str, data: dict[str, Any]) -> None:
        super().__init__(f"{code} {name}: {detail}")
        self.code = code
        self.name = name
        self.detail = detail
        self.data = data


def find_socket(environ: Mapping[str, str]) -> Path:
    """Return the first place that has a socket.

    Raises: UnreachableError with the places that were looked at.
    """
    paths = socket_paths(environ)
    for path in paths:
        with suppress(OSError):  # a folder of another user's: as good as absent
            if path.is_socket():
                return path
    places = ", ".join(str(path) for path in paths)
    raise UnreachableError(
        f"No tillcard daemon is running: there is no socket at {places}. Start one with:"
        " tillcard run; or name its socket with --socket (the demo's is .demo/pos.sock)"
    )


class Client:
    """One connection: ``with Client(path) as client: client.call("status")``.

    address:   of the Unix socket, or a port of this machine, which wants the ``token``.
    greeting:  what the server said first.
    timeout_s: how long one answer may take.
    """

    def __init__(
        self, address: Path | int, *, token: str = "", timeout_s: float = CALL_S_MAX
    ) -> None:
        by_port = isinstance(address, int)
        self._at = f"port {address}" if by_port else str(address)
        self._timeout_s = timeout_s
        self._last_id = 0
        self._socket = socket.socket(socket.AF_INET if by_port else socket.AF_UNIX)
        self._socket.settimeout(timeout_s)
        self._lines = self._socket.makefile("rb")
        try:
            self._connect((LOOPBACK, address) if isinstance(address, int) else str(address))
            if by_port:
                self.call("hello", {"client": "tillcard", "version": "", "token": token})
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._lines.close()
        self._socket.close()

    def call(self, method: str, params: Any = None) -> Any:
        """Call ``method`` and return its result as plain Python values.

        Raises: CallError when it is refused, UnreachableError when no answer comes.
        """
        self._last_id += 1
        request = {"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": params or {}}
        try:
            self._socket.sendall(msgspec.json.encode(request) + b"\n")
        except OSError as error:
            raise self._gone() from error
        while (message := self._receive()).get("id") != self._last_id:
            _raise_error(message)  # under no id: the line itself was refused
        _raise_error(message)
        return message["result"]

    def events(self, from_seq: int | None = None) -> Iterator[dict[str, Any]]:
        """Subscribe and yield events for ever; make no other call on this client then.

        Raises: CallError, UnreachableError when the daemon goes away.
        """
        self.call("events.subscribe", {} if from_seq is None else {"from_seq": from_seq})
        self._socket.settimeout(None)
        while True:
            message = self._receive()
            if message.get("method") == "event":
                yield message["params"]

    def _connect(self, address: tuple[str, int] | str) -> None:
        try:
            self._socket.connect(address)
        except OSError as error:
            raise UnreachableError(
                f"No tillcard daemon answers at {self._at} ({error.strerror or error}). "
                "Start one with: tillcard run"
            ) from error
        message = self._receive()
        _raise_error(message)
        self.greeting: dict[str, Any] = message["params"]

    def _receive(self) -> dict[str, Any]:
        try:
            line = self._lines.readline(ANSWER_BYTES_MAX)
        except TimeoutError as error:
            raise UnreachableError(
                f"The daemon at {self._at} did not answer within {self._timeout_s:.0f} s. "
                "Whether the call was carried out is not known; the same call may be repeated."
            ) from error
        except OSError as error:
            raise self._gone() from error
        if not line.endswith(b"\n"):
            raise self._gone()
        return msgspec.json.decode(line, type=dict[str, Any])

    def _gone(self) -> UnreachableError:
        return UnreachableError(f"The daemon at {self._at} closed the connection.")


def _raise_error(message: dict[str, Any]) -> None:
    if error := message.get("error"):
        data = error["data"]
        raise CallError(error["code"], data["name"], error["message"], data)
