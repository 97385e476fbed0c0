"""``tillcard cards phone-keys``: the shop's keys for phones' live codes; a new one."""

from pathlib import Path
from typing import Annotated

import typer

from daemon.app.startup import in_words
from daemon.keys.key_files import KeyFileError
from daemon.keys.phone_keys import (
    PHONE_KEYS_FILE,
    PhoneKeys,
    add_phone_key,
    load_phone_keys,
    retire_phone_keys,
)

CONFIG_FILE = "tillcard.toml"


def phone_keys(
    home: Annotated[
        Path, typer.Option(help="Where the daemon keeps its keys: the configuration's folder.")
    ] = Path(),
    add: Annotated[
        bool, typer.Option("--add", help="Add a key; phones are given it from now on.")
    ] = False,
    retire: Annotated[
        bool, typer.Option("--retire", help="Accept no key but the newest any more.")
    ] = False,
) -> None:
    """Show the ids of the keys for phones' live codes, oldest first; add one, or retire the old.

    Restart the daemon after a change. With a new key, new phones get it at once, and every other
    phone when it next opens its page with a network; until then its code is accepted as before.
    Retire the old keys when enough of them have: the rest show a static code and need a link from
    the till. Exit status 0, or 1 when the file is unusable or the folder is no daemon's.
    """
    if add and retire:
        raise typer.BadParameter("--add now, --retire when the phones have followed.")
    path = home / PHONE_KEYS_FILE
    if not path.exists() and not (home / CONFIG_FILE).exists():
        problem = f"{home.resolve()} has no {PHONE_KEYS_FILE} and no {CONFIG_FILE}: say --home"
        typer.echo(f"tillcard: {problem}", err=True)
        raise typer.Exit(1)
    try:
        keys = load_phone_keys(path)
        if retire:
            keys = retire_phone_keys(path)
        if add:
            keys = add_phone_key(path)
    except (KeyFileError, OSError) as error:
        typer.echo(f"tillcard: {in_words(error)}", err=True)
        raise typer.Exit(1) from error
    typer.echo(_said(keys))
    if add or retire:
        typer.echo("Restart the daemon: it takes them at its start.")


def _said(keys: PhoneKeys) -> str:
    *older, newest = keys.ids
    accepted = f"; still accepted: {', '.join(map(str, older))}" if older else ""
    return f"phones are given key {newest}{accepted}"
