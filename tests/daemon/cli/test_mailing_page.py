"""The commands of docs/mailing.md, played as they are written there."""

import asyncio
import re
import shlex
from pathlib import Path

import pytest

from daemon.base.spreadsheets import table_rows
from tests.daemon.programme.shops import PROGRAMMES
from tests.stores.test_mailings import BONUS, Desk, again, everybody
from tests.stores.test_reports_of_people import RULES, shop
from tests.support.commands import tillcard
from tests.support.till import LEDGER

PAGE = Path(__file__).parents[3] / "docs" / "mailing.md"
EFFECT = "tillcard mailing effect m-2026-0002 --days 14"
ELSEWHERE = ("text", "export", "effect")
SPRING = "Hello {first_name}, {balance.bonus} wait for you!"


def commands() -> list[str]:
    """Return the commands of the page, in order."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def test_the_commands_about_texts_do_what_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert f"`{SPRING}`" in PAGE.read_text("utf-8")
    (tmp_path / "spring.txt").write_text(SPRING, "utf-8")
    programme = (PROGRAMMES / "friend.toml").read_text("utf-8")
    (tmp_path / "programme.toml").write_text(programme, "utf-8")
    monkeypatch.chdir(tmp_path)
    about_texts = [one for one in commands() if one.startswith("tillcard mailing text")]
    said = [tillcard(*shlex.split(one)[1:]) for one in about_texts]
    assert [one.exit_code for one in said] == [0, 0]
    last = said[0].output.splitlines()[-1]
    assert f"`{last}`" in PAGE.read_text("utf-8")
    assert '"alphabet": "utf16"' in said[1].output


async def test_the_commands_about_mailings_are_played_to_a_till(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In order, to a till with customers of every reason; none of them fails."""
    rules = (RULES + BONUS).replace("reward", "bonus")
    async with shop(tmp_path, LEDGER, rules) as salon:
        await everybody(salon)
    (tmp_path / "spring.txt").write_text(SPRING, "utf-8")
    monkeypatch.chdir(tmp_path)
    played = [
        one
        for one in commands()
        if not one.startswith(tuple(f"tillcard mailing {one}" for one in ELSEWHERE))
    ]
    async with again(tmp_path) as (app, _):
        for line in played:
            words = (*shlex.split(line)[1:], "--socket", str(app.socket))
            said = await asyncio.to_thread(tillcard, *words)
            assert said.exit_code == 0, (line, said.output)
    assert len(played) == 13
    assert (tmp_path / "empty.csv").read_text("utf-8").count("\n") == 2


async def test_the_commands_about_exports_write_files_of_an_approved_mailing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with shop(tmp_path, LEDGER, RULES + BONUS) as salon:
        await everybody(salon)
        desk = Desk(salon.pos)
        await desk.draft()
        mailing = await desk.draft()
        await desk.check(mailing)
        await salon.pos.call("mailing.approve", **desk.terms(mailing=mailing))
    monkeypatch.chdir(tmp_path)
    played = [one for one in commands() if one.startswith("tillcard mailing export")]
    async with again(tmp_path) as (app, _):
        for line in played:
            words = (*shlex.split(line)[1:], "--socket", str(app.socket))
            said = await asyncio.to_thread(tillcard, *words)
            assert said.output.endswith(": 4 messages\n"), said.output
        words = (*shlex.split(EFFECT)[1:], "--socket", str(app.socket))
        effect = await asyncio.to_thread(tillcard, *words)
        assert effect.output.splitlines()[-1] == "too few to say", effect.output
    assert EFFECT in commands()
    assert len(played) == 2
    assert len(list(table_rows(tmp_path / "spring.xlsx"))) == 5
    assert (tmp_path / "spring.csv").read_text("utf-8-sig").count("\n") == 5
