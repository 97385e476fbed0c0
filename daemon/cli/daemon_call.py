"""What commands that ask the running daemon have in common: who asks, and JSON on demand."""

import os
import secrets
from typing import Annotated, Any

import msgspec
import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print the daemon's answer as JSON.")]
By = Annotated[str, typer.Option(help="Who says so; else whoever is logged in.")]


def whoever(by: str) -> str:
    """Return who says so: the name that was given, or the one who is logged in."""
    return by or os.environ.get("USER", f"uid {os.getuid()}")


def new_request_id() -> str:
    """Return an id for a request that nobody has made before."""
    return secrets.token_hex(16)


def print_json(answer: Any) -> None:
    """Print an answer as JSON that people can read."""
    typer.echo(msgspec.json.format(msgspec.json.encode(answer), indent=2))
