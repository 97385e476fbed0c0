"""``tillcard cards act`` and ``hand-out``: numbered papers about cards, made, shown and made void.

`tillcard cards act A-2026-000012` shows one: whatever is no command here is an act's number.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from daemon.accounts.act_paper import CSV_COLUMNS, WORDS, act_paper, csv_rows
from daemon.base.currency import Currency
from daemon.base.regular_files import read_lines
from daemon.cli.card_life_command import Approver, Reason, approval_of
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
from daemon.cli.paper_files import (
    CsvOption,
    LanguageOption,
    PdfOption,
    check_language,
    write_paper,
)
from daemon.pos.client import CallError, Client, UnreachableError

ACTS_A_PAGE = 500


class _ActGroup(TyperGroup):
    """Commands about acts; where none is named, the words are those of `show`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, *self.get_help_option_names(ctx)):
            args = ["show", *args]
        return super().parse_args(ctx, args)


act = typer.Typer(
    cls=_ActGroup,
    no_args_is_help=True,
    help="Acts about cards: to sign, and for the books. A number alone shows that act.",
)
Number = Annotated[str, typer.Argument(help="For example: A-2026-000012")]
Numbers = Annotated[list[str] | None, typer.Argument(help="The cards' numbers.")]
NumbersFile = Annotated[Path | None, typer.Option("--numbers", help="A file of them, one a line.")]


@at_daemon
def hand_out(
    where: Where,
    numbers: Numbers = None,
    file: NumbersFile = None,
    batch: Annotated[str, typer.Option(help="All of this batch that are in stock.")] = "",
    to: Annotated[str, typer.Option(help="Who gets them: a person, or a partner's code.")] = "",
    store: Annotated[str, typer.Option(help="The store that gets them.")] = "",
    back: Annotated[bool, typer.Option("--back", help="They come back into stock.")] = False,
    reason: Reason = "",
    approved_by: Approver = "",
    by: By = "",
    json: AsJson = False,
) -> None:
    """Hand cards out of the store room by an act (A), or with --back take them in again.

    Example: tillcard cards hand-out --batch B-2026-0007 --to P0007 --by olha

    Until it is issued, a card can be issued only by who got it, or in the store that got it.
    """
    if back == bool(to or store):
        raise typer.BadParameter("say who gets them, or --back", param_hint="--to")
    terms = {"batch": batch, "numbers": _numbers(numbers, file), "to": to, "store": store}
    _do("card.hand_out", terms, (by, reason, approved_by), where, as_json=json)


@act.command("make")
@at_daemon
def make_act(
    where: Where,
    kind: Annotated[
        Literal["W", "D"], typer.Argument(help="W: of what was issued; D: of what nobody got.")
    ],
    numbers: Annotated[list[str] | None, typer.Argument(help="Of D: the cards' numbers.")] = None,
    file: NumbersFile = None,
    first: Annotated[str, typer.Option("--from", help="Of W: the first day.")] = "",
    last: Annotated[str, typer.Option("--to", help="Of W: the last day.")] = "",
    store: Annotated[str, typer.Option(help="Of W: only what this store has issued.")] = "",
    reason: Reason = "",
    approved_by: Approver = "",
    by: By = "",
    json: AsJson = False,
) -> None:
    """Write off the cards that were issued in a period, or dispose of spoilt and lost ones.

    Example: tillcard cards act make W --from 2026-11-01 --to 2026-11-30 --by olha

    Example: tillcard cards act make D 2900000000018 --reason "it is torn" --by olha
    """
    terms = {"kind": kind, "numbers": _numbers(numbers, file), "store": store}
    terms |= {"from": first, "to": last}
    _do("act.make", terms, (by, reason, approved_by), where, as_json=json)


