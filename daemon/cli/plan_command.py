"""``tillcard plan``: calculators for thresholds, volumes, scales and cards."""

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, TypeVar

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from daemon.base.currency import Currency, currency_of
from daemon.cli.check_command import refuse
from daemon.programme import plan as planner
from daemon.programme.errors import BasketError

Made = TypeVar("Made")
plan = typer.Typer(
    help="Calculators for the owner. Amounts are in currency units, as 1250 or 7.50, and not in "
    "the minor units of the programme file; percentages are per cent, as 5 or 7.5.",
    no_args_is_help=True,
)
PERCENT_DIGITS, MONEY_DIGITS_MAX = 2, 4
OPTIONS = {"start": "from", "round_to": "round"}
"""The calculators' figures whose options have other names."""


def decimal(text: str | Fraction) -> Fraction:
    """Parse a percentage with at most two places; typer sends defaults through."""
    return _parsed(text, PERCENT_DIGITS)


def sum_of_money(text: str | Fraction) -> Fraction:
    """Parse an amount in any currency's units."""
    return _parsed(text, MONEY_DIGITS_MAX)


def _parsed(text: str | Fraction, digits: int) -> Fraction:
    if isinstance(text, Fraction):
        return text
    if not re.fullmatch(rf"-?[0-9]{{1,12}}(\.[0-9]{{1,{digits}}})?", text):
        raise typer.BadParameter(f"{text!r} is no number; write such as 1250 or 7.5")
    return Fraction(text)


def decimals(text: str) -> list[Fraction]:
    """Parse percentages with commas between them."""
    if not all(text.split(",")):
        raise typer.BadParameter(f"{text!r} has an empty place; write such as 4,5,7")
    return [decimal(item) for item in text.split(",")]


def amount(help_text: str, name: str = "") -> Any:
    """Return an option for an amount in currency units."""
    return typer.Option(
        *filter(None, [name]), parser=sum_of_money, metavar="AMOUNT", help=help_text
    )


def percentage(help_text: str) -> Any:
    """Return an option for a percentage."""
    return typer.Option(parser=decimal, metavar="PERCENT", help=help_text)


def known_currency(code: str | Currency) -> Currency:
    """Return the currency of a code; typer sends defaults through."""
    currency = code if isinstance(code, Currency) else currency_of(code)
    if currency is None:
        raise typer.BadParameter(f"{code!r} is no currency; write its three letters, as UAH")
    return currency


AsJson = Annotated[bool, typer.Option("--json", help="Print figures as JSON.")]
InCurrency = Annotated[
    Any,
    typer.Option(
        "--currency", parser=known_currency, metavar="CODE", help="The digits of amounts."
    ),
]
Markup = Annotated[Fraction, percentage("The shop's usual markup on cost.")]
Discounts = Annotated[
    Any,
    typer.Option(
        parser=decimals, metavar="PERCENT,PERCENT,…", help="The discounts to count for, as 4,5,7."
    ),
]


@plan.command()
def threshold(
    old: Annotated[Fraction, amount("The threshold as it is.")],
    average_now: Annotated[Fraction, amount("An average receipt now.")],
    average_base: Annotated[Fraction, amount("An average receipt when it was set.")],
    income_growth: Annotated[
        Fraction, percentage("By how much incomes have grown since: 8, not the index 108.")
    ],
    json: AsJson = False,
    currency: InCurrency = "UAH",
) -> None:
    """Show where a threshold belongs now that receipts and incomes have grown."""
    made = _counted(lambda: planner.threshold(old, average_now, average_base, income_growth))
    rows = [("absolute", made.absolute), ("relative", made.relative), ("income", made.income)]
    if json:
        figures: dict[str, Any] = {name: money(value, currency) for name, value in rows}
        _print_json(figures | ({"warnings": list(made.warnings.values())} if made.warnings else {}))
        return
    _print_table(
        "Threshold", ["method", "from"], [[name, money(value, currency)] for name, value in rows]
    )
    for warning in made.warnings.values():
        typer.echo(f"warning: {warning}", err=True)


