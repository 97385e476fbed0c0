"""kill -9 while cards are made by the thousand: the till goes on by itself, and none is doubled."""

import signal
from contextlib import suppress
from pathlib import Path

import pytest

from tests.faults.dying_till import process
from tests.stores.test_card_batches import made, printed, staged
from tests.support.clock import HandClock
from tests.support.till import Pos, RefusedByTillError, audited, lay_out, open_till

COUNT = 2_300


async def begin(pos: Pos, *, from_file: bool) -> str:
    if from_file:
        await staged(pos, "b", [printed(n) for n in range(COUNT)])
    terms = {"request_id": "b", "count": COUNT, "kind": "plastic", "staged": from_file}
    batch: str = (await pos.call("batch.make", **terms))["batch"]
    await made(pos, batch)
    return batch


@pytest.mark.parametrize("burns_at", [2, 700, 2_300, 2_330, 4_000, 4_500])
@pytest.mark.parametrize("from_file", [False, True])
async def test_a_batch_that_was_begun_is_made_to_its_end_after_the_next_start(
    tmp_path: Path, burns_at: int, from_file: bool
) -> None:
    lay_out(tmp_path)
    async with process(tmp_path), Pos.connect(tmp_path / "pos.sock"):
        pass  # the sample cards
    async with process(tmp_path, burns_at) as killed:
        with pytest.raises(ConnectionError):
            async with Pos.connect(tmp_path / "pos.sock") as pos:
                await begin(pos, from_file=from_file)
    assert killed.process.exitcode == -signal.SIGKILL
    async with open_till(tmp_path, HandClock()), Pos.connect(tmp_path / "pos.sock") as pos:
        cards = None
        with suppress(RefusedByTillError):  # it was never begun: nothing of it is there
            cards = await made(pos, "B-2026-0001")
        if cards is None:
            cards = await made(pos, await begin(pos, from_file=from_file))
        assert [card["index"] for card in cards] == list(range(COUNT))
        assert len({card["number"] for card in cards}) == COUNT
        if from_file:
            assert [card["number"] for card in cards] == [printed(n) for n in range(COUNT)]
    assert audited(tmp_path).findings == ()
