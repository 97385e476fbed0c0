"""``tillcard backup``: a copy of the ledger while the till runs."""

from pathlib import Path
from typing import Annotated

import typer

from daemon.app.startup import in_words
from daemon.base import config as configuration
from daemon.base.config import ConfigError
from daemon.cli.written_files import check_folder
from daemon.ledger.storage.registry import open_store
from daemon.ledger.storage.store import StoreError


def backup(
    file: Annotated[Path, typer.Argument(help="Where the copy goes; it must not be there yet.")],
    config: Annotated[Path, typer.Option(help="The configuration that names the ledger.")] = Path(
        "tillcard.toml"
    ),
) -> None:
    """Write a copy of the ledger as of one moment, while the till sells, and print its head.

    The copy of a SQLite ledger is a ledger itself: stop the till and put it in the old one's place.
    That of a PostgreSQL database is for pg_restore. A till that starts on an older ledger says how
    many entries are missing that it has answered. Exit status 0: written; 2: it cannot be.
    """
    try:
        check_folder(file)
        store = open_store(configuration.load(config).ledger, config.parent, read_only=True)
        try:
            heads = store.backup(file)
        finally:
            store.close()
    except FileExistsError as error:
        typer.echo(f"tillcard: {file} is there already; give the backup another name.", err=True)
        raise typer.Exit(2) from error
    except (ConfigError, StoreError, OSError) as error:
        typer.echo(f"tillcard: {in_words(error)}", err=True)
        raise typer.Exit(2) from error
    for head in heads:
        typer.echo(f"ledger {head.ledger_id}: entry {head.seq}, head {head.hash.hex()}")
    typer.echo(f"Written to {file}. Keep the head elsewhere: with audit --head it proves the copy.")
