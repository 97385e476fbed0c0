"""kill -9 of the command or the daemon in the middle of an import: a clear sentence, no half."""

import asyncio
import sqlite3
from asyncio.subprocess import PIPE, STDOUT
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from card_formats.check_digits import Check, append_check
from tests.support.imports import ended
from tests.support.processes import TILLCARD, daemon_of, started
from tests.support.till import Pos, audited, lay_out

COUNT = 1_500


@pytest.fixture
def line(tmp_path: Path) -> list[str]:
    """Lay out a till and a table; return the command that imports it."""
    lay_out(tmp_path)
    file = tmp_path / "old.csv"
    numbers = (append_check(Check.EAN, f"29001{n:07d}") for n in range(COUNT))
    rows = "".join(f"Olha {n},067{n:07d},{number}\n" for n, number in enumerate(numbers))
    file.write_text(f"name,phone,card\n{rows}", "utf-8")
    words = ["customers", "import", str(file), "--yes", "--socket", str(tmp_path / "pos.sock")]
    return [*TILLCARD, *words]


async def begun(pos: Pos) -> str:
    """Wait until an import has begun; return its id."""
    listed: list[dict[str, Any]] = []
    while not listed:
        listed = (await pos.call("import.list"))["imports"]
    number: str = listed[0]["import_id"]
    return number


def rows_wait(home: Path) -> None:
    """Wait until rows of a table are being checked."""
    with closing(sqlite3.connect(home / "tillcard.db")) as db:
        while not db.execute("SELECT count(*) FROM import_line").fetchone()[0]:
            pass


async def end_of(home: Path, number: str) -> Any:
    """Start the till again; return how the import ended."""
    async with daemon_of(home), Pos.connect(home / "pos.sock") as pos:
        return await ended(pos, number)


async def test_the_till_goes_on_when_the_command_is_killed(tmp_path: Path, line: list[str]) -> None:
    async with daemon_of(tmp_path), Pos.connect(tmp_path / "pos.sock") as pos:
        async with started(*line, stdout=PIPE, stderr=STDOUT) as command:
            number = await begun(pos)
            command.kill()
        assert (await ended(pos, number))["added"] == COUNT
    assert audited(tmp_path).findings == ()


async def test_a_daemon_that_is_killed_goes_on_when_it_starts_and_the_command_says_so(
    tmp_path: Path, line: list[str]
) -> None:
    async with (
        daemon_of(tmp_path) as daemon,
        started(*line, stdout=PIPE, stderr=STDOUT) as command,
    ):
        async with Pos.connect(tmp_path / "pos.sock") as pos:
            number = await begun(pos)
        daemon.kill()
        said, _ = await command.communicate()
        assert command.returncode == 1
    assert f"{number} is gone on with when the daemon starts" in said.decode()
    assert (await end_of(tmp_path, number))["added"] == COUNT
    assert audited(tmp_path).findings == ()


async def test_a_daemon_that_is_killed_while_it_checks_has_imported_nothing(
    tmp_path: Path, line: list[str]
) -> None:
    async with (
        daemon_of(tmp_path) as daemon,
        started(*line, stdout=PIPE, stderr=STDOUT) as command,
    ):
        await asyncio.to_thread(rows_wait, tmp_path)
        daemon.kill()
        said, _ = await command.communicate()
        assert command.returncode == 1
    assert "Nothing was imported. The daemon at" in said.decode()
    assert "Traceback" not in said.decode()
    async with daemon_of(tmp_path), Pos.connect(tmp_path / "pos.sock") as pos:
        assert (await pos.call("import.list"))["imports"] == []
        await pos.call("import.begin", request_id="i", columns=["name"])
        number = append_check(Check.EAN, f"29001{0:07d}")
        assert (await pos.call("card.issue", request_id="i", number=number))["number"] == number
