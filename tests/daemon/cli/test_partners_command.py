"""``tillcard partners`` against a running till."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import Result

from daemon.app.running import App
from tests.support.clock import HandClock
from tests.support.commands import tillcard
from tests.support.till import PLASTIC, lay_out, open_till


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[App]:
    lay_out(tmp_path)
    async with open_till(tmp_path, HandClock()) as app:
        yield app


async def run(till: App, *words: str, status: int = 0) -> Result:
    line = ["partners", *words, "--socket", str(till.socket)]
    result = await asyncio.to_thread(tillcard, *line)
    assert result.exit_code == status, result.output
    return result


async def printed(till: App, *words: str) -> Any:
    return msgspec.json.decode((await run(till, *words, "--json")).stdout)


async def test_partners_are_added_listed_assigned_and_closed(till: App) -> None:
    said = await run(till, "add", "Gym Olympia", "--contact", "044 000 00 00", "--by", "olha")
    assert said.output.startswith("P0001  Gym Olympia  044 000 00 00  a")
    ann = await printed(till, "add", "Ann", "--of", "P0001", "--by", "olha")
    assert (ann["code"], ann["of"]) == ("P0001-01", "P0001")
    assert [one["code"] for one in await printed(till, "list")] == ["P0001"]
    assert "P0001-01  Ann" in (await run(till, "list", "--of", "P0001")).output
    assert (await printed(till, "show", "p0001-01"))["account"] == ann["account"]
    why = ("--reason", "a leaflet", "--by", "olha")
    done = await run(till, "assign", PLASTIC, "--employee", "P0001-01", *why)
    assert done.output.endswith("P0001-01\n")
    assert "since 2026-11-23  P0001-01  (olha)" in (await run(till, "sent", PLASTIC)).output
    closed = await run(till, "close", "P0001", "--reason", "it has ended", "--by", "olha")
    assert closed.output.endswith("closed\n")
    assert await printed(till, "list") == []


async def test_what_is_refused_says_what_to_do(till: App) -> None:
    refused = await run(till, "show", "P0009", status=1)
    assert "is no partner of the directory; write such as P0007" in refused.output
    why = ("--reason", "x", "--by", "olha")
    refused = await run(till, "assign", "2900000000000", "--partner", "P0009", *why, status=1)
    assert "Misread" in refused.output
