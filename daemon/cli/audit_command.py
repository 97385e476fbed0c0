"""``tillcard audit``: prove that a ledger is whole."""

import re
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from daemon.base import config as configuration
from daemon.base.config import ConfigError
from daemon.ledger.audit import Audit
from daemon.ledger.audit import audit as walk
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
        str, typer.Option(help="A head hash from an earlier audit that must still be there.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Walk the whole ledger: the hash chain, double entry, and every cached balance.

    Keep the head hash it prints somewhere else; a later audit with --head proves that nothing
    before it was changed or removed. Exit status 0: whole; 1: findings; 2: cannot be read.
    """
    if head and not HEAD.fullmatch(head):
        raise typer.BadParameter(
            f"{head} is no head: it has 64 hex characters", param_hint="--head"
        )
    try:
        location = ledger or configuration.load(config).ledger
        home = Path() if ledger else config.parent
        result = _audit(open_store(location, home, read_only=True), head, quiet=as_json)
    except (ConfigError, StoreError) as error:
        typer.echo(f"tillcard: {error}", err=True)
        raise typer.Exit(2) from error
    typer.echo(msgspec.json.encode(result).decode() if as_json else _text(result))
    raise typer.Exit(0 if result.whole else 1)


def _audit(store: Store, head: str, *, quiet: bool) -> Audit:
    columns = SpinnerColumn(), TextColumn("{task.description} {task.completed:,} entries")
    try:
        console = Console(stderr=True)
        hidden = quiet or not console.is_terminal
        with Progress(*columns, console=console, disable=hidden) as progress:
            task = progress.add_task("walking", total=None)
            return walk(
                store,
                expected_head=head,
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
