"""Tables as shops keep them: CSV as spreadsheets write it, and XLSX. Each row as texts.

Rows come one by one, numbered as a spreadsheet numbers them, the heading first. A CSV file is never
held whole; an XLSX file is, by the library that reads it, so what it unpacks to is bounded first.

What a spreadsheet makes of a value is undone where that is certain, and left to be seen where not:

    2900000000018.0  ``2900000000018``      a date   ``1990-05-17``      true   ``true``
    2.9E+18          ``2.90000000000000E+18``, for its last digits are lost
"""

import csv
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from itertools import chain
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

from daemon.base.regular_files import open_regular

FILE_BYTES_MAX = 64 * 1024 * 1024
ROWS_MAX = 500_000
"""Without the heading."""
UNPACKED_BYTES_MAX = 512 * 1024 * 1024
"""What an XLSX file may hold once it is unpacked."""
CELLS_MAX = 10_000_000
"""Of an XLSX sheet, empty ones among others too: its rows times its columns."""
EXACT_DIGITS = 15
"""What a spreadsheet keeps of a number; what is longer ends with noughts that nobody wrote."""
_SEPARATORS = ";\t,"
_CHUNK_BYTES = 1024 * 1024
_ZIP, _OLD_EXCEL = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_SHEETS = "xl/worksheets/"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_LOCAL_HEADER = struct.Struct("<26xHH")
_REFERENCE = re.compile(rb"\sr\s*=\s*[\"']([A-Z]{0,3})([0-9]{1,7})[\"']")
_ERROR = re.compile(
    rb"<c\b[^>]{0,200}?\sr=[\"']([A-Z]{1,3}[0-9]{1,7})[\"'][^>]{0,200}?\st=[\"']e[\"']"
)
_UNRECKONED = re.compile(
    rb"<c\b[^>]{0,200}?\sr=[\"']([A-Z]{1,3}[0-9]{1,7})[\"'][^>]{0,200}>"
    rb"\s*<f\b[^<]{0,500}(?:</f>)?\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>"
)
_CELL_BYTES = 1_024
"""What is looked at again with the next chunk, for a cell may begin in one and end in another."""


class TableFileError(ValueError):
    """The file is no table that can be read. The text says where, and what to do."""


class TableRow(NamedTuple):
    """A row as a spreadsheet numbers it: the heading is 1."""

    number: int
    cells: tuple[str, ...]


def table_rows(path: Path, encoding: str = "", sheet: str = "") -> Iterator[TableRow]:
    """Yield the rows of a CSV or XLSX file that have anything in them.

    encoding: of a CSV file; "" is UTF-8, or UTF-16 where the file begins so.
    sheet:    of an XLSX file, by its name; "" is the first one.
    Raises:   TableFileError; OSError.
    """
    with open_regular(path) as file:
        if (size := file.seek(0, io.SEEK_END)) > FILE_BYTES_MAX:
            raise TableFileError(
                f"has {size / 2**20:.1f} MiB; at most {FILE_BYTES_MAX // 2**20} are read:"
                " divide it into several files"
            )
        file.seek(0)
        begins = file.read(len(_ZIP))
        file.seek(0)
        if begins == _OLD_EXCEL:
            raise TableFileError("is of an old Excel (.xls); save it as .xlsx or as CSV")
        if begins != _ZIP:
            yield from csv_rows(file, encoding)
            return
        check_unpacked(file)
        file.seek(0)
        yield from _counted(_xlsx_rows(file, sheet))


def sheet_names(path: Path) -> tuple[str, ...]:
    """Return the sheets of an XLSX file, or none of a CSV file. Raises as `table_rows`."""
    with open_regular(path) as file:
        if file.read(len(_ZIP)) != _ZIP or file.seek(0, io.SEEK_END) > FILE_BYTES_MAX:
            return ()
        check_unpacked(file)
        file.seek(0)
        return tuple(_workbook(file).sheet_names)


