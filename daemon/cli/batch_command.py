"""``tillcard cards batch``: cards by the thousand, made by the running daemon."""

import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from daemon.base.currency import Currency, MoneyTextError
from daemon.base.paper import sheets
from daemon.base.regular_files import read_lines
from daemon.cli.daemon_call import (
    By,
    Where,
    at_daemon,
    connected,
    failed,
    new_request_id,
    print_json,
    till_currency,
    whoever,
)
from daemon.cli.progress_bars import progress_bars
from daemon.cli.written_files import check_folder, own_file, write_own
from daemon.pos.client import CallError, Client, UnreachableError

COUNT_MAX = 1_000_000
TOGETHER = 1_000
ANSWER_S_MAX = 600.0
"""How long an answer is waited for: a file of a million that is refused is forgotten before it."""
COLUMNS = ("index", "number", "cost")


@at_daemon
def batch(
    where: Where,
    kind: Annotated[str, typer.Option(help="What rules see as card.kind: plastic, gift …")],
    count: Annotated[
        int, typer.Option(min=0, max=COUNT_MAX, help="How many; 0: as many as the file has.")
    ] = 0,
    numbers: Annotated[
        Path | None, typer.Option(help="The printer's file, one number a line.")
    ] = None,
    drawn_from: Annotated[
        str,
        typer.Option("--range", help="The [\\[number_range]] to draw from; else \\[card_numbers]."),
    ] = "",
    total_cost: Annotated[str, typer.Option(help="Of all cards, as 1200.00.")] = "",
    vat: Annotated[str, typer.Option(help="On top of it, in per cent, as 20.")] = "0",
    book: Annotated[str, typer.Option(help="The account they are kept on: 10 or 41.")] = "10",
    supplier: Annotated[str, typer.Option(help="Who made them.")] = "",
    document: Annotated[str, typer.Option(help="The supplier's document.")] = "",
    issuer: Annotated[str, typer.Option(help="The company whose cards they are.")] = "",
    until: Annotated[str, typer.Option(help="Their last day, as 2027-12-31.")] = "",
    out: Annotated[Path | None, typer.Option(help="A CSV file of them; not there yet.")] = None,
    pdf: Annotated[Path | None, typer.Option(help="A PDF file of their numbers.")] = None,
    by: By = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the batch as JSON.")] = False,
) -> None:
    """Make cards for the stock: 1,000,000 at most, a thousand at a time, while the till sells.

    tillcard cards batch --count 3000 --kind plastic --total-cost 1200.00 --vat 20 --out cards.csv

    Numbers are drawn so that nobody can guess them. With --numbers they are those of the file; a
    bad one, one that stands there twice and one that a card has is named with its line, and nothing
    is made. A batch that was begun is made to its end by the daemon, also when this command or the
    daemon is killed: the daemon goes on when it starts.
    """
    if not (count or numbers):
        raise typer.BadParameter("say how many, or name a file", param_hint="--count")
    request_id = new_request_id()
    try:
        for file in (out, pdf):
            _check_out(file)
        with connected(where, ANSWER_S_MAX) as client:
            money = till_currency(client.greeting)
            terms = {
                **{"request_id": request_id, "kind": kind, "issuer": issuer, "until": until},
                **{"numbers": drawn_from, "staged": numbers is not None, "book": book},
                "by": whoever(by),
                **{"total_cost": _minor(total_cost, money), "vat_bp": _bp(vat)},
                **{"supplier": supplier, "document": document},
            }
            with progress_bars(is_quiet=as_json) as progress:
                begun, count = _begin(client, terms, numbers, count, progress)
                shown = _follow(client, begun, progress)
                if out is not None:
                    _write(client, begun, out, count, money, progress)
                if pdf is not None:
                    _print(client, begun, pdf, count, progress)
    except (CallError, UnreachableError, OSError, UnicodeDecodeError) as error:
        raise failed(f"tillcard: {error}") from error
    if as_json:
        print_json(shown)
    else:
        typer.echo(f"{begun}: {count} cards of kind {kind} in stock.")


def _begin(
    client: Client, terms: dict[str, Any], file: Path | None, count: int, progress: Progress
) -> tuple[str, int]:
    """Begin a batch; return its number, and how many cards it has."""
    try:
        staged = _stage(client, file, terms["request_id"], progress) if file else count
        if count not in (0, staged):
            raise failed(f"Nothing was made. {file} has {staged} numbers, not {count}.")
        batch: str = client.call("batch.make", terms | {"count": staged})["batch"]
    except CallError as error:
        raise failed(f"Nothing was made. {error.detail} ({error.name}, {error.code})") from error
    return batch, staged


def _stage(client: Client, file: Path, request_id: str, progress: Progress) -> int:
    """Bring the numbers of a file, which are checked as they come; return how many there are."""
    bar = progress.add_task("checking the file", total=None)
    lines, start = read_lines(file), 0
    while some := tuple(islice(lines, TOGETHER)):
        terms = {"request_id": request_id, "start": start, "numbers": some}
        start = client.call("batch.stage", terms)["count"]
        progress.update(bar, completed=start)
    progress.update(bar, total=start)
    if not start:
        raise failed(f"{file} has no numbers.")
    return start


def _follow(client: Client, batch: str, progress: Progress) -> dict[str, Any]:
    shown: dict[str, Any] = client.call("batch.show", {"batch": batch})
    bar = progress.add_task(f"making {batch}", total=shown["count"])
    while shown["made"] < shown["count"]:
        progress.update(bar, completed=shown["made"])
        shown = client.call("batch.show", {"batch": batch, "beyond": shown["made"]})
    progress.update(bar, completed=shown["made"])
    return shown


def cards_of(client: Client, batch: str) -> Iterator[dict[str, Any]]:
    """Yield the cards of a batch, a thousand at a time."""
    start = 0
    while some := client.call("batch.cards", {"batch": batch, "start": start})["cards"]:
        yield from some
        start = some[-1]["index"] + 1


def _write(
    client: Client, batch: str, out: Path, count: int, money: Currency, progress: Progress
) -> None:
    bar = progress.add_task(f"writing {out.name}", total=count)
    with own_file(out) as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for card in cards_of(client, batch):
            rows.writerow((card["index"], card["number"], money.text(card["cost"])))
            progress.advance(bar)


def _print(client: Client, batch: str, file: Path, count: int, progress: Progress) -> None:
    bar = progress.add_task(f"writing {file.name}", total=count)

    def numbers() -> Iterator[str]:
        for card in cards_of(client, batch):
            progress.advance(bar)
            yield card["number"]

    write_own(file, sheets(batch, numbers(), count, "{n} / {of}"))


def _check_out(out: Path | None) -> None:
    if out is None:
        return
    if out.exists():
        raise failed(f"{out} is there already; it is not written over.")
    check_folder(out)


def _minor(text: str, currency: Currency) -> int:
    try:
        return currency.minor(text) if text else 0
    except MoneyTextError as error:
        raise typer.BadParameter(f"{text!r} {error}", param_hint="--total-cost") from None


def _bp(text: str) -> int:
    whole, _, part = text.partition(".")
    if not (whole.isdecimal() and len(part) <= 2 and (part or "0").isdecimal()):
        raise typer.BadParameter(f"{text!r} is no percentage; write such as 20 or 7.5")
    return int(whole) * 100 + int(part.ljust(2, "0"))
