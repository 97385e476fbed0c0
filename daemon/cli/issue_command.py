"""``tillcard issue``: a batch of cards or flyers, and the list of their links."""

import asyncio
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from daemon.accounts.card_numbers import draw, issue_batch
from daemon.accounts.cards import Cards, NewCard
from daemon.app.startup import in_words, read_programme
from daemon.base import config as configuration
from daemon.base.clock import Clock, rfc3339
from daemon.base.config import Config, ConfigError
from daemon.base.refusals import RefusedError
from daemon.cli.command_clock import clock_of
from daemon.cli.written_files import check_folder, own_file
from daemon.ledger.ledger import Ledger
from daemon.ledger.storage.registry import open_store
from daemon.ledger.storage.store import StoreError
from web.web_settings import WebSettings

COUNT_MAX = 1_000_000
COLUMNS = ("number", "ean13", "link", "until")
ORDINARY = "phone"


@dataclass(frozen=True)
class IssueBatch:
    """What is issued. ``until`` is a moment, RFC 3339; ``last_day`` is the shop's day before it."""

    count: int
    kind: str
    until: str
    last_day: str
    address: str


def issue(
    context: typer.Context,
    count: Annotated[int, typer.Argument(min=1, max=COUNT_MAX, help="How many cards.")],
    out: Annotated[Path, typer.Option(help="The CSV file to write; it must not be there yet.")],
    kind: Annotated[
        str, typer.Option(help="What rules see as card.kind: phone, flyer …")
    ] = ORDINARY,
    until: Annotated[
        str, typer.Option(help="The last day they are good, in the shop's zone: 2026-12-31.")
    ] = "",
    config: Annotated[Path, typer.Option(help="The configuration that names the ledger.")] = Path(
        "tillcard.toml"
    ),
) -> None:
    """Issue cards without owners, each with its own numbers and the link to its page.

    Stop the daemon first: a ledger has one writer. A flyer is a card of another kind with a last
    day; a rule with `when = { card = { kind = "flyer" } }` and `limit = { per_card = 1 }` gives its
    benefit once. Whoever reads the CSV file can open the cards in it: it is made for its owner
    alone. Exit status 0, or 1 when nothing more could be issued; the file then has what was.
    """
    clock = clock_of(context)
    last = _day(until) if until else None
    try:
        settings = configuration.load(config)
        web = configuration.convert(settings.web or {}, WebSettings, "web")
        days = read_programme(config.parent / settings.programme).days
        end = rfc3339(days.start_of(last + timedelta(days=1))) if last else ""
        if end and end <= rfc3339(clock.now()):
            raise ConfigError("--until", "that day is over already")
        if out.exists():
            raise ConfigError("--out", f"{out} is there already; it is not written over")
        check_folder(out)
        for doubt in _doubts(web, kind):
            typer.echo(f"tillcard: {doubt}", err=True)
        batch = IssueBatch(count, kind, end, last.isoformat() if last else "", _address(web))
        asyncio.run(_issue(settings, config.parent, out, batch, clock))
    except (ConfigError, StoreError, OSError, RefusedError) as error:
        typer.echo(f"tillcard: {in_words(error)}", err=True)
        raise typer.Exit(1) from error


async def _issue(config: Config, home: Path, out: Path, batch: IssueBatch, clock: Clock) -> None:
    ledger = Ledger(
        open_store(config.ledger, home), open_store(config.ledger, home, read_only=True)
    )
    try:
        with own_file(out) as file:
            await _issue_into(file, Cards(ledger, clock), config, batch)
    finally:
        await ledger.close()


async def _issue_into(file: TextIO, cards: Cards, config: Config, batch: IssueBatch) -> None:
    rows = csv.writer(file)
    rows.writerow(COLUMNS)
    numbers, kind, until = config.card_numbers, batch.kind, batch.until
    batches = issue_batch(cards, lambda: draw(numbers, kind=kind, until=until), batch.count)
    columns = TextColumn("issuing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("issuing", total=batch.count)
        async for issued in batches:
            rows.writerows(_row(card, batch) for card in issued)
            file.flush()
            progress.advance(task, len(issued))


def _row(card: NewCard, batch: IssueBatch) -> tuple[str, ...]:
    return card.number, card.ean13, f"{batch.address}/c/{card.token}", batch.last_day


def _doubts(web: WebSettings, kind: str) -> Iterator[str]:
    """Say what may not be meant. Nothing is refused: both are right for somebody."""
    if not web.public_url:
        yield f"the links begin with {_address(web)}; [web] public_url is what customers reach"
    if kind != ORDINARY and kind not in web.coupons:
        yield f"cards of the kind {kind!r} are no coupons: there is no [web.coupons.{kind}]"


def _address(web: WebSettings) -> str:
    scheme = "https" if web.certificate else "http"
    return web.public_url or f"{scheme}://{web.host}:{web.port}"


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        problem = f"{text!r} is no day; write such as 2026-12-31"
        raise typer.BadParameter(problem, param_hint="--until") from None
