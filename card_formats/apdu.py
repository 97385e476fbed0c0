"""Command and response APDUs, short form (ISO/IEC 7816-4), and the dialogues made of them."""

from collections.abc import Generator
from typing import TypeAlias, TypeVar

import msgspec

from card_formats.errors import CardFormatError

DATA_BYTES_MAX = 255
SW_OK = 0x9000


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

    @classmethod
    def decode(cls, raw: bytes) -> "ResponseApdu":
        """Split ``raw``, status word last. Raises CardFormatError ``apdu.short``."""
        if len(raw) < 2:
            raise CardFormatError("apdu.short", f"{len(raw)} bytes, at least 2 expected")
        return cls(data=raw[:-2], sw=int.from_bytes(raw[-2:], "big"))


T = TypeVar("T")
Dialogue: TypeAlias = Generator[CommandApdu, ResponseApdu, T]
"""A conversation with a chip: yields commands, is sent responses, returns T. It does no I/O."""
