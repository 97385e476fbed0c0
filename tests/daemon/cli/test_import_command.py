"""``tillcard customers import`` against a running till: from a shop's own file to customers."""

import asyncio
import csv
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import Result

from card_formats.check_digits import Check, append_check
from daemon.app.running import App
from tests.support.clock import HandClock
from tests.support.commands import tillcard
from tests.support.till import PLASTIC, Pos, lay_out, open_till
from tests.support.workbooks import workbook


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[App]:
    lay_out(tmp_path)
    async with open_till(tmp_path, HandClock()) as app:
        yield app


@pytest.fixture
async def pos(till: App) -> AsyncIterator[Pos]:
    async with Pos.connect(till.socket) as pos:
        yield pos


async def run(till: App, *words: str | Path, status: int = 0, stdin: str = "") -> Result:
    line = ["customers", *map(str, words), "--socket", str(till.socket)]
    result = await asyncio.to_thread(tillcard, *line, stdin=stdin)
    assert result.exit_code == status, result.output
    return result


def number(n: int) -> str:
    return append_check(Check.EAN, f"29001{n:07d}")


def text_file(folder: Path, *lines: str, encoding: str = "utf-8") -> Path:
    file = folder / "old.csv"
    file.write_bytes("\r\n".join(lines).encode(encoding))
    return file


async def test_a_file_of_an_old_till_becomes_customers(till: App, pos: Pos, tmp_path: Path) -> None:
    file = text_file(
        tmp_path,
        "Піб;Телефон;Номер картки;balance.bonus;Примітки",
        f"Олена Дем'янчук;67 123 45 67;{number(1)};1 250,50;vip",
        f'"Ivan ""the first""";380501234567;{number(2)};0;',
        encoding="windows-1251",
    )
    words = (file, "--encoding", "windows-1251", "--by", "olha")
    refused = await run(till, "import", *words, status=1)
    assert "nobody knows what is in 'Примітки'" in refused.output
    assert "Nothing was imported. columns: " in refused.output
    columns = tmp_path / "map.toml"
    columns.write_text('[columns]\n"Примітки" = "-"\n', "utf-8")
    mapped = (*words, "--map", columns)
    seen = await run(till, "import", *mapped, "--dry-run")
    assert "old.csv: 2 rows: 2 new, 0 changed, 0 bad." in seen.output
    taken = {"request_id": "b1", "start": 0, "numbers": [number(2)]}
    assert await pos.call("batch.stage", **taken) == {"count": 1}, "a dry run reserves nothing"
    await pos.call("batch.stage", **taken | {"request_id": "b2", "numbers": [number(9)]})
    asked = await run(till, "import", *mapped, status=1)
    assert "Nothing was imported: --yes imports it without asking." in asked.output
    done = await run(till, "import", *mapped, "--yes")
    assert done.output.endswith("I-2026-0001: 2 added, 0 updated, 0 left.\n")
    card = await pos.call("card.show", card=number(1))
    assert card["balances"]["bonus"]["available"] == 125_050
    found = await run(till, "find", "0671234567")
    assert "Олена Дем'янчук  +380…4567" in found.output
    listed = await run(till, "import-list")
    assert "olha  old.csv  2 new, 0 changed, 0 skipped  done" in listed.output


async def test_with_one_bad_row_nothing_is_imported_unless_it_is_left_out(
    till: App, tmp_path: Path
) -> None:
    rows = [f"Olha {n},067{n:07d},{number(n)}" for n in range(300)]
    rows[17] = f"Petro,12,{number(17)}"
    rows[211] = f"Petro,067{5:07d},{number(211)}"
    rows[250] = f"Petro,,{PLASTIC}"
    file = text_file(tmp_path, "name,phone,card", *rows)
    bad = tmp_path / "bad.csv"
    said = await run(till, "import", file, "--yes", "--bad", bad, status=1)
    assert "old.csv: 300 rows: 297 new, 0 changed, 3 bad." in said.output
    wrong = "is no telephone number; write it like +380 50 123 45 67"
    assert f"row 19  phone: '12'  {wrong}" in said.output
    assert "row 213  phone: '0670000005'  is in row 7 already" in said.output
    assert f"row 252  card: '{PLASTIC}'  is a customer's already: a" in said.output
    assert "mend the bad rows, or leave them out: --skip-bad" in said.output
    with bad.open(newline="", encoding="utf-8-sig") as opened:
        written = list(csv.reader(opened, delimiter=";"))
    assert written[0] == ["row", "column", "value", "what is wrong"]
    assert written[1] == ["19", "phone", "12", wrong]
    assert len(written) == 4
    told = await run(till, "import", file, "--yes", "--skip-bad", "--json")
    shown = msgspec.json.decode(told.stdout)
    assert (shown["import_id"], shown["added"], shown["skipped"]) == ("I-2026-0001", 297, 3)


