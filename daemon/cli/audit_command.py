"""``tillcard audit``: prove that a ledger is whole."""

import re
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from daemon.app.startup import in_words
from daemon.base import config as configuration
from daemon.base.config import ConfigError
from daemon.keys.key_files import KeyFileError
from daemon.ledger.audit import Audit
from daemon.ledger.audit import audit as walk
from daemon.ledger.heads import (
    HEAD_KEY_FILE,
    Expected,
    HeadError,
    load_head_key,
    public_key_of,
    read_head,
)
from daemon.ledger.storage.registry import open_store
from daemon.ledger.storage.store import Store, StoreError

HEAD = re.compile("[0-9a-f]{64}")


def audit(
    config: Annotated[Path, typer.Option(help="The configuration that names the ledger.")] = Path(
        "tillcard.toml"
    ),
    ledger: Annotated[
        str, typer.Option(help="The ledger itself, a file or postgresql://…, without --config.")
    ] = "",
    head: Annotated[
        str,
        typer.Option(
            help="What must still be there: a file of `tillcard head`, or a hash of an audit."
        ),
    ] = "",
    head_key: Annotated[
        str,
        typer.Option(help="The public key that the file is signed by; else that of head.key here."),
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Walk the whole ledger: the hash chain, double entry, and every cached balance.

    Example: tillcard audit --head /mnt/usb/head-2026-11-28.json

    Keep what `tillcard head` writes somewhere else; a later audit with --head proves that nothing
    before it was changed or removed. Exit status 0: whole; 1: findings; 2: cannot be read.
    """
    try:
        location = ledger or configuration.load(config).ledger
        home = Path() if ledger else config.parent
        signed = None if HEAD.fullmatch(head) or not head else _expected(head, head_key, home)
        store = open_store(location, home, read_only=True)
        result = _audit(store, "" if signed else head, signed, quiet=as_json)
    except (ConfigError, KeyFileError, StoreError, OSError) as error:
        typer.echo(f"tillcard: {in_words(error)}", err=True)
        raise typer.Exit(2) from error
    typer.echo(msgspec.json.encode(result).decode() if as_json else _text(result))
    raise typer.Exit(0 if result.whole else 1)


def _expected(file: str, key: str, home: Path) -> Expected:
    """Read a signed head and the key that it should be signed by. Raises KeyFileError, OSError."""
    try:
        public = public_key_of(key) if key else load_head_key(home / HEAD_KEY_FILE).public
    except HeadError as error:
        raise typer.BadParameter(str(error), param_hint="--head-key") from error
    try:
        return Expected(read_head(Path(file)), public)
    except FileNotFoundError as error:
        raise typer.BadParameter(
            f"{file} is no head: it has 64 hex characters, or is a file of `tillcard head`",
            param_hint="--head",
        ) from error
    except HeadError as error:
        raise typer.BadParameter(f"{file} holds no head: {error}", param_hint="--head") from error


def _audit(store: Store, head: str, signed: Expected | None, *, quiet: bool) -> Audit:
    columns = SpinnerColumn(), TextColumn("{task.description} {task.completed:,} entries")
    try:
        console = Console(stderr=True)
        hidden = quiet or not console.is_terminal
        with Progress(*columns, console=console, disable=hidden) as progress:
            task = progress.add_task("walking", total=None)
            return walk(
                store,
                expected_head=head,
                signed=signed,
                progress=lambda count: progress.update(task, completed=count),
            )
    finally:
        store.close()


def _text(result: Audit) -> str:
    lines = [f"{result.entries:,} entries"]
    lines += [f"ledger {h.ledger_id}: entry {h.seq}, head {h.hash}" for h in result.heads]
    lines += [f"FOUND: {finding}" for finding in result.findings]
    if result.findings_total > len(result.findings):
        lines.append(f"… and {result.findings_total - len(result.findings)} more")
    lines.append("The ledger is whole." if result.whole else "The ledger is NOT whole.")
    return "\n".join(lines)
