"""What commands that ask the running daemon have in common: where it is, who asks, and how.

    @partners.command()
    @at_daemon
    def show(where: Where, code: Code, json: AsJson = False) -> None:

`at_daemon` gives a command the options --socket, --port and --token-file, and hands it what they
say as one value.
"""

import inspect
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Concatenate, ParamSpec, TypeAlias

import msgspec
import typer

from daemon.base.currency import Currency, currency_of
from daemon.base.regular_files import read_text_file
from daemon.pos.client import CALL_S_MAX, CallError, Client, UnreachableError, find_socket

P = ParamSpec("P")
Where: TypeAlias = "tuple[Path | None, int | None, Path]"
"""The daemon's socket, its port and the port's token file, as options say them."""
SocketOption = Annotated[
    Path | None, typer.Option("--socket", help="The daemon's socket, if it is not found.")
]
PortOption = Annotated[
    int | None,
    typer.Option("--port", min=1, max=65_535, help="Its port (tcp_port), not the socket."),
]
TokenOption = Annotated[Path, typer.Option("--token-file", help="Where the port's token stands.")]
TOKEN_FILE = Path("pos.token")


_OPTIONS = {
    "socket": (SocketOption, None),
    "port": (PortOption, None),
    "token_file": (TokenOption, TOKEN_FILE),
}
"""Each option of where the daemon is, with its type and what it is when it is left out."""
CALL_IDS = {"request_id", "sale_id", "return_id", "topup_id"}
"""What says of a call that is sent again that it is the same one."""
AsJson = Annotated[bool, typer.Option("--json", help="Print the daemon's answer as JSON.")]
By = Annotated[str, typer.Option(help="Who says so; else whoever is logged in.")]


def at_daemon(command: Callable[Concatenate[Where, P], None]) -> Callable[P, None]:
    """Hand a command where the daemon is, as its options say, before all else."""

    @wraps(command)
    def told(*args: P.args, **options: P.kwargs) -> None:
        socket, port, token_file = (options.pop(name) for name in _OPTIONS)
        command((socket, port, token_file), *args, **options)  # type: ignore[arg-type]

    # The options of a command are what its signature says.
    signature = inspect.signature(command)
    _, *own = signature.parameters.values()
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in _OPTIONS.items()
    ]
    told.__signature__ = signature.replace(parameters=[*own, *added])  # type: ignore[attr-defined]
    told.__annotations__ |= {name: kind for name, (kind, _) in _OPTIONS.items()}
    del told.__annotations__["where"]
    return told


def connected(where: Where, timeout_s: float = CALL_S_MAX) -> Client:
    """Connect to the daemon by its port, or else by its socket.

    Raises: UnreachableError, CallError for a wrong token, BadParameter for both.
    """
    socket, port, token_file = where
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
    where: Where,
    timeout_s: float = CALL_S_MAX,
) -> Any:
    """Ask the running daemon; leave with status 1 and a sentence where it refuses."""
    try:
        with connected(where, timeout_s) as client:
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


def whoever(by: str) -> str:
    """Return who says so: the name that was given, or the one who is logged in."""
    return by or os.environ.get("USER") or f"uid {os.getuid()}"


def secret(what: str, *, twice: bool = False) -> str:
    """Ask for a secret without echo, or read it from standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    said: str = typer.prompt(what, hide_input=True, confirmation_prompt=twice, err=True)
    return said


def new_request_id() -> str:
    """Return an id for a request that nobody has made before."""
    return secrets.token_hex(16)


def print_json(answer: Any) -> None:
    """Print an answer as JSON that people can read."""
    typer.echo(msgspec.json.format(msgspec.json.encode(answer), indent=2))


def till_currency(greeting: Mapping[str, Any]) -> Currency:
    """Return the currency that a till greets with."""
    known = currency_of(greeting["currency"])
    assert known is not None, "a till has a currency that there is"
    return known


def all_pages(
    method: str, terms: Mapping[str, Any], where: Where, name: str
) -> list[dict[str, Any]]:
    """Return the rows ``name`` of all pages of a list whose answers say what is ``next``."""
    found: list[dict[str, Any]] = []
    after = ""
    while True:
        page = asked(method, {**terms, "after": after}, where)
        found += page[name]
        if not (after := page["next"]):
            return found
