"""Files for a spreadsheet: CSV as it is read by double-click, and XLSX with real numbers.

A cell that begins as a formula does is written as text: nobody's name is reckoned with.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from daemon.base.currency import Currency
from daemon.cli.written_files import check_folder, own_file

BYTE_ORDER_MARK = "\ufeff"
"""What a spreadsheet knows UTF-8 by."""
FORMULA = ("=", "+", "-", "@")
"""How a text begins that a spreadsheet would reckon with."""
_NUMBER = re.compile(r"[+-][0-9][0-9 .,]*")
"""An amount below 0, a telephone."""
DECIMAL_COMMA = frozenset({"uk", "de", "pl"})
TEXT, COUNT, MONEY, BP, DAY, RATIO = "text", "count", "money", "bp", "day", "ratio"
"""Kinds of columns."""


def as_text(text: str) -> str:
    """Return a cell that a spreadsheet takes as it is written; a number is one as it is."""
    return f"'{text}" if text.startswith(FORMULA) and not _NUMBER.fullmatch(text) else text


def decimal(number: str, language: str) -> str:
    """Return a number with the point that people of a language write."""
    return number.replace(".", ",") if language in DECIMAL_COMMA else number


def hundredths(count: int) -> str:
    """Return hundredths as a number, basis points as per cent: 313 is ``3.13``."""
    sign = "-" if count < 0 else ""
    whole, part = divmod(abs(count), 100)
    return f"{sign}{whole}.{part:02}"


class Sheet(NamedTuple):
    """What is written down.

    columns:  name and kind of each. facts: what was asked, for a sheet of its own.
    language: whose decimal point a CSV has.
    """

    title: str
    columns: Sequence[tuple[str, str]]
    currency: Currency
    language: str
    facts: Mapping[str, str]


def cell(sheet: Sheet, kind: str, value: Any) -> str:
    """Return a value as people read it; "" where it is unknown."""
    if value is None:
        return ""
    if kind == MONEY:
        return sheet.currency.text(value)
    return hundredths(value) if kind in (BP, RATIO) else str(value)


@contextmanager
def csv_rows_of(file: Path, columns: Iterable[str]) -> Iterator[Any]:
    """Make a new CSV file, with semicolons and the mark of UTF-8; yield what writes its rows."""
    with own_file(file) as opened:
        opened.write(BYTE_ORDER_MARK)
        writer = csv.writer(opened, delimiter=";")
        writer.writerow(columns)
        yield writer


def write_csv(file: Path, sheet: Sheet, rows: Iterable[Sequence[Any]]) -> int:
    """Write a new CSV file; return how many rows."""
    count = 0
    with csv_rows_of(file, (name for name, _ in sheet.columns)) as writer:
        for count, row in enumerate(rows, start=1):  # noqa: B007 - it is returned
            writer.writerow(
                as_text(value or "")
                if kind in (TEXT, DAY)
                else decimal(cell(sheet, kind, value), sheet.language)
                for (_, kind), value in zip(sheet.columns, row, strict=True)
            )
    return count


def write_xlsx(file: Path, sheet: Sheet, rows: Iterable[Sequence[Any]]) -> int:
    """Write a new workbook in constant memory; return how many rows. Raises OSError."""
    from xlsxwriter import Workbook

    check_folder(file)
    with own_file(file):
        pass  # it is new, and its owner's alone
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    count = 0
    with Workbook(str(file), options) as book:
        formats = _formats(book, sheet.currency)
        page = book.add_worksheet(sheet.title[:31])
        page.freeze_panes(1, 0)
        for place, (name, kind) in enumerate(sheet.columns):
            page.set_column(place, place, 24 if kind == TEXT else 14)
            page.write_string(0, place, name, formats["head"])
        for count, row in enumerate(rows, start=1):
            for place, ((_, kind), value) in enumerate(zip(sheet.columns, row, strict=True)):
                _write_cell(page, (count, place), (kind, value), (formats, sheet.currency))
        page.autofilter(0, 0, max(count, 1), len(sheet.columns) - 1)
        asked = book.add_worksheet("question")
        asked.set_column(0, 1, 32)
        for place, (name, value) in enumerate(sheet.facts.items()):
            asked.write_string(place, 0, name, formats["head"])
            asked.write_string(place, 1, value)
    return count


def _formats(book: Any, currency: Currency) -> dict[str, Any]:
    money = "#,##0" + ("." + "0" * currency.digits if currency.digits else "")
    return {
        "head": book.add_format({"bold": True}),
        MONEY: book.add_format({"num_format": money}),
        BP: book.add_format({"num_format": "0.00%"}),
        RATIO: book.add_format({"num_format": "0.00"}),
        DAY: book.add_format({"num_format": "yyyy-mm-dd"}),
        COUNT: book.add_format({"num_format": "#,##0"}),
    }


def _write_cell(
    page: Any, place: tuple[int, int], said: tuple[str, Any], ways: tuple[dict[str, Any], Currency]
) -> None:
    (kind, value), (formats, currency) = said, ways
    if value is None or value == "":
        return
    if kind == TEXT:
        page.write_string(*place, value)
    elif kind == DAY:
        page.write_datetime(*place, date.fromisoformat(value), formats[DAY])
    else:
        scale = {MONEY: 10**currency.digits, BP: 10_000, RATIO: 100}.get(kind, 1)
        page.write_number(*place, value / scale, formats[kind])