async def test_an_excel_file_is_read_with_what_excel_makes_of_values(
    till: App, pos: Pos, tmp_path: Path
) -> None:
    file = tmp_path / "clients.xlsx"
    sheet: list[list[Any]] = [
        ["Name", "Mobile", "Card number", "Date of birth", "balance.bonus", None],
        ["Olha", 671234567.0, float(number(1)), date(1990, 5, 17), 12.5, None],
        ["Ivan", "0501234567", number(2), "17.05.1990", 0.1 + 0.2, None],
        ["Petro", 2.9e18, number(3), 33010, 1, "left of something"],
    ]
    file.write_bytes(workbook(sheet, [["other"]], names=["Clients", "Notes"]))
    said = await run(till, "import", file, "--yes", "--skip-bad", "--by", "olha")
    assert "Only the sheet Clients is read; --sheet names another: Notes" in said.output
    assert "clients.xlsx: 3 rows: 2 new, 0 changed, 1 bad." in said.output
    assert "row 4  Mobile: '2.90000000000000E+18'  has lost digits" in said.output
    assert "row 4  Date of birth: '33010'  is a number and no day" in said.output
    assert "row 4  left of something" not in said.output
    known = await pos.call("customer.show", card=number(1))
    assert known["answers"] == {"name": "Olha", "phone": "+380671234567", "birthday": "1990-05-17"}
    card = await pos.call("card.show", card=number(2))
    assert card["balances"]["bonus"]["available"] == 30


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"name,card\n", "has a heading and no row"),
        (b"name\n\xff\n", "is not utf-8; say how the file was saved, such as --encoding"),
        (b'name\n"Olha\n', "look at its quotation marks"),
        (b"PK\x03\x04 and no more", "is no XLSX file, or a damaged one"),
        (b"\xd0\xcf\x11\xe0", "is of an old Excel (.xls); save it as .xlsx or as CSV"),
        (b"name,name\nOlha,Olha\n", "'name' and 'name' are both for name"),
    ],
)
async def test_what_is_no_table_is_refused_with_a_sentence(
    till: App, tmp_path: Path, content: bytes, said: str
) -> None:
    file = tmp_path / "table.csv"
    file.write_bytes(content)
    result = await run(till, "import", file, "--yes", status=1)
    assert "Nothing was imported." in result.output
    assert said in result.output


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('"Phone no." = "phone"', 'is no map: write [columns] and below it "Phone no." = "phone"'),
        ("[columns]\nname = 7", "'name' names no column"),
        ("[columns", "is no map: "),
        ('[columns]\n"Nosuch" = "phone"', "map: there is no column 'Nosuch'"),
    ],
)
async def test_a_map_that_is_none_is_refused_with_a_sentence(
    till: App, tmp_path: Path, text: str, said: str
) -> None:
    file, columns = text_file(tmp_path, "name", "Olha"), tmp_path / "map.toml"
    columns.write_text(text, "utf-8")
    result = await run(till, "import", file, "--map", columns, "--yes", status=1)
    assert said in result.output


async def test_another_sheet_is_named_and_one_that_is_not_there_is_refused(
    till: App, tmp_path: Path
) -> None:
    file = tmp_path / "clients.xlsx"
    file.write_bytes(workbook([["x"]], [["name"], ["Olha"]], names=["Cover", "Clients"]))
    said = await run(till, "import", file, "--sheet", "Clients", "--yes")
    assert "I-2026-0001: 1 added, 0 updated, 0 left." in said.output
    said = await run(till, "import", file, "--sheet", "Nosuch", "--yes", status=1)
    assert "has no sheet 'Nosuch'; there is: Cover, Clients" in said.output


async def test_without_a_daemon_nothing_is_imported_and_it_is_said(tmp_path: Path) -> None:
    file = text_file(tmp_path, "name", "Olha")
    line = ["customers", "import", str(file), "--socket", str(tmp_path / "nobody.sock")]
    result = await asyncio.to_thread(tillcard, *line)
    assert result.exit_code == 1
    assert "Nothing was imported. No tillcard daemon answers at" in result.output


async def test_an_import_is_undone_by_its_id(till: App, pos: Pos, tmp_path: Path) -> None:
    file = text_file(tmp_path, "name,card", f"Olha,{number(1)}", f"Ivan,{number(2)}")
    await run(till, "import", file, "--yes")
    lines = [{"line": 1, "sku": "x", "qty": 1, "unit_price": 100}]
    await pos.call("sale.commit", sale_id="s1", card=number(2), lines=lines)
    words = ("I-2026-0001", "--reason", "the wrong file", "--by", "olha")
    said = await run(till, "import-undo", *words)
    assert "I-2026-0001: 1 undone, 1 stays." in said.output
    assert "row 3  a" in said.output
    assert "(sale) has changed it since" in said.output
    again = await run(till, "import-undo", *words, status=1)
    assert "I-2026-0001 was undone already. (not_undoable, 1029)" in again.output
    state = await run(till, "import-status", "I-2026-0001")
    assert "I-2026-0001: 1 undone, 1 stays." in state.output
