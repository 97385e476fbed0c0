"""``tillcard customers import``: a shop's own table of customers, made by the running daemon."""

import hashlib
import sys
import tomllib
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from daemon.base.regular_files import open_regular, read_file, without_mark
from daemon.base.spreadsheets import TableFileError, TableRow, sheet_names, table_rows
from daemon.cli.daemon_call import (
    AsJson,
    By,
    Where,
    advice,
    all_pages,
    asked,
    at_daemon,
    connected,
    failed,
    new_request_id,
    print_json,
    whoever,
)
from daemon.cli.progress_bars import progress_bars
from daemon.cli.report_files import as_text, csv_rows_of
from daemon.cli.written_files import check_folder
from daemon.customers.import_columns import CELL_CHARS_MAX, COLUMNS_MAX
from daemon.pos.client import CallError, Client, UnreachableError

TOGETHER, PAGE = 200, 200
PAGE_CHARS_MAX = 30_000
"""Letters that are sent at once, whatever is in them: a line of the socket has 256 KiB."""
ANSWER_S_MAX = 600.0
"""How long an answer is waited for: what another table has left is forgotten before the first."""
SHOWN_MAX = 50
"""Bad rows that a terminal shows; a file has all of them."""
BAD_COLUMNS = ("row", "column", "value", "what is wrong")
_COUNTED = {"done": ("added", "updated", "left"), "undone": ("undone", "stays")}
"""What is told of an import at its end."""
ImportId = Annotated[str, typer.Argument(help="The import, as I-2026-0001.")]


@at_daemon
def import_table(
    where: Where,
    file: Annotated[Path, typer.Argument(help="CSV (, ; or tab) or XLSX, with a heading.")],
    map_file: Annotated[
        Path | None, typer.Option("--map", help="TOML: what columns are for that nobody knows.")
    ] = None,
    encoding: Annotated[str, typer.Option(help="Of a CSV file, as windows-1251.")] = "",
    sheet: Annotated[str, typer.Option(help="Of an XLSX file; else the first one.")] = "",
    update: Annotated[
        bool, typer.Option("--update", help="Change customers who are there already.")
    ] = False,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Import the others although some rows are bad.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Go on without asking.")] = False,
    bad: Annotated[
        Path | None, typer.Option(help="A CSV file of all that is wrong; not there yet.")
    ] = None,
    by: By = "",
    json: AsJson = False,
) -> None:
    r"""Import customers: 500,000 rows at most, 200 at a time, while the till sells.

    tillcard customers import old-cards.xlsx --map columns.toml --bad wrong.csv

    Everything is checked first, and nothing is made before you have seen what. Columns are known by
    their headings: name, phone, card, balance.bonus, meter.spend …; the map names others, or leaves
    them out: \[columns] "Notes" = "-". An import that was begun is made to its end by the daemon,
    also when this command or the daemon is killed: the daemon goes on when it starts.
    """
    mapped = _map(map_file)
    terms: dict[str, Any] = {"request_id": new_request_id(), "by": whoever(by)}
    try:
        _check_new(bad)
        sha256 = _sha256(file)
        with connected(where, ANSWER_S_MAX) as client, progress_bars(is_quiet=json) as bars:
            begin = terms | {"map": mapped, "update": update}
            _bring(client, begin, _rows(file, encoding, sheet), bars)
            checked = _checked(client, terms["request_id"], bad)
    except (CallError, UnreachableError) as error:
        raise _nothing(error, terms) from error
    except (OSError, TableFileError) as error:
        raise failed(f"Nothing was imported. {file} {_why(error)}") from error
    if not json:
        _say(file, checked, bad)
    if not _goes_on(checked, is_asked=not json, skip_bad=skip_bad, dry_run=dry_run, yes=yes):
        asked("import.drop", {"request_id": terms["request_id"]}, where, ANSWER_S_MAX)
        if json:
            print_json(checked)
        raise typer.Exit(0 if dry_run and not checked["bad"] else 1)
    terms |= {"count": checked["count"], "skip_bad": skip_bad}
    terms |= {"file": file.name, "sha256": sha256}
    shown = _follow(where, _apply(where, terms), json)
    if json:
        print_json(checked | shown)
    else:
        _say_end(shown)


