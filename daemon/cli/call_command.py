"""``tillcard call``: one request to the running daemon, for scripts and for looking about."""

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from daemon.pos.client import CallError, Client, UnreachableError, find_socket

SocketOption = Annotated[
    Path | None, typer.Option("--socket", help="The daemon's socket, if it is not found.")
]
PortOption = Annotated[
    int | None,
    typer.Option("--port", min=1, max=65_535, help="Its port (tcp_port), not the socket."),
]
TokenOption = Annotated[Path, typer.Option("--token-file", help="Where the port's token stands.")]
TOKEN_FILE = Path("pos.token")


def call(
    method: Annotated[str, typer.Argument(help="For example: status, sale.quote")],
    params: Annotated[str, typer.Argument(help="A JSON object; - reads it from stdin.")] = "{}",
    socket: SocketOption = None,
    port: PortOption = None,
    token_file: TokenOption = TOKEN_FILE,
) -> None:
    """Call a method of the POS protocol and print its result as JSON."""
    try:
        request = _params(sys.stdin.read() if params == "-" else params)
        with connected(socket, port, token_file) as client:
            result = client.call(method, request)
    except UnreachableError as error:
        raise failed(str(error)) from error
    except CallError as error:
        raise failed(f"{method} was refused. {advice(error)}") from error
    typer.echo(msgspec.json.format(msgspec.json.encode(result), indent=2))


def connected(socket: Path | None, port: int | None, token_file: Path) -> Client:
    """Connect to the daemon by its port, or else by its socket.

    Raises: UnreachableError, CallError for a wrong token.
    """
    if port is None:
        return Client(socket or find_socket(os.environ))
    try:
        token = token_file.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UnreachableError(
            f"The port wants the token, and {token_file} cannot be read ({error}). "
            "It stands where the daemon keeps its ledger: name it with --token-file."
        ) from error
    return Client(port, token=token)


def failed(sentence: str) -> typer.Exit:
    """Say ``sentence`` on stderr; raise what is returned to leave with status 1."""
    typer.echo(sentence, err=True)
    return typer.Exit(1)


def advice(error: CallError) -> str:
    """Return what happened and what to do about it, in plain sentences."""
    sentence = f"{error.detail.rstrip('.')}. ({error.name}, {error.code})"
    if error.data.get("state_unknown"):
        return f"{sentence}\nWhat became of it is not known. Ask with: tillcard call sale.status"
    if error.data.get("retryable"):
        return f"{sentence}\nTry again: send the same call with the same id."
    return sentence


def _params(text: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise failed(f"The parameters are no JSON object: {error}") from error