# CSV.


def csv_rows(file: io.BufferedReader, encoding: str = "") -> Iterator[TableRow]:
    """Yield the rows of CSV, separated by what its heading has most of. Raises TableFileError."""
    begins = file.read(2)
    file.seek(0)
    encoding = encoding or ("utf-16" if begins in _UTF16 else "utf-8-sig")
    try:
        b"".decode(encoding)  # refuses also what is a codec and none of texts
        text = io.TextIOWrapper(file, "utf-8-sig" if _is_utf8(encoding) else encoding, newline="")
    except LookupError:
        raise TableFileError(f"cannot be read: there is no encoding {encoding!r}") from None
    number = 0
    try:
        for row in _counted(_separated(text)):
            number = row.number
            yield row
    except UnicodeError:
        other = "windows-1251" if encoding == "utf-8-sig" else "utf-8"
        raise TableFileError(
            f"row {number + 1} or one behind it is not {encoding.removesuffix('-sig')};"
            f" say how the file was saved, such as --encoding {other}"
        ) from None
    except csv.Error as error:
        raise TableFileError(
            f"row {number + 1} or one behind it cannot be read ({error}); look at its"
            " quotation marks"
        ) from None
    finally:
        text.detach()


def _is_utf8(encoding: str) -> bool:
    return encoding.lower().replace("_", "-") in ("utf-8", "utf8")


def _separated(lines: Iterable[str]) -> Iterator[TableRow]:
    lines = iter(lines)
    first = next(lines, "")
    separator, before = _separator(first), 0
    if said := re.fullmatch(r"\ufeff?sep=(.)\s*", first):  # Excel's own word, and no heading
        separator, first, before = said[1], "", 1
    reader = csv.reader(chain([first] if first else [], lines), delimiter=separator, strict=True)
    for number, cells in enumerate(reader, start=before + 1):
        yield TableRow(number, tuple(cells))


def _separator(heading: str) -> str:
    """Return what separates the columns: the mark that the heading has most of, beside quotes."""
    plain = re.sub(r'"[^"]*"', "", heading)
    return max(_SEPARATORS, key=plain.count) if any(map(plain.count, _SEPARATORS)) else ","


def _counted(rows: Iterable[TableRow]) -> Iterator[TableRow]:
    """Yield the rows that have anything in them, ROWS_MAX beside the heading at most."""
    count = -1
    for row in rows:
        if any(cell.strip() for cell in row.cells):
            count += 1
            if count > ROWS_MAX:
                raise TableFileError(
                    f"has more than {ROWS_MAX:,} rows; divide it into several files"
                )
            yield row


# XLSX.


def check_unpacked(file: io.BufferedReader, bytes_max: int = UNPACKED_BYTES_MAX) -> None:
    """Raise TableFileError for an XLSX file that would be too much once it is unpacked.

    Whatever it says of itself: each part is unpacked and thrown away, up to the limit.
    """
    left = bytes_max
    try:
        for part in zipfile.ZipFile(file).infolist():
            sheet = _Sheet(part.filename) if part.filename.startswith(_SHEETS) else None
            for chunk in _unpacked(file, part):
                left -= len(chunk)
                if left < 0:
                    raise TableFileError(
                        f"holds more than {bytes_max // 2**20} MiB once it is unpacked;"
                        " save it as CSV"
                    )
                if sheet is not None:
                    sheet.look(chunk)
    except (zipfile.BadZipFile, zlib.error, OSError, struct.error, NotImplementedError) as error:
        raise TableFileError("is no XLSX file, or a damaged one") from error