@at_daemon
def import_undo(
    where: Where,
    import_id: ImportId,
    reason: Annotated[str, typer.Option(help="Why; it is kept for ever.")],
    by: By = "",
    json: AsJson = False,
) -> None:
    """Take an import back: for 7 days, of customers that did nothing since; others are named.

    Example: tillcard customers import-undo I-2026-0001 --reason "the wrong file" --by olha
    """
    terms = {"request_id": new_request_id(), "import_id": import_id}
    asked("import.undo", terms | {"by": whoever(by), "reason": reason}, where)
    shown = _follow(where, import_id, json)
    if json:
        print_json(shown)
    else:
        _say_end(shown)


@at_daemon
def import_status(where: Where, import_id: ImportId, json: AsJson = False) -> None:
    """Say how far an import is, and which rows were left, or whose customers stay.

    Example: tillcard customers import-status I-2026-0001
    """
    shown = asked("import.status", {"import_id": import_id}, where)
    shown |= _told(where, import_id, shown)
    if json:
        print_json(shown)
    else:
        _say_end(shown)


@at_daemon
def import_list(where: Where, json: AsJson = False) -> None:
    """List imports, the newest first.

    Example: tillcard customers import-list
    """
    found = all_pages("import.list", {}, where, "imports")
    if json:
        print_json(found)
        return
    for one in found:
        counts = f"{one['new']} new, {one['changed']} changed, {one['skipped']} skipped"
        said = (one["import_id"], one["made_at"], one["by"], one["file"], counts, one["state"])
        typer.echo("  ".join(filter(None, said)))


# The table.


def _rows(file: Path, encoding: str, sheet: str) -> Iterator[TableRow]:
    names = sheet_names(file)
    if len(names) > 1 and not sheet:
        others = ", ".join(names[1:])
        typer.echo(f"Only the sheet {names[0]} is read; --sheet names another: {others}", err=True)
    return table_rows(file, encoding, sheet)


def _bring(client: Client, begin: dict[str, Any], rows: Iterator[TableRow], bars: Progress) -> None:
    """Bring a table, which is checked as it comes."""
    heading = next(rows, None)
    if heading is None:
        raise TableFileError("is empty")
    client.call("import.begin", begin | {"columns": _sent(heading)})
    bar, count = bars.add_task("checking", total=None), 0
    for some in _pages(rows):
        terms = {"request_id": begin["request_id"], "start": count, "rows": some}
        count = client.call("import.rows", terms)["count"]
        bars.update(bar, completed=count)
    bars.update(bar, total=count)
    if not count:
        raise TableFileError("has a heading and no row")


def _pages(rows: Iterable[TableRow]) -> Iterator[list[dict[str, Any]]]:
    """Yield rows as many together as a line of the socket carries."""
    page, chars = list[dict[str, Any]](), 0
    for row in rows:
        cells = _sent(row)
        size = sum(map(len, cells))
        if page and (len(page) == TOGETHER or chars + size > PAGE_CHARS_MAX):
            yield page
            page, chars = [], 0
        page.append({"row": row.number, "cells": cells})
        chars += size
    if page:
        yield page


def _cut(cell: str) -> str:
    """Return a cell, or of one that is too long so much that the till sees it."""
    return cell[: CELL_CHARS_MAX + 1]


def _sent(row: TableRow) -> list[str]:
    """Return a row's cells as they are sent; of too many so much that the till sees them."""
    cells, more = row.cells[:COLUMNS_MAX], row.cells[COLUMNS_MAX:]
    behind = [cell for cell in more if cell.strip()][:1]
    return [_cut(cell) for cell in (*cells, *behind)]


def _check_new(file: Path | None) -> None:
    if file is None:
        return
    check_folder(file)
    if file.exists():
        raise failed(f"{file} is there already; it is not written over.")


