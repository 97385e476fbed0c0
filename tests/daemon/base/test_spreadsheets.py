"""Tables as shops keep them: what is read, and that any bytes are a table or our own error."""

import io
import random
import struct
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from daemon.base.spreadsheets import (
    CELLS_MAX,
    FILE_BYTES_MAX,
    ROWS_MAX,
    UNPACKED_BYTES_MAX,
    TableFileError,
    check_unpacked,
    table_rows,
)
from tests.support.workbooks import Failed, Formula, packed, sheet_text, workbook

Written = Callable[[bytes], Path]
SEED = 20261128


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """Write a table's bytes into a file."""

    def write(content: bytes) -> Path:
        path = tmp_path / "table"
        path.write_bytes(content)
        return path

    return write


def rows(path: Path, encoding: str = "") -> list[tuple[int, tuple[str, ...]]]:
    return [tuple(row) for row in table_rows(path, encoding)]  # type: ignore[misc]


def why_not(path: Path, encoding: str = "") -> str:
    with pytest.raises(TableFileError) as caught:
        rows(path, encoding)
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (b"a;b,c\n1;2\n", ""),
        (b"a\tb,c\r\n1\t2", ""),
        (b'"a","b,c"\r1,2', ""),
        (b"\xef\xbb\xbfa;b,c\n1;2\n", ""),
        (b"\xef\xbb\xbfa;b,c\n1;2\n", "utf-8"),
        ("a\tb,c\n1\t2\n".encode("utf-16"), ""),
        ("a;b,c\n1;2\n".encode("windows-1251"), "windows-1251"),
    ],
)
def test_a_csv_file_is_read_whatever_separates_its_columns(
    written: Written, content: bytes, encoding: str
) -> None:
    assert rows(written(content), encoding) == [(1, ("a", "b,c")), (2, ("1", "2"))]


def test_rows_are_numbered_as_the_spreadsheet_numbers_them(written: Written) -> None:
    text = b'sep=;\r\nname;note\r\n\r\nOlha;"two\r\nlines"\r\n;\r\nIvan;"a ""b"""\r\n'
    assert rows(written(text)) == [
        (2, ("name", "note")),
        (4, ("Olha", "two\r\nlines")),
        (6, ("Ivan", 'a "b"')),
    ]


@pytest.mark.parametrize(
    ("content", "encoding", "said"),
    [
        (b"a\n\xff\n", "", "is not utf-8; say how the file was saved, such as --encoding"),
        (b"a\n\xe0\n", "ascii", "is not ascii; say how"),
        (b"a\n1\n", "klingon", "there is no encoding 'klingon'"),
        (b"a\n1\n", "hex", "there is no encoding 'hex'"),
        (b'a\n"1\n', "", "row 2 or one behind it cannot be read"),
        (b'a\n"1"x\n', "", "look at its quotation marks"),
        (b'a\n"' + b"x" * 200_000, "", "look at its quotation marks"),
        (b"\xd0\xcf\x11\xe0\xa1", "", "is of an old Excel"),
    ],
)
def test_what_is_no_csv_is_refused_with_a_sentence(
    written: Written, content: bytes, encoding: str, said: str
) -> None:
    assert said in why_not(written(content), encoding)


def test_a_file_that_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "table"
    with path.open("wb") as file:
        file.truncate(FILE_BYTES_MAX + 1)
    assert "at most 64 are read" in why_not(path)


def test_a_table_of_too_many_rows_is_refused(written: Written) -> None:
    most = b"a\n" + b"1\n" * ROWS_MAX
    assert sum(1 for _ in table_rows(written(most))) == ROWS_MAX + 1
    assert "has more than 500,000 rows" in why_not(written(most + b"1\n"))


def test_a_workbook_says_what_was_typed_into_it(written: Written) -> None:
    sheet: list[list[Any]] = [
        ["card", "phone", "born", "sum", "ok"],
        [2900000000018.0, 671234567, date(1990, 5, 17), 0.1 + 0.2, True],
        [],
        ["0050", 2.9e18, Formula("1+1", 2), 1250, None],
    ]
    assert rows(written(workbook(sheet))) == [
        (1, ("card", "phone", "born", "sum", "ok")),
        (2, ("2900000000018", "671234567", "1990-05-17", "0.3", "true")),
        (4, ("0050", "2.90000000000000E+18", "2", "1250", "")),
    ]


@pytest.mark.parametrize(
    ("cell", "said"),
    [(Failed("#N/A"), "has an error in cell B2"), (Formula("A1"), "formula without a value")],
)
def test_what_a_workbook_would_drop_in_silence_is_refused(
    written: Written, cell: object, said: str
) -> None:
    assert said in why_not(written(workbook([["a", "b"], ["1", cell]])))


def test_a_workbook_that_unpacks_to_too_much_is_refused_before_it_is_read(
    written: Written,
) -> None:
    bomb = packed({"xl/worksheets/sheet1.xml": " " * (UNPACKED_BYTES_MAX + 1)}, ["Sheet1"])
    assert len(bomb) < 2**20
    assert "holds more than 512 MiB once it is unpacked" in why_not(written(bomb))


def test_a_workbook_that_lies_about_its_size_is_refused_all_the_same() -> None:
    part = " " * 2**21
    bomb = packed({"xl/worksheets/sheet1.xml": part}, ["Sheet1"])
    told = struct.pack("<I", len(part))
    assert bomb.count(told) == 2, "in the part's own heading, and in the directory"
    lying = io.BytesIO(bomb.replace(told, struct.pack("<I", 10)))
    with pytest.raises(TableFileError, match="more than 1 MiB once it is unpacked"):
        check_unpacked(io.BufferedReader(lying), 2**20)


def test_a_sheet_with_something_far_away_is_refused_before_it_is_read(written: Written) -> None:
    far = sheet_text([["a"]]).replace(
        "</sheetData>", '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    )
    file = packed({"xl/worksheets/sheet1.xml": far}, ["Sheet1"])
    said = why_not(written(file))
    assert "1,048,576 rows and 16,384 columns" in said
    assert f"more than {CELLS_MAX:,} cells" in said


def test_any_bytes_are_a_table_or_our_own_error(written: Written) -> None:
    chance, good = random.Random(SEED), workbook([["a", 1], [date(1990, 5, 17), Formula("1", 2)]])
    seen = set()
    for _ in range(300):
        broken = bytearray(good)
        for _ in range(chance.randrange(1, 6)):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        cut = broken[: chance.randrange(len(broken))] if chance.random() < 0.2 else broken
        try:
            rows(written(bytes(cut)))
            seen.add("table")
        except TableFileError:
            seen.add("error")
    assert seen == {"table", "error"}


def test_parts_that_are_packed_in_another_way_are_refused() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("xl/workbook.xml", "x")
    with pytest.raises(TableFileError, match="packed in a way that XLSX has not"):
        check_unpacked(io.BufferedReader(file))
