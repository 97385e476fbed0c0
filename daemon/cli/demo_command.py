"""``tillcard demo``: a till to look at, with simulated readers, sample customers and one sale."""

import asyncio
import os
import secrets
import signal
import socket
import sys
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from daemon.accounts.cards import Cards, NewCard, Profile
from daemon.app.running import App, running
from daemon.app.startup import STARTUP_ERRORS, in_words, leaves
from daemon.base import config as configuration
from daemon.base.clock import Clock
from daemon.base.config import Config, ConfigError, SimulatedSection, parse
from daemon.base.set_clock import SetClock
from daemon.cli.command_clock import clock_of, moment_of
from daemon.cli.progress_bars import progress_bars
from daemon.keys.chip_keys import make_chip_keys
from daemon.keys.key_files import OWN_FILES_UMASK
from daemon.pos.client import CallError, Client, UnreachableError
from daemon.programme.programme import Programme, load
from daemon.sample_year.drawn_people import DAYS
from daemon.sample_year.year import make_year
from web.web_settings import WebSettings

CONFIG_FILE = "tillcard.toml"
PROGRAMME_FILE, CLUB_FILE = "programme.toml", "club.toml"
SAMPLE_FILES = (CONFIG_FILE, PROGRAMME_FILE)
ON_CHIP = {
    "# What the sample cards say": "[chip]\n\n# What the sample cards say",
    "[simulated]\n": '[simulated]\nchip = "purse"\n',
    'may_go_negative = "on_return"\n': 'where = "chip"\n',
}
"""What is different in them where the bonus lies on the chip."""
SHOWN_TO = {"plastic": ("scanner", "scan"), "chip": ("chip", "present")}
CUSTOMERS = {"plastic": "Olena Kovalenko", "chip": "Taras Bondar", "phone": "Iryna Melnyk"}
BASKET = [
    {"line": 1, "sku": "coffee-1kg", "name": "Coffee beans, 1 kg", "qty": 1, "unit_price": 42000},
    {"line": 2, "sku": "cups", "name": "Cups", "qty": 3, "unit_price": 8550},
    {
        "line": 3,
        "sku": "cheese",
        "name": "Cheese",
        "qty": "0.350",
        "unit": "kg",
        "unit_price": 46000,
    },
]
FIRST_BASKET = [
    {"line": 1, "sku": "grinder", "name": "Coffee grinder", "qty": 1, "unit_price": 74900}
]


def demo(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Stop after the sale.")] = False,
    home: Annotated[
        Path, typer.Option(help="Where the demo keeps its ledger; a second start finds it.")
    ] = Path(".demo"),
    chip: Annotated[
        bool, typer.Option("--chip", help="Keep the bonus on the sample chip; pay with that.")
    ] = False,
    bare: Annotated[bool, typer.Option("--bare", help="Without the sample year, at once.")] = False,
    port: Annotated[
        int | None, typer.Option(help="Of the phone pages; 0 takes a free one.", min=0, max=65_535)
    ] = None,
    now: Annotated[
        str | None,
        typer.Option(help="The clock starts at this time, and clock.set moves it on."),
    ] = None,
) -> None:
    """Start a till with simulated readers, make one sale through its socket, go on until Ctrl-C.

    The first start makes a year of a sample shop first: 3,000 customers, 20,000 sales, a club and
    partners who sent people; a minute at most. --once and --chip go without, as --bare does.

    Everything lies in one folder, --home; delete it to begin anew. While it runs, play the POS
    from another terminal: tillcard watch, tillcard call. Exit status 0, or 1 when it cannot start.
    """
    failures: list[BaseException] = []
    os.umask(OWN_FILES_UMASK)
    try:
        card = "chip" if chip else "plastic"
        clock = clock_of(context)
        if now is not None:
            clock = SetClock(clock, moment_of(now, "--now"))
        bare = bare or once or chip
        asyncio.run(_demo(clock, (once, bare), home=home.resolve(), card=card, port=port))
    except* (*STARTUP_ERRORS, CallError, UnreachableError) as group:
        failures += leaves(group)
    for failure in failures:
        typer.echo(f"tillcard: {in_words(failure)}", err=True)
    raise typer.Exit(1 if failures else 0)


