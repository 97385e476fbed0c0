"""``tillcard partners``: who sends customers, and whom they have sent."""

from typing import Annotated, Any

import typer

from daemon.base.currency import amount_text
from daemon.cli.customers_command import Whom, whose
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
from daemon.cli.paper_files import (
    CsvOption,
    LanguageOption,
    PdfOption,
    check_language,
    whole_statement,
    write_paper,
)
from daemon.cli.screen_amounts import amount_of, purse_text
from daemon.partners.statement_paper import CSV_COLUMNS, WORDS, csv_rows, statement_paper

partners = typer.Typer(
    help="Who sends customers: partners, those who work for them. The daemon must run.",
    no_args_is_help=True,
)

Code = Annotated[str, typer.Argument(help="A partner's or an employee's code: P0007, P0007-02.")]
Number = Annotated[str, typer.Argument(help="A statement's number: S-2026-000007.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept for ever.")]


@partners.command()
@at_daemon
def add(
    where: Where,
    name: Annotated[str, typer.Argument(help="What it is called.")],
    of: Annotated[str, typer.Option(help="The partner for whom this employee works.")] = "",
    contact: Annotated[str, typer.Option(help="How to reach them.")] = "",
    code: Annotated[str, typer.Option(help="A code of its own, else the next one.")] = "",
    card: Annotated[str, typer.Option(help="A card of theirs, which gets their rewards.")] = "",
    pay_each: Annotated[
        bool, typer.Option("--pay-each", help="Pay employees themselves, not the organisation.")
    ] = False,
    by: By = "",
    json: AsJson = False,
) -> None:
    """Add a partner, or with --of somebody who works for one.

    Example: tillcard partners add "Gym Olympia" --contact director@olympia.example
    """
    terms = {"name": name, "of": of, "contact": contact, "code": code, "card": card}
    terms |= {"by": whoever(by), "request_id": new_request_id()}
    terms |= {"pay": "each"} if pay_each else {}
    _tell(asked("partner.add", terms, where), as_json=json)


@partners.command("list")
@at_daemon
def list_(
    where: Where,
    of: Annotated[str, typer.Option(help="Only who works for this partner.")] = "",
    closed: Annotated[bool, typer.Option("--closed", help="The closed ones, too.")] = False,
    json: AsJson = False,
) -> None:
    """List partners, or who works for one.

    Example: tillcard partners list --of P0007
    """
    found = all_pages("partner.list", {"of": of, "closed": closed}, where, "partners")
    if json:
        print_json(found)
        return
    for one in found:
        typer.echo(_line(one))


@partners.command()
@at_daemon
def show(
    where: Where,
    code: Code,
    json: AsJson = False,
) -> None:
    """Show a partner or an employee. Example: tillcard partners show P0007."""
    _tell(asked("partner.show", {"code": code}, where), as_json=json)


@partners.command()
@at_daemon
def close(
    where: Where,
    code: Code,
    reason: Reason,
    by: By = "",
    json: AsJson = False,
) -> None:
    """Close a partner with all who work there, or an employee: they send nobody any more.

    Example: tillcard partners close P0007 --reason "the contract has ended"
    """
    terms = {"code": code, "reason": reason, "by": whoever(by), "request_id": new_request_id()}
    _tell(asked("partner.close", terms, where), as_json=json)


@partners.command()
@at_daemon
def assign(
    where: Where,
    whom: Whom,
    reason: Reason,
    partner: Annotated[str, typer.Option(help="Who sent the customer; else nobody.")] = "",
    employee: Annotated[str, typer.Option(help="Who did it there.")] = "",
    by: By = "",
    json: AsJson = False,
) -> None:
    """Say who has sent a customer, for sales from now on.

    Example: tillcard partners assign 2900000000018 --employee P0007-02 --reason "a leaflet"
    """
    terms = {"partner": partner, "employee": employee, "reason": reason, "by": whoever(by)}
    terms |= {"request_id": new_request_id(), **whose(whom)}
    done = asked("partner.assign", terms, where)
    if json:
        print_json(done)
    else:
        typer.echo(f"{done['account']}  {done['employee'] or done['partner'] or 'nobody'}")


@partners.command()
@at_daemon
def sent(
    where: Where,
    whom: Whom,
    json: AsJson = False,
) -> None:
    """Show who has sent a customer, ever. Example: tillcard partners sent 2900000000018."""
    found = asked("partner.sent", whose(whom), where)
    if json:
        print_json(found)
        return
    for one in found["assignments"]:
        who = one["employee"] or one["partner"] or "nobody"
        typer.echo(f"since {one['day']}  {who}  ({one['by']})")


