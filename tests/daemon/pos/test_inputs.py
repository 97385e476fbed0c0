"""What readers report, as the POS is told of it."""

from pathlib import Path
from random import Random

import msgspec
import pytest

from card_formats.credential import Medium, Shown
from daemon.pos.claims import Claims
from daemon.pos.events import EventRing
from daemon.pos.inputs import Inputs
from daemon.readers import Presented, ReaderEvent, ReaderState, Removed, StateChanged
from tests.support.chip_till import READER, hand_till, make_home, make_keys
from tests.support.clock import HandClock

CHIP = Presented(READER, Shown(Medium.CHIP, b"\x04" + Random(1).randbytes(6)), 0.0)
GONE = Removed(READER)
READY, CARD, ABSENT = (
    StateChanged(READER, state)
    for state in (ReaderState.READY, ReaderState.CARD, ReaderState.ABSENT)
)


@pytest.mark.parametrize(
    "reported",
    [
        [CHIP, CARD, GONE, READY, GONE, CHIP, CARD, GONE],  # torn, and found gone once more
        [CHIP, CARD, ABSENT, READY, CHIP, CARD, GONE],  # the reader was unplugged with it
        [CHIP, GONE, CHIP, GONE, GONE],
    ],
)
async def test_each_chip_that_was_presented_is_removed_once(
    tmp_path: Path, reported: list[ReaderEvent]
) -> None:
    clock = HandClock()
    make_keys(tmp_path / "keys")
    await make_home(tmp_path / "a", [], clock, tmp_path / "keys")
    async with hand_till(tmp_path / "a", clock) as till:
        ring = EventRing(clock, "boot")
        inputs = Inputs(ring, till.recognition, clock, {}, Claims(clock), ttl_s=120.0)
        for event in reported:
            inputs.publish(event)
        told = [msgspec.json.decode(kept.line)["params"]["type"] for kept in ring.after(1)]
    cards = [one for one in told if one.startswith("card.")]
    assert cards == ["card.presented", "card.removed"] * 2
