"""``tillcard cards``: make chip cards, look at one, bring them to the newest layout and keys.

It speaks to the readers itself, so the daemon must be stopped meanwhile.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from card_formats.apdu import Dialogue
from card_formats.chip.purse import (
    ChipPurse,
    follows,
    open_purse,
    read_customer,
    read_history,
    read_prizes,
    understood,
    write_customer,
)
from card_formats.chip.purse_contents import Customer
from card_formats.chip.purse_issue import (
    CardKeys,
    done_unless,
    finish,
    personalise,
    renew_keys,
    renew_layout,
)
from card_formats.chip.purse_layout import HISTORY_RECORDS_MAX, SCHEMA, NewerState
from card_formats.credential import Credential, Medium, Shown, Trust
from card_formats.crypto import BLOCK_BYTES
from card_formats.errors import CardFormatError
from daemon.accounts.cards import Cards, NewCard, Profile
from daemon.app.startup import STARTUP_ERRORS, leaves
from daemon.base import config as configuration
from daemon.base.clock import Clock
from daemon.base.config import ChipSection, ConfigError, chip_section
from daemon.base.money import format_minor
from daemon.base.refusals import RefusedError
from daemon.chip.terminal import EXCHANGE_TIMEOUT_S, UID_BYTES
from daemon.cli.command_clock import clock_of
from daemon.keys.chip_keys import ChipKeys, add_chip_keys, load_chip_keys, make_chip_keys
from daemon.keys.key_files import KeyFileError
from daemon.ledger.ledger import Ledger
from daemon.ledger.storage.registry import open_store
from daemon.readers import Presented, ReaderState, StateChanged, Unreadable
from daemon.readers.errors import ReaderError
from daemon.readers.reader_settings import PcscSettings, ReaderSettings
from daemon.readers.registry import build_readers
from daemon.readers.simulated.simulator import Simulator
from daemon.readers.supervisor import Supervisor

T = TypeVar("T")
EPOCH = date(1970, 1, 1).toordinal()
cards = typer.Typer(help="Make chip cards, look at one, move them on.", no_args_is_help=True)
ConfigPath = Annotated[Path, typer.Option("--config", help="The till's configuration.")]
Count = Annotated[int, typer.Option(min=1, help="How many cards to wait for.")]
_SENTENCES = {
    "desfire.foreign": "this is no DESFire",
    "desfire.permission": "this DESFire is not blank: its master key was changed",
    "desfire.no-application": "there is no purse on it",
    "desfire.authentication": "it does not know this shop's keys",
    "desfire.out-of-memory": "it is full",
    "desfire.memory": "it is full",
    "purse.blank": "its purse was never finished; `cards personalise` does that",
}
Work = Callable[["CardBench", str, Shown], Awaitable[str]]


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
        typer.echo(f"tillcard: {error}", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{path} {done}. Keep a copy where no till can reach it.")


@cards.command("personalise")
def personalise_cards(
    context: typer.Context, count: Count = 1, config: ConfigPath = Path("tillcard.toml")
) -> None:
    """Make purses on blank DESFire cards, one after the other, and issue each card."""
    _run(context, config, count, "made", _make)


@cards.command()
def show(context: typer.Context, config: ConfigPath = Path("tillcard.toml")) -> None:
    """Show what a card holds and its last payments."""
    _run(context, config, 1, "shown", _show)


@cards.command()
def migrate(
    context: typer.Context, count: Count = 1, config: ConfigPath = Path("tillcard.toml")
) -> None:
    """Bring cards to this program's schema and to the newest keys.

    The key file holds the generation before the newest too. A card that a newer program has
    written is left as it is.
    """
    _run(context, config, count, "moved", _migrate)


class CardBench:
    """Whom the cards are laid down at: the readers, the keys, and the ledger they are issued in."""

    def __init__(
        self,
        supervisor: Supervisor,
        keys: ChipKeys,
        section: ChipSection,
        registry: Cards,
        clock: Clock,
    ) -> None:
        self.keys = keys
        self.section = section
        self.registry = registry
        self._supervisor = supervisor
        self._clock = clock

    def now_s(self) -> int:
        """Return the seconds since 1970, as a chip counts time."""
        return int(self._clock.now().timestamp())

    def card_keys(self, shown: Shown, generation: int | None = None) -> CardKeys:
        """Return all keys of a card, the newest unless told. Raises KeyFileError, and as `ask`."""
        return self.keys.card_keys(_fixed_uid(shown), generation)

    async def ask(self, reader: str, dialogue: Dialogue[T]) -> T:
        """Run a dialogue with the card that lies there."""
        return await self._supervisor.converse(reader, dialogue, timeout_s=EXCHANGE_TIMEOUT_S)

    async def ready(self) -> None:
        """Wait until a reader is there; what is wrong with one is logged."""
        while True:
            match await self._supervisor.events.get():
                case StateChanged(state=ReaderState.READY):
                    return
                case _:
                    pass

    async def next_card(self, tell: Callable[[str], None]) -> tuple[str, Shown]:
        """Wait for a chip; tell of one that could not be read. A reader's own state is logged."""
        while True:
            match await self._supervisor.events.get():
                case Presented(reader=reader, shown=shown):
                    return reader, shown
                case Unreadable(reader=reader, reason=reason):
                    tell(f"{reader}: {reason}")
                case _:
                    pass


