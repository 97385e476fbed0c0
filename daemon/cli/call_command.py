"""``tillcard call``: one request to the running daemon, for scripts and for looking about."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from daemon.base.regular_files import read_text_file
from daemon.pos.client import CALL_S_MAX, CallError, Client, UnreachableError, find_socket

SocketOption = Annotated[
    Path | None, typer.Option("--socket", help="The daemon's socket, if it is not found.")
]
PortOption = Annotated[
    int | None,
    typer.Option("--port", min=1, max=65_535, help="Its port (tcp_port), not the socket."),
]
TokenOption = Annotated[Path, typer.Option("--token-file", help="Where the port's token stands.")]
TOKEN_FILE = Path("pos.token")


def login_name() -> str:
    """Return who runs the command, as it is kept where nobody says another name."""
    return os.environ.get("USER") or f"uid {os.getuid()}"


ByOption = Annotated[
    str, typer.Option("--by", default_factory=login_name, help="Who does this; kept in the ledger.")
]
CALL_IDS = {"request_id", "sale_id", "return_id", "topup_id"}
"""What says of a call that is sent again that it is the same one."""


def call(
    method: Annotated[str, typer.Argument(help="For example: status, sale.quote")],
    params: Annotated[str, typer.Argument(help="A JSON object; - reads it from stdin.")] = "{}",
    socket: SocketOption = None,
    port: PortOption = None,
    token_file: TokenOption = TOKEN_FILE,
) -> None:
    """Call a method of the POS protocol and print its result as JSON."""
    request = _params(sys.stdin.read() if params == "-" else params)
    result = asked(method, request, (socket, port, token_file))
    typer.echo(msgspec.json.format(msgspec.json.encode(result), indent=2))


def connected(
    socket: Path | None, port: int | None, token_file: Path, timeout_s: float = CALL_S_MAX
) -> Client:
    """Connect to the daemon by its port, or else by its socket.

    Raises: UnreachableError, CallError for a wrong token, BadParameter for both.
    """
    if socket is not None and port is not None:
        raise typer.BadParameter("it goes without --socket", param_hint="--port")
    if port is None:
        return Client(socket or find_socket(os.environ), timeout_s=timeout_s)
    try:
        token = read_text_file(token_file, "ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        problem = f"cannot be read ({getattr(error, 'strerror', 'it is no plain text')})"
        raise UnreachableError(
            f"The port wants the token, and {token_file} {problem}. "
            "It stands where the daemon keeps its ledger: name it with --token-file."
        ) from error
    return Client(port, token=token, timeout_s=timeout_s)


def asked(
    method: str,
    params: Mapping[str, Any],
    where: tuple[Path | None, int | None, Path],
    timeout_s: float = CALL_S_MAX,
) -> Any:
    """Ask the running daemon; leave with status 1 and a sentence where it refuses.

    where: its socket, its port and the port's token file, as options say them.
    """
    try:
        with connected(*where, timeout_s) as client:
            return client.call(method, dict(params))
    except UnreachableError as error:
        raise failed(str(error)) from error
    except CallError as error:
        raise failed(f"{method} was refused. {advice(error, params)}") from error


def failed(sentence: str) -> typer.Exit:
    """Say ``sentence`` on stderr; raise what is returned to leave with status 1."""
    typer.echo(sentence, err=True)
    return typer.Exit(1)


def advice(error: CallError, request: Mapping[str, Any]) -> str:
    """Return what happened to ``request`` and what to do about it, in plain sentences."""
    sentence = f"{error.detail.rstrip('.')}. ({error.name}, {error.code})"
    if error.data.get("state_unknown"):
        return f"{sentence}\nWhat became of it is not known. Ask with: tillcard call sale.status"
    if not error.data.get("retryable"):
        return sentence
    if error.name == "no_card" and "presentation" in request:
        again = "Show the card, and send the call with the new presentation."
    else:
        same = ": send the same call with the same id" if CALL_IDS & request.keys() else ""
        again = f"Try again{same}."
    return f"{sentence}\n{again}"


def _params(text: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise failed(f"The parameters are no JSON object: {error}") from error
