"""``tillcard cards hot-list`` and ``hot-list-key``: what tills without a line are told of chips."""

import os
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from daemon.app.startup import STARTUP_ERRORS, in_words
from daemon.base import config as configuration
from daemon.base.config import chip_section
from daemon.chip.hot_list import encode, hot_uids
from daemon.cli.command_clock import clock_of
from daemon.cli.written_files import check_folder
from daemon.keys.chip_keys import load_chip_keys
from daemon.keys.hot_list_keys import (
    HOT_LIST_KEY_FILE,
    HOT_LIST_PUBLIC_FILE,
    load_hot_list_key,
    make_hot_list_keys,
)
from daemon.ledger.storage.registry import open_store

ConfigPath = Annotated[Path, typer.Option("--config", help="The till's configuration.")]


def hot_list(
    context: typer.Context,
    out: Annotated[Path, typer.Argument(help="The file to write.")],
    key: Annotated[
        Path | None,
        typer.Option(help=f"The key to sign with; {HOT_LIST_KEY_FILE} beside the configuration."),
    ] = None,
    config: ConfigPath = Path("tillcard.toml"),
) -> None:
    """Write the chips that must not be used, for tills that have no line to this ledger.

    Put it beside their configuration as `chip.hot_list` says. The daemon may run meanwhile.
    """
    home = config.parent
    try:
        check_folder(out)
        settings = configuration.load(config)
        chip_keys = load_chip_keys(home / chip_section(settings).keys)
        signer = load_hot_list_key(key or home / HOT_LIST_KEY_FILE)
        with closing(open_store(settings.ledger, home, read_only=True)) as store:
            uids = hot_uids(store)
        written = out.with_name(out.name + ".new")
        written.write_text(encode(uids, clock_of(context).now(), chip_keys, signer), "ascii")
        os.replace(written, out)
    except STARTUP_ERRORS as error:
        typer.echo(f"tillcard: {in_words(error)}", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"{out}: {len(uids)} chip{'' if len(uids) == 1 else 's'}")


def hot_list_key(config: ConfigPath = Path("tillcard.toml")) -> None:
    """Make the key that hot lists are signed with, once, beside the configuration.

    The key stays where hot lists are made. Its public half goes to each till, beside the
    configuration as `chip.hot_list_key` says: with it a till takes the shop's lists and makes none.
    """
    secret = config.parent / HOT_LIST_KEY_FILE
    public = config.parent / HOT_LIST_PUBLIC_FILE
    try:
        make_hot_list_keys(secret, public)
    except FileExistsError as error:
        problem = f"{error.filename} is there already: each till would need the new one's half"
        if not secret.exists():
            again = "delete it, make a new pair, copy the new .pub to each till"
            problem = f"{public} is there, and the key {secret} is not. If that is lost: {again}"
        typer.echo(f"tillcard: {problem}", err=True)
        raise typer.Exit(1) from None
    except OSError as error:
        typer.echo(f"tillcard: {in_words(error)}", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{secret} made: keep it here alone. Copy {public} to each till.")