def _run(context: typer.Context, config: Path, count: int, done: str, work: Work) -> None:
    failures: list[str] = []
    try:
        asyncio.run(_serve(config, clock_of(context), count, done, work))
    except* STARTUP_ERRORS as group:
        failures += map(str, leaves(group))
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
        yield CardBench(supervisor, chip_keys, section, Cards(ledger, clock), clock)
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
        await ledger.close()


async def _make(bench: CardBench, reader: str, shown: Shown) -> str:
    is_new = await _personalise(bench, reader, shown)
    uid = shown.raw.hex().upper()
    card = NewCard(kind="chip", number="", identifiers=(("uid", uid),))
    is_issued = await bench.registry.issue(card, Profile())
    account = await bench.registry.resolve(Credential("uid", uid, Medium.CHIP, Trust.MUTUAL_AUTH))
    purse = await _open(bench, reader, shown)
    if not any((await bench.ask(reader, read_customer(purse))).customer_id):
        whose = Customer(bytes.fromhex(account.account.removeprefix("a")))
        await bench.ask(reader, write_customer(purse, whose))
    return f"made{'' if is_new else ' before'}, issued{'' if is_issued else ' before'}"


async def _personalise(bench: CardBench, reader: str, shown: Shown) -> bool:
    """Make a purse, or what an interruption left of making one; return whether it was needed."""
    keys, section, nonces = bench.card_keys(shown), bench.section, (_nonce(), _nonce(), _nonce())
    making = personalise(keys, nonces, cap=section.cap, shop=section.shop, time_s=bench.now_s())
    old_keys = "desfire.authentication"
    if await bench.ask(reader, done_unless(making, "purse.exists", old_keys)):
        return True
    understood((await _open(bench, reader, shown)).state)
    return False


async def _show(bench: CardBench, reader: str, shown: Shown) -> str:
    purse = await _open(bench, reader, shown)
    state = purse.state
    if isinstance(state, NewerState):
        return f"{format_minor(state.balance)}, of a newer program (schema {state.schema})"
    lines = [
        f"{format_minor(state.balance)}, {state.status.name.lower()}, payment {state.seq},"
        f" schema {state.schema}, keys {purse.key_generation}, {purse.messaging}"
    ]
    records = await bench.ask(reader, read_history(purse, count=HISTORY_RECORDS_MAX))
    if not follows(records, state):
        lines.append("  ALARM: the balance does not follow from these payments")
    for one in reversed(records):
        at = datetime.fromtimestamp(one.time_s, UTC).strftime("%Y-%m-%d %H:%M")
        amounts = f"{format_minor(one.amount):>12} {format_minor(one.balance_after):>12}"
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


async def _migrate(bench: CardBench, reader: str, shown: Shown) -> str:
    old, new = bench.keys.versions[0], bench.keys.versions[-1]
    is_moved, schema = False, 0
    try:
        schema = understood((await _open(bench, reader, shown)).state).schema
    except CardFormatError as error:
        if error.code != "purse.blank":
            raise
        finishing = finish(
            bench.card_keys(shown), _nonce(), shop=bench.section.shop, time_s=bench.now_s()
        )
        await bench.ask(reader, finishing)
        is_moved = True
    if old != new:
        renewing = renew_keys(bench.card_keys(shown, old), bench.card_keys(shown, new), _nonce())
        # Its master key, the last to change, is not the old one: it is done already.
        is_moved |= await bench.ask(reader, done_unless(renewing, "desfire.authentication"))
    if schema < SCHEMA:
        moving = renew_layout(bench.card_keys(shown, new), (_nonce(), _nonce()))
        is_moved |= await bench.ask(reader, moving)
    return f"schema {SCHEMA}, keys {new}{'' if is_moved else ', as before'}"


async def _open(bench: CardBench, reader: str, shown: Shown) -> ChipPurse:
    return await bench.ask(reader, open_purse(bench.keys.till_key(_fixed_uid(shown)), _nonce()))


def _fixed_uid(shown: Shown) -> bytes:
    if len(shown.raw) != UID_BYTES:
        raise CardFormatError("uid.bad-length", "a purse needs a chip with a fixed UID of 7 bytes")
    return shown.raw


def _nonce() -> bytes:
    return secrets.token_bytes(BLOCK_BYTES)
