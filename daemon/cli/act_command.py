"""``tillcard cards act``: a numbered paper about cards, as PDF and CSV."""

import csv
from pathlib import Path
from typing import Annotated, Any

import typer

from daemon.accounts.act_paper import CSV_COLUMNS, WORDS, act_paper, csv_rows
from daemon.base.paper import pdf
from daemon.cli.daemon_call import Where, at_daemon, connected, failed, print_json, till_currency
from daemon.cli.written_files import own_file, write_own
from daemon.pos.client import CallError, Client, UnreachableError


@at_daemon
def act(
    where: Where,
    number: Annotated[str, typer.Argument(help="For example: A-2026-000012")],
    pdf_file: Annotated[Path | None, typer.Option("--pdf", help="A PDF file to write.")] = None,
    csv_file: Annotated[Path | None, typer.Option("--csv", help="A CSV file to write.")] = None,
    language: Annotated[
        str, typer.Option(help="Of the paper: en or uk; else the till's language.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the act as JSON.")] = False,
) -> None:
    """Print an act about cards: to sign, and for the books.

    tillcard cards act A-2026-000012 --pdf act.pdf --csv act.csv

    Acts are made by the POS protocol: card.hand_out, act.make, act.void. The paper of one act is
    the same to the byte whenever it is made. Files that are there already are not written over.
    """
    if language and language not in WORDS:
        raise typer.BadParameter("en or uk", param_hint="--language")
    try:
        with connected(where) as client:
            shown = _shown(client, number)
            currency = till_currency(client.greeting)
            language = language or client.greeting["language"]
        if pdf_file is not None:
            write_own(pdf_file, pdf(act_paper(shown, currency, language)))
        if csv_file is not None:
            with own_file(csv_file) as file:
                rows = csv.writer(file)
                rows.writerow(CSV_COLUMNS)
                rows.writerows(csv_rows(shown, currency))
    except (CallError, UnreachableError, OSError) as error:
        raise failed(f"tillcard: {error}") from error
    if as_json:
        print_json(shown)
    else:
        total = currency.text(shown["total"])
        typer.echo(f"{shown['act']}: {shown['count']} cards, {total}, {shown['state']}")


def _shown(client: Client, number: str) -> dict[str, Any]:
    """Return an act with all its lines."""
    shown: dict[str, Any] = client.call("act.show", {"act": number})
    while some := client.call("act.show", {"act": number, "start": len(shown["lines"])})["lines"]:
        shown["lines"] += some
    return shown
