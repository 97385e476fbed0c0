import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

import pytest

from card_formats.apdu import Dialogue
from card_formats.chip.uid import read_uid
from card_formats.credential import Medium, Shown
from daemon.base.refusals import ErrorCode
from daemon.readers import (
    Overflow,
    Presented,
    ReaderEvent,
    ReaderState,
    Removed,
    StateChanged,
)
from daemon.readers.errors import (
    CardLostError,
    CardSilentError,
    NoCardError,
    ReaderDeniedError,
    ReaderError,
    ReaderLostError,
)
from daemon.readers.supervisor import REOPEN_FIRST_S, REOPEN_MAX_S, Supervisor
from tests.support.clock import HandClock
from tests.support.events import next_event, running, until_state

T = TypeVar("T")


class ScriptedReader:
    """A reader of our own protocol: each opening plays the next script.

    A script is events to yield, or an exception: from ``open`` if it stands alone.
    """

    def __init__(self, name: str, *scripts: list[ReaderEvent | Exception]) -> None:
        self.name = name
        self._scripts = iter(scripts)
        self.played = asyncio.Event()
        self.answer: BaseException = NoCardError("no card")

    @asynccontextmanager
    async def open(self) -> AsyncIterator["ScriptedReader"]:
        script = next(self._scripts, [])
        if len(script) == 1 and isinstance(script[0], Exception):
            raise script[0]
        self._script = script
        yield self

    async def events(self) -> AsyncIterator[ReaderEvent]:
        for step in self._script:
            if isinstance(step, Exception):
                raise step
            yield step
        self.played.set()
        await asyncio.Event().wait()

    async def converse(self, dialogue: Dialogue[T], *, timeout_s: float) -> T:
        raise self.answer


def scan(text: bytes) -> Presented:
    return Presented("r", Shown(Medium.BARCODE, text), 0.0)


def chip() -> Presented:
    return Presented("r", Shown(Medium.CHIP, b"\x04\x01\x02\x03"), 0.0)


async def test_a_chip_laid_down_again_is_no_duplicate() -> None:
    till = Supervisor([ScriptedReader("r", [chip(), Removed("r"), chip()])], HandClock())
    async with running(till):
        assert not (await next_event(till, Presented)).duplicate
        assert not (await next_event(till, Presented)).duplicate


async def test_what_does_not_fit_is_counted_and_reported_where_it_was_lost() -> None:
    reader = ScriptedReader("r", [scan(b"%d" % n) for n in range(10)])
    till = Supervisor([reader], HandClock(), events_max=4)
    async with running(till):
        async with asyncio.timeout(5):
            await reader.played.wait()
        got = [await till.events.get() for _ in range(5)]
    assert got == [StateChanged("r", ReaderState.READY), *(scan(b"%d" % n) for n in range(3)),
                   Overflow(lost=7)]  # fmt: skip


async def test_a_lost_reader_is_reopened_with_growing_pauses_until_it_stays() -> None:
    clock, slept = HandClock(), list[float]()

    async def sleep(pause_s: float) -> None:
        slept.append(pause_s)
        clock.move(seconds=pause_s)
        await asyncio.sleep(0)

    lost: list[list[ReaderEvent | Exception]] = [[ReaderLostError("unplugged")] for _ in range(6)]
    till = Supervisor([ScriptedReader("r", *lost, [scan(b"A")])], clock, sleep=sleep)
    async with running(till):
        await next_event(till, Presented)
    assert slept == [REOPEN_FIRST_S, 0.2, 0.4, 0.8, REOPEN_MAX_S, REOPEN_MAX_S]


async def test_each_state_is_named_with_its_reason() -> None:
    reader = ScriptedReader(
        "r",
        [ReaderDeniedError("no right")],
        [ReaderLostError("no device")],
        [ValueError("a bug")],
        [chip(), Removed("r"), StateChanged("r", ReaderState.STUCK, "hangs"), Removed("r")],
    )
    till = Supervisor([reader], HandClock(), sleep=lambda pause_s: asyncio.sleep(0))
    async with running(till):
        states = []
        for _ in range(7):
            event = await next_event(till, StateChanged)
            states.append((event.state.value, event.detail))
        assert states == [
            ("denied", "no right"),
            ("absent", "no device"),
            ("absent", "the reader failed: see the log"),
            ("ready", ""),
            ("card", ""),
            ("ready", ""),
            ("stuck", "hangs"),
        ]
        await next_event(till, Removed)
        assert (till.states, till.details) == ({"r": ReaderState.STUCK}, {"r": "hangs"})


async def test_a_conversation_makes_the_reader_busy_and_a_silent_card_stuck() -> None:
    reader = ScriptedReader("r", [chip()])
    till = Supervisor([reader], HandClock())
    async with running(till):
        await until_state(till, "r", ReaderState.CARD)
        with pytest.raises(NoCardError):
            await till.converse("r", read_uid(), timeout_s=1)
        events = [(await next_event(till, StateChanged)).state for _ in range(3)]
        assert events == [ReaderState.CARD, ReaderState.BUSY, ReaderState.CARD]
        reader.answer = CardSilentError("the card does not answer")
        with pytest.raises(CardSilentError):
            await till.converse("r", read_uid(), timeout_s=1)
        assert till.states["r"] is ReaderState.STUCK


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ReaderLostError, ErrorCode.NO_HARDWARE),
        (ReaderDeniedError, ErrorCode.NO_HARDWARE),
        (NoCardError, ErrorCode.NO_CARD),
        (CardLostError, ErrorCode.TORN),
        (CardSilentError, ErrorCode.TIMEOUT),
    ],
)
def test_each_failure_has_a_code_of_the_protocol(error: type[ReaderError], code: ErrorCode) -> None:
    assert error.error_code is code
