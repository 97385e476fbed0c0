"""``tillcard customers erase``: who a person is goes for good; what the account has done stays."""

import sys
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from daemon.cli.customers_command import Reason, Whom, whose
from daemon.cli.daemon_call import (
    AsJson,
    By,
    Where,
    all_pages,
    asked,
    at_daemon,
    failed,
    new_request_id,
    print_json,
    whoever,
)
from daemon.cli.screen_amounts import purse_text


@at_daemon
def erase(
    where: Where,
    whom: Whom,
    reason: Reason,
    by: By = "",
    forfeit: Annotated[
        bool, typer.Option("--forfeit", help="What was paid in and is left goes to the shop.")
    ] = False,
    keep_cards: Annotated[
        bool, typer.Option("--keep-cards", help="The cards go on as nobody's, with what they have.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing: it cannot be undone.")] = False,
    json: AsJson = False,
) -> None:
    """Erase a customer. It cannot be undone.

    Name, telephone, e-mail, birthday and all answers go, from the sales too; what the account has
    bought and allowed stays, without a person. The cards are blocked, and points on them are
    written off; with --keep-cards they go on. Export first what the person wants to have:
    tillcard customers export.

    Example: tillcard customers erase 2900000000018 --by olha --reason "asked by letter of 3 May"
    """
    shown = asked("customer.show", whose(whom) | {"limit": 0}, where)
    if not yes:
        _ask(shown, keep_cards=keep_cards)
    how = {"forfeit": forfeit, "keep_cards": keep_cards, "by": whoever(by), "reason": reason}
    terms = {"request_id": new_request_id(), "account": shown["account"], **how}
    done = asked("customer.erase", terms, where)
    if json:
        print_json(done)
        return
    for line in _said(done, shown):
        typer.echo(line)


def _ask(shown: dict[str, Any], *, keep_cards: bool) -> None:
    """Ask at the terminal whether it is meant; leave where it is not, or nobody can be asked."""
    who = shown["answers"].get("name") or shown["account"]
    cards = ", ".join(card["number"] for card in shown["cards"] if card["number"]) or "none"
    typer.echo(f"{who} ({shown['account']}), cards: {cards}", err=True)
    for purse, state in shown["balances"].items():
        available, pending = (purse_text(state[n], purse, shown) for n in ("available", "pending"))
        typer.echo(f"  {purse}: {available}, pending {pending}", err=True)
    cards_go = "go on as nobody's" if keep_cards else "are blocked for good"
    typer.echo(f"Erasing cannot be undone. The cards {cards_go}.", err=True)
    if not sys.stdin.isatty():
        raise failed("Nobody is there to be asked; say --yes where it is meant.")
    if not typer.confirm("Erase?", err=True):
        raise failed("Nothing was erased.")


def _said(done: dict[str, Any], shown: dict[str, Any]) -> Iterator[str]:
    yield f"{done['account']} is erased, with {done['sales']} sales."
    for account in done["merged"]:
        yield f"  {account}, which was merged into it, too"
    yield f"  cards: {done['blocked']} blocked, {done['kept']} go on as nobody's"
    for purse, amount in done["forfeited"].items():
        yield f"  forfeited: {purse} {purse_text(amount, purse, shown)}"
    for act in done["acts"]:
        yield f"  act {act['act']} ({act['company']}) says the name until {act['until']}"


@at_daemon
def to_erase(where: Where, by: By = "", json: AsJson = False) -> None:
    r"""List who is to be erased: nobody has heard of them for \[retention] dormant_years.

    The list is as of the first of this month. With auto = true the day's work erases those that
    nothing stands in the way of; else: tillcard customers erase ACCOUNT.

    Example: tillcard customers to-erase --by olha
    """
    terms = {"by": whoever(by)}
    page = asked("customer.to_erase", terms, where)
    people = all_pages("customer.to_erase", terms, where, "customers")
    if json:
        print_json(page | {"customers": people, "next": ""})
        return
    who = (
        "the day's work erases them" if page["auto"] else "erase them by: tillcard customers erase"
    )
    typer.echo(f"{page['month']}: nothing was heard since before {page['since']}; {who}")
    for one in people:
        money = "".join(
            f"  {purse} {purse_text(amount, purse, page)} left"
            for purse, amount in one["money"].items()
        )
        waits = f"  waits: {one['waits']}" if one["waits"] else ""
        typer.echo(f"  {one['account']}  {one['name']}  last {one['last']}{money}{waits}")
    if page["not_overwritten"]:
        typer.echo("What was erased is overwritten in the ledger's file at the till's next start.")
