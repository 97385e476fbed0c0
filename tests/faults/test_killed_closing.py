"""kill -9 while a run is closed: it is closed whole or not at all, and sent again it is closed."""

import signal
from pathlib import Path
from typing import Any

import pytest

from tests.faults.dying_till import process
from tests.scenarios.baskets import BASKET
from tests.support.clock import HandClock
from tests.support.till import Pos, audited, lay_out, open_till


async def close(pos: Pos, request_id: str = "z1") -> Any:
    return await pos.call("day.close", request_id=request_id, by="olha")


@pytest.mark.parametrize("burns_at", range(1, 15))
async def test_a_closing_that_is_killed_at_any_statement_is_made_by_sending_it_again(
    tmp_path: Path, burns_at: int
) -> None:
    lay_out(tmp_path)
    async with process(tmp_path), Pos.connect(tmp_path / "pos.sock") as pos:
        await pos.call("sale.commit", sale_id="s1", lines=BASKET)
    answered = True
    async with process(tmp_path, burns_at) as killed:
        try:
            async with Pos.connect(tmp_path / "pos.sock") as pos:
                await close(pos)
        except ConnectionError:
            answered = False
    assert answered or killed.process.exitcode == -signal.SIGKILL
    async with open_till(tmp_path, HandClock()), Pos.connect(tmp_path / "pos.sock") as pos:
        there = (await pos.call("day.closings"))["closings"]
        assert there or not answered
        made = await close(pos)
        assert made["replayed"] is bool(there)
        assert (made["number"], made["first"], made["sums"]["sales"]) == (1, 1, 1)
        following = await close(pos, "z2")
        assert (following["number"], following["first"]) == (2, made["last"] + 1)
        assert following["sums"]["sales"] == 0
    assert audited(tmp_path).findings == ()
