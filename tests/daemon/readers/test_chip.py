"""What a chip reader makes of a card that was lost and is there again before anybody looked."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from card_formats.apdu import SW_NO_ANSWER
from card_formats.chip.uid import read_uid
from daemon.readers import Presented, ReaderEvent, Removed, StateChanged, Unreadable
from daemon.readers.chip import TOO_SHORT, OpenChipReader, Slot
from daemon.readers.errors import CardLostError
from tests.support.clock import HandClock

UID = bytes.fromhex("04A1B2C3D4E580")
LIES_THERE = Slot(present=True, moves=1)


class FitfulLink:
    """A card that answers, or is out of the field, as ``answers`` says, exchange by exchange."""

    def __init__(self, *answers: bool) -> None:
        self._answers = iter(answers)
        self.had_left: list[bool] = []
        self.answer: Callable[[], bytes] = lambda: UID + b"\x90\x00"

    def transmit(self, command: bytes) -> bytes:
        if not next(self._answers):
            raise CardLostError("the card was lost")
        return self.answer()

    def close(self, *, has_left: bool = False) -> None:
        self.had_left.append(has_left)


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


@pytest.mark.parametrize(
    ("told", "has_left"),
    [
        (LIES_THERE, False),
        (Slot(present=False, moves=2), True),
        (Slot(present=True, moves=3), True),
        (Slot(present=True, moves=1, gone="the reader was unplugged"), True),
    ],
    ids=["lies there", "left", "fluttered", "unplugged"],
)
async def test_a_reader_that_is_closed_as_its_card_leaves_does_not_reset_what_lies_there(
    told: Slot, has_left: bool
) -> None:
    link = FitfulLink(True)
    reader = OpenChipReader("chip", HandClock(), lambda: link)
    reader.update(LIES_THERE)
    assert isinstance(await anext(reader.events()), Presented)
    reader.update(told)
    await reader.close()
    assert link.had_left == [has_left]


async def test_a_card_that_flutters_as_it_leaves_is_let_go_each_time_without_a_reset() -> None:
    link = FitfulLink(True, True, True)
    reader = OpenChipReader("chip", HandClock(), lambda: link)
    events = reader.events()
    told: list[type[ReaderEvent]] = []
    for moves, last in ((1, Presented), (3, Presented), (5, Presented), (6, Removed)):
        reader.update(Slot(present=last is Presented, moves=moves))
        while (kind := type(await anext(events))) is not last:
            told += [kind] if kind is not StateChanged else []
        told.append(last)
    await reader.close()
    assert told == [Presented, Removed] * 3, "no ghost is left"
    assert link.had_left == [True] * 3


@pytest.mark.parametrize("word", SW_NO_ANSWER)
async def test_a_card_that_leaves_while_its_number_is_asked_is_to_be_held_still_and_read_again(
    word: int,
) -> None:
    answers = iter((word.to_bytes(2, "big"), UID + b"\x90\x00"))
    link = FitfulLink(True, True)
    link.answer = lambda: next(answers)
    reader = OpenChipReader("chip", HandClock(), lambda: link)
    reader.update(LIES_THERE)
    events = reader.events()
    unread = await anext(events)
    assert isinstance(unread, Unreadable)
    assert unread.reason == TOO_SHORT
    assert isinstance(await anext(events), Presented)
    await reader.close()
