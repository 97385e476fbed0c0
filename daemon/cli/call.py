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


def call(
    method: Annotated[str, typer.Argument(help="For example: status, sale.quote")],
    params: Annotated[str, typer.Argument(help="A JSON object; - reads it from stdin.")] = "{}",
    socket: SocketOption = None,
) -> None:
    """Call a method of the POS protocol and print its result as JSON."""
    try:
        request = _params(sys.stdin.read() if params == "-" else params)
        with Client(socket or find_socket(os.environ)) as client:
            result = client.call(method, request)
    except UnreachableError as error:
        raise failed(str(error)) from error
    except CallError as error:
        raise failed(f"{method} was refused. {advice(error)}") from error
    typer.echo(msgspec.json.format(msgspec.json.encode(result), indent=2))


def failed(sentence: str) -> typer.Exit:
    """Say ``sentence`` on stderr; raise what is returned to leave with status 1."""
    typer.echo(sentence, err=True)
    return typer.Exit(1)


def advice(error: CallError) -> str:
    """Return what happened and what to do about it, in plain sentences."""
    said = f"{error.detail.rstrip('.')}. ({error.name}, {error.code})"
    if error.data.get("state_unknown"):
        return f"{said}\nWhat became of it is not known. Ask with: tillcard call sale.status"
    if error.data.get("retryable"):
        return f"{said}\nTry again: send the same call with the same id."
    return said


def _params(text: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise failed(f"The parameters are no JSON object: {error}") from error
