"""Conversations with the chips that lie on the readers: purses stay open while they lie there."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar

from card_formats.apdu import CommandApdu, Dialogue
from card_formats.chip.purse import ChipPurse, Messaging, open_purse
from card_formats.chip.uid import read_uid
from card_formats.credential import Shown
from card_formats.crypto import BLOCK_BYTES
from card_formats.errors import CardFormatError
from daemon.base.clock import Clock
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.keys.chip_keys import ChipKeys
from daemon.keys.key_files import KeyFileError
from daemon.ledger.sale_answers import ChipTraffic
from daemon.readers.errors import CardLostError, NoCardError, ReaderError

T = TypeVar("T")
UID_BYTES = 7
NO_ANSWER = "apdu.no-answer"
"""Of a CardFormatError: the reader spoke in the card's place (`run_dialogue`)."""
EXCHANGE_TIMEOUT_S = 2.0
"""How long one APDU may take; then the reader is stuck and the outcome unknown."""


class ChipReaders(Protocol):
    """What is asked of the readers."""

    @property
    def cards(self) -> Mapping[str, Shown]:
        """The chip that lies on each reader; each presentation is another object."""
        ...

    async def converse(self, reader: str, dialogue: Dialogue[T], *, timeout_s: float) -> T:
        """Run ``dialogue`` with the chip on ``reader``. Raises a ReaderError."""
        ...


class OpenCard:
    """A purse that lies on ``reader`` and has authenticated.

    shown: as the reader presented it: another presentation is another session.
    apdus, talked_s: since its last sale, the opening included; the time is the exchanges' own.
    """

    def __init__(self, reader: str, shown: Shown, clock: Clock) -> None:
        self.reader = reader
        self.shown = shown
        self._clock = clock
        self.uid = shown.raw.hex().upper()
        self.apdus = 0
        self.talked_s = 0.0
        self.looked_after = False
        self._purse: ChipPurse | None = None

    @property
    def purse(self) -> ChipPurse:
        """The purse; it has been opened."""
        assert self._purse is not None
        return self._purse

    @purse.setter
    def purse(self, purse: ChipPurse) -> None:
        self._purse = purse

    @property
    def is_open(self) -> bool:
        """Whether the session still lives."""
        return self._purse is not None and self._purse.channel.alive

    @property
    def traffic(self) -> ChipTraffic:
        """What was said so far."""
        return ChipTraffic(self.apdus, round(self.talked_s * 1000))

    def count_anew(self) -> None:
        """Begin the next sale's count."""
        self.apdus, self.talked_s = 0, 0.0

    def counted(self, dialogue: Dialogue[T]) -> Dialogue[T]:
        """Return ``dialogue``, with its APDUs counted."""
        try:
            command: CommandApdu = next(dialogue)
            while True:
                self.apdus += 1
                begun_s = self._clock.monotonic_s()
                try:
                    answer = yield command
                finally:
                    self.talked_s += self._clock.monotonic_s() - begun_s
                command = dialogue.send(answer)
        except StopIteration as end:
            value: T = end.value
            return value
        finally:
            dialogue.close()


