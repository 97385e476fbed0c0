"""``tillcard club``: who is to join a status, to be extended or excluded, and what is decided."""

from typing import Annotated, Any, Literal

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from daemon.base.currency import amount_text
from daemon.cli.customers_command import Whom, whose
from daemon.cli.daemon_call import (
    AsJson,
    By,
    Where,
    asked,
    at_daemon,
    failed,
    new_request_id,
    print_json,
    whoever,
)
from daemon.shop.club_history import Why
from daemon.shop.club_letter import letter
from daemon.shop.memberships import DECIDED_MAX, DUE_DAYS_MAX

club = typer.Typer(
    no_args_is_help=True,
    help="The discount club: lists, decisions, why, and what would be.",
)

StatusArgument = Annotated[str, typer.Argument(help="The status's id in the programme: club.")]
ListArgument = Annotated[
    Literal["join", "extend", "exclude"], typer.Argument(help="Which of the owner's lists.")
]
LedgerOption = Annotated[
    str, typer.Option("--ledger", help="Of the till that wrote the entry, if it is another's.")
]
Reason = Annotated[str, typer.Option(help="Why; it is kept for ever.")]
WHY_NOT = {
    "card_unknown": "there is no such account",
    "not_on_list": "is not on this list any more",
}


@club.command("list")
@at_daemon
def list_members(
    where: Where,
    status: StatusArgument,
    name: ListArgument,
    as_json: AsJson = False,
) -> None:
    """Show who has bought enough to join or to be extended, or too little to stay.

    Example: tillcard club list club join
    """
    listing = _whole_list(status, name, where)
    if as_json:
        print_json(listing)
        return
    needed = amount_text(listing["needed"], listing["unit"])
    table = Table(title=f"{status}: {name}; needs {needed} in {listing['days']} days")
    for column in ("account", "name", "member since", "window", "counted"):
        table.add_column(column)
    for one in listing["members"]:
        window = f"{one['window_from']} to {one['window_to']}"
        counted = amount_text(one["total"], listing["unit"])
        table.add_row(one["account"], one["name"], one["since"], window, counted)
    Console(markup=False).print(table)


@club.command()
@at_daemon
def due(
    where: Where,
    status: StatusArgument,
    days: Annotated[int, typer.Option(min=0, max=DUE_DAYS_MAX, help="How far ahead.")] = 14,
    as_json: AsJson = False,
) -> None:
    """Show members whose window ends within so many days, and how much they are short of.

    Example: tillcard club due club --days 14
    """
    asks = {"status": status, "days": days}
    listing = _all_pages("club.due", asks, where)
    if as_json:
        print_json(listing)
        return
    unit = listing["unit"]
    table = Table(title=f"{status}: short of {amount_text(listing['needed'], unit)}")
    for column in ("account", "name", "last day", "days left", "counted", "missing"):
        table.add_column(column)
    for one in listing["members"]:
        counted, missing = (amount_text(one[name], unit) for name in ("total", "missing"))
        left = str(one["days_left"])
        table.add_row(one["account"], one["name"], one["window_to"], left, counted, missing)
    Console(markup=False).print(table)


