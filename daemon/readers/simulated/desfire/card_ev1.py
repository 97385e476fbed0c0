"""EV1 secure messaging: one IV runs through all commands and answers, MACed or encrypted."""

from daemon.readers.simulated.desfire.card_channel import Command
from daemon.readers.simulated.desfire.card_files import CommMode
from daemon.readers.simulated.desfire.cipher import (
    BlockCipher,
    KeyKind,
    crc32,
    pad_80,
    pad_zero,
    padded_bytes,
)
from daemon.readers.simulated.desfire.status_codes import Status, require

MAC_BYTES = 8
CRC_BYTES = 4
_VALUE_COMMANDS = {0x0C, 0xDC, 0x1C}


class Ev1Channel:
    """After AuthenticateAES and AuthenticateISO.

    value_macs: whether Credit, Debit and LimitedCredit carry a MAC in CommMode.MAC; libraries
                disagree about what real cards want.
    """

    def __init__(self, kind: KeyKind, session_key: bytes, *, value_macs: bool = True) -> None:
        self._cipher = BlockCipher(kind, session_key)
        self._iv = self._cipher.zero_iv
        self._value_macs = value_macs

    def wire_bytes(self, count: int, mode: CommMode, extra: int = 0) -> int:
        """Return the length with MAC, or with CRC32 and padding."""
        if not count or mode is CommMode.PLAIN:
            return count
        if mode is CommMode.MAC:
            return count + MAC_BYTES
        return padded_bytes(count + CRC_BYTES + extra, self._cipher.block_bytes)

    def open(
        self, command: Command, header_bytes: int, count: int, mode: CommMode, extra: int = 0
    ) -> bytes:
        """Return the data. Only data is MACed on the wire; every command moves the IV on."""
        if mode is CommMode.MAC and not self._value_macs and command.ins in _VALUE_COMMANDS:
            mode = CommMode.PLAIN
        body = command.body(header_bytes, self.wire_bytes(count, mode, extra))
        start = bytes((command.ins,)) + command.header(header_bytes)
        if count and mode is CommMode.FULL:
            return self._deciphered(start, body, count, extra)
        mac = self._mac(start + body[:count])
        require(body[count:] in (b"", mac), Status.INTEGRITY)
        return body[:count]

    def _deciphered(self, start: bytes, body: bytes, count: int, extra: int) -> bytes:
        plain = self._cipher.decrypt(self._iv, body)
        self._iv = body[-self._cipher.block_bytes :]
        end = count + CRC_BYTES + extra
        data, behind = plain[:count], plain[count + CRC_BYTES : end]
        expected = data + crc32(start + data) + behind
        require(plain == pad_zero(expected, self._cipher.block_bytes), Status.INTEGRITY)
        return data + behind

    def _mac(self, data: bytes) -> bytes:
        self._iv = self._cipher.cmac(data, self._iv)
        return self._iv[:MAC_BYTES]

    def close(self, data: bytes, mode: CommMode, *, read_all: bool = False) -> bytes:
        """Return the data with its MAC, in Plain mode too, or encrypted with its CRC32."""
        if mode is not CommMode.FULL or not data:
            return data + self._mac(data + b"\x00")
        pad = pad_80 if read_all else pad_zero
        plain = pad(data + crc32(data + b"\x00"), self._cipher.block_bytes)
        cipher = self._cipher.encrypt(self._iv, plain)
        self._iv = cipher[-self._cipher.block_bytes :]
        return cipher
