"""``tillcard cards act``: the same act is the same paper, in figures and in words."""

import asyncio
import csv
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from daemon.accounts.act_paper import act_paper
from daemon.base.currency import Currency
from daemon.base.paper import pdf
from tests.stores.test_card_acts import WHO, batch_of
from tests.support.clock import HandClock
from tests.support.commands import tillcard
from tests.support.till import PATIENCE_S, Pos, lay_out, open_till

UAH = Currency("UAH", 2)


@pytest.fixture
async def pos(tmp_path: Path) -> AsyncIterator[Pos]:
    lay_out(tmp_path)
    async with open_till(tmp_path, HandClock()) as till, Pos.connect(till.socket) as pos:
        yield pos


@asynccontextmanager
async def written_off(pos: Pos) -> AsyncIterator[str]:
    """Issue two of three cards and write them off; give the act."""
    numbers = await batch_of(pos)
    profile = {"name": "Stefa <b>&"}
    await pos.call("card.issue", request_id="i1", number=numbers[0], by="anna", profile=profile)
    await pos.call("card.issue", request_id="i2", number=numbers[2], by="vira")
    day = str(HandClock().now().date())
    terms = {"request_id": "w1", "kind": "W", "from": day, "to": day, "by": "olha"}
    yield (await pos.call("act.make", **terms))["act"]


async def run(home: Path, *words: str | Path) -> Result:
    said = ("cards", "act", *map(str, words), "--socket", str(home / "pos.sock"))
    async with asyncio.timeout(PATIENCE_S):
        return await asyncio.to_thread(tillcard, *said)


async def test_one_act_is_one_file_whenever_it_is_printed(pos: Pos, tmp_path: Path) -> None:
    async with written_off(pos) as act:
        files = [tmp_path / f"act-{n}.pdf" for n in range(3)]
        table = tmp_path / "act.csv"
        first = await run(tmp_path, act, "--pdf", files[0], "--csv", table)
        assert (first.exit_code, first.stdout) == (0, "W-2026-000001: 2 cards, 6.67, final\n")
        await pos.call("card.issue", request_id="i3")
        lines = (await run(tmp_path, act)).stdout.splitlines()
        assert lines[0] == "W-2026-000001: 2 cards, 6.67, final"
        assert sorted(line.split()[1] for line in lines[1:]) == ["3.33", "3.34"]
        assert (await run(tmp_path, act, "--pdf", files[1])).exit_code == 0
        assert (await run(tmp_path, act, "--pdf", files[2], "--language", "uk")).exit_code == 0
    contents = [file.read_bytes() for file in files]
    assert contents[0].startswith(b"%PDF")
    assert contents[0] == contents[1]
    assert contents[0] != contents[2]
    assert files[0].stat().st_mode & 0o777 == 0o600
    with table.open(newline="", encoding="utf-8-sig") as opened:
        rows = {row["recipient"]: row for row in csv.DictReader(opened, delimiter=";")}
    assert (rows["Stefa <b>&"]["by"], rows["Stefa <b>&"]["time"]) == ("anna", "10:00")
    assert (rows["anonymous"]["by"], rows["anonymous"]["condition"]) == ("vira", "free")
    assert sorted(row["cost"] for row in rows.values()) == ["3.33", "3.34"]


async def test_a_file_that_is_there_and_an_act_that_is_not_are_said(
    pos: Pos, tmp_path: Path
) -> None:
    async with written_off(pos) as act:
        file = tmp_path / "act.pdf"
        file.write_text("mine")
        kept = await run(tmp_path, act, "--pdf", file)
        assert (kept.exit_code, file.read_text()) == (1, "mine")
        none = await run(tmp_path, "W-2026-000009")
        assert (none.exit_code, "There is no act W-2026-000009" in none.stderr) == (1, True)
        wrong = await run(tmp_path, act, "--language", "fr")
        assert wrong.exit_code == 2


async def test_a_paper_says_its_total_in_figures_and_in_ukrainian_in_words(pos: Pos) -> None:
    async with written_off(pos) as act:
        shown: dict[str, Any] = await pos.call("act.show", act=act)
        void = await pos.call("act.void", request_id="v1", act=act, **WHO)
        voided = await pos.call("act.show", act=act)
    english, ukrainian = act_paper(shown, UAH, "en"), act_paper(shown, UAH, "uk")
    assert english.title == "Act of write-off of cards No. W-2026-000001 of 2026-11-23"
    assert english.total == ("In all 2, cost 6.67 UAH, without tax",)
    assert ukrainian.total[1] == "Шість гривень, шістдесят сім копійок"
    assert len(english.signers) == 3
    assert {row[-1] for row in ukrainian.rows} == {"безкоштовно"}
    assert shown["head"] in english.foot
    assert void["state"] == "void"
    assert act_paper(voided, UAH, "en").head[0] == "VOID"


async def test_a_name_that_is_too_long_for_its_cell_takes_more_lines(pos: Pos) -> None:
    async with written_off(pos) as act:
        shown: dict[str, Any] = await pos.call("act.show", act=act)
    line = shown["lines"][0] | {"recipient": "Ґ" * 500}
    long = pdf(act_paper(shown | {"lines": [line] * 30}, UAH, "uk"))
    assert long.count(b"/Type /Page\n") > 10


async def test_numbers_of_a_batch_are_printed_on_sheets(pos: Pos, tmp_path: Path) -> None:
    file = tmp_path / "cards.pdf"
    words = ("cards", "batch", "--count", "700", "--kind", "plastic", "--pdf", str(file))
    async with asyncio.timeout(PATIENCE_S):
        result = await asyncio.to_thread(tillcard, *words, "--socket", str(tmp_path / "pos.sock"))
    assert result.exit_code == 0, result.stderr
    assert file.read_bytes().count(b"/Type /Page\n") == 3
