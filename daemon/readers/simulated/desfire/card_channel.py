"""How commands and answers are protected, as the card sees it; the plain and the oldest way."""

from typing import Protocol

import msgspec

from daemon.readers.simulated.desfire.card_files import CommMode
from daemon.readers.simulated.desfire.cipher import (
    BlockCipher,
    KeyKind,
    crc16,
    pad_zero,
    padded_bytes,
    xor,
)
from daemon.readers.simulated.desfire.status_codes import FramesMissingError, Status, require

WRITE_DATA, WRITE_RECORD = 0x3D, 0x3B
_CONTINUED_IN_FRAMES = {WRITE_DATA, WRITE_RECORD}


class Command(msgspec.Struct, frozen=True):
    """A command with the parameters of all its frames so far."""

    ins: int
    payload: bytes

    def header(self, count: int) -> bytes:
        """Return the first ``count`` parameters, which are never encrypted."""
        require(len(self.payload) >= count, Status.LENGTH)
        return self.payload[:count]

    def body(self, header_bytes: int, count: int) -> bytes:
        """Return the ``count`` bytes after the header. Raises StatusError, FramesMissingError."""
        self.header(header_bytes)
        body = self.payload[header_bytes:]
        if len(body) < count and self.ins in _CONTINUED_IN_FRAMES:
            raise FramesMissingError
        require(len(body) == count, Status.LENGTH)
        return body


class Channel(Protocol):
    """One session's protection. A refused command ends the session, so nothing is undone."""

    def wire_bytes(self, count: int, mode: CommMode, extra: int = 0) -> int:
        """Return how long the body of a command is that carries ``count`` bytes of data.

        extra: bytes behind the data's checksum: ChangeKey carries a second one.
        """
        ...

    def open(
        self, command: Command, header_bytes: int, count: int, mode: CommMode, extra: int = 0
    ) -> bytes:
        """Return the command's data, checked, ``extra`` bytes behind it."""
        ...

    def close(self, data: bytes, mode: CommMode, *, read_all: bool = False) -> bytes:
        """Return the answer's body. ``read_all``: the reader asked for length 0."""
        ...


class PlainChannel:
    """Nobody has authenticated."""

    def wire_bytes(self, count: int, mode: CommMode, extra: int = 0) -> int:
        """Return the data's own length."""
        return count + extra

    def open(
        self, command: Command, header_bytes: int, count: int, mode: CommMode, extra: int = 0
    ) -> bytes:
        """Return the data as it came."""
        return command.body(header_bytes, count + extra)

    def close(self, data: bytes, mode: CommMode, *, read_all: bool = False) -> bytes:
        """Return the data as it is."""
        return data


class D40Channel:
    """The first DESFire's protection, for the blank card's DES key: no MACs at card level.

    Source: MF3ICD40 data sheet; the reader decrypts what it sends, so the card encrypts.
    """

    def __init__(self, session_key: bytes) -> None:
        self._cipher = BlockCipher(KeyKind.DES, session_key)

    def wire_bytes(self, count: int, mode: CommMode, extra: int = 0) -> int:
        """Return the length with CRC16 and padding when encrypted."""
        return padded_bytes(count + 2, 8) if mode is CommMode.FULL and count else count

    def open(
        self, command: Command, header_bytes: int, count: int, mode: CommMode, extra: int = 0
    ) -> bytes:
        """Return the data; the CRC16 covers the data alone."""
        body = command.body(header_bytes, self.wire_bytes(count, mode))
        if not count or mode is not CommMode.FULL:
            return body
        plain = send_decoded(self._cipher, body)
        data = plain[:count]
        require(plain == pad_zero(data + crc16(data), 8), Status.INTEGRITY)
        return data

    def close(self, data: bytes, mode: CommMode, *, read_all: bool = False) -> bytes:
        """Return the data, encrypted with its CRC16 if it must be."""
        if mode is not CommMode.FULL or not data:
            return data
        return self._cipher.encrypt(b"", pad_zero(data + crc16(data), 8))


def send_decoded(cipher: BlockCipher, data: bytes) -> bytes:
    """Undo the reader's decryption: each block of ours is E(block) ^ the block before."""
    size = cipher.block_bytes
    blocks = [data[at : at + size] for at in range(0, len(data), size)]
    before = [cipher.zero_iv, *blocks[:-1]]
    return b"".join(
        xor(cipher.encrypt(b"", block), previous)
        for block, previous in zip(blocks, before, strict=True)
    )
