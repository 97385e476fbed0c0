"""``tillcard books``: what the accounts are to be told of cards, one line a posting."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from daemon.base.currency import Currency
from daemon.cli.daemon_call import (
    AsJson,
    Where,
    at_daemon,
    connected,
    failed,
    print_json,
    till_currency,
)
from daemon.cli.report_command import ANSWER_S_MAX, FromOption, ToOption
from daemon.cli.report_files import as_text, csv_rows_of, decimal
from daemon.pos.client import CallError, Client, UnreachableError

COLUMNS = ("date", "debit", "credit", "amount", "document", "text")


@at_daemon
def books(
    where: Where,
    first: FromOption,
    last: ToOption,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="A CSV file; not there yet.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    r"""Say what cards mean to the accounts: batches, issues, sales and losses, by days.

    Example: tillcard books --from 2026-11-01 --to 2026-11-30 --csv books.csv

    The accounts are those of \[books] in the settings. The CSV file has semicolons, and a decimal
    comma where the till speaks Ukrainian.
    """
    days = _days(first, last)
    try:
        with connected(where, ANSWER_S_MAX) as client:
            currency = till_currency(client.greeting)
            lines = _lines(client, days)
            if csv_file is not None:
                count = _write(csv_file, lines, currency, client.greeting["language"])
                typer.echo(f"{csv_file}: {count} lines")
            elif as_json:
                print_json(list(lines))
            else:
                for one in lines:
                    amount = currency.text(one["amount"])
                    legs = f"{one['debit']:>6} / {one['credit']:<6} {amount:>12}"
                    typer.echo(f"{one['date']}  {legs}  {one['document']}  {one['text']}")
    except (CallError, UnreachableError, OSError) as error:
        raise failed(f"tillcard: {error}") from error


def _days(first: str, last: str) -> list[str]:
    try:
        begin, end = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError as error:
        raise typer.BadParameter(f"{error}; write such as 2026-11-30") from None
    if end < begin:
        raise typer.BadParameter(f"{last} is before {first}; turn them round", param_hint="--to")
    return [str(begin + timedelta(days=n)) for n in range((end - begin).days + 1)]


def _lines(client: Client, days: list[str]) -> Iterator[dict[str, Any]]:
    for day in days:
        start, more = 0, True
        while more:
            answer = client.call("report.books", {"day": day, "start": start})
            yield from answer["lines"]
            start, more = start + len(answer["lines"]), answer["more"]


def _write(file: Path, lines: Iterator[dict[str, Any]], currency: Currency, language: str) -> int:
    count = 0
    with csv_rows_of(file, COLUMNS) as rows:
        for one in lines:
            count += 1
            said = one | {"amount": decimal(currency.text(one["amount"]), language)}
            rows.writerow(as_text(said[name]) for name in COLUMNS)
    return count