async def _demo(
    clock: Clock, short: tuple[bool, bool], *, home: Path, card: str, port: int | None
) -> None:
    """short: whether to stop after the sale, and whether to go without a year."""
    on_chip, (once, bare) = card == "chip", short
    config = _config(home, on_chip=on_chip)
    if port is not None:
        config = msgspec.structs.replace(config, web={**(config.web or {}), "port": port})
    _check(config, home, on_chip=on_chip)
    _lay_out(home, on_chip=on_chip, has_club=not (once or on_chip))
    assert config.simulated is not None
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    console = Console(highlight=False)
    if not bare:
        await _make_year(config, home, clock)
    async with running(config, home, clock) as app:
        new = await _register(app.cards, config.simulated)
        plastic = config.simulated.plastic
        await asyncio.to_thread(_sell, app, console, card, plastic, first_time=new)
        if once:
            return
        _say_what_to_try(app, console, home)
        await stop.wait()
        console.print("\nStopping; the ledger stays in", str(home))


async def _make_year(config: Config, home: Path, clock: Clock) -> None:
    with progress_bars(is_quiet=False) as progress:
        bar = progress.add_task("days of the sample year", total=DAYS)
        await make_year(config, home, clock, lambda days: progress.update(bar, completed=days))


def _config(home: Path, *, on_chip: bool) -> Config:
    """Return the configuration that lies in ``home``, or will."""
    path = home / CONFIG_FILE
    return (
        configuration.load(path) if path.exists() else parse(sample(CONFIG_FILE, on_chip=on_chip))
    )


def _check(config: Config, home: Path, *, on_chip: bool) -> None:
    """Raise ConfigError for what the demo would stop at; nothing has been written yet."""
    if on_chip and config.chip is None:
        problem = f"the demo in {home} has no purse on its chip"
        raise ConfigError("chip", f"{problem}; name another folder with --home")
    web = configuration.convert(config.web, WebSettings | None, "web")
    if web is None:
        return
    family = socket.AF_INET6 if ":" in web.host else socket.AF_INET
    try:
        socket.create_server((web.host, web.port), family=family).close()
    except OSError as error:
        problem = f"the phone pages cannot be served at {web.port} ({error.strerror})"
        raise ConfigError("web.port", f"{problem}; choose another port with --port") from error


def _lay_out(home: Path, *, on_chip: bool, has_club: bool) -> None:
    home.mkdir(parents=True, exist_ok=True)
    for name in SAMPLE_FILES:
        if not (home / name).exists():
            text = sample(name, on_chip=on_chip, has_club=has_club)
            (home / name).write_text(text, "utf-8")
    if on_chip:
        with suppress(FileExistsError):
            make_chip_keys(home / "chip.keys")


def sample(name: str, *, on_chip: bool = False, has_club: bool = False) -> str:
    """Return one of SAMPLE_FILES.

    on_chip: as it is where the bonus lies on the chip. has_club: with all that the sample year has.
    """
    folder = resources.files("daemon.cli") / "sample"
    text = (folder / name).read_text("utf-8")
    if has_club and name == PROGRAMME_FILE:
        text += (folder / CLUB_FILE).read_text("utf-8")
    for plain, chip in ON_CHIP.items() if on_chip else ():
        text = text.replace(plain, chip)
    return text


async def _register(cards: Cards, sample: SimulatedSection) -> bool:
    """Issue the sample cards at the first start; return whether this is the first."""
    if await cards.is_taken("number", sample.plastic):
        return False
    shown = {
        "plastic": (sample.plastic, (("number", sample.plastic), ("number", sample.stripe))),
        "chip": ("", (("uid", sample.chip_uid),)),
        "phone": (sample.phone, (("number", sample.phone),)),
    }
    for kind, (number, identifiers) in shown.items():
        new = NewCard(kind=kind, number=number, identifiers=identifiers)
        await cards.issue(new, Profile(name=CUSTOMERS[kind]))
    return True


