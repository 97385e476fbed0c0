"""Command and response APDUs, short form (ISO/IEC 7816-4), and the dialogues made of them."""

from collections.abc import Generator
from typing import TypeAlias, TypeVar

import msgspec

from card_formats.errors import CardFormatError

DATA_BYTES_MAX = 255
SW_OK = 0x9000
READER_CLA = 0xFF  # PC/SC part 3: such a command is for the reader, not for the card
SW_NO_ANSWER = (0x6300, 0x6401, 0x6F00)
"""What readers say in the place of a card that did not answer, such as one that is leaving: the
ACR122U 6300 and 6401 (its API 2.04, appendix), others 6F00. A stranger may say it of itself."""


class CommandApdu(msgspec.Struct, frozen=True):
    """A command to the card. ``le`` is how many bytes are wanted back (256 at most), or None."""

    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes = b""
    le: int | None = None

    def encode(self) -> bytes:
        """Return the short-form encoding, 4 to 261 bytes."""
        assert len(self.data) <= DATA_BYTES_MAX
        assert self.le is None or 1 <= self.le <= 256
        header = bytes((self.cla, self.ins, self.p1, self.p2))
        body = bytes((len(self.data),)) + self.data if self.data else b""
        tail = bytes((self.le % 256,)) if self.le is not None else b""
        return header + body + tail


class ResponseApdu(msgspec.Struct, frozen=True):
    """What the card answered: ``data`` without the status word, and ``sw`` (0..0xFFFF)."""

    data: bytes
    sw: int

    def is_no_answer_to(self, command: CommandApdu) -> bool:
        """Whether a command for the card was answered by its reader, because the card did not."""
        return command.cla != READER_CLA and self.sw in SW_NO_ANSWER

    @classmethod
    def decode(cls, raw: bytes) -> "ResponseApdu":
        """Split ``raw``, status word last. Raises CardFormatError ``apdu.short``."""
        if len(raw) < 2:
            raise CardFormatError("apdu.short", f"{len(raw)} bytes, at least 2 expected")
        return cls(data=raw[:-2], sw=int.from_bytes(raw[-2:], "big"))


T = TypeVar("T")
Dialogue: TypeAlias = Generator[CommandApdu, ResponseApdu, T]
"""A conversation with a chip: yields commands, is sent responses, returns T. It does no I/O."""
