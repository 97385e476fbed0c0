"""What a chip reader makes of a card that was lost and is there again before anybody looked."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from card_formats.chip.uid import read_uid
from daemon.readers import Presented, ReaderEvent, Removed, StateChanged
from daemon.readers.chip import OpenChipReader, Slot
from daemon.readers.errors import CardLostError
from tests.support.clock import HandClock

UID = bytes.fromhex("04A1B2C3D4E580")
LIES_THERE = Slot(present=True, moves=1)


class FitfulLink:
    """A card that answers, or is out of the field, as ``answers`` says, exchange by exchange."""

    def __init__(self, *answers: bool) -> None:
        self._answers = iter(answers)

    def transmit(self, command: bytes) -> bytes:
        if not next(self._answers):
            raise CardLostError("the card was lost")
        return UID + b"\x90\x00"

    def close(self, *, has_left: bool = False) -> None:
        pass


@asynccontextmanager
async def lying(*answers: bool) -> AsyncIterator[tuple[OpenChipReader, AsyncIterator[ReaderEvent]]]:
    """Give a reader on which a card lies that was presented."""
    link = FitfulLink(True, *answers)
    reader = OpenChipReader("chip", HandClock(), lambda: link)
    reader.update(LIES_THERE)
    events = reader.events()
    assert isinstance(await anext(events), Presented)
    yield reader, events
    await reader.close()


async def lose(reader: OpenChipReader) -> None:
    with pytest.raises(CardLostError):
        await reader.converse(read_uid(), timeout_s=5)


async def test_a_card_that_answers_again_was_removed_and_is_presented() -> None:
    async with lying(False, False, True) as (reader, events):
        await lose(reader)
        assert [type(await anext(events)) for _ in range(2)] == [Removed, Presented]


async def test_a_card_that_is_gone_is_removed_once_and_the_next_one_presented() -> None:
    async with lying(False, True) as (reader, events):
        await lose(reader)
        reader.update(Slot(present=False, moves=2))
        assert isinstance(await anext(events), Removed)
        reader.update(Slot(present=True, moves=3))
        assert [type(await anext(events)) for _ in range(2)] == [StateChanged, Presented]


async def test_a_card_that_goes_on_after_all_is_still_the_same() -> None:
    async with lying(False, True) as (reader, events):
        await lose(reader)
        assert await reader.converse(read_uid(), timeout_s=5) == UID
        reader.update(Slot(present=False, moves=2))
        assert isinstance(await anext(events), Removed)
