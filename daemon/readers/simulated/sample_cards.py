"""Simulated cards: chips that take bytes and give bytes, and the sample cards of the demo."""

import threading
from typing import Protocol

import msgspec

from card_formats.atr import StorageCard, encode_contactless, encode_storage
from daemon.readers.errors import CardLostError

ISO14443A, NTAG = 3, 3
_UID_COMMAND = bytes.fromhex("FFCA0000")
_INS_NOT_SUPPORTED = bytes.fromhex("6D00")
_FUNCTION_NOT_SUPPORTED = bytes.fromhex("6A81")
_OK = bytes.fromhex("9000")


class CardModel(Protocol):
    """A chip, as its reader sees it: APDU bytes in, APDU bytes out. Knows no time, no faults."""

    atr: bytes

    def reset(self) -> None:
        """Take the power away and give it back."""
        ...

    def transmit(self, command: bytes) -> bytes:
        """Answer any bytes at all, status word last."""
        ...


class TokenCard:
    """A chip that tells its UID and nothing else, as every chip that is not ours looks to us."""

    def __init__(self, uid: bytes, atr: bytes = b"") -> None:
        self.uid = uid
        self.atr = atr or encode_storage(StorageCard(ISO14443A, NTAG))

    def reset(self) -> None:
        """Nothing is lost: a UID is all there is."""

    def transmit(self, command: bytes) -> bytes:
        """Answer GET DATA with the UID; refuse the rest."""
        if command[:4] == _UID_COMMAND and command[4:] in (b"", b"\x00", bytes((len(self.uid),))):
            return self.uid + _OK
        return _FUNCTION_NOT_SUPPORTED if command[:1] == b"\xff" else _INS_NOT_SUPPORTED


class PlayedCard:
    """A card in somebody's hand: it can be torn away, or stop answering. For any thread."""

    def __init__(self, model: CardModel) -> None:
        self._model = model
        self._changed = threading.Condition()
        self._hangs = False
        self._taken = False
        self._exchanges_left: int | None = None

    @property
    def atr(self) -> bytes:
        """The answer to reset."""
        return self._model.atr

    @property
    def is_taken(self) -> bool:
        """Whether it has left the field for good."""
        return self._taken

    def reset(self) -> None:
        """Take the power away and give it back."""
        self._model.reset()

    def transmit(self, command: bytes) -> bytes:
        """Exchange one APDU, or block for as long as the card hangs. Raises CardLostError."""
        with self._changed:
            self._changed.wait_for(lambda: self._taken or not self._hangs)
            if self._exchanges_left == 0:
                self._taken = True
            if self._taken:
                raise CardLostError("the card was torn away")
            if self._exchanges_left is not None:
                self._exchanges_left -= 1
            return self._model.transmit(command)

    def tear(self, after_exchanges: int = 0) -> None:
        """Leave the field at the next exchange, or after so many more."""
        self._exchanges_left = after_exchanges

    def hang(self) -> None:
        """Answer nothing from now on."""
        self._hangs = True

    def answer(self) -> None:
        """Answer again, the command that hangs first."""
        with self._changed:
            self._hangs = False
            self._changed.notify_all()

    def take_away(self) -> None:
        """Leave the field; an exchange that hangs ends."""
        with self._changed:
            self._taken = True
            self._changed.notify_all()


class SampleCard(msgspec.Struct, frozen=True, kw_only=True):
    """What one card sends to each kind of reader; b"" where it has nothing for it.

    barcode: what the scanner sends for it, AIM identifier included.
    stripe:  the tracks with their sentinels.
    model:   the chip itself, where it does more than tell its UID.
    """

    uid: bytes = b""
    atr: bytes = b""
    barcode: bytes = b""
    stripe: bytes = b""
    typed: bytes = b""
    model: CardModel | None = None


STRANGER = SampleCard(
    uid=bytes.fromhex("04D1A2B3C4E580"),
    barcode=b"]E04006381333931",
    stripe=b";9900000000000019?",
    typed=b"9900 0000 0000 0019",
)
# The networks' public test number; no such account exists.
BANK = SampleCard(
    uid=bytes.fromhex("08A1B2C3"),
    atr=encode_contactless(bytes.fromhex("0031C173C84000009000")),
    barcode=b"4111111111111111",
    stripe=b"%B4111111111111111^SAMPLE/CARD^29121010000000000?;4111111111111111=29121010000000000?",
    typed=b"4111 1111 1111 1111",
)


def sample_cards(
    *, plastic: str, phone: str, stripe: str, chip_uid: bytes, chip: CardModel | None = None
) -> dict[str, SampleCard]:
    """Return the demo's cards by name: ``plastic chip phone stripe stranger bank``.

    plastic: the 13 digits printed on it. phone: what its screen shows. stripe: its number.
    chip: what the chip does beside telling its UID; None is nothing.
    """
    return {
        "plastic": SampleCard(barcode=f"]E0{plastic}".encode(), typed=plastic.encode()),
        "chip": SampleCard(uid=chip_uid, model=chip),
        "phone": SampleCard(barcode=f"]Q1{phone}".encode()),
        "stripe": SampleCard(stripe=f";{stripe}?".encode(), typed=stripe.encode()),
        "stranger": STRANGER,
        "bank": BANK,
    }
