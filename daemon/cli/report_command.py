"""``tillcard report``: what the books say, by days."""

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from daemon.base.config import REPORT_S_MAX
from daemon.cli.daemon_call import AsJson, Where, asked, at_daemon, print_json

ANSWER_S_MAX = 6 * REPORT_S_MAX
"""How long an answer is waited for: eight reports may come before it, two at once."""
report = typer.Typer(no_args_is_help=True, help="What the books say, by days.")
FromOption = Annotated[str, typer.Option("--from", help="The first local day, as 2026-11-01.")]
ToOption = Annotated[str, typer.Option("--to", help="The last local day, included.")]


@report.callback()
def report_() -> None:
    """Ask the books."""


@report.command()
@at_daemon
def reconcile(
    where: Where,
    first: FromOption,
    last: ToOption,
    as_json: AsJson = False,
) -> None:
    """Hold everything that reports read against the entries, to the last minor unit.

    Example: tillcard report reconcile --from 2026-11-01 --to 2026-11-30

    Exit status 0: all sums agree; 1: some differ, or the daemon could not be asked. `tillcard
    audit` then names the rows.
    """
    answer = asked("report.reconcile", {"from": first, "to": last}, where, ANSWER_S_MAX)
    if as_json:
        print_json(answer)
    else:
        _print(answer)
    raise typer.Exit(1 if answer["differing"] else 0)


def _print(answer: dict[str, Any]) -> None:
    names = list(answer["sources"][0]["sums"])
    table = Table(title=f"{answer['from']} to {answer['to']}, minor units")
    table.add_column("figure")
    for source in answer["sources"]:
        table.add_column(f"{source['source']}\n{source['of']}", justify="right")
    for name in names:
        table.add_row(name, *(str(source["sums"].get(name, "")) for source in answer["sources"]))
    Console().print(table)
    folded = answer["folded"]
    if folded["done"] < folded["upto"]:
        done = f"{folded['done']:,} of {folded['upto']:,}"
        typer.echo(f"Facts are being made of old entries: {done}. Sums differ until then.")
    for one in answer["differing"]:
        typer.echo(f"DIFFERS: {one}")
    typer.echo("All sums agree." if not answer["differing"] else "Run tillcard audit.")
