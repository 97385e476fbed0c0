"""Where cards are laid down one after the other: the reader, the keys, the ledger, the clock."""

import asyncio
import secrets
from collections.abc import Callable
from typing import Protocol, TypeVar

from card_formats.apdu import Dialogue
from card_formats.chip.purse import ChipPurse, open_purse
from card_formats.chip.purse_issue import CardKeys
from card_formats.credential import Shown
from card_formats.crypto import BLOCK_BYTES
from card_formats.errors import CardFormatError
from daemon.base.chip_section import ChipSection
from daemon.base.clock import Clock
from daemon.chip.terminal import EXCHANGE_TIMEOUT_S, UID_BYTES
from daemon.keys.chip_keys import ChipKeys
from daemon.ledger.ledger import Ledger
from daemon.readers import Presented, ReaderEvent, ReaderState, StateChanged, Unreadable

T = TypeVar("T")


class BenchReaders(Protocol):
    """What is asked of the readers: what lies there, and conversations with it."""

    @property
    def events(self) -> asyncio.Queue[ReaderEvent]:
        """What the readers say, one after the other."""
        ...

    async def converse(self, reader: str, dialogue: Dialogue[T], *, timeout_s: float) -> T:
        """Run ``dialogue`` with the chip on ``reader``. Raises a ReaderError."""
        ...


class CardBench:
    """Whom the cards are laid down at: the readers, the keys, and the ledger they are issued in."""

    def __init__(
        self,
        readers: BenchReaders,
        keys: ChipKeys,
        section: ChipSection,
        ledger: Ledger,
        clock: Clock,
        text: Callable[[int], str],
    ) -> None:
        """text: writes an amount of the purse on the chips for people."""
        self.keys = keys
        self.section = section
        self.ledger = ledger
        self.clock = clock
        self.text = text
        self._readers = readers

    def now_s(self) -> int:
        """Return the seconds since 1970, as a chip counts time."""
        return int(self.clock.now().timestamp())

    def card_keys(self, shown: Shown, generation: int | None = None) -> CardKeys:
        """Return all keys of a card, the newest unless told. Raises KeyFileError, and as `ask`."""
        return self.keys.card_keys(fixed_uid(shown), generation)

    async def ask(self, reader: str, dialogue: Dialogue[T]) -> T:
        """Run a dialogue with the card that lies there."""
        return await self._readers.converse(reader, dialogue, timeout_s=EXCHANGE_TIMEOUT_S)

    async def open(self, reader: str, shown: Shown) -> ChipPurse:
        """Open the purse that lies there. Raises CardFormatError as `open_purse`."""
        return await self.ask(reader, open_purse(self.keys.till_key(fixed_uid(shown)), nonce()))

    async def ready(self) -> None:
        """Wait until a reader is there; what is wrong with one is logged."""
        while True:
            match await self._readers.events.get():
                case StateChanged(state=ReaderState.READY):
                    return
                case _:
                    pass

    async def next_card(self, tell: Callable[[str], None]) -> tuple[str, Shown]:
        """Wait for a chip; tell of one that could not be read. A reader's own state is logged."""
        while True:
            match await self._readers.events.get():
                case Presented(reader=reader, shown=shown):
                    return reader, shown
                case Unreadable(reader=reader, reason=reason):
                    tell(f"{reader}: {reason}")
                case _:
                    pass


def fixed_uid(shown: Shown) -> bytes:
    """Return a UID that may have keys. Raises CardFormatError ``uid.bad-length``."""
    if len(shown.raw) != UID_BYTES:
        raise CardFormatError("uid.bad-length", "a purse needs a chip with a fixed UID of 7 bytes")
    return shown.raw


def nonce() -> bytes:
    """Return 16 bytes that were never used before."""
    return secrets.token_bytes(BLOCK_BYTES)
