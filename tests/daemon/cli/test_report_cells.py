"""What a cell of a file says to a spreadsheet: a text, a number, and never a formula."""

import csv
from pathlib import Path

import pytest

from daemon.cli.paper_files import write_paper
from daemon.cli.report_files import as_text


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("-60.00", "-60.00"),
        ("+380 67 123 45 67", "+380 67 123 45 67"),
        ("Olha", "Olha"),
        ("", ""),
    ],
)
def test_a_text_that_begins_as_a_formula_is_none(text: str, cell: str) -> None:
    assert as_text(text) == cell


@pytest.mark.parametrize(
    ("language", "below", "above"), [("en", "-60.00", "7.00"), ("uk", "-60,00", "7,00")]
)
def test_no_paper_has_a_formula_in_its_table(
    tmp_path: Path, language: str, below: str, above: str
) -> None:
    file = tmp_path / "act.csv"

    def table() -> tuple[list[str], list[tuple[str, ...]]]:
        return ["by", "cost", "time"], [("=cmd", "-60.00", "10.00"), ("Olha", "7.00", "11.00")]

    write_paper(None, file, language, paper=pytest.fail, table=table)
    with file.open(encoding="utf-8-sig", newline="") as opened:
        head, *rows = csv.reader(opened, delimiter=";")
    assert head == ["by", "cost", "time"]
    assert rows == [["'=cmd", below, "10.00"], ["Olha", above, "11.00"]]
