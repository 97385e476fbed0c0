"""``tillcard price``: what a basket costs under a programme, without any daemon."""

from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import typer

from daemon.base.clock import Clock
from daemon.base.refusals import ParamError, RefusedError
from daemon.base.regular_files import read_file, without_mark
from daemon.base.schema_errors import explained
from daemon.cli.check_command import load_file, refuse
from daemon.cli.command_clock import clock_of, moment_of
from daemon.programme.basket import Basket, BasketLine, Fact, Facts
from daemon.programme.names import CARD, CARD_ACCOUNT, GIFT, METER, PURSE, STATUS
from daemon.programme.price import price as quote
from daemon.programme.programme import Programme
from daemon.programme.vocabulary import GROUPS, SINGLE_FACTS
from daemon.sale.pricing import burn_by_purse

Shape = TypeVar("Shape")


class BasketFile(msgspec.Struct, frozen=True):
    """What --basket may hold beside a bare list of lines, as `sale.quote` takes it."""

    lines: tuple[BasketLine, ...]
    codes: tuple[str, ...] = ()
    payment: str = ""
    burn: int | dict[str, int] | None = None


FACT_GROUPS = (*GROUPS, *SINGLE_FACTS, GIFT.rstrip("."), "used", "ask")
"""How the names of facts begin, up to the dot."""
CARD_FACTS = (CARD, METER, PURSE, STATUS)
SOME_CARD = "a-card"
YEARS = range(1970, 2201)


def price(
    context: typer.Context,
    programme: Annotated[Path, typer.Option(help="The programme file, TOML.")],
    basket: Annotated[
        Path, typer.Option(help="JSON: a list of lines, or {lines, codes?, payment?, burn?}.")
    ],
    facts: Annotated[
        Path | None, typer.Option(help='JSON: flat facts, such as {"meter.visits": 3}.')
    ] = None,
    now: Annotated[
        str | None, typer.Option(help="RFC 3339 time with offset; the default is this moment.")
    ] = None,
) -> None:
    """Price a basket with a programme file and print the quote as JSON.

    With any fact of a card, a card counts as shown.
    """
    compiled = load_file(programme)
    asked = _basket(basket)
    values = _facts(facts, compiled)
    try:
        burn = burn_by_purse(compiled, asked.burn)
        goods = Basket(lines=asked.lines, codes=asked.codes, payment=asked.payment, burn=burn)
        answer = quote(compiled, goods, Facts(_moment(now, clock_of(context)), values))
    except (ParamError, RefusedError) as error:
        refuse(str(error))
    typer.echo(msgspec.json.format(msgspec.json.encode(answer)).decode())


def _basket(file: Path) -> BasketFile:
    raw = _read(file)
    return _as({"lines": raw} if isinstance(raw, list) else raw, BasketFile, f"{file}: ")


def _facts(file: Path | None, programme: Programme) -> dict[str, Fact]:
    if file is None:
        return {}
    values = _as(_read(file), dict[str, Fact], f"{file}: ")
    for name, value in values.items():
        if problem := _wrong_fact(name, value, programme):
            refuse(f"{file}: {name}: {problem}")
    if any(name.startswith(CARD_FACTS) for name in values):
        values.setdefault(CARD_ACCOUNT, SOME_CARD)
    return values


def _wrong_fact(name: str, value: Fact, programme: Programme) -> str:
    """Say what is wrong with a fact that no programme, or not this one, can ask for, or ""."""
    group, _, declared = name.partition(".")
    known = {"meter": programme.meters, "purse": programme.purses, "status": programme.statuses}
    if group not in known:
        return "" if group in FACT_GROUPS or name in programme.facts else _no_such_group(group)
    if declared not in known[group]:
        return f"the programme has no such {group}"
    wanted = bool if group == "status" else int
    kind = "true or false" if group == "status" else "a whole number"
    return "" if type(value) is wanted else f"expected {kind}"


def _no_such_group(group: str) -> str:
    near = get_close_matches(group, FACT_GROUPS, n=1)
    hint = f"did you mean {near[0]}?" if near else f"write one of {', '.join(FACT_GROUPS)}"
    return f"no fact begins so; {hint}"


def _moment(text: str | None, clock: Clock) -> datetime:
    if text is None:
        return clock.now()
    moment = moment_of(text, "--now")
    if moment.year not in YEARS:
        raise typer.BadParameter(f"write a year from {YEARS[0]} to {YEARS[-1]}", param_hint="--now")
    return moment


def _read(file: Path) -> Any:
    """Return the JSON in a file, or say what is wrong with it and exit with status 1."""
    try:
        return msgspec.json.decode(without_mark(read_file(file)))
    except OSError as error:
        refuse(f"{file}: {error.strerror}; name a file that can be read")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        refuse(f"{file}: not JSON: {error}")


def _as(raw: Any, shape: type[Shape], where: str) -> Shape:
    try:
        return msgspec.convert(raw, shape)
    except msgspec.ValidationError as error:
        path, what = explained(str(error), shape, raw)
        refuse(f"{where}{path or 'the whole'}: {what}")
