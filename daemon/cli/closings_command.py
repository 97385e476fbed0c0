"""``tillcard closings``: a till's run of sales is summed, signed and printed."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from daemon.base.currency import Currency
from daemon.base.paper import pdf
from daemon.cli.card_life_command import Approver, approval_of
from daemon.cli.daemon_call import (
    AsJson,
    By,
    Where,
    all_pages,
    asked,
    at_daemon,
    connected,
    failed,
    new_request_id,
    print_json,
    till_currency,
    whoever,
)
from daemon.cli.paper_files import LanguageOption, PdfOption, check_language
from daemon.cli.written_files import write_own
from daemon.pos.client import CallError, UnreachableError
from daemon.shop.closing_paper import WORDS, closing_paper, rows_of

CLOSINGS_A_PAGE = 500
closings = typer.Typer(
    no_args_is_help=True, help="Closings: what a till's sales came to, signed, without gaps."
)
LedgerOption = Annotated[str, typer.Option(help="Another till's ledger on the same database.")]
ReaderOption = Annotated[str, typer.Option(help="The operator who reads; seen is what they may.")]


@closings.callback()
def closings_() -> None:
    """Close a till's run of sales, and look at what was closed."""


@closings.command("close")
@at_daemon
def close_day(where: Where, approved_by: Approver = "", by: By = "", json: AsJson = False) -> None:
    """Close: everything since the last closing is summed, signed and kept for ever.

    Example: tillcard closings close --by olha

    The till sells on meanwhile. Closings of one till are numbered without gaps, and come to what
    its ledger has.
    """
    terms = {"request_id": new_request_id(), "by": whoever(by)} | approval_of(approved_by)
    _print(asked("day.close", terms, where), where, as_json=json)


@closings.command("list")
@at_daemon
def list_closings(
    where: Where, ledger: LedgerOption = "", reader: ReaderOption = "", json: AsJson = False
) -> None:
    """List closings. Example: tillcard closings list."""
    terms = {"ledger": ledger, "limit": CLOSINGS_A_PAGE, "reader": reader}
    found = all_pages("day.closings", terms, where, "closings")
    if json:
        print_json(found)
        return
    currency = _currency(where)
    for one in found:
        net = currency.text(one["net"])
        counts = f"{one['sales']} sales, {one['returns']} returns"
        typer.echo(f"{one['closing']}  {one['day']}  {counts}, net {net}  by {one['by']}")


@closings.command("show")
@at_daemon
def show_closing(
    where: Where,
    closing: Annotated[str, typer.Argument(help="For example: Z-till-1-000042")],
    ledger: LedgerOption = "",
    pdf_file: PdfOption = None,
    json_file: Annotated[
        Path | None, typer.Option("--out", help="A new file for it, as JSON.")
    ] = None,
    language: LanguageOption = "",
    reader: ReaderOption = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show a closing, or write it as PDF or JSON.

    Example: tillcard closings show Z-till-1-000042 --pdf closing.pdf --out closing.json

    The paper of one closing is the same to the byte whenever it is made. Files that are there
    already are not written over.
    """
    check_language(language, WORDS)
    terms = {"closing": closing, "ledger": ledger, "reader": reader}
    try:
        with connected(where) as client:
            shown = client.call("day.closing", terms)
            currency = till_currency(client.greeting)
            language = language or client.greeting["language"]
    except (CallError, UnreachableError) as error:
        raise failed(f"tillcard: {error}") from error
    try:
        if pdf_file is not None:
            write_own(pdf_file, pdf(closing_paper(shown, currency, language)))
        if json_file is not None:
            write_own(json_file, msgspec.json.encode(shown) + b"\n")
    except OSError as error:
        raise failed(f"tillcard: {error}") from error
    if as_json or (pdf_file is None and json_file is None):
        _print(shown, where, as_json=as_json)


def _print(shown: dict[str, Any], where: Where, *, as_json: bool) -> None:
    if as_json:
        print_json(shown)
        return
    typer.echo(f"{shown['closing']}: entries {shown['first']} to {shown['last']}")
    for said, of_all, back in rows_of(shown, _currency(where), WORDS["en"]):
        typer.echo(f"  {said}: {of_all}" + (f" ({back})" if back else ""))


def _currency(where: Where) -> Currency:
    with connected(where) as client:
        return till_currency(client.greeting)
