"""``tillcard cards`` on chips: make them, look at one, bring them to the newest layout and keys.

These speak to the readers themselves, so the daemon must be stopped meanwhile.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from card_formats.chip.card_master import FACTORY_KEY
from card_formats.chip.purse import (
    follows,
    read_customer,
    read_history,
    read_prizes,
    understood,
)
from card_formats.chip.purse_issue import (
    done_unless,
    finish,
    renew_keys,
    renew_layout,
)
from card_formats.chip.purse_layout import HISTORY_RECORDS_MAX, SCHEMA, NewerState
from card_formats.credential import Shown
from card_formats.errors import CardFormatError
from daemon.app.startup import STARTUP_ERRORS, in_words, leaves, read_programme
from daemon.base import config as configuration
from daemon.base.clock import Clock
from daemon.base.config import ConfigError, chip_section
from daemon.base.refusals import RefusedError
from daemon.base.text_limits import says_something
from daemon.cli.card_bench import CardBench, nonce
from daemon.cli.card_making import Making, make, own, read_transport_key
from daemon.cli.command_clock import clock_of
from daemon.keys.chip_keys import add_chip_keys, load_chip_keys, make_chip_keys
from daemon.keys.key_files import KeyFileError
from daemon.ledger.chip_owed import chip_purse
from daemon.ledger.ledger import Ledger
from daemon.ledger.storage.registry import open_store
from daemon.readers.errors import ReaderError
from daemon.readers.reader_settings import PcscSettings, ReaderSettings
from daemon.readers.registry import build_readers
from daemon.readers.simulated.simulator import Simulator
from daemon.readers.supervisor import Supervisor

EPOCH = date(1970, 1, 1).toordinal()
cards = typer.Typer(
    help="Cards: made for the stock, handed out, issued, changed, with acts; and made on chips.",
    no_args_is_help=True,
)
ConfigPath = Annotated[Path, typer.Option("--config", help="The till's configuration.")]
Count = Annotated[int, typer.Option(min=1, help="How many cards to wait for.")]
_SENTENCES = {
    "desfire.foreign": "this is no DESFire",
    "desfire.permission": "this DESFire is not blank: its master key was changed",
    "desfire.no-application": "there is no purse on it",
    "desfire.authentication": "it does not know this shop's keys",
    "card.known": "the ledger knows a card with this UID, and this one does not know its keys: it"
    " may be a copy; --again with --by and --reason makes it all the same",
    "card.not-original": "no maker that is known has signed its UID: it may be a copy; --again with"
    " --by and --reason makes it all the same",
    "card.master-unknown": "its own master key is not known here; is it delivered with one?"
    " --transport-key names its file",
    "card.master-not-ours": "its purse is this shop's and its own master key is not: it may be a"
    " copy; `cards personalise` with --again, --by and --reason takes it all the same",
    "card.hidden-uid": "it shows another UID than its own: random UIDs must be off",
    "desfire.out-of-memory": "it is full",
    "desfire.memory": "it is full",
    "desfire.too-many": "it holds as many applications as it can",
    "purse.blank": "its purse was never finished; `cards personalise` does that",
}
Work = Callable[[CardBench, str, Shown], Awaitable[str]]


@cards.command()
def keys(
    renew: Annotated[
        bool, typer.Option("--renew", help="Add a generation; `migrate` brings cards to it.")
    ] = False,
    config: ConfigPath = Path("tillcard.toml"),
) -> None:
    """Make the shop's key file, once. Keep a copy: lost keys are lost cards."""
    try:
        path = config.parent / chip_section(configuration.load(config)).keys
        done = f"holds generation {add_chip_keys(path)} too" if renew else "made"
        if not renew:
            make_chip_keys(path)
    except FileExistsError as error:
        typer.echo(
            f"tillcard: {error.filename} is there already; --renew adds keys to it.", err=True
        )
        raise typer.Exit(1) from None
    except (ConfigError, KeyFileError, OSError) as error:
        typer.echo(f"tillcard: {in_words(error)}", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{path} {done}. Keep a copy where no till can reach it.")


@cards.command("personalise")
def personalise_cards(
    context: typer.Context,
    count: Count = 1,
    config: ConfigPath = Path("tillcard.toml"),
    again: Annotated[
        bool,
        typer.Option(
            "--again",
            help="Also on a UID that the ledger knows, and on chips of an unknown maker.",
        ),
    ] = False,
    by: Annotated[str, typer.Option(help="With --again: who says so; kept in the ledger.")] = "",
    reason: Annotated[str, typer.Option(help="With --again: why; kept in the ledger.")] = "",
    transport_key: Annotated[
        Path | None,
        typer.Option(help="A file with the key that the maker delivers the cards with."),
    ] = None,
) -> None:
    """Make purses on blank DESFire cards, one after the other, and issue each card.

    Make them where nobody else is within a few metres: whoever listens while a card with the
    factory's key is made can hear the keys that it gets.
    """
    if again != (says_something(by) and says_something(reason)):
        typer.echo("tillcard: --again, --by and --reason go together.", err=True)
        raise typer.Exit(1)
    try:
        transport = read_transport_key(transport_key) if transport_key else FACTORY_KEY
    except (KeyFileError, OSError) as error:
        typer.echo(f"tillcard: {in_words(error)}", err=True)
        raise typer.Exit(1) from None
    how = Making(by=by, reason=reason, transport=transport)
    _run(context, config, count, "made", partial(make, how=how))


@cards.command()
def show(context: typer.Context, config: ConfigPath = Path("tillcard.toml")) -> None:
    """Show what a card holds and its last payments."""
    _run(context, config, 1, "shown", _show)


@cards.command()
def migrate(
    context: typer.Context, count: Count = 1, config: ConfigPath = Path("tillcard.toml")
) -> None:
    """Bring cards to this program's layout and to the newest keys.

    The key file holds the generation before the newest too. A card that a newer program has
    written is left as it is.
    """
    _run(context, config, count, "moved", migrate_card)


def _run(context: typer.Context, config: Path, count: int, done: str, work: Work) -> None:
    failures: list[str] = []
    try:
        asyncio.run(_serve(config, clock_of(context), count, done, work))
    except* STARTUP_ERRORS as group:
        failures += map(in_words, leaves(group))
    for failure in failures:
        typer.echo(f"tillcard: {failure}", err=True)
    raise typer.Exit(1 if failures else 0)


async def _serve(config: Path, clock: Clock, count: int, done: str, work: Work) -> None:
    console = Console(highlight=False)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    async with _bench(config, clock) as bench:
        await bench.ready()
        with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
            bar = progress.add_task("lay a card down", total=count)
            while not progress.finished:
                reader, shown = await bench.next_card(console.print)
                uid = shown.raw.hex().upper()
                try:
                    outcome = await work(bench, reader, shown)
                    progress.advance(bar)
                except CardFormatError as error:
                    outcome = f"not {done}: {_SENTENCES.get(error.code, error.message)}"
                except (ReaderError, KeyFileError, RefusedError) as error:
                    outcome = f"not {done}: {error}"
                console.print(f"{uid}  {outcome}", markup=False, soft_wrap=True)


@asynccontextmanager
async def _bench(path: Path, clock: Clock) -> AsyncIterator[CardBench]:
    config, home = configuration.load(path), path.parent
    section = chip_section(config)
    chip_keys = load_chip_keys(home / section.keys)
    programme = read_programme(home / config.programme)
    purse = programme.purses.get(chip_purse(programme))
    text = purse.text if purse else programme.currency.text
    raw = [configuration.convert(one, ReaderSettings, "reader") for one in config.reader]
    wanted = [one for one in raw if isinstance(one, PcscSettings)]
    if not wanted:
        raise ConfigError("reader", "there is no reader of kind pcsc to lay cards on")
    supervisor = Supervisor(build_readers(wanted, clock, Simulator({}, clock)), clock)
    stores = (
        open_store(config.ledger, home),
        open_store(config.ledger, home, read_only=True),
    )
    ledger = Ledger(*stores)
    following = asyncio.create_task(supervisor.run())
    try:
        yield CardBench(supervisor, chip_keys, section, ledger, clock, text)
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
        await ledger.close()


async def _show(bench: CardBench, reader: str, shown: Shown) -> str:
    purse = await bench.open(reader, shown)
    state = purse.state
    if isinstance(state, NewerState):
        return f"{bench.text(state.balance)}, of a newer program (layout {state.schema})"
    lines = [
        f"{bench.text(state.balance)}, {state.status.name.lower()}, payment {state.seq},"
        f" layout {state.schema}, keys {purse.key_generation}, {purse.messaging}"
    ]
    records = await bench.ask(reader, read_history(purse, count=HISTORY_RECORDS_MAX))
    if not follows(records, state):
        lines.append("  ALARM: the balance does not follow from these payments")
    for one in reversed(records):
        at = datetime.fromtimestamp(one.time_s, UTC).strftime("%Y-%m-%d %H:%M")
        amounts = f"{bench.text(one.amount):>12} {bench.text(one.balance_after):>12}"
        lines.append(f"  {one.seq:>6}  {at}  shop {one.shop} till {one.till} {amounts}")
    for slot, prize in enumerate(await bench.ask(reader, read_prizes(purse))):
        if prize is not None:
            last = date.fromordinal(EPOCH + prize.expires).isoformat() if prize.expires else "-"
            lines.append(
                f"  prize {prize.number} in slot {slot}: {prize.count} times, until {last}"
            )
    if purse.may_load:
        whose = await bench.ask(reader, read_customer(purse))
        lines.append(f"  customer {whose.customer_id.hex()}, tier {whose.tier}")
    return "\n".join(lines)


async def migrate_card(bench: CardBench, reader: str, shown: Shown) -> str:
    """Bring what lies there to the newest layout and keys. Raises as `CardBench.ask`."""
    old, new = bench.keys.versions[0], bench.keys.versions[-1]
    is_moved, schema = False, 0
    try:
        schema = understood((await bench.open(reader, shown)).state).schema
    except CardFormatError as error:
        if error.code != "purse.blank":
            raise
        finishing = finish(
            bench.card_keys(shown), nonce(), shop=bench.section.shop, time_s=bench.now_s()
        )
        await bench.ask(reader, finishing)
        is_moved = True
    if old != new:
        renewing = renew_keys(bench.card_keys(shown, old), bench.card_keys(shown, new), nonce())
        # Its master key, the last to change, is not the old one: it is done already.
        is_moved |= await bench.ask(reader, done_unless(renewing, "desfire.authentication"))
    if schema < SCHEMA:
        moving = renew_layout(bench.card_keys(shown, new), (nonce(), nonce()))
        is_moved |= await bench.ask(reader, moving)
    await own(bench, reader, shown, None)
    return f"layout {SCHEMA}, keys {new}{'' if is_moved else ', as before'}"