class _Sheet:
    """A sheet's own text as it is unpacked: how large its table is, and what the library drops."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._tail = b""
        self._width = self._length = 0

    def look(self, chunk: bytes) -> None:
        """Look at what comes next. Raises TableFileError."""
        text = self._tail + chunk
        self._tail = text[-_CELL_BYTES:]
        found = _REFERENCE.findall(text)
        columns = {letters for letters, _ in found}
        self._width = max(self._width, *map(_column, columns), 0)
        self._length = max(self._length, *map(int, {row for _, row in found}), 0)
        if self._width * self._length > CELLS_MAX:
            raise TableFileError(
                f"has a sheet of {self._length:,} rows and {self._width:,} columns, more than"
                f" {CELLS_MAX:,} cells; delete what is far from the table, or save it as CSV"
            )
        # The library gives nothing for both, as if the cells were empty.
        for problem, form in (
            ("has an error", _ERROR),
            ("has a formula without a value", _UNRECKONED),
        ):
            if seen := form.search(text):
                where = f"cell {seen[1].decode()} of {self._name}"
                raise TableFileError(
                    f"{problem} in {where}; mend it, or save the values alone as CSV"
                )


def _unpacked(file: io.BufferedReader, part: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield what a part of a ZIP file holds, and not what its directory says that it holds."""
    if part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise TableFileError("is packed in a way that XLSX has not; save it anew")
    file.seek(part.header_offset)
    names, extras = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
    file.seek(names + extras, io.SEEK_CUR)
    inflating = zlib.decompressobj(-zlib.MAX_WBITS)
    left = part.compress_size
    while left > 0 and (packed := file.read(min(left, _CHUNK_BYTES))):
        left -= len(packed)
        if part.compress_type == zipfile.ZIP_STORED:
            yield packed
            continue
        while packed:
            yield inflating.decompress(packed, _CHUNK_BYTES)
            packed = inflating.unconsumed_tail


def _column(letters: bytes) -> int:
    """Return a column's number: ``A`` is 1, ``AA`` 27; 0 of a row."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number


def _workbook(file: io.BufferedReader) -> Any:
    """Open a workbook. Raises TableFileError."""
    # Imported here: few tills ever read one.
    from python_calamine import CalamineWorkbook

    return _guarded(lambda: CalamineWorkbook.from_filelike(file))


def _xlsx_rows(file: io.BufferedReader, sheet: str) -> Iterator[TableRow]:
    workbook = _workbook(file)
    names = list(workbook.sheet_names)
    if sheet and sheet not in names:
        raise TableFileError(f"has no sheet {sheet!r}; there is: {', '.join(names)}")
    if not names:
        raise TableFileError("has no sheet")
    found = _guarded(lambda: workbook.get_sheet_by_name(sheet or names[0]))
    rows, number = iter(_guarded(found.iter_rows)), 0
    while (cells := _guarded(lambda: next(rows, None))) is not None:
        number += 1
        yield TableRow(number, tuple(_text(cell) for cell in cells))


def _guarded(read: Any) -> Any:
    """Return what the library reads. Raises TableFileError, also where the library breaks down."""
    try:
        return read()
    except Exception as error:
        raise TableFileError(f"cannot be read as XLSX ({error}); save it anew") from error
    except BaseException as error:  # a panic of Rust's is none of Python's exceptions
        if type(error).__name__ != "PanicException":
            raise
        raise TableFileError("cannot be read as XLSX; save it anew") from error


def _text(cell: Any) -> str:
    """Return a cell of a spreadsheet as it would be typed."""
    match cell:
        case bool():
            return "true" if cell else "false"
        case int() | float():
            return _number(cell)
        case datetime():
            return cell.isoformat(" ").removesuffix(" 00:00:00")
        case date():
            return cell.isoformat()
        case None:
            return ""
        case _:
            return str(cell)


def _number(cell: float) -> str:
    if not isfinite(cell):
        return str(cell)
    if abs(cell) >= 10**EXACT_DIGITS:
        return f"{cell:.{EXACT_DIGITS - 1}E}"
    if cell == int(cell):
        return str(int(cell))
    return f"{cell:.{EXACT_DIGITS}g}"
