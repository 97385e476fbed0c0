"""A simulated NTAG 424 DNA whose link is another one at every tap (NXP AN12196)."""

import secrets
from collections.abc import Callable

from daemon.readers.simulated.desfire.authentication import Handshake, begin_ev2
from daemon.readers.simulated.desfire.cipher import BlockCipher, Key, KeyKind
from daemon.readers.simulated.desfire.status_codes import StatusError

_OK, _WRONG_LENGTH, _NOT_FOUND = b"\x90\x00", b"\x67\x00", b"\x6a\x82"
_INS_NOT_SUPPORTED, _NOT_ALLOWED = b"\x6d\x00", b"\x69\x86"
_FUNCTION_NOT_SUPPORTED = b"\x6a\x81"
_NDEF_NAME, _NDEF_FILE = bytes.fromhex("D2760000850101"), bytes.fromhex("E104")
# Vendor, type, subtype, major, minor, storage, protocol: of the hardware, then of the software.
_VERSION = bytes.fromhex("04040230001105"), bytes.fromhex("04040201021105")
_HTTPS = b"\x04"


class SunTag:
    """A tag of type 4 with UID and read count encrypted in its link, and a MAC over them.

    meta_key, file_key: SDM's two keys. host: what stands before ``?e=…&c=…``.
    key_number: of the file key; with another none authenticates.
    reads: how often it was read; every first read after selecting the file counts one.
    """

    atr = bytes.fromhex("3B8180018080")

    def __init__(
        self,
        uid: bytes,
        meta_key: bytes,
        file_key: bytes,
        host: str = "shop.example/t",
        key_number: int = 1,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self.uid = uid
        self.reads = 0
        self._meta = BlockCipher(KeyKind.AES, meta_key)
        self._file = BlockCipher(KeyKind.AES, file_key)
        self._host = host
        self._key, self._key_number = Key(KeyKind.AES, file_key), key_number
        self._random = random
        self.reset()

    def reset(self) -> None:
        """Take the power away and give it back."""
        self._application = False
        self._content = b""
        self._is_fresh = False
        self._version: list[bytes] = []
        self._handshake: Handshake | None = None

    def link(self) -> str:
        """Return the link that the count makes now."""
        count = self.reads.to_bytes(3, "little")
        picc = self._meta.encrypt(b"", (b"\xc7" + self.uid + count).ljust(16, b"\x55"))
        key = self._file.cmac(b"\x3c\xc3\x00\x01\x00\x80" + self.uid + count)
        mac = BlockCipher(KeyKind.AES, key).cmac(b"")[1::2]
        return f"https://{self._host}?e={picc.hex().upper()}&c={mac.hex().upper()}"

    def transmit(self, command: bytes) -> bytes:
        """Answer any bytes at all, status word last."""
        if len(command) < 4:
            return _WRONG_LENGTH
        match command[0], command[1]:
            case 0x90, instruction:
                return self._native(instruction, command[5:-1])
            case 0x00, 0xA4:
                return self._select(command)
            case 0x00, 0xB0:
                return self._read(command)
            case 0xFF, 0xCA:
                return self.uid + _OK
            case 0xFF, _:
                return _FUNCTION_NOT_SUPPORTED
            case _:
                return _INS_NOT_SUPPORTED

    def _native(self, instruction: int, body: bytes) -> bytes:
        match instruction:
            case 0x60:
                self._version = [*_VERSION, self.uid + bytes(7)]
                return self._next_version()
            case 0xAF if self._version:
                return self._next_version()
            case 0x71 if self._application:
                return self._begin(body)
            case 0xAF if self._handshake:
                return self._finish(self._handshake, body)
            case _:
                return b"\x91\x1c"

    def _begin(self, body: bytes) -> bytes:
        """AuthenticateEV2First. Source: NXP AN12196, 5.6; its bytes are in the tests' vectors."""
        if body[:1] != bytes((self._key_number,)):
            return b"\x91\x40"
        self._handshake = begin_ev2(self._key, self._random, None)
        return self._handshake.challenge + b"\x91\xaf"

    def _finish(self, handshake: Handshake, token: bytes) -> bytes:
        self._handshake = None
        try:
            return handshake.finish(token).answer + b"\x91\x00"
        except StatusError as error:
            return bytes((0x91, error.status))

    def _next_version(self) -> bytes:
        frame = self._version.pop(0)
        return frame + (b"\x91\xaf" if self._version else b"\x91\x00")

    def _select(self, command: bytes) -> bytes:
        name = command[5 : 5 + command[4]] if len(command) > 5 else b""
        match command[2], name:
            case 0x04, _ if name == _NDEF_NAME:
                self._application, self._is_fresh = True, False
            case 0x00, _ if name == _NDEF_FILE and self._application:
                self._is_fresh = True
            case _:
                return _NOT_FOUND
        return _OK

    def _read(self, command: bytes) -> bytes:
        if self._is_fresh:
            self._is_fresh = False
            self.reads += 1
            text = _HTTPS + self.link().removeprefix("https://").encode("ascii")
            record = b"\xd1\x01" + bytes((len(text),)) + b"U" + text
            self._content = len(record).to_bytes(2, "big") + record
        if not self._content:
            return _NOT_ALLOWED
        start, size = int.from_bytes(command[2:4], "big"), command[4] if len(command) > 4 else 0
        return self._content[start : start + (size or 256)] + _OK