@plan.command()
def volume(
    paid: Annotated[Fraction, amount("What customers pay in all now, in a month or a year.")],
    discount_now: Annotated[Fraction, percentage("The discount that they have now.")],
    markup: Markup,
    increase: Annotated[Fraction, amount("How much more the shop wants to earn in that time.")],
    discounts: Discounts,
    json: AsJson = False,
    currency: InCurrency = "UAH",
) -> None:
    """Show what must be sold at each discount to earn so much more than now."""
    made = _counted(lambda: planner.volume(paid, discount_now, markup, increase, discounts))
    rows = [
        (percent(row.discount_percent), money(row.at_list, currency), money(row.paid, currency))
        for row in made.rows
    ]
    now = {"at_list": made.at_list, "cost": made.cost, "margin": made.margin}
    if json:
        keys = ("discount_percent", "at_list", "paid")
        now_figures = {name: money(value, currency) for name, value in now.items()}
        _print_json(
            {"now": now_figures, "rows": [dict(zip(keys, row, strict=True)) for row in rows]}
        )
        return
    _print_table(
        "Now", ["", "amount"], [[name, money(value, currency)] for name, value in now.items()]
    )
    _print_table("Wanted", ["discount %", "at list prices", "paid"], rows)


@plan.command()
def scale(
    start: Annotated[
        Fraction, amount("The sum at shelf prices from which discounts begin.", "--from")
    ],
    markup: Markup,
    discounts: Discounts,
    round_to: Annotated[
        Fraction, amount("Thresholds are rounded up to a multiple of it.", "--round")
    ] = Fraction(1_000),
    json: AsJson = False,
    currency: InCurrency = "UAH",
) -> None:
    """Show the whole scale: from which volume each discount costs the shop nothing."""
    made = _counted(lambda: planner.scale(start, markup, discounts, round_to))
    rows = [(percent(row.discount_percent), money(row.paid, currency)) for row in made]
    if json:
        keys = ("discount_percent", "from")
        _print_json({"rows": [dict(zip(keys, row, strict=True)) for row in rows]})
        return
    _print_table("Scale", ["discount %", "from"], rows)


@plan.command()
def entry(
    average: Annotated[Fraction, amount("An average receipt.")],
    yearly: Annotated[Fraction, amount("What a regular customer buys for in a year.")],
    discount: Annotated[Fraction, percentage("The discount that the card gives.")],
    json: AsJson = False,
    currency: InCurrency = "UAH",
) -> None:
    """Show from which purchase to give a card, and the most that it can be sold for."""
    made = _counted(lambda: planner.entry(average, yearly, discount))
    figures = {
        "purchase_from": money(made.purchase_from, currency),
        "purchase_to": money(made.purchase_to, currency),
        "saves_a_year": money(made.saves_a_year, currency),
    }
    if json:
        _print_json(figures)
        return
    _print_table("Card", ["", "amount"], [[name, value] for name, value in figures.items()])
    typer.echo(f"sold below {figures['saves_a_year']}, it leaves the customer a gain")


def money(amount: Fraction, currency: Currency) -> Decimal:
    """Return an amount with the digits of its currency, halves up."""
    return currency.major(_rounded(amount * 10**currency.digits))


def percent(value: Fraction) -> Decimal:
    """Return a percentage without zeros behind the point."""
    text = str(Decimal(_rounded(value * 10**PERCENT_DIGITS)).scaleb(-PERCENT_DIGITS))
    return Decimal(text.rstrip("0").rstrip("."))


def _rounded(value: Fraction) -> int:
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def _counted(count: Callable[[], Made]) -> Made:
    """Run a calculator, or say which figure it cannot use and exit with status 1."""
    try:
        return count()
    except BasketError as error:
        option = OPTIONS.get(error.path, error.path).replace("_", "-")
        refuse(f"--{option}: {error.message}")


def _print_json(figures: object) -> None:
    """Print figures; amounts are JSON numbers with all digits of their currency."""
    text = msgspec.json.Encoder(decimal_format="number").encode(figures)
    typer.echo(msgspec.json.format(text).decode())


def _print_table(title: str, heads: list[str], rows: Sequence[Sequence[str | Decimal]]) -> None:
    table = Table(title=title)
    for i, head in enumerate(heads):
        table.add_column(head, justify="right" if i else "left")
    for row in rows:
        table.add_row(*map(str, row))
    Console().print(table)