def _map(file: Path | None) -> dict[str, str]:
    if file is None:
        return {}
    try:
        read = tomllib.loads(without_mark(read_file(file)).decode("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise failed(f"{file} is no map: {error}") from error
    columns = read.get("columns")
    if not isinstance(columns, dict) or read.keys() != {"columns"}:
        raise failed(f'{file} is no map: write [columns] and below it "Phone no." = "phone"')
    if astray := [name for name, target in columns.items() if not isinstance(target, str)]:
        raise failed(f'{file}: {astray[0]!r} names no column; write "{astray[0]}" = "phone"')
    return columns


def _sha256(file: Path) -> str:
    with open_regular(file) as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _nothing(error: CallError | UnreachableError, terms: dict[str, Any]) -> typer.Exit:
    why = advice(error, terms) if isinstance(error, CallError) else str(error)
    return failed(f"Nothing was imported. {why}")


# What is told.


def _checked(client: Client, request_id: str, bad: Path | None) -> dict[str, Any]:
    """Return what would be made of the table; write all that is wrong into a file."""
    first: dict[str, Any] = client.call("import.check", {"request_id": request_id})
    pages = _bad_pages(client, request_id, first)
    if bad is None:
        kept = list(islice(pages, SHOWN_MAX))
        return first | {"rows": kept}
    kept = []
    with csv_rows_of(bad, BAD_COLUMNS) as rows:
        for row in pages:
            rows.writerow((row["row"], row["column"], as_text(row["value"]), row["problem"]))
            if len(kept) < SHOWN_MAX:
                kept.append(row)
    return first | {"rows": kept}


def _bad_pages(client: Client, request_id: str, page: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from page["rows"]
    while page["next"] >= 0:
        page = client.call("import.check", {"request_id": request_id, "start": page["next"]})
        yield from page["rows"]


def _say(file: Path, checked: dict[str, Any], bad: Path | None) -> None:
    counts = ", ".join(f"{checked[name]:,} {name}" for name in ("new", "changed", "bad"))
    typer.echo(f"{file.name}: {checked['count']:,} rows: {counts}.")
    for row in checked["rows"]:
        column, value = row["column"], row["value"]
        at = f"  {column}: {value!r}" if column else ""
        typer.echo(f"row {row['row']}{at}  {row['problem']}")
    if bad is not None:
        typer.echo(f"All that is wrong is in {bad}.")
    elif len(checked["rows"]) == SHOWN_MAX:
        typer.echo("There may be more that is wrong: --bad FILE writes all of it.")


def _goes_on(
    checked: dict[str, Any], *, is_asked: bool, skip_bad: bool, dry_run: bool, yes: bool
) -> bool:
    """Whether the table is to be imported; say why not."""
    good = checked["new"] + checked["changed"]
    if dry_run:
        return False
    if checked["bad"] and not skip_bad:
        typer.echo(
            "Nothing was imported: mend the bad rows, or leave them out: --skip-bad", err=True
        )
        return False
    if not good:
        typer.echo("Nothing was imported: there is no good row.", err=True)
        return False
    if yes:
        return True
    if is_asked and sys.stdin.isatty():
        return typer.confirm(f"Import {good:,} rows?")
    typer.echo("Nothing was imported: --yes imports it without asking.", err=True)
    return False


def _apply(where: Where, terms: dict[str, Any]) -> str:
    """Begin the import; return its id."""
    try:
        with connected(where, ANSWER_S_MAX) as client:
            begun: str = client.call("import.apply", terms)["import_id"]
    except CallError as error:
        raise _nothing(error, terms) from error
    except UnreachableError as error:
        raise failed(
            f"{error}\nWhether the import was begun says: tillcard customers import-list"
        ) from error
    return begun


def _follow(where: Where, import_id: str, is_quiet: bool) -> dict[str, Any]:
    """Follow an import, or its undoing, to its end."""
    terms = {"import_id": import_id, "limit": 0}
    try:
        with connected(where, ANSWER_S_MAX) as client, progress_bars(is_quiet=is_quiet) as bars:
            shown: dict[str, Any] = client.call("import.status", terms)
            bar = bars.add_task(import_id, total=shown["count"])
            while shown["state"] in ("applying", "undoing"):
                bars.update(bar, completed=shown["done"])
                shown = client.call("import.status", terms | {"beyond": shown["done"]})
            bars.update(bar, completed=shown["done"])
    except UnreachableError as error:
        raise failed(
            f"{error}\n{import_id} is gone on with when the daemon starts; how far it is says:"
            f" tillcard customers import-status {import_id}"
        ) from error
    return shown | _told(where, import_id, shown)


def _told(where: Where, import_id: str, shown: dict[str, Any]) -> dict[str, Any]:
    """Return the rows that were left, or whose customers stay, and why."""
    rows, start = list[dict[str, Any]](), 0
    while start >= 0 and (shown["left"] or shown["stays"]):
        page = asked("import.status", {"import_id": import_id, "start": start}, where)
        rows += page["rows"]
        start = page["next"]
    return {"rows": rows, "next": -1}


def _say_end(shown: dict[str, Any]) -> None:
    number, state = shown["import_id"], shown["state"]
    if state not in _COUNTED:
        typer.echo(f"{number}: {state}, {shown['done']:,} of {shown['count']:,} rows.")
        return
    counts = ", ".join(f"{shown[name]:,} {name}" for name in _COUNTED[state])
    typer.echo(f"{number}: {counts}.")
    for row in shown["rows"]:
        whose = f"  {row['account']}" if row["account"] else ""
        typer.echo(f"row {row['row']}{whose}  {row['note']}")
