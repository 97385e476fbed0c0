"""kill -9 while a photo is set: it is there whole or not at all, and sending it again sets it."""

import signal
from pathlib import Path

import pytest

from daemon.customers.pictures import small_picture
from tests.faults.dying_till import process
from tests.scenarios.test_photos import FILE, events, photo, shown
from tests.support.clock import HandClock
from tests.support.till import Pos, audited, lay_out, open_till


@pytest.mark.parametrize("burns_at", range(1, 15))
async def test_a_photo_that_is_killed_at_any_statement_is_set_by_sending_it_again(
    tmp_path: Path, burns_at: int
) -> None:
    lay_out(tmp_path)
    async with process(tmp_path), Pos.connect(tmp_path / "pos.sock"):
        pass  # the sample cards
    answered = True
    async with process(tmp_path, burns_at) as killed:
        try:
            async with Pos.connect(tmp_path / "pos.sock") as pos:
                await photo(pos)
        except ConnectionError:
            answered = False
    assert answered or killed.process.exitcode == -signal.SIGKILL
    async with open_till(tmp_path, HandClock()), Pos.connect(tmp_path / "pos.sock") as pos:
        there = (await pos.call("customer.show", card="2900000000018"))["pictures"]
        assert (await photo(pos))["replayed"] is bool(there)
        assert await shown(pos) == small_picture(FILE)
        assert [event for event, *_ in await events(pos)] == ["set", "shown"]
        assert there or not answered
    assert audited(tmp_path).findings == ()
