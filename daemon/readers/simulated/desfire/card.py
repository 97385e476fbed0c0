"""The card as its reader sees it: native frames, wrapped frames, ISO SELECT, the UID."""

from card_formats.atr import encode_contactless
from daemon.readers.simulated.desfire.authentication import Random
from daemon.readers.simulated.desfire.card_frames import Frames
from daemon.readers.simulated.desfire.card_state import AS_OBSERVED, CARD_LEVEL, Chip, Traits
from daemon.readers.simulated.desfire.memory import Memory
from daemon.readers.simulated.desfire.status_codes import Status

_STATUS_FOLLOWS = 0x91
_SELECT, _BY_NAME, _BY_FILE = 0xA4, 0x04, 0x00
_CARD_LEVEL_NAMES = {
    (_BY_NAME, bytes.fromhex("D2760000850100")),
    (_BY_FILE, bytes.fromhex("3F00")),
    (_BY_FILE, b""),
}
_GET_UID = bytes.fromhex("FFCA0000")
_OK, _WRONG_LENGTH = bytes.fromhex("9000"), bytes.fromhex("6700")
_FILE_NOT_FOUND, _WRONG_P1_P2 = bytes.fromhex("6A82"), bytes.fromhex("6A86")
_INS_NOT_SUPPORTED, _FUNCTION_NOT_SUPPORTED = bytes.fromhex("6D00"), bytes.fromhex("6A81")
_RANDOM_UID_MARK = b"\x08"  # ISO/IEC 14443-3: four bytes that start with it name nobody


class DesfireCard:
    """A DESFire card in the field of a reader that passes everything on.

    random:     gives so many bytes: challenges, transaction identifiers, random UIDs.
    traits:     what differs between cards.
    """

    atr = encode_contactless(b"\x80")

    def __init__(self, memory: Memory, random: Random, traits: Traits = AS_OBSERVED) -> None:
        self._random = random
        self._traits = traits
        self.restore(memory)

    def snapshot(self) -> Memory:
        """Return what the card keeps without power."""
        return self._frames.chip.memory

    def restore(self, memory: Memory) -> None:
        """Become the card that ``memory`` was taken from, just powered."""
        self._frames = Frames(Chip(memory, self._random, self._traits))
        self._shown_uid = memory.uid
        if memory.random_uid:
            self._shown_uid = _RANDOM_UID_MARK + self._random(3)

    def reset(self) -> None:
        """Take the power away and give it back."""
        self.restore(self.snapshot())

    def transmit(self, command: bytes) -> bytes:
        """Answer any bytes: to a native command status first, to the others status word last."""
        if not command:
            return self._refused(bytes((Status.LENGTH,)))
        match command[0]:
            case 0x90:
                return self._wrapped(command)
            case 0x00:
                return self._iso(command)
            case 0xFF:
                return self._reader(command)
            case ins:
                status, data = self._frames.exchange(ins, command[1:], len(command))
                return bytes((status,)) + data

    def _wrapped(self, apdu: bytes) -> bytes:
        """Answer ``90 INS 00 00 [Lc data] 00``."""
        parameters = apdu[5:-1]
        well_formed = len(apdu) == 5 or apdu[4:5] == bytes((len(parameters),)) != b"\x00"
        if not well_formed or apdu[-1] != 0:
            return self._refused(_WRONG_LENGTH)
        if apdu[2:4] != b"\x00\x00":
            return self._refused(_WRONG_P1_P2)
        status, data = self._frames.exchange(apdu[1], parameters, len(apdu))
        return data + bytes((_STATUS_FOLLOWS, status))

    def _iso(self, apdu: bytes) -> bytes:
        """Answer SELECT; the DESFire name and the master file lead to card level."""
        if apdu[1:2] != bytes((_SELECT,)):
            return self._refused(_INS_NOT_SUPPORTED)
        count = apdu[4] if len(apdu) > 5 else 0
        name = apdu[5 : 5 + count]
        if len(apdu) < 4 or len(name) != count or len(apdu) > 6 + count:
            return self._refused(_WRONG_LENGTH)
        if (apdu[2], name) not in _CARD_LEVEL_NAMES:
            return self._refused(_FILE_NOT_FOUND)
        self._frames.chip.select(CARD_LEVEL)
        return self._refused(_OK)

    def _reader(self, apdu: bytes) -> bytes:
        """Answer for the reader: the UID of anticollision (PC/SC part 3)."""
        shown = self._shown_uid
        if apdu[:4] == _GET_UID and apdu[4:] in (b"", b"\x00", bytes((len(shown),))):
            return shown + _OK
        return _FUNCTION_NOT_SUPPORTED

    def _refused(self, status_word: bytes) -> bytes:
        """Return ``status_word``; nothing outside the native commands leaves a session alive."""
        self._frames.refuse()
        return status_word
