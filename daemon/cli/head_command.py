"""``tillcard head``: the end of the ledger's chain, signed, to be kept elsewhere."""

from contextlib import closing
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from daemon.app.startup import in_words
from daemon.base import config as configuration
from daemon.base.clock import rfc3339
from daemon.base.config import ConfigError
from daemon.cli.command_clock import clock_of
from daemon.cli.written_files import write_own
from daemon.keys.key_files import KeyFileError
from daemon.ledger.heads import HEAD_KEY_FILE, load_head_key, sign_head
from daemon.ledger.storage.queries import HEAD
from daemon.ledger.storage.registry import open_store
from daemon.ledger.storage.store import StoreError


def head(
    context: typer.Context,
    out: Annotated[
        Path | None, typer.Option(help="A new file for it; without one it is printed.")
    ] = None,
    config: Annotated[Path, typer.Option(help="The configuration that names the ledger.")] = Path(
        "tillcard.toml"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print the head, also with --out.")] = (
        False
    ),
) -> None:
    """Write the head of this till's ledger, signed: which entry is the newest, and its hash.

    Example: tillcard head --out /mnt/usb/head-2026-11-28.json

    Keep it where this till cannot reach it, with the public key that is printed: `tillcard audit
    --head FILE` proves later that nothing up to that entry was changed, removed or written anew.
    The daemon may run meanwhile. Exit status 0: written; 2: it cannot be.
    """
    home = config.parent
    try:
        key = load_head_key(home / HEAD_KEY_FILE)
        location = configuration.load(config).ledger
        with closing(open_store(location, home, read_only=True)) as store:
            end = store.ask_one(HEAD, store.ledger_id)
            ledger_id = store.ledger_id
        if end is None:
            typer.echo("tillcard: nothing is written in this ledger yet", err=True)
            raise typer.Exit(2)
        made = sign_head(key, ledger_id, end, rfc3339(clock_of(context).now()))
        text = msgspec.json.encode(made)
        if out is not None:
            write_own(out, text + b"\n")
    except (ConfigError, KeyFileError, StoreError, OSError) as error:
        typer.echo(f"tillcard: {in_words(error)}", err=True)
        raise typer.Exit(2) from error
    if out is None or as_json:
        typer.echo(text.decode())
    else:
        typer.echo(f"{out}: ledger {made.ledger_id}, entry {made.seq}, head {made.hash}")
    typer.echo(f"public key {key.public.raw.hex()}", err=True)
