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


def test_no_paper_has_a_formula_in_its_table(tmp_path: Path) -> None:
    file = tmp_path / "act.csv"

    def table() -> tuple[list[str], list[tuple[object, ...]]]:
        return ["who", "amount"], [("=cmd", "-60.00"), ("Olha", 7)]

    write_paper(None, file, paper=pytest.fail, table=table)
    with file.open(encoding="utf-8", newline="") as opened:
        assert list(csv.reader(opened)) == [["who", "amount"], ["'=cmd", "-60.00"], ["Olha", "7"]]
