"""What every chip reader does with a card that comes and goes, whatever the reader's interface."""

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

import msgspec

from card_formats.apdu import Dialogue
from card_formats.chip.uid import read_uid
from card_formats.credential import Medium, Shown
from card_formats.errors import CardFormatError
from daemon.base.clock import Clock
from daemon.readers import Presented, ReaderEvent, ReaderState, Removed, StateChanged, Unreadable
from daemon.readers.channel import CardChannel, Connect
from daemon.readers.errors import (
    CardLostError,
    CardSilentError,
    NoCardError,
    ReaderDeniedError,
    ReaderLostError,
)

T = TypeVar("T")
UID_TIMEOUT_S = 2.0
REREAD_S = 0.5
TOO_SHORT = "the card was taken away too soon: hold it still"


class Slot(msgspec.Struct, frozen=True):
    """What lies on a reader now.

    moves: how often a card came or went, so that one which did both between two looks is noticed.
    gone:  why the reader itself is not there any more, or "".
    """

    present: bool = False
    atr: bytes = b""
    moves: int = 0
    gone: str = ""


class OpenChipReader:
    """A chip reader that is open. ``update`` tells it what lies there; only the newest counts."""

    def __init__(self, name: str, clock: Clock, connect: Connect) -> None:
        self._name = name
        self._clock = clock
        self._channel = CardChannel(connect, name=name, on_recovered=self._on_recovered)
        self._changed = asyncio.Event()
        self._slot = Slot()
        self._moves: int | None = None
        self._lying = False
        self._unread = False
        self._lost = False
        self._recovered = False

    def update(self, slot: Slot) -> None:
        """Take in what the reader says lies there now; called on the loop."""
        self._slot = slot
        self._changed.set()

    def _on_recovered(self) -> None:
        self._recovered = True
        self._changed.set()

    async def events(self) -> AsyncIterator[ReaderEvent]:
        """Yield events until the reader is gone; then raise ReaderLostError.

        A card that lies there at the start is presented. One that came and went too fast to be
        read is Unreadable, never passed over; one that stays and could not be read is tried
        again every REREAD_S, in case it was only held badly. So is one that was lost in a
        dialogue: it may be back, or another in its place, before the reader has looked.
        """
        while True:
            again = await self._time_to_reread()
            slot = self._slot
            if slot.gone:
                raise ReaderLostError(slot.gone)
            moved, self._moves = self._has_moved, slot.moves
            # Left. ``moves`` counts comings and goings in the reader's own words: a card that was
            # taken and laid down again between two looks has moved, though one lies there now.
            was_lying = self._lying
            if was_lying and (moved or not slot.present):
                self._lying = self._unread = self._lost = False
                self._channel.release()
                yield Removed(self._name)
                self._recovered = self._recovered or not self._channel.stuck
            # The reader answers again after it had been reported stuck.
            if self._recovered:
                self._recovered = False
                if self._lying:  # it answered late, or it is leaving: look again in a moment
                    self._unread = True
                else:
                    yield StateChanged(self._name, ReaderState.READY)
            # Came, or is tried again. What could not be read is told once, not at every try.
            if slot.present and (again or not self._lying):
                self._lying = True
                event = await self._present(slot)
                self._unread = not (isinstance(event, Presented) or self._channel.stuck)
                if self._lost and not self._unread:
                    self._lost = False
                    yield Removed(self._name)
                if not (again and isinstance(event, Unreadable)):
                    yield event
            elif moved and not was_lying:
                yield Unreadable(self._name, TOO_SHORT)

    @property
    def _has_moved(self) -> bool:
        """Whether a card came or went that has not been told yet."""
        return self._moves is not None and self._slot.moves != self._moves

    async def _time_to_reread(self) -> bool:
        """Wait for a change (False), or for the time to try an unread card again (True)."""
        try:
            async with asyncio.timeout(REREAD_S if self._unread or self._lost else None):
                await self._changed.wait()
        except TimeoutError:
            return True
        self._changed.clear()
        return False

    async def _present(self, slot: Slot) -> ReaderEvent:
        try:
            self._channel.renew()
            uid = await self._channel.converse(read_uid(), timeout_s=UID_TIMEOUT_S)
        except CardSilentError as error:
            return StateChanged(self._name, ReaderState.STUCK, str(error))
        except ReaderDeniedError as error:
            return StateChanged(self._name, ReaderState.DENIED, str(error))
        except CardLostError:
            return Unreadable(self._name, TOO_SHORT)
        except CardFormatError as error:
            return Unreadable(self._name, error.message)
        shown = Shown(Medium.CHIP, uid, slot.atr)
        return Presented(self._name, shown, self._clock.monotonic_s())

    async def converse(self, dialogue: Dialogue[T], *, timeout_s: float) -> T:
        """Run ``dialogue`` with the chip that lies there (see ``daemon.readers.OpenReader``)."""
        if not self._lying:
            dialogue.close()
            raise NoCardError("no card lies on the reader")
        try:
            value = await self._channel.converse(dialogue, timeout_s=timeout_s)
        except CardLostError:
            self._lost = True
            self._changed.set()
            raise
        self._lost = False
        return value

    async def close(self) -> None:
        """Let a running dialogue end and let go of the card, which may have left by now."""
        has_left = self._has_moved or not self._slot.present or bool(self._slot.gone)
        await self._channel.close(has_left=has_left)
