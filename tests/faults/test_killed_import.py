"""kill -9 while customers are imported or an import is undone: the till goes on by itself."""

import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.faults.dying_till import process
from tests.stores.test_imports import HEAD, WHY, number, person
from tests.support.clock import HandClock
from tests.support.imports import bring, ended
from tests.support.till import Pos, RefusedByTillError, audited, lay_out, open_till

COUNT = 450


async def begin(pos: Pos) -> Any:
    checked = await bring(pos, HEAD, [person(n) for n in range(COUNT)], request_id="i")
    assert checked["bad"] == 0
    begun = await pos.call("import.apply", request_id="i", count=COUNT)
    return await ended(pos, begun["import_id"])


async def undo(pos: Pos) -> Any:
    await pos.call("import.undo", request_id="u", import_id="I-2026-0001", **WHY)
    return await ended(pos, "I-2026-0001")


async def fallen(home: Path, burns_at: int, *, undoing: bool) -> None:
    """Let a till die while it imports, or while it undoes."""
    async with process(home, burns_at) as killed:
        with pytest.raises(ConnectionError):
            async with Pos.connect(home / "pos.sock") as pos:
                await (undo(pos) if undoing else begin(pos))
    assert killed.process.exitcode == -signal.SIGKILL


@pytest.mark.parametrize("burns_at", [3, 900, 2_500, 3_950, 6_000, 8_000])
async def test_an_import_is_there_whole_or_not_at_all_after_the_next_start(
    tmp_path: Path, burns_at: int
) -> None:
    lay_out(tmp_path)
    async with process(tmp_path), Pos.connect(tmp_path / "pos.sock"):
        pass  # the sample cards
    await fallen(tmp_path, burns_at, undoing=False)
    async with open_till(tmp_path, HandClock()), Pos.connect(tmp_path / "pos.sock") as pos:
        shown = None
        with suppress(RefusedByTillError):  # it was never begun: nothing of it is there
            shown = await ended(pos, "I-2026-0001")
        shown = shown or await begin(pos)
        assert (shown["added"], shown["left"]) == (COUNT, 0)
        for n in (0, 199, 200, COUNT - 1):
            card = await pos.call("card.show", card=number(n))
            assert card["balances"]["bonus"]["available"] == 2_500
            assert card["meters"]["spend"] == 90_000
    assert audited(tmp_path).findings == ()


@pytest.mark.parametrize("burns_at", [3, 1_000, 2_500, 4_000])
async def test_an_undoing_that_was_begun_goes_on_after_the_next_start(
    tmp_path: Path, burns_at: int
) -> None:
    lay_out(tmp_path)
    async with process(tmp_path), Pos.connect(tmp_path / "pos.sock") as pos:
        await begin(pos)
    await fallen(tmp_path, burns_at, undoing=True)
    async with open_till(tmp_path, HandClock()), Pos.connect(tmp_path / "pos.sock") as pos:
        shown = await ended(pos, "I-2026-0001")
        if shown["state"] == "done":
            shown = await undo(pos)
        assert (shown["state"], shown["undone"], shown["stays"]) == ("undone", COUNT, 0)
    assert audited(tmp_path).findings == ()
