"""``tillcard mailing text``: a text with variables, its parts and its price, without a till."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from daemon.base.currency import MoneyTextError
from daemon.base.regular_files import read_text_file
from daemon.cli.check_command import load_file, refuse
from daemon.cli.daemon_call import print_json
from daemon.mailing.message_text import (
    CHANNELS,
    MessageText,
    MessageTextError,
    charged_parts,
    check_channel,
    read_text,
)
from daemon.mailing.sms_parts import parts_of
from daemon.mailing.text_terms import known_of
from daemon.programme.programme import Programme

Values = Annotated[
    list[str] | None,
    typer.Option("--value", metavar="NAME=VALUE", help="What a variable is in the preview."),
]


def text(
    file: Annotated[Path, typer.Argument(help="The text, UTF-8.")],
    programme: Annotated[
        Path, typer.Option(help="The programme file: its purses, statuses and campaigns.")
    ] = Path("programme.toml"),
    channel: Annotated[str, typer.Option(help=f"One of {', '.join(CHANNELS)}.")] = "sms",
    price: Annotated[
        str, typer.Option(help="What a message costs, or a part of an SMS, such as 0.85.")
    ] = "",
    value: Values = None,
    json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Check a text, count its parts and its price, and show it filled.

    tillcard mailing text spring.txt --price 0.85 --value first_name=Olena
    """
    if channel not in CHANNELS:
        raise typer.BadParameter(f"write one of {', '.join(CHANNELS)}", param_hint="--channel")
    compiled = load_file(programme)
    cost, read = _cost(price, compiled), _read(file, compiled, channel)
    filled = read.filled(_values(value or (), read))
    counted, charged = parts_of(filled), charged_parts(filled, channel)
    told: dict[str, Any] = {
        "variables": [one.name for one in read.variables],
        "text": filled,
        **msgspec.to_builtins(counted),
        "parts": charged,
        "cost": cost * charged,
    }
    if json:
        print_json(told)
        return
    typer.echo(filled)
    kind = {"gsm": "Latin (GSM)", "utf16": "UTF-16"}[counted.alphabet]
    money = f", {compiled.currency.text(cost * charged)} {compiled.currency.code}" if price else ""
    parts = "part" if charged == 1 else "parts"
    typer.echo(f"{counted.units} characters of {kind}, {charged} {parts}{money}")


def _read(file: Path, programme: Programme, channel: str) -> MessageText:
    try:
        said = read_text_file(file).removesuffix("\n")
        read = read_text(said, known_of(programme))
        check_channel(read, channel)
    except (OSError, UnicodeDecodeError) as error:
        refuse(f"{file}: {getattr(error, 'strerror', 'is no UTF-8 text')}")
    except MessageTextError as error:
        refuse(f"{file}:{error}" if error.line else f"{file}: {error}")
    return read


def _cost(price: str, programme: Programme) -> int:
    try:
        cost = programme.currency.minor(price) if price else 0
    except MoneyTextError as error:
        raise typer.BadParameter(f"{price!r} {error}", param_hint="--price") from error
    if cost < 0:
        raise typer.BadParameter("a price is not below 0", param_hint="--price")
    return cost


def _values(said: list[str] | tuple[str, ...], read: MessageText) -> dict[str, str]:
    """Return a value for each variable: those that nobody gives stay as they are written."""
    values = {one.name: f"{{{one.name}}}" for one in read.variables}
    for one in said:
        name, equals, value = one.partition("=")
        if not equals or name not in values:
            known = ", ".join(values) or "none"
            raise typer.BadParameter(
                f"{one!r} is not NAME=VALUE of a variable of the text; it has: {known}",
                param_hint="--value",
            )
        values[name] = value
    return values