class ChipTerminal:
    """All the chip readers of a till. One card is spoken to by one caller at a time."""

    def __init__(self, readers: ChipReaders, keys: ChipKeys, clock: Clock) -> None:
        self.keys = keys
        self._readers = readers
        self._clock = clock
        self._open: dict[str, OpenCard] = {}
        self._failed: set[tuple[str, bytes]] = set()
        self._turns: dict[str, asyncio.Lock] = {}

    def reader_of(self, uid: str) -> str | None:
        """Return the reader that a chip lies on."""
        raw = bytes.fromhex(uid)
        return next((name for name, shown in self._readers.cards.items() if shown.raw == raw), None)

    def shown_at(self, reader: str) -> Shown | None:
        """Return what lies on a reader."""
        return self._readers.cards.get(reader)

    def lying(self, reader: str) -> OpenCard | None:
        """Return the purse on ``reader`` if its session lives and no card came since."""
        known = self._open.get(reader)
        is_it = known is not None and known.shown is self.shown_at(reader) and known.is_open
        return known if is_it else None

    @asynccontextmanager
    async def turn(self, reader: str) -> AsyncIterator[None]:
        """Have a reader's chip alone while the block runs."""
        async with self._turns.setdefault(reader, asyncio.Lock()):
            yield

    async def open(self, reader: str, messaging: Messaging = Messaging.EV2) -> OpenCard:
        """Return the open purse on ``reader``: the session there is, or a new one.

        messaging: the channel to try first.
        Raises: RefusedError NO_CARD and the readers'; CardFormatError as `open_purse`.
        """
        shown = self._readers.cards.get(reader)
        if shown is None:
            self._open.pop(reader, None)
            raise RefusedError(ErrorCode.NO_CARD, "Show the card again.", reader=reader)
        if (known := self.lying(reader)) is not None:
            return known
        card = OpenCard(reader, shown, self._clock)
        try:
            key = self.keys.till_key(shown.raw)
        except KeyFileError as error:
            raise RefusedError(ErrorCode.NO_HARDWARE, str(error)) from error
        nonce = secrets.token_bytes(BLOCK_BYTES)
        # What a dialogue left behind when it failed goes with the card's power, and not before. A
        # new presentation is no proof that it had none: a reader that lost an answer in the field
        # presents the card again, which has kept its power and what was written.
        is_left = (reader, shown.raw) in self._failed
        discard = secrets.token_bytes(BLOCK_BYTES) if is_left else b""
        self._open.pop(reader, None)
        opening = open_purse(key, nonce, messaging=messaging, discard=discard)
        try:
            card.purse = await self.ask(card, opening, writes=False)
        except ReaderError as error:
            raise refusal(error, reader) from error
        self._failed.discard((reader, shown.raw))
        self._open[reader] = card
        return card

    async def ask(self, card: OpenCard, dialogue: Dialogue[T], *, writes: bool = True) -> T:
        """Run a dialogue with a card. Raises a ReaderError, and what the dialogue raises.

        writes: whether it may leave something on the card that is not committed when it fails.
        """
        counted = card.counted(dialogue)
        try:
            return await self._readers.converse(card.reader, counted, timeout_s=EXCHANGE_TIMEOUT_S)
        except BaseException:  # also where nobody waits for the answer any more
            if writes:
                self._failed.add((card.reader, card.shown.raw))
            raise

    async def doubt(self, reader: str, shown: Shown, *, is_known: bool) -> None:
        """Say what to think of a chip that gave no answer, only its reader did.

        is_known: it has proved itself before, and may well do so again.
        Returns:  for a stranger who lies there still: it speaks so.
        Raises:   RefusedError NO_CARD for one that left, or that would be called forged.
        """
        await self.check_same_card(reader, shown)
        if is_known:
            raise refusal(CardLostError("the card did not answer"), reader)

    async def check_same_card(self, reader: str, shown: Shown) -> None:
        """Raise RefusedError NO_CARD where another card lies there by now, or none."""
        try:
            lying = await self.listen(reader, read_uid())
        except CardFormatError as error:
            raise refusal(CardLostError("the card is leaving"), reader) from error
        if lying != shown.raw:
            raise RefusedError(ErrorCode.NO_CARD, "Show the card again.", reader=reader)

    async def listen(self, reader: str, dialogue: Dialogue[T]) -> T:
        """Run a dialogue with a chip that is no purse. Raises RefusedError for a lost reader."""
        try:
            return await self._readers.converse(reader, dialogue, timeout_s=EXCHANGE_TIMEOUT_S)
        except ReaderError as error:
            raise refusal(error, reader) from error


def refusal(error: ReaderError, reader: str) -> RefusedError:
    """Say what the cashier should do about a card that could not be read."""
    if isinstance(error, CardLostError | NoCardError):
        code = ErrorCode.NO_CARD
        detail = "The card was taken away too soon; lay it down again and hold it still."
    else:
        code, detail = error.error_code, f"{error}."
    return RefusedError(code, detail, reader=reader)


def misread(error: CardFormatError) -> RefusedError:
    """Say that what came from the card makes no sense: noise, as long as nothing proves more."""
    return RefusedError(ErrorCode.MISREAD, f"Misread ({error.code}); lay the card down again.")