@partners.command()
@at_daemon
def settle(
    where: Where,
    code: Annotated[str, typer.Argument(help="A partner's code: P0007.")],
    first: Annotated[str, typer.Option("--from", help="The first day of the period.")],
    last: Annotated[str, typer.Option("--to", help="The last day; it must be over.")],
    by: By = "",
    json: AsJson = False,
) -> None:
    """Draw up the statement of a period: what was earned, taken back, paid, and is payable.

    Example: tillcard partners settle P0007 --from 2026-10-01 --to 2026-10-31
    """
    terms = {"partner": code, "from": first, "to": last, "by": whoever(by)}
    terms |= {"request_id": new_request_id()}
    _tell_statement(asked("partner.statement", terms, where), as_json=json)


@partners.command()
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

    Example: tillcard partners statement S-2026-000007 --pdf statement.pdf --csv statement.csv

    The paper of one statement is the same to the byte whenever it is made. Files that are there
    already are not written over.
    """
    check_language(language, WORDS)
    shown = whole_statement("partner.statement_show", number, where)
    with connected(where) as client:
        currency = till_currency(client.greeting)
        language = language or client.greeting["language"]
    write_paper(
        pdf_file,
        csv_file,
        language,
        lambda: statement_paper(shown, currency, language),
        lambda: (CSV_COLUMNS, csv_rows(shown, currency)),
    )
    if json:
        print_json(shown)
        return
    _tell_statement(shown["statement"], as_json=False)
    units = {one["purse"]: one["unit"] for one in shown["statement"]["sums"]}
    for one in shown["lines"]:
        rate = f"{one['rate_bp'] / 100:.2f} %"
        base = currency.text(one["base"])
        reward = purse_text(one["reward"], one["purse"], {"units": units})
        told = (one["day"], one["store"], one["payee"], one["customer"], base, rate)
        typer.echo("  ".join((*told, reward, one["purse"], f"({one['seq']})")))


@partners.command()
@at_daemon
def statements(
    where: Where,
    code: Code,
    json: AsJson = False,
) -> None:
    """List a partner's statements. Example: tillcard partners statements P0007."""
    found = asked("partner.statements", {"partner": code}, where)
    if json:
        print_json(found["statements"])
    for one in () if json else found["statements"]:
        typer.echo(f"{one['statement']}  {one['from']} to {one['to']}  {one['state']}")


@partners.command()
@at_daemon
def pay(
    where: Where,
    number: Number,
    amount: Annotated[str, typer.Argument(help="How much was paid, as 60.00.")],
    method: Annotated[str, typer.Option(help="How it was paid: bank, cash.")],
    document: Annotated[str, typer.Option(help="By which paper.")] = "",
    payee: Annotated[str, typer.Option(help="Whose, where several have something left.")] = "",
    purse: Annotated[str, typer.Option(help="Which, where several have something left.")] = "",
    by: By = "",
    json: AsJson = False,
) -> None:
    """Write down what a partner was paid by a statement, at most what is left.

    Example: tillcard partners pay S-2026-000007 60.00 --method bank --document "order 17"
    """
    shown = asked("partner.statement_show", {"statement": number}, where)["statement"]
    sums = [one for one in shown["sums"] if purse in ("", one["purse"])]
    units = {one["unit"] for one in [one for one in sums if one["left"]] or sums}
    if len(units) > 1:
        problem = f"something is left in {', '.join(sorted(units))}; name the purse"
        raise typer.BadParameter(problem, param_hint="--purse")
    minor = amount_of(amount, units.pop() if units else "", "AMOUNT")
    terms = {"statement": number, "amount": minor, "method": method, "document": document}
    terms |= {"payee": payee, "purse": purse, "by": whoever(by), "request_id": new_request_id()}
    _tell_statement(asked("partner.pay", terms, where), as_json=json)


@partners.command()
@at_daemon
def void(
    where: Where,
    number: Number,
    reason: Reason,
    by: By = "",
    json: AsJson = False,
) -> None:
    """Make a statement void of which nothing is paid; it keeps its number.

    Example: tillcard partners void S-2026-000007 --reason "the wrong month"
    """
    terms = {"statement": number, "reason": reason, "by": whoever(by)}
    terms |= {"request_id": new_request_id()}
    done = asked("partner.statement_void", terms, where)
    _tell_statement(done, as_json=json)


def _tell_statement(one: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(one)
        return
    head = (one["statement"], one["partner"], f"{one['from']} to {one['to']}", one["state"])
    typer.echo("  ".join(head))
    for sums in one["sums"]:
        amounts = ((name, n) for name, n in sums.items() if isinstance(n, int))
        parts = [f"{name} {amount_text(n, sums['unit'])}" for name, n in amounts]
        typer.echo("  ".join((sums["payee"], sums["purse"], *parts)))


def _tell(one: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(one)
    else:
        typer.echo(_line(one))


def _line(one: dict[str, Any]) -> str:
    state = "" if one["state"] == "active" else one["state"]
    known = (one["code"], one["name"], one["contact"], one["account"], state)
    return "  ".join(filter(None, known))
