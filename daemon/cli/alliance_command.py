"""``tillcard alliance``: what another company's cards cost here, who owes whom, and is paid."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from daemon.base.currency import Currency, MoneyTextError
from daemon.cli.daemon_call import (
    AsJson,
    By,
    Where,
    asked,
    at_daemon,
    connected,
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
    whole_statement,
    write_paper,
)
from daemon.cli.report_command import ANSWER_S_MAX, FromOption, ToOption
from daemon.partners.alliance_paper import CSV_COLUMNS, WORDS, alliance_paper, csv_rows

alliance = typer.Typer(
    help="Companies whose cards are good here: who owes whom, statements, payments.",
    no_args_is_help=True,
)
Issuer = Annotated[str, typer.Argument(help="Whose cards, as [\\[alliance]] has it.")]
Number = Annotated[str, typer.Argument(help="A statement's number: L-2026-000007.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept for ever.")]


@alliance.command()
@at_daemon
def show(
    where: Where, issuer: Issuer, first: FromOption, last: ToOption, as_json: AsJson = False
) -> None:
    """Say what an issuer's cards were given and bought in a period, and who owes whom.

    Example: tillcard alliance show acme --from 2026-11-01 --to 2026-11-30
    """
    params = {"issuer": issuer, "from": first, "to": last}
    answer = asked("report.alliance", params, where, ANSWER_S_MAX)
    if as_json:
        print_json(answer)
        return
    currency = till_currency(_greeting(where))
    table = Table(title=f"{issuer}, {first} to {last}: {answer['sales']} sales")
    table.add_column("")
    table.add_column(currency.code, justify="right")
    for name in ("discount", "net", "they_owe", "we_owe", "balance"):
        table.add_row(name.replace("_", " "), currency.text(answer[name]))
    Console().print(table)


@alliance.command()
@at_daemon
def settle(
    where: Where,
    issuer: Issuer,
    first: FromOption,
    last: ToOption,
    by: By = "",
    json: AsJson = False,
) -> None:
    """Draw up the statement of a period that is over: what they owe, what we owe, what is left.

    Example: tillcard alliance settle acme --from 2026-11-01 --to 2026-11-30 --by olha
    """
    terms = {"issuer": issuer, "from": first, "to": last, "by": whoever(by)}
    terms |= {"request_id": new_request_id()}
    _tell(asked("alliance.statement", terms, where, ANSWER_S_MAX), where, as_json=json)


@alliance.command()
@at_daemon
def statement(
    where: Where,
    number: Number,
    pdf_file: PdfOption = None,
    csv_file: CsvOption = None,
    language: LanguageOption = "",
    json: AsJson = False,
) -> None:
    """Show a statement, line by line, or write it down as paper.

    Example: tillcard alliance statement L-2026-000007 --pdf statement.pdf --csv statement.csv

    The paper of one statement is the same to the byte whenever it is made. Files that are there
    already are not written over.
    """
    check_language(language, WORDS)
    shown = whole_statement("alliance.statement_show", number, where)
    greeting = _greeting(where)
    currency, language = till_currency(greeting), language or greeting["language"]
    write_paper(
        pdf_file,
        csv_file,
        language,
        lambda: alliance_paper(shown, currency, language),
        lambda: (CSV_COLUMNS, csv_rows(shown, currency)),
    )
    if json:
        print_json(shown)
        return
    for line in _lines(shown["statement"], currency):
        typer.echo(line)
    for one in shown["lines"]:
        amounts = (currency.text(one[name]) for name in ("discount", "net"))
        typer.echo("  ".join((one["day"], one["store"], one["customer"], *amounts)))


@alliance.command()
@at_daemon
def statements(where: Where, issuer: Issuer, json: AsJson = False) -> None:
    """List an issuer's statements. Example: tillcard alliance statements acme."""
    found = asked("alliance.statements", {"issuer": issuer}, where)["statements"]
    if json:
        print_json(found)
        return
    for one in found:
        typer.echo(f"{one['statement']}  {one['from']} to {one['to']}  {one['state']}")


@alliance.command()
@at_daemon
def pay(
    where: Where,
    number: Number,
    amount: Annotated[str, typer.Argument(help="How much was paid, as 200.00.")],
    method: Annotated[str, typer.Option(help="How it was paid: bank, cash.")],
    document: Annotated[str, typer.Option(help="By which paper.")] = "",
    by: By = "",
    json: AsJson = False,
) -> None:
    """Write down what was paid by a statement, by whoever owes it, at most what is left.

    Example: tillcard alliance pay L-2026-000007 200.00 --method bank --document "order 17"
    """
    try:
        minor = till_currency(_greeting(where)).minor(amount)
    except MoneyTextError as error:
        raise typer.BadParameter(f"{amount!r} {error}", param_hint="AMOUNT") from None
    terms = {"statement": number, "amount": minor, "method": method, "document": document}
    terms |= {"by": whoever(by), "request_id": new_request_id()}
    _tell(asked("alliance.pay", terms, where), where, as_json=json)


@alliance.command()
@at_daemon
def void(where: Where, number: Number, reason: Reason, by: By = "", json: AsJson = False) -> None:
    """Make a statement void of which nothing is paid; it keeps its number.

    Example: tillcard alliance void L-2026-000007 --reason "the wrong month"
    """
    terms = {"statement": number, "reason": reason, "by": whoever(by)}
    terms |= {"request_id": new_request_id()}
    _tell(asked("alliance.statement_void", terms, where), where, as_json=json)


def _greeting(where: Where) -> Mapping[str, Any]:
    with connected(where) as client:
        return client.greeting


def _tell(one: dict[str, Any], where: Where, *, as_json: bool) -> None:
    if as_json:
        print_json(one)
        return
    for line in _lines(one, till_currency(_greeting(where))):
        typer.echo(line)


def _lines(one: Mapping[str, Any], currency: Currency) -> list[str]:
    head = (one["statement"], one["issuer"], f"{one['from']} to {one['to']}", one["state"])
    amounts = ("opening", "they_owe", "we_owe", "paid", "closing")
    sums = [f"{name} {currency.text(one['sums'][name])}" for name in amounts]
    left = one["left"]
    way = "to us" if left > 0 else "to them" if left else ""
    return ["  ".join(head), "  ".join([*sums, f"left {currency.text(abs(left))} {way}".rstrip()])]
