"""``tillcard programme``: what another programme would have made of past sales; older ones."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from daemon.base.currency import Currency, amount_text
from daemon.cli.card_life_command import Approver, Reason, approval_of
from daemon.cli.check_command import load_file
from daemon.cli.daemon_call import (
    AsJson,
    By,
    Where,
    asked,
    at_daemon,
    connected,
    failed,
    new_request_id,
    print_json,
    till_currency,
    whoever,
)
from daemon.cli.progress_bars import progress_bars
from daemon.pos.client import CallError, Client, UnreachableError
from daemon.shop.preview_sums import SALES_MAX

NAMED = 10
"""Sales that gain and lose most, on the screen; --json has all that the daemon names."""
VersionArgument = Annotated[str, typer.Argument(help="As `tillcard programme history` says it.")]
programme = typer.Typer(no_args_is_help=True, help="Programmes: tried on past sales; older ones.")


@programme.callback()
def programme_() -> None:
    """Look at a programme before it is in force, and at those that were."""


@programme.command()
@at_daemon
def preview(
    where: Where,
    file: Annotated[Path, typer.Argument(help="The programme file, TOML.")],
    first: Annotated[str, typer.Option("--from", help="The first local day, as 2026-11-01.")],
    last: Annotated[str, typer.Option("--to", help="The last local day, included.")],
    limit: Annotated[
        int, typer.Option(min=1, max=SALES_MAX, help="Sales to price; of more, evenly so many.")
    ] = SALES_MAX,
    as_json: AsJson = False,
) -> None:
    """Price the sales of a period again under another programme, and say what changes.

    Example: tillcard programme preview new.toml --from 2026-11-01 --to 2026-11-30

    It is what would have been, had everybody bought the same. Nothing is written, and the till
    sells on meanwhile.
    """
    loaded = load_file(file)
    terms = {"text": loaded.text, "from": first, "to": last, "limit": limit}
    try:
        with connected(where) as client:
            answer = _followed(client, terms, is_quiet=as_json)
            currency = till_currency(client.greeting)
    except (CallError, UnreachableError) as error:
        raise failed(f"tillcard: {error}") from error
    if as_json:
        print_json(answer)
        return
    for line in _said(answer, currency, loaded.purse_units):
        typer.echo(line)


@programme.command()
@at_daemon
def history(
    where: Where,
    limit: Annotated[int, typer.Option(min=1, max=50, help="Activations on the screen.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Say which programmes were brought in force, when, by whom and why, the newest first.

    Example: tillcard programme history
    """
    answer = asked("programme.history", {"limit": limit}, where)
    if as_json:
        print_json(answer)
        return
    for one in answer["versions"]:
        now = "  in force" if one["in_force"] else ""
        lines = f"+{one['added']} -{one['removed']} lines"
        why = f": {one['reason']}" if one["reason"] else ""
        typer.echo(f"{one['version']}  from {one['at']}  {lines}  by {one['by']}{why}{now}")


@programme.command()
@at_daemon
def show(
    where: Where,
    version: VersionArgument,
    against: Annotated[str, typer.Option(help="Print what is different from this version.")] = "",
    as_json: AsJson = False,
) -> None:
    """Print the text of a programme that was in force, or what is different in it.

    Example: tillcard programme show 6b0e2f1c9a4d --against 91c2d41f7a90
    """
    answer = asked("programme.version", {"version": version, "against": against}, where)
    if as_json:
        print_json(answer)
    elif against:
        for line in answer["difference"]:
            typer.echo(line)
        if answer["more"]:
            typer.echo(f"… and {answer['more']} lines more")
    else:
        typer.echo(answer["text"], nl=False)


@programme.command("roll-back")
@at_daemon
def roll_back(
    where: Where,
    version: VersionArgument,
    reason: Reason = "",
    approved_by: Approver = "",
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Bring an old programme in force again, now: its text is activated anew.

    Example: tillcard programme roll-back 6b0e2f1c9a4d --reason "too much was given"

    It asks for a preview not older than a day, or a reason, as any activation.
    """
    text = asked("programme.version", {"version": version}, where)["text"]
    terms = {"request_id": new_request_id(), "text": text, "reason": reason, "by": whoever(by)}
    done = asked("programme.activate", terms | approval_of(approved_by), where)
    if as_json:
        print_json(done)
    else:
        typer.echo(f"{done['programme']} {done['version']}: in force from {done['at']} on")


def _followed(client: Client, terms: dict[str, Any], *, is_quiet: bool) -> dict[str, Any]:
    """Ask until the preview is done."""
    with progress_bars(is_quiet=is_quiet) as bars:
        bar = bars.add_task("pricing", total=None)
        answer: dict[str, Any] = client.call("programme.preview", terms)
        while answer["result"] is None:
            bars.update(bar, completed=answer["done"], total=answer["of"] or None)
            answer = client.call("programme.preview", terms | {"beyond": answer["done"]})
        bars.update(bar, completed=answer["of"], total=answer["of"])
    return answer


def _said(answer: dict[str, Any], currency: Currency, units: Mapping[str, str]) -> Iterator[str]:
    found = answer["result"]
    yield from (f"warning: {one['path']}: {one['message']}" for one in answer["warnings"])
    of = f" of {found['found']}, taken evenly" if found["sampled"] else ""
    yield f"{answer['programme']} {answer['version']} over {found['sales']} sales{of}"
    for name in ("total", "discount"):
        yield f"  {name}: {_both(found[name], currency)}"
    for purse, both in found["earned"].items():
        said = (amount_text(both[when], units.get(purse, "")) for when in ("before", "after"))
        yield f"  earned {purse}: {' → '.join(said)}"
    yield f"  {found['changed']} totals change; {found['came_back']} sales had come back whole"
    for rule, of_rule in found["rules"].items():
        sales = f"{of_rule['sales']['before']} → {of_rule['sales']['after']} sales"
        yield f"  rule {rule}: {sales}, {_both(of_rule['discount'], currency)}"
    for store, of_store in found["stores"].items():
        yield f"  store {store}: {_both(of_store['discount'], currency)}"
    for one in found["refused"]:
        yield f"  not priced: {one['count']} sales, such as {one['sale_id']}: {one['why']}"
    for name, sales in (("gain", found["gained"]), ("lose", found["lost"])):
        for one in sales[:NAMED]:
            before, after = currency.text(one["before"]), currency.text(one["after"])
            yield f"  would {name}: {one['sale_id']} of {one['day']}: {before} → {after}"


def _both(both: dict[str, int], currency: Currency) -> str:
    before, after = both["before"], both["after"]
    sign = "+" if after >= before else "-"
    change = f"{sign}{currency.text(abs(after - before))}"
    return f"{currency.text(before)} → {currency.text(after)} ({change})"