@club.command()
@at_daemon
def decide(
    where: Where,
    status: StatusArgument,
    name: ListArgument,
    accounts: Annotated[
        list[str] | None, typer.Argument(help="Whom, by account or card; --all for the whole list.")
    ] = None,
    granted: Annotated[
        bool | None,
        typer.Option("--grant/--refuse", help="Join, extend, keep; or refuse, exclude."),
    ] = None,
    everybody: Annotated[bool, typer.Option("--all", help="All who are on the list now.")] = False,
    by: By = "",
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Decide about those on a list. A refusal or an exclusion needs a reason.

    Example: tillcard club decide club exclude --refuse --all --by maria --reason "too little"

    Exit status 0: all were decided; 1: some were not, and it says why.
    """
    if granted is None:
        raise typer.BadParameter("say which of the two it is", param_hint="--grant/--refuse")
    if everybody == bool(accounts):
        raise typer.BadParameter("name accounts, or --all for all who are on the list")
    chosen = [_account(whom, where) for whom in accounts or ()]
    if everybody:
        chosen = [one["account"] for one in _whole_list(status, name, where)["members"]]
    terms = {"status": status, "list": name, "granted": granted, "by": whoever(by)}
    results: list[dict[str, Any]] = []
    for start in range(0, len(chosen), DECIDED_MAX):
        some = {"accounts": chosen[start : start + DECIDED_MAX], "request_id": new_request_id()}
        results += asked("club.decide", terms | {"reason": reason} | some, where)["accounts"]
    if as_json:
        print_json({"status": status, "granted": granted, "accounts": results})
    else:
        for one in results:
            said = one["stage"] if one["done"] else f"not decided: {WHY_NOT[one['why']]}"
            typer.echo(f"{one['account']}  {said}")
    raise typer.Exit(0 if all(one["done"] for one in results) else 1)


@club.command()
@at_daemon
def why(
    where: Where,
    status: StatusArgument,
    whom: Whom,
    seq: Annotated[
        int | None, typer.Option(min=1, help="Which decision or closed window; else the newest.")
    ] = None,
    ledger_id: LedgerOption = "",
    as_letter: Annotated[
        bool, typer.Option("--letter", help="Print a letter to the customer.")
    ] = False,
    language: Annotated[Literal["en", "uk"], typer.Option(help="The letter's language.")] = "en",
    as_json: AsJson = False,
) -> None:
    """Show what led to a decision, or to the end of a window: every entry that counted.

    Example: tillcard club why club 2900000000018 --letter --language uk

    Exit status 0; 1: the ledger is damaged, and no letter is printed, or it could not be asked.
    """
    terms = {"status": status, "account": _account(whom, where), "ledger_id": ledger_id}
    asks = terms | ({"seq": seq} if seq else {})
    told = asked("club.why", asks, where)
    if as_json:
        print_json(told)
    elif as_letter and not told["damaged"]:
        typer.echo(letter(msgspec.convert(told, Why), language), nl=False)
    else:
        _print_why(told)
    if told["damaged"]:
        raise failed("The ledger is damaged: this is not what was judged. Run tillcard audit.")


def _print_why(told: dict[str, Any]) -> None:
    unit = told["unit"]
    who = f" by {told['by']}" if told["by"] else ""
    turn = f"{told['stage_before']} to {told['stage_after']}"
    typer.echo(f"{told['event']} on {told['day']}{who}: {turn}  (entry {told['seq']})")
    if told["reason"]:
        typer.echo(f"reason: {told['reason']}")
    if told["window_from"]:
        sums = amount_text(told["total"], unit), amount_text(told["needed"], unit)
        window = f"{told['window_from']} to {told['window_to']}"
        typer.echo(f"{window}: {sums[0]}, {sums[1]} were needed")
    table = Table("entry", "day", "what", "amount", "total", "hash")
    for one in told["chain"]:
        sums = amount_text(one["amount"], unit), amount_text(one["total"], unit)
        table.add_row(str(one["seq"]), one["day"], one["kind"], *sums, one["hash"][:16])
    if told["left_out"]:
        typer.echo(f"{told['left_out']} earlier entries are in the sums.")
    Console(markup=False).print(table)


@club.command()
@at_daemon
def undo(
    where: Where,
    status: StatusArgument,
    whom: Whom,
    seq: Annotated[int, typer.Argument(min=1, help="The decision's entry; see club why.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept for ever.")],
    ledger_id: LedgerOption = "",
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Undo the newest decision about an account, within 7 days; what came later counts again.

    Example: tillcard club undo club 2900000000018 4711 --by maria --reason "the wrong Olena"
    """
    account = _account(whom, where)
    terms = {"status": status, "account": account, "seq": seq, "ledger_id": ledger_id}
    said = {"by": whoever(by), "reason": reason, "request_id": new_request_id()}
    done = asked("club.undo", terms | said, where)
    if as_json:
        print_json(done)
    else:
        window = f", {done['window_from']} to {done['window_to']}" if done["window_from"] else ""
        counted = amount_text(done["total"], done["unit"])
        typer.echo(f"{done['account']}  {done['stage']}{window}, counted: {counted}")


def _account(whom: str, where: Where) -> str:
    """Return whose it is, by account or card. Leaves with status 1 for a card nobody knows."""
    named = whose(whom)
    return whom if "account" in named else asked("card.show", named, where)["account"]


def _whole_list(status: str, name: str, where: Where) -> dict[str, Any]:
    return _all_pages("club.list", {"status": status, "list": name}, where)


def _all_pages(method: str, terms: dict[str, Any], where: Where) -> dict[str, Any]:
    """Return a list with the members of all its pages."""
    members: list[dict[str, Any]] = []
    after = ""
    while True:
        page: dict[str, Any] = asked(method, terms | {"after": after}, where)
        members += page["members"]
        if not (page["more"] and page["members"]):
            return page | {"members": members}
        after = members[-1]["account"]
