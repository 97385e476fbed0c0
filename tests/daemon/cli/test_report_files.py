"""Reports of a running till: by socket, on the terminal and in files they say the same."""

import asyncio
import csv
import json
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from typer.testing import Result

from daemon.app.running import App
from tests.scenarios.shops import FRIEND, HEAD, goods
from tests.support.clock import HandClock
from tests.support.commands import tillcard
from tests.support.pos import refused
from tests.support.till import PLASTIC, Pos, lay_out, open_till

NOVEMBER = {"from": "2026-11-01", "to": "2026-11-30"}
DAYS = ("--from", "2026-11-01", "--to", "2026-11-30")
RULES = """
[[rule]]
id = "big"
when = { basket = { net = { at_least = 50000 } } }
give = { percent = 5 }
"""


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[App]:
    """A till on which the worked example was sold."""
    lay_out(tmp_path, HEAD + RULES)
    async with open_till(tmp_path, HandClock()) as app, Pos.connect(app.socket) as pos:
        for n, price in enumerate((50_000, 30_000, 20_000)):
            terms: dict[str, Any] = {"lines": goods(price), "cashier": "anna"}
            await pos.call("sale.commit", sale_id=f"s{n}", card=PLASTIC, **terms)
        await pos.call("sale.return", return_id="r", sale_id="s2", whole=True)
        name = {"name": "=cmd", "phone": "+380671234567"}
        await pos.call("card.issue", request_id="i", number=FRIEND, profile=name)
        await pos.call("sale.commit", sale_id="f", card=FRIEND, lines=goods(1_000))
        yield app


async def run(till: App, *words: str) -> Result:
    line = ["report", *words, "--socket", str(till.socket)]
    return await asyncio.to_thread(tillcard, *line)


async def asked(till: App, report: str, **more: Any) -> dict[str, Any]:
    async with Pos.connect(till.socket) as pos:
        answer: dict[str, Any] = await pos.call("report.run", report=report, **NOVEMBER, **more)
    return answer


def first(answer: dict[str, Any]) -> dict[str, Any]:
    names = [column["name"] for column in answer["columns"]]
    return dict(zip(names, answer["rows"][0], strict=True))


async def test_activity_of_the_worked_example_by_socket_and_by_command(till: App) -> None:
    """500.00 with 25.00 off, 300.00, and 200.00 that came back: 2 purchases of 775.00."""
    answer = await asked(till, "activity")
    olena = first(answer)
    assert {name: olena[name] for name in ("purchases", "list", "discount", "net")} == {
        **{"purchases": 2, "list": 80_000, "discount": 2_500, "net": 77_500}
    }
    assert (olena["discount_bp"], olena["average"], olena["margin"]) == (313, 38_750, None)
    assert (olena["name"], olena["card"]) == ("Olena", "2900…0018")
    assert (answer["count"], answer["totals"]["net"]) == (2, 78_500)
    printed = json.loads((await run(till, "activity", *DAYS, "--json")).stdout)
    assert printed["rows"] == answer["rows"]
    shown = (await run(till, "activity", *DAYS, "--filter", "min_purchases=2")).output
    assert "1 of 1 rows" in shown