@act.command("void")
@at_daemon
def void_act(
    where: Where,
    number: Number,
    reason: Reason,
    approved_by: Approver = "",
    by: By = "",
    json: AsJson = False,
) -> None:
    """Make an act void: it keeps its number, and its cards go back to where they were.

    Example: tillcard cards act void A-2026-000012 --reason "another kiosk got them"
    """
    _do("act.void", {"act": number}, (by, reason, approved_by), where, as_json=json)


@act.command("list")
@at_daemon
def list_acts(
    where: Where,
    kind: Annotated[
        Literal["R", "A", "W", "D"] | None,
        typer.Argument(help="R: received; A: handed out, or back; W: written off; D: disposed of."),
    ] = None,
    json: AsJson = False,
) -> None:
    """List acts of a kind, or of all kinds. Example: tillcard cards act list A."""
    acts = [one for each in ([kind] if kind else "RAWD") for one in _all_acts(each, where)]
    if json:
        print_json(acts)
        return
    currency = _currency(where)
    for one in acts:
        typer.echo("  ".join(filter(None, (_line(one, currency), one["to"]))))


@act.command("show")
@at_daemon
def show_act(
    where: Where,
    number: Number,
    pdf_file: PdfOption = None,
    csv_file: CsvOption = None,
    language: LanguageOption = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the act as JSON.")] = False,
) -> None:
    """Print an act about cards: to sign, and for the books.

    Example: tillcard cards act A-2026-000012 --pdf act.pdf --csv act.csv

    The paper of one act is the same to the byte whenever it is made. Files that are there already
    are not written over.
    """
    check_language(language, WORDS)
    try:
        with connected(where) as client:
            shown = _shown(client, number)
            currency = till_currency(client.greeting)
            language = language or client.greeting["language"]
    except (CallError, UnreachableError) as error:
        raise failed(f"tillcard: {error}") from error
    write_paper(
        pdf_file,
        csv_file,
        language,
        lambda: act_paper(shown, currency, language),
        lambda: (CSV_COLUMNS, csv_rows(shown, currency)),
    )
    if as_json:
        print_json(shown)
        return
    typer.echo(_line(shown, currency))
    if pdf_file is None and csv_file is None:
        for _, *said in csv_rows(shown, currency):
            typer.echo("  " + "  ".join(filter(None, said)))


def _shown(client: Client, number: str) -> dict[str, Any]:
    """Return an act with all its lines."""
    shown: dict[str, Any] = client.call("act.show", {"act": number})
    while some := client.call("act.show", {"act": number, "start": len(shown["lines"])})["lines"]:
        shown["lines"] += some
    return shown


def _all_acts(kind: str, where: Where) -> list[dict[str, Any]]:
    """Return the acts of a kind, in the order of their numbers."""
    acts: list[dict[str, Any]] = []
    after = ""
    while True:
        terms = {"kind": kind, "after": after, "limit": ACTS_A_PAGE}
        some = asked("act.list", terms, where)["acts"]
        acts += some
        if len(some) < ACTS_A_PAGE:
            return acts
        after = some[-1]["act"]


def _numbers(named: list[str] | None, file: Path | None) -> list[str]:
    """Return the cards that were named, and those of a file."""
    try:
        return [*(named or []), *(read_lines(file) if file else ())]
    except (OSError, UnicodeDecodeError) as error:
        raise failed(f"tillcard: {error}") from error


def _do(
    method: str, terms: dict[str, Any], who: tuple[str, str, str], where: Where, *, as_json: bool
) -> None:
    """Make an act, or make it void, and say what it is. who: by, why, and who approves it."""
    by, reason, approved_by = who
    said = {"by": whoever(by), "reason": reason, "request_id": new_request_id()}
    done = asked(method, terms | said | approval_of(approved_by), where)
    if as_json:
        print_json(done)
    else:
        typer.echo(_line(done, _currency(where)))


def _currency(where: Where) -> Currency:
    with connected(where) as client:
        return till_currency(client.greeting)


def _line(one: dict[str, Any], currency: Currency) -> str:
    return f"{one['act']}: {one['count']} cards, {currency.text(one['total'])}, {one['state']}"
