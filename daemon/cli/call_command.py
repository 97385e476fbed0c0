"""``tillcard call``: one request to the running daemon, for scripts and for looking about."""

import sys
from typing import Annotated, Any

import msgspec
import typer

from daemon.cli.daemon_call import Where, asked, at_daemon, failed, print_json


@at_daemon
def call(
    where: Where,
    method: Annotated[str, typer.Argument(help="For example: status, sale.quote")],
    params: Annotated[str, typer.Argument(help="A JSON object; - reads it from stdin.")] = "{}",
) -> None:
    """Call a method of the POS protocol and print its result as JSON."""
    request = _params(sys.stdin.read() if params == "-" else params)
    print_json(asked(method, request, where))


def _params(text: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise failed(f"The parameters are no JSON object: {error}") from error
