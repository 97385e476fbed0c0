"""One question answered: a page of rows in their order, and the sums of all; people put to them."""

from collections.abc import Iterable
from datetime import date
from typing import Any

import msgspec

from daemon.base.ids import AccountId
from daemon.base.refusals import ParamError
from daemon.ledger.storage.queries import Question
from daemon.ledger.storage.store import Store
from daemon.reports.chosen import of_rows
from daemon.reports.report import Asked, Column, Kind, Report, Row, Sql, Value, big, summed

ROWS_MAX = 1_000_000
"""Rows of one report that are kept to be written down."""
WITH_SUMS_MAX = 500
"""Rows of a page that comes together with the sums of all."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a report says.

    columns: name and kind of each. rows: in their order, with a value a column.
    count:   rows in all. totals: of all rows, by column: sums, and what is derived from sums.
    """

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    count: int
    totals: dict[str, int | None]


class Sorting(msgspec.Struct, frozen=True):
    """By which column, and whether from the greatest down; what has no value comes last."""

    column: Column
    down: bool


def sorting(report: Report, said: str) -> Sorting | None:
    """Return how a report is sorted; None: as its rows come.

    Raises: ParamError for a column that it does not have.
    """
    text = said or report.sort
    if not text:
        return None
    name, down = text.removeprefix("-"), text.startswith("-")
    for column in report.all_columns:
        if column.name == name:
            return Sorting(column, down)
    known = ", ".join(column.name for column in report.all_columns)
    raise ParamError("sort", f"{name!r} is no column of {report.name}; there are: {known}")


def check_asked(report: Report, asked: Asked) -> None:
    """Raise ParamError for a filter or a term that does not go with a report."""
    for name in sorted(asked.filters.named - report.takes - {"attribution"}):
        takes = ", ".join(sorted(report.takes)) or "none"
        raise ParamError(f"filters.{name}", f"does not go with {report.name}; it takes: {takes}")
    for name in sorted(asked.terms.named - report.terms):
        takes = ", ".join(sorted(report.terms)) or "none"
        raise ParamError(f"terms.{name}", f"does not go with {report.name}; it takes: {takes}")


def answer(
    store: Store, report: Report, asked: Asked, sort: Sorting | None, page: tuple[int, int]
) -> Answer:
    """Answer a question; ``page``: how many rows, behind how many."""
    has_merged = bool(store.ask(_ANY_MERGED))
    asked = msgspec.structs.replace(asked, has_merged=has_merged)
    if report.made is not None:
        return _made(report, [*report.made(store, asked)], sort, page)
    assert report.select is not None
    assert sort is not None
    rows = report.select(asked)
    where = of_rows(asked.filters)
    chosen = Sql(f"({rows.text}) AS r WHERE {where.text}", (*rows.values, *where.values))
    found, count, totals = _read(store, report, chosen, sort, page)
    return Answer(
        columns=report.all_columns,
        rows=tuple(_put(store, report, asked, found, sort, page)),
        count=count,
        totals=totals,
    )


def _made(report: Report, rows: list[Row], sort: Sorting | None, page: tuple[int, int]) -> Answer:
    if sort is not None:
        place = report.columns.index(sort.column)
        rows.sort(key=lambda row: _ordered(row[place]), reverse=sort.down)
        rows.sort(key=lambda row: row[place] in ("", None))
    limit, offset = page
    totals = {
        column.name: sum(row[place] or 0 for row in rows)
        for place, column in enumerate(report.columns)
        if column.summed
    }
    shown = (_shown(report.columns, row) for row in rows[offset : offset + limit])
    return Answer(columns=report.columns, rows=tuple(shown), count=len(rows), totals=totals)


def _ordered(value: Value) -> tuple[str, int]:
    return (value, 0) if isinstance(value, str) else ("", value or 0)


_ANY_MERGED = Question("SELECT 1 FROM merged LIMIT 1", int)


def _read(
    store: Store, report: Report, chosen: Sql, sort: Sorting, page: tuple[int, int]
) -> tuple[list[Row], int, dict[str, int | None]]:
    """Return rows with their keys, how many there are in all, and the sums of all.

    A page comes with them in one statement, so that what is chosen is reckoned once: a year of
    200,000 customers takes seconds. Many rows are asked for alone: each would carry the sums. They
    are all that there are where the order is not the database's to know.
    """
    sums = {column.name: summed(column.name) for column in report.columns if column.summed}
    sums |= {name: big(text) for name, text in report.totals.items()}
    totals = ", ".join(
        ["count(*) AS t0", *(f"{t} AS t{n}" for n, t in enumerate(sums.values(), 1))]
    )
    names = ", ".join(["key", *(c.name for c in report.columns[1 if report.put is None else 0 :])])
    in_database, (limit, offset) = sort.column in report.columns, page
    order = f" ORDER BY {_by(report, sort)}, key" if in_database else " ORDER BY key"
    cut = f"{order} LIMIT {limit} OFFSET {offset}" if in_database else order
    if in_database and limit <= WITH_SUMS_MAX:
        text = (
            f"WITH chosen AS MATERIALIZED (SELECT {names} FROM {chosen.text}),"
            f" totals AS (SELECT {totals} FROM chosen) SELECT totals.*, page.* FROM totals"
            f" LEFT JOIN (SELECT {names} FROM chosen{cut}) AS page ON 1 = 1{order}"
        )
        found = store.ask(Question(text, _whole), *chosen.values)
        count, *values = found[0][: len(sums) + 1]
        shown = [row[len(sums) + 1 :] for row in found]
        rows = [row for row in shown if row[0] is not None]  # an empty page has sums, too
    else:
        text = f"SELECT {totals} FROM {chosen.text}"
        [(count, *values)] = store.ask(Question(text, _whole), *chosen.values)
        text = f"SELECT {names} FROM {chosen.text}{cut}"
        rows = store.ask(Question(text, _whole), *chosen.values)
    return rows, count, dict(zip(sums, values, strict=True))


def _put(
    store: Store,
    report: Report,
    asked: Asked,
    rows: list[Row],
    sort: Sorting,
    page: tuple[int, int],
) -> list[Row]:
    """Return the rows with what stands in no column of the database, in their order."""
    if report.put is None:
        return [_shown(report.columns, (_key(report, asked, row[0]), *row[1:])) for row in rows]
    known = report.put(store, [AccountId(row[0]) for row in rows])
    full = [(*known[AccountId(row[0])], *_shown(report.columns, row[1:])) for row in rows]
    if sort.column in report.columns:
        return full
    limit, offset = page
    place = report.all_columns.index(sort.column)
    full.sort(key=lambda row: _collated(row[place]), reverse=sort.down)
    full.sort(key=lambda row: row[place] in ("", None))
    return full[offset : offset + limit]


def _key(report: Report, asked: Asked, key: Any) -> Value:
    return report.label(asked, key) if report.label is not None else key


def _collated(value: Any) -> str:
    return str(value or "").casefold()


def _by(report: Report, sort: Sorting) -> str:
    is_key = report.put is None and sort.column is report.columns[0]
    name = "key" if is_key else sort.column.name
    return f"{name} IS NULL, {name} {'DESC' if sort.down else 'ASC'}"


def _whole(*row: Any) -> tuple[Any, ...]:
    return row


def _shown(columns: Iterable[Column], row: Iterable[Any]) -> Row:
    return tuple(
        date.fromordinal(value).isoformat() if column.kind is Kind.DAY and value else value
        for column, value in zip(columns, row, strict=True)
    )
