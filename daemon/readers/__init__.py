"""Readers: one module per kind of device. A reader yields events and nothing else."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from typing import Protocol, TypeVar

import msgspec

from card_formats.apdu import Dialogue
from card_formats.credential import Shown

T = TypeVar("T")


class ReaderState(StrEnum):
    """What the POS may show about a reader."""

    ABSENT = "absent"
    READY = "ready"
    CARD = "card"
    BUSY = "busy"
    STUCK = "stuck"
    DENIED = "denied"


class Presented(msgspec.Struct, frozen=True, tag=True):
    """A card or code is at the reader.

    presented_at_s: monotonic seconds.
    duplicate:      the same code came from the same reader a moment ago.
    """

    reader: str
    shown: Shown
    presented_at_s: float
    duplicate: bool = False


class Removed(msgspec.Struct, frozen=True, tag=True):
    """The card left the field."""

    reader: str


class Unreadable(msgspec.Struct, frozen=True, tag=True):
    """The device sent something that is no reading. ``reason`` never quotes the input."""

    reader: str
    reason: str


class StateChanged(msgspec.Struct, frozen=True, tag=True):
    """The reader's state. ``detail`` is a sentence for the cashier, or ""."""

    reader: str
    state: ReaderState
    detail: str = ""


class Overflow(msgspec.Struct, frozen=True, tag=True):
    """So many events were lost because nobody took them from the queue."""

    lost: int


ReaderEvent = Presented | Removed | Unreadable | StateChanged | Overflow


class OpenReader(Protocol):
    """A reader whose device is open."""

    def events(self) -> AsyncIterator[ReaderEvent]:
        """Yield events until the device is lost; then raise ReaderLostError."""
        ...

    async def converse(self, dialogue: Dialogue[T], *, timeout_s: float) -> T:
        """Run ``dialogue`` with the chip that lies there; ``timeout_s`` holds for each exchange.

        Raises: NoCardError when none lies there, CardLostError when it is pulled away,
                CardSilentError at the deadline. Cancelling lets the card finish first.
        """
        ...


class Reader(Protocol):
    """A configured reader: ``async with reader.open() as open_reader``."""

    name: str

    def open(self) -> AbstractAsyncContextManager[OpenReader]:
        """Open the device; release it on exit whatever happened inside."""
        ...
