"""Runs every reader: opens it, merges its events into one queue, reopens it when it is lost."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from card_formats.apdu import Dialogue
from card_formats.credential import Medium, Shown
from daemon.base.clock import Clock
from daemon.readers import (
    OpenReader,
    Overflow,
    Presented,
    Reader,
    ReaderEvent,
    ReaderState,
    Removed,
    StateChanged,
)
from daemon.readers.errors import (
    CardSilentError,
    ReaderDeniedError,
    ReaderLostError,
)

T = TypeVar("T")
EVENTS_MAX = 1_000
REOPEN_FIRST_S, REOPEN_MAX_S = 0.1, 1.0
_OUT_OF_ORDER = (ReaderState.ABSENT, ReaderState.DENIED, ReaderState.STUCK)
_log = logging.getLogger("tillcard.readers")


class Supervisor:
    """All the readers of a till.

    events:  what they report, merged, in order per reader; EVENTS_MAX at most. What does not fit
             is counted and reported by one Overflow as soon as there is room. Whoever takes one
             says ``task_done`` when it is dealt with.
    states:  by reader name.
    details: by reader name, a sentence for the cashier on its state, or "".
    cards:   by reader name, the chip that lies there; each presentation is another object.
    """

    def __init__(
        self,
        readers: Sequence[Reader],
        clock: Clock,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        events_max: int = EVENTS_MAX,
    ) -> None:
        names = [reader.name for reader in readers]
        assert len(set(names)) == len(names), "the configuration gives each reader its own name"
        self.events: asyncio.Queue[ReaderEvent] = asyncio.Queue(events_max)
        self.states = dict.fromkeys(names, ReaderState.ABSENT)
        self.details = dict.fromkeys(names, "")
        self.cards: dict[str, Shown] = {}
        self._readers = readers
        self._clock = clock
        self._sleep = sleep
        self._open: dict[str, OpenReader] = {}
        self._lost = 0
        self._overflowed = asyncio.Event()
        self._beats: asyncio.Queue[asyncio.Event] = asyncio.Queue()

    async def run(self) -> None:
        """Keep all readers running until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._report_overflow())
            keeping = [
                tasks.create_task(self._keep_open(reader), name=f"reader {reader.name}")
                for reader in self._readers
            ]
            tasks.create_task(self._answer_beats(keeping))

    async def beat(self) -> None:
        """Return once every reader is seen to be kept, and all that they reported to be taken.

        A reader that hangs does not delay it: keeping it is waiting for it.
        """
        answered = asyncio.Event()
        self._beats.put_nowait(answered)
        await answered.wait()

    async def _answer_beats(self, keeping: Sequence[asyncio.Task[None]]) -> None:
        while True:
            asked = await self._beats.get()
            await self.events.join()
            if not any(task.done() for task in keeping):
                asked.set()

    async def converse(self, reader: str, dialogue: Dialogue[T], *, timeout_s: float) -> T:
        """Run ``dialogue`` with the chip on ``reader``; each exchange may take ``timeout_s``.

        Raises: ReaderLostError when the reader is absent, and what ``OpenReader.converse`` does.
        """
        open_reader = self._open.get(reader)
        if open_reader is None:
            dialogue.close()
            raise ReaderLostError(f"the reader {reader} is not there")
        before = self.states[reader]
        if before is ReaderState.CARD:
            self._set_state(reader, ReaderState.BUSY)
        try:
            return await open_reader.converse(dialogue, timeout_s=timeout_s)
        except CardSilentError as error:
            self._set_state(reader, ReaderState.STUCK, str(error))
            raise
        finally:
            if self.states[reader] is ReaderState.BUSY:
                self._set_state(reader, ReaderState.CARD)

    async def _keep_open(self, reader: Reader) -> None:
        delay_s = REOPEN_FIRST_S
        while True:
            opened_at_s = self._clock.monotonic_s()
            try:
                async with reader.open() as open_reader:
                    await self._follow(reader.name, open_reader)
            except ReaderDeniedError as error:
                self._set_state(reader.name, ReaderState.DENIED, str(error))
            except ReaderLostError as error:
                self._set_state(reader.name, ReaderState.ABSENT, str(error))
            except Exception:
                # One reader's bug must not take the other readers, nor the till, with it.
                _log.exception("reader %s failed", reader.name)
                self._set_state(reader.name, ReaderState.ABSENT, "the reader failed: see the log")
            if self._clock.monotonic_s() - opened_at_s > REOPEN_MAX_S:
                delay_s = REOPEN_FIRST_S
            await self._sleep(delay_s)
            delay_s = min(2 * delay_s, REOPEN_MAX_S)

    async def _follow(self, name: str, open_reader: OpenReader) -> None:
        self._open[name] = open_reader
        self._set_state(name, ReaderState.READY)
        try:
            async for event in open_reader.events():
                self._take_in(name, event)
        finally:
            del self._open[name]
            self.cards.pop(name, None)

    def _take_in(self, name: str, event: ReaderEvent) -> None:
        match event:
            case StateChanged():
                self._set_state(name, event.state, event.detail)
            case Presented(shown=shown) if shown.medium is Medium.CHIP:
                self.cards[name] = shown
                self._put(event)
                self._set_state(name, ReaderState.CARD)
            case Removed():
                self.cards.pop(name, None)
                self._put(event)
                if self.states[name] is not ReaderState.STUCK:
                    self._set_state(name, ReaderState.READY)
            case _:
                self._put(event)

    def _set_state(self, name: str, state: ReaderState, detail: str = "") -> None:
        before = self.states[name]
        if (before, self.details[name]) == (state, detail):
            return
        self.states[name], self.details[name] = state, detail
        if state in _OUT_OF_ORDER:
            _log.warning("reader %s is %s: %s", name, state, detail)
        elif before in _OUT_OF_ORDER:
            _log.info("reader %s is %s", name, state)
        self._put(StateChanged(name, state, detail))

    def _put(self, event: ReaderEvent) -> None:
        try:
            self.events.put_nowait(event)
        except asyncio.QueueFull:
            self._lost += 1
            self._overflowed.set()

    async def _report_overflow(self) -> None:
        while True:
            await self._overflowed.wait()
            self._overflowed.clear()
            lost, self._lost = self._lost, 0
            _log.warning("%d reader events lost: nobody took them", lost)
            await self.events.put(Overflow(lost))
