"""A simulated chip reader: a field in which a played card lies, behind the real channel."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from daemon.base.clock import Clock
from daemon.readers.chip import OpenChipReader, Slot
from daemon.readers.errors import CardLostError, ReaderLostError
from daemon.readers.simulated.sample_cards import PlayedCard

_UNPLUGGED = "the simulated reader is unplugged"


class Field:
    """Where a card lies. ``put`` and the like are called on the loop, ``transmit`` anywhere."""

    def __init__(self) -> None:
        self.card: PlayedCard | None = None
        self.plugged = True
        self._moves = 0
        self._listener: Callable[[Slot], None] = lambda slot: None

    def listen(self, listener: Callable[[Slot], None]) -> None:
        """Tell ``listener`` what lies here now and from now on."""
        self._listener = listener
        self._tell()

    def put(self, card: PlayedCard) -> None:
        """Lay ``card`` here, in place of one that lies here."""
        self.remove()
        self.card = card
        self._moves += 1
        self._tell()

    def remove(self) -> None:
        """Take the card away, if one lies here."""
        if self.card is not None:
            card, self.card = self.card, None
            card.take_away()
            self._moves += 1
            self._tell()

    def lose(self) -> None:
        """Let the reader lose the card at the field's edge, and find it at once."""
        self._moves += 1
        self._tell()

    def plug(self, *, plugged: bool) -> None:
        """Connect or disconnect the reader itself; no card lies on it afterwards."""
        self.remove()
        self.plugged = plugged
        self._tell()

    def _tell(self) -> None:
        atr = self.card.atr if self.card else b""
        gone = "" if self.plugged else _UNPLUGGED
        self._listener(Slot(self.card is not None, atr, self._moves, gone))


class FieldLink:
    """The card in a field, powered. One that is torn leaves it, one at its edge comes back.

    Whether a reset reaches that one is its own affair (``FaultyCard.keeps_power``).
    """

    def __init__(self, field: Field, loop: asyncio.AbstractEventLoop) -> None:
        """Power the card. Raises ReaderLostError, CardLostError."""
        if not field.plugged:
            raise ReaderLostError(_UNPLUGGED)
        card = field.card
        if card is None:
            raise CardLostError("the card has left")
        card.reset()
        self._card = card
        self._field = field
        self._loop = loop

    def transmit(self, command: bytes) -> bytes:
        """Exchange one APDU. Raises CardLostError."""
        try:
            return self._card.transmit(command)
        except CardLostError:
            with suppress(RuntimeError):  # the loop is closed: nobody looks at the field any more
                self._loop.call_soon_threadsafe(self._lost)
            raise

    def _lost(self) -> None:
        if self._field.card is not self._card:
            return
        if self._card.is_taken:
            self._field.remove()
        else:
            self._field.lose()

    def close(self, *, has_left: bool = False) -> None:
        """Let go of the card."""


class SimulatedChipReader:
    """The reader over a field: everything above the card's bytes is the product's own code."""

    def __init__(self, name: str, clock: Clock, field: Field) -> None:
        self.name = name
        self._clock = clock
        self._field = field

    @asynccontextmanager
    async def open(self) -> AsyncIterator[OpenChipReader]:
        """Raise ReaderLostError while the reader is unplugged."""
        if not self._field.plugged:
            raise ReaderLostError(_UNPLUGGED)
        loop = asyncio.get_running_loop()
        open_reader = OpenChipReader(self.name, self._clock, lambda: FieldLink(self._field, loop))
        self._field.listen(open_reader.update)
        try:
            yield open_reader
        finally:
            self._field.listen(lambda slot: None)
            await open_reader.close()