def _sell(app: App, console: Console, card: str, plastic: str, *, first_time: bool) -> None:
    with Client(app.socket) as pos:
        if first_time:
            # A card with a past: the thresholds have something to count.
            # The plastic is typed: a second scan at once would be a duplicate.
            is_typed = card == "plastic"
            first = pos.call("card.identify", {"number": plastic}) if is_typed else _show(pos, card)
            sale = {"presentation": first["presentation"], "lines": FIRST_BASKET}
            pos.call("sale.commit", {"sale_id": _sale_id(), **sale})
        identified = _show(pos, card)
        shown = {"presentation": identified["presentation"], "cashier": "demo"}
        basket: dict[str, Any] = {**shown, "lines": BASKET}
        quote = pos.call("sale.quote", basket)
        if card == "chip":
            basket["burn"] = quote["burn_max"]
            quote = pos.call("sale.quote", basket)
        posted = pos.call("sale.commit", {"sale_id": _sale_id(), "quote_id": quote["quote_id"]})
        programme = load(pos.call("programme.show")["text"])
    _print_receipt(console, identified, quote, posted, programme)


def _show(pos: Client, card: str) -> Any:
    """Show a sample card to its reader and ask whose it is."""
    reader, do = SHOWN_TO[card]
    pos.call("input.simulate", {"reader": reader, "do": do, "card": card})
    return pos.call("card.identify", {"reader": reader})


def _sale_id() -> str:
    return f"demo-{secrets.token_hex(6)}"


def _print_receipt(
    console: Console, identified: Any, quote: Any, posted: Any, programme: Programme
) -> None:
    receipt, money = posted["receipt"], programme.currency.text
    names = {line["line"]: str(line["name"]) for line in BASKET}
    table = Table(
        title=f"{identified['name']} · card {identified['card']}",
        show_header=False,
        box=None,
        pad_edge=False,
        title_justify="left",
        min_width=46,
    )
    table.add_column(justify="left")
    table.add_column(justify="right")
    for line in receipt["lines"]:
        table.add_row(names[line["line"]], money(line["list_total"]))
        for applied in line["applied"]:
            reason = applied["text"] or applied["rule"]
            table.add_row(f"  [dim]{reason}[/dim]", f"[dim]{money(-applied['minor'])}[/dim]")
    table.add_row("", "")
    table.add_row("Discount", money(-receipt["discount"]))
    for purse, amount in receipt["burn"].items():
        table.add_row(f"Paid from {purse}", in_its_unit(programme, purse, -amount))
    if receipt["rounding"]:
        table.add_row("Rounding", money(receipt["rounding"]))
    to_pay = posted["total"] + posted["rounding"]
    table.add_row("[bold]TO PAY[/bold]", f"[bold]{money(to_pay)}[/bold]")
    for earned in receipt["earn"]:
        amount = in_its_unit(programme, earned["purse"], earned["amount"])
        table.add_row(f"Earned ({earned['text'] or earned['rule']})", amount)
    for purse, balance in posted["balances"].items():
        amount = in_its_unit(programme, purse, balance["available"])
        name, _, is_owed = purse.partition(":")
        waits = ", waiting for the chip" if is_owed else ""
        table.add_row(f"New balance: {name}{waits}", amount)
    console.print()
    console.print(table)
    for step in quote["next"]:
        gives = "" if step["gives"] in step["text"] else f": {step['gives']}"
        console.print(f"[dim]{step['text']}{gives}[/dim]")
    if spoken := posted.get("chip"):
        console.print(f"[dim]written on the chip: {spoken['apdus']} APDUs, {spoken['ms']} ms[/dim]")
    console.print(f"[dim]receipt {receipt['code']}, programme {programme.id}[/dim]\n")


def in_its_unit(programme: Programme, purse: str, amount: int) -> str:
    """Return an amount of a purse, or of what it is owed, as its owner counts it."""
    return programme.purses[purse.partition(":")[0]].text(amount)  # bonus:owed counts as bonus


def _say_what_to_try(app: App, console: Console, home: Path) -> None:
    console.print(f"POS socket   {app.socket}")
    console.print(f"Phone cards  {app.web_url}/join")
    console.print(f"Files        {home}\n")
    console.print("Try, in another terminal:")
    at = f"--socket {app.socket}"
    program = (
        sys.argv[0] if "/" in sys.argv[0] else "tillcard"
    )  # as it was called: it may be in .venv
    console.print(f"  {program} watch {at}", soft_wrap=True)
    scan = '{"reader": "scanner", "do": "scan", "card": "phone"}'
    console.print(f"  {program} call {at} input.simulate '{scan}'", soft_wrap=True)
    identify = f"{program} call {at} card.identify"
    console.print(f'  {identify} \'{{"reader": "scanner"}}\'\n', soft_wrap=True)
    console.print("Ctrl-C stops.")
