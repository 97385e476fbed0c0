"""The block ciphers of a card and what is built on them: CBC, CMAC, checksums, key diversity."""

import zlib
from enum import IntEnum

import msgspec
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES

KEY_BYTES = 16
_CRC16_PRESET = 0x6363


class KeyKind(IntEnum):
    """The cipher of a key, as in the upper bits of key settings 2 and of ChangeKey."""

    DES = 0x00
    AES = 0x80


class Key(msgspec.Struct, frozen=True):
    """Sixteen bytes. A DES key with two equal halves is a single DES key."""

    kind: KeyKind
    value: bytes
    version: int = 0


class BlockCipher:
    """CBC and CMAC with one key; IVs are arguments, b"" stands for zeros."""

    def __init__(self, kind: KeyKind, key: bytes) -> None:
        assert len(key) == KEY_BYTES
        self.kind = kind
        self.block_bytes = 16 if kind is KeyKind.AES else 8
        self._algorithm = AES(key) if kind is KeyKind.AES else TripleDES(key + key[:8])
        self.zero_iv = bytes(self.block_bytes)

    def encrypt(self, iv: bytes, data: bytes) -> bytes:
        """CBC; ``data`` is whole blocks."""
        encryptor = Cipher(self._algorithm, modes.CBC(iv or self.zero_iv)).encryptor()
        return encryptor.update(data) + encryptor.finalize()

    def decrypt(self, iv: bytes, data: bytes) -> bytes:
        """CBC; ``data`` is whole blocks."""
        decryptor = Cipher(self._algorithm, modes.CBC(iv or self.zero_iv)).decryptor()
        return decryptor.update(data) + decryptor.finalize()

    def cmac(self, data: bytes, iv: bytes = b"") -> bytes:
        """Return the whole block of the CMAC of ``data``, chained on from ``iv``.

        Source: NIST SP 800-38B; the chaining from an IV is DESFire EV1's own.
        """
        subkey = self._doubled(self.encrypt(b"", self.zero_iv))
        if not data or len(data) % self.block_bytes:
            subkey = self._doubled(subkey)
            data = pad_80(data, self.block_bytes)
        last = xor(data[-self.block_bytes :], subkey)
        return self.encrypt(iv, data[: -self.block_bytes] + last)[-self.block_bytes :]

    def _doubled(self, block: bytes) -> bytes:
        """Multiply by x in GF(2^n): the subkeys of CMAC."""
        reducer = 0x87 if self.block_bytes == 16 else 0x1B
        bits = 8 * self.block_bytes
        number = int.from_bytes(block, "big") << 1
        if number >> bits:
            number = number ^ (1 << bits) ^ reducer
        return number.to_bytes(self.block_bytes, "big")


def xor(left: bytes, right: bytes) -> bytes:
    """XOR two strings of the same length."""
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def rotated(data: bytes) -> bytes:
    """Rotate left by one byte."""
    return data[1:] + data[:1]


def padded_bytes(count: int, block_bytes: int) -> int:
    """Return ``count`` rounded up to whole blocks."""
    return -(-count // block_bytes) * block_bytes


def pad_zero(data: bytes, block_bytes: int) -> bytes:
    """Fill up to whole blocks with zeros, with nothing if there is nothing to fill."""
    return data.ljust(padded_bytes(len(data), block_bytes), b"\x00")


def pad_80(data: bytes, block_bytes: int) -> bytes:
    """Append 80 and zeros up to whole blocks; always at least the 80 (ISO/IEC 9797-1, method 2)."""
    return pad_zero(data + b"\x80", block_bytes)


def crc32(data: bytes) -> bytes:
    """Return DESFire's CRC32, low byte first: the usual one without its final inversion."""
    return (zlib.crc32(data) ^ 0xFFFFFFFF).to_bytes(4, "little")


def crc16(data: bytes) -> bytes:
    """Return the CRC_A of ISO/IEC 14443-3, low byte first."""
    crc = _CRC16_PRESET
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x8408 if crc & 1 else 0)
    return crc.to_bytes(2, "little")
