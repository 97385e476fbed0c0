"""How a command asks the running daemon: one call, its refusal in words, JSON on demand."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from daemon.cli.call_command import (
    TOKEN_FILE,
    PortOption,
    SocketOption,
    TokenOption,
    advice,
    connected,
    failed,
)
from daemon.pos.client import CallError, UnreachableError

AsJson = Annotated[bool, typer.Option("--json", help="Print the daemon's answer as JSON.")]
By = Annotated[str, typer.Option(help="Who says so; else whoever is logged in.")]


class Where:
    """The daemon that a command speaks to; the options are those of ``tillcard call``."""

    def __init__(
        self,
        socket: SocketOption = None,
        port: PortOption = None,
        token_file: TokenOption = TOKEN_FILE,
    ) -> None:
        self.socket: Path | None = socket
        self.port: int | None = port
        self.token_file: Path = token_file

    def ask(self, method: str, params: Mapping[str, Any]) -> Any:
        """Return the answer to a call. Raises typer.Exit with status 1 where it is refused."""
        try:
            with connected(self.socket, self.port, self.token_file) as client:
                return client.call(method, dict(params))
        except UnreachableError as error:
            raise failed(str(error)) from error
        except CallError as error:
            raise failed(f"{method} was refused. {advice(error, params)}") from error


def whoever(by: str) -> str:
    """Return who says so: the name that was given, or the one who is logged in."""
    return by or os.environ.get("USER", f"uid {os.getuid()}")


def new_request_id() -> str:
    """Return an id for a request that nobody has made before."""
    return secrets.token_hex(16)


def print_json(answer: Any) -> None:
    """Print an answer as JSON that people can read."""
    typer.echo(msgspec.json.format(msgspec.json.encode(answer), indent=2))
