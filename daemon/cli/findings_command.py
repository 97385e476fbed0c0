"""``tillcard findings``: what may be fraud, with its entries, and what somebody says to it."""

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from daemon.base.currency import Currency
from daemon.cli.daemon_call import (
    AsJson,
    By,
    Where,
    all_pages,
    asked,
    at_daemon,
    connected,
    new_request_id,
    print_json,
    till_currency,
    whoever,
)
from daemon.cli.report_command import ANSWER_S_MAX, ReaderOption

findings = typer.Typer(
    help="What may be fraud: look, read the entries, and say what it is. The daemon must run.",
    no_args_is_help=True,
)
Finding = Annotated[str, typer.Argument(help="A finding's id, as `findings list` says it.")]


@findings.command("list")
@at_daemon
def list_(
    where: Where,
    state: Annotated[str, typer.Option(help="Only these: new, fine or case.")] = "",
    detector: Annotated[str, typer.Option(help="Only what this detector has found.")] = "",
    subject: Annotated[str, typer.Option(help="Only of this cashier or account.")] = "",
    reader: ReaderOption = "",
    json: AsJson = False,
) -> None:
    """List what was found, the newest first.

    Example: tillcard findings list --state new
    """
    terms = {"state": state, "detector": detector, "subject": subject, "reader": reader}
    found = all_pages("finding.list", terms, where, "findings")
    if json:
        print_json(found)
        return
    currency = _currency(where)
    for one in found:
        typer.echo(_line(one, currency))
    if not found:
        typer.echo("Nothing was found.")


@findings.command()
@at_daemon
def show(where: Where, finding: Finding, reader: ReaderOption = "", json: AsJson = False) -> None:
    """Show a finding with the entries that it is made of, and when it is no fraud.

    Example: tillcard findings show 5f0c3a9be1d24788
    """
    answer = asked("finding.show", {"finding": finding, "reader": reader}, where)
    if json:
        print_json(answer)
        return
    currency, one = _currency(where), answer["finding"]
    typer.echo(_line(one, currency))
    typer.echo(f"  {one['means']}\n  No fraud when: {one['innocent']}")
    if one["state"] != "new":
        typer.echo(f"  {one['state']}, says {one['by']}: {one['note']}".rstrip(": "))
    for sentence in (one["notice"], f"Now account {one['now']}." if one["now"] else ""):
        if sentence:
            typer.echo(f"  {sentence}")
    Console().print(_evidence(answer["evidence"], currency))
    if answer["more"]:
        typer.echo(f"and {answer['more']} more")


@findings.command()
@at_daemon
def judge(
    where: Where,
    finding: Finding,
    verdict: Annotated[str, typer.Argument(help="fine, or case.")],
    note: Annotated[str, typer.Option(help="Why; it is kept for ever, so name nobody.")] = "",
    by: By = "",
    json: AsJson = False,
) -> None:
    """Say what a finding is, once: fine, or a case. It stays.

    Example: tillcard findings judge 5f0c3a9be1d24788 fine --note "the pensioners' hour"
    """
    terms = {"finding": finding, "verdict": verdict, "note": note}
    terms |= {"by": whoever(by), "request_id": new_request_id()}
    answer = asked("finding.judge", terms, where)
    if json:
        print_json(answer)
    else:
        typer.echo(f"{answer['finding']}: {answer['state']}, says {answer['by']}")


@findings.command()
@at_daemon
def run(
    where: Where,
    day: Annotated[str, typer.Option(help="A day that is over; else all that are due.")] = "",
    by: By = "",
    json: AsJson = False,
) -> None:
    """Look at a day that is over again; what was found before is found once.

    The till does so by itself after midnight, up to 30 days back.

    Example: tillcard findings run --day 2026-11-27
    """
    terms = {"day": day, "by": whoever(by), "request_id": new_request_id()}
    answer = asked("finding.run", terms, where, ANSWER_S_MAX)
    if json:
        print_json(answer)
    else:
        typer.echo(f"{answer['new']} new, {answer['known']} known")


def _currency(where: Where) -> Currency:
    with connected(where) as client:
        return till_currency(client.greeting)


def _line(one: dict[str, Any], currency: Currency) -> str:
    value, threshold = (_said(one[name], one["unit"], currency) for name in ("value", "threshold"))
    days = one["from"] if one["from"] == one["to"] else f"{one['from']} to {one['to']}"
    whom = " with ".join(filter(None, (one["subject"], one["other"])))
    entries = f"{one['entries']} entries"
    return f"{one['finding']}  {one['state']:4}  {one['detector']:16}  {days}  {whom}: {value}" + (
        f" (limit {threshold}), {entries}"
    )


def _said(value: int, unit: str, currency: Currency) -> str:
    if unit == "bp":
        return f"{value / 100:.2f} %"
    if unit == "money":
        return currency.text(value)
    return f"{value} days" if unit == "days" else str(value)


def _evidence(entries: list[dict[str, Any]], currency: Currency) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("entry", "at", "kind", "sale", "store", "cashier", "list", "discount", "net"):
        table.add_column(name, justify="right" if name in ("list", "discount", "net") else "left")
    for one in entries:
        amounts = (currency.text(one[name]) for name in ("list_total", "discount", "net"))
        texts = (one["at"][:16], one["kind"], one["sale"], one["store"], one["cashier"])
        table.add_row(str(one["seq"]), *map(escape, texts), *amounts)
    return table