async def test_no_figure_is_cut_on_a_narrow_screen(
    till: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    shown = (await run(till, "activity", *DAYS)).output
    assert "…" not in shown.replace("2900…0018", "").replace("2900…0025", "")
    for said in ("discount_bp", "standing_bp", "days_since", "775.00", "387.50"):
        assert said in shown


async def test_files_say_what_the_screen_says(till: App, tmp_path: Path) -> None:
    as_csv, as_xlsx = tmp_path / "a.csv", tmp_path / "a.xlsx"
    done = await run(till, "activity", *DAYS, "--csv", str(as_csv), "--xlsx", str(as_xlsx))
    assert done.exit_code == 0, done.output
    text = as_csv.read_bytes().decode("utf-8")
    assert text.startswith("\ufeffname;card;")
    rows = list(csv.DictReader(text.removeprefix("\ufeff").splitlines(), delimiter=";"))
    assert (rows[0]["net"], rows[0]["discount_bp"]) == ("775.00", "3.13")
    assert rows[1]["name"] == "'=cmd"
    assert rows[1]["margin"] == ""
    cells = sheet_cells(as_xlsx, 1)
    assert cells["A2"] == "Olena"
    place = list(rows[0]).index("net")
    assert float(cells[f"{chr(ord('A') + place)}2"]) == 775.0
    assert cells["A3"] == "=cmd"
    question = sheet_cells(as_xlsx, 2)
    assert question["B2"] == "2026-11-01"
    again = await run(till, "activity", *DAYS, "--csv", str(as_csv))
    assert again.exit_code == 1
    assert "is there already" in again.output


def sheet_cells(file: Path, number: int) -> dict[str, str]:
    """Return the cells of a sheet; a text is what stands in it, not its place in a table."""
    space = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
    with zipfile.ZipFile(file) as book:
        root = ElementTree.fromstring(book.read(f"xl/worksheets/sheet{number}.xml"))
    found = {}
    for one in root.iterfind(".//m:c", space):
        text = one.find("m:is/m:t", space)
        value = text if text is not None else one.find("m:v", space)
        if value is not None and value.text is not None:
            found[one.attrib["r"]] = value.text
    return found


async def test_a_kept_result_is_of_its_moment_whatever_is_sold_after(till: App) -> None:
    kept = await asked(till, "activity", keep=True, limit=1)
    async with Pos.connect(till.socket) as pos:
        await pos.call("sale.commit", sale_id="later", card=PLASTIC, lines=goods(100))
        page = await pos.call("report.page", result=kept["result"])
        assert page["rows"][:1] == kept["rows"]
        assert len(page["rows"]) == kept["count"]
        assert (await pos.call("report.page", result=kept["result"], page=1))["rows"] == []
        gone = await refused(pos, "report.page", result="0" * 16)
    assert "is not kept any more" in gone.message


@pytest.mark.parametrize(
    ("terms", "what"),
    [
        ({"report": "gossip"}, "report: 'gossip' is none; there are: activity,"),
        ({"report": "activity", "sort": "-luck"}, "sort: 'luck' is no column of activity"),
        ({"report": "rules", "filters": {"tag": ["vip"]}}, "filters.tag: does not go with rules"),
        ({"report": "activity", "per": "week"}, "per: activity goes by nothing"),
        ({"report": "trend", "per": "moon"}, "per: trend goes by day, week, weekday, hour, month"),
        ({"report": "activity", "filters": {"status": ["club"]}}, "is not such as club:member"),
        ({"report": "activity", "filters": {"dormant_since": "9999999d"}}, "is no day"),
    ],
)
async def test_what_cannot_be_asked_is_refused(till: App, terms: dict[str, Any], what: str) -> None:
    async with Pos.connect(till.socket) as pos:
        said = await refused(pos, "report.run", **NOVEMBER, **terms)
    assert what in said.message


async def test_bars_are_drawn_on_the_terminal(till: App) -> None:
    shown = (await run(till, "trend", *DAYS, "--per", "weekday", "--plot", "net")).output
    assert "Monday" in shown
    assert "█" * 40 in shown
    wrong = await run(till, "trend", *DAYS, "--plot", "when")
    assert wrong.exit_code == 2


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ("luck=1", "there is no filter 'luck'"),
        ("store", "is not NAME=VALUE"),
        ("net_from=much", "is no number"),
        ("hour=noon", "is no whole number"),
        ("answer=x", "there is no filter 'answer'"),
    ],
)
async def test_an_option_that_is_no_filter_is_refused(till: App, said: str, what: str) -> None:
    done = await run(till, "activity", *DAYS, "--filter", said)
    assert done.exit_code == 2
    assert what in " ".join(done.output.replace("│", " ").split())
