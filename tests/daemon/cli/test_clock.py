"""``tillcard clock`` against a running till whose clock has jumped."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from daemon.app.running import App
from daemon.cli.command_table import app as commands
from tests.support.clock import HandClock
from tests.support.till import lay_out, open_till


@pytest.fixture
def clock() -> HandClock:
    return HandClock(synchronised=False)


@pytest.fixture
async def till(tmp_path: Path, clock: HandClock) -> AsyncIterator[App]:
    lay_out(tmp_path)
    async with open_till(tmp_path, clock) as app:
        yield app


async def run(till: App, *words: str) -> Result:
    line = ["clock", *words, "--socket", str(till.socket)]
    return await asyncio.to_thread(lambda: CliRunner().invoke(commands, line, obj=HandClock()))


async def test_a_clock_that_is_right_is_shown_with_status_0(till: App) -> None:
    result = await run(till)
    assert result.exit_code == 0
    assert "time server      no" in result.output


async def test_a_clock_that_is_ahead_is_shown_with_the_command_that_accepts_it(
    till: App, clock: HandClock
) -> None:
    clock.step(days=10)
    shown = await run(till)
    assert shown.exit_code == 1
    assert "864000 s ahead" in shown.output
    assert "tillcard clock accept --by NAME --reason WHY" in shown.output
    accepted = await run(till, "accept", "--by", "anna", "--reason", "closed for repairs")
    assert (accepted.exit_code, "2026-12-03" in accepted.output) == (0, True)
    assert (await run(till)).exit_code == 0


async def test_nothing_is_reset_where_nothing_is_wrong(till: App) -> None:
    result = await run(till, "reset", "--by", "anna", "--reason", "no idea")
    assert result.exit_code == 1
    assert "there is nothing to reset" in result.output
