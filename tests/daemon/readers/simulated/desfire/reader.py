"""A reader for these tests: the same protocol from the other side, written apart from the card.

It verifies every MAC, CRC and padding that the card sends; a wrong one is an AssertionError.
"""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Protocol

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

from daemon.readers.simulated.desfire.status_codes import Status

PLAIN, MAC, FULL = 0, 1, 3
FRAME_BYTES = 50
ISO_CHAINED = {0x8D, 0x8B, 0xAD, 0xAB}


class Card(Protocol):
    def transmit(self, command: bytes) -> bytes: ...


class RefusedByCardError(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(Status(status).name)
        self.status = Status(status)


@contextmanager
def refused(status: Status) -> Iterator[None]:
    """Expect the card to answer ``status`` and no other."""
    with pytest.raises(RefusedByCardError) as refusal:
        yield
    assert refusal.value.status is status


def cbc(key: bytes, iv: bytes, data: bytes, *, decrypt: bool = False) -> bytes:
    cipher = Cipher(AES(key), modes.CBC(iv))
    context = cipher.decryptor() if decrypt else cipher.encryptor()
    return context.update(data)


def crc(data: bytes) -> bytes:
    return ((~zlib.crc32(data)) & 0xFFFFFFFF).to_bytes(4, "little")


def left(data: bytes) -> bytes:
    return data[1:] + data[:1]


class Plain:
    def seal(self, ins: int, header: bytes, data: bytes, mode: int) -> bytes:
        return header + data

    def unseal(self, answer: bytes, mode: int) -> bytes:
        return answer


class Ev1(Plain):
    """Source: chip.md 2.2 and AN0945."""

    def __init__(self, key: bytes) -> None:
        self.key = key
        self.iv = bytes(16)

    def mac(self, message: bytes) -> bytes:
        """CMAC from an IV is CMAC of a message whose first block is XORed with it."""
        state = CMAC(AES(self.key))
        if len(message) >= 16:
            head = bytes(a ^ b for a, b in zip(message[:16], self.iv, strict=True))
            state.update(head + message[16:])
        else:
            # A short message is padded before the XOR, so do by hand what the library would.
            doubled = self._twice(self._twice(cbc(self.key, bytes(16), bytes(16))))
            block = (message + b"\x80").ljust(16, b"\x00")
            mixed = zip(block, doubled, self.iv, strict=True)
            self.iv = cbc(self.key, bytes(16), bytes(a ^ b ^ c for a, b, c in mixed))
            return self.iv[:8]
        self.iv = state.finalize()
        return self.iv[:8]

    @staticmethod
    def _twice(block: bytes) -> bytes:
        shifted = int.from_bytes(block, "big") * 2
        return ((shifted % 2**128) ^ (0x87 if shifted >= 2**128 else 0)).to_bytes(16, "big")

    def seal(self, ins: int, header: bytes, data: bytes, mode: int) -> bytes:
        start = bytes((ins,)) + header
        if data and mode == FULL:
            plain = data + crc(start + data)
            sealed = cbc(self.key, self.iv, plain + bytes(-len(plain) % 16))
            self.iv = sealed[-16:]
            return header + sealed
        mac = self.mac(start + data)
        return header + data + (mac if data and mode == MAC else b"")

    def unseal(self, answer: bytes, mode: int) -> bytes:
        if mode == FULL:
            plain = cbc(self.key, self.iv, answer, decrypt=True)
            self.iv = answer[-16:]
            ends = range(len(plain) - 4, max(-1, len(plain) - 21), -1)
            return next(
                plain[:end] for end in ends if plain[end : end + 4] == crc(plain[:end] + b"\x00")
            )
        data, mac = answer[:-8], answer[-8:]
        assert mac == self.mac(data + b"\x00")
        return data


class Ev2(Plain):
    """Source: chip.md 2.3 and AN12343."""

    def __init__(self, enc: bytes, mac: bytes, transaction: bytes) -> None:
        self.enc, self.mac_key, self.transaction = enc, mac, transaction
        self.counter = 0

    def mac(self, code: int, message: bytes) -> bytes:
        state = CMAC(AES(self.mac_key))
        state.update(bytes((code,)) + self.count() + self.transaction + message)
        return state.finalize()[1::2]

    def count(self) -> bytes:
        return self.counter.to_bytes(2, "little")

    def iv(self, label: str) -> bytes:
        seed = bytes.fromhex(label) + self.transaction + self.count() + bytes(8)
        return cbc(self.enc, bytes(16), seed)

    def seal(self, ins: int, header: bytes, data: bytes, mode: int) -> bytes:
        if data and mode == FULL:
            padded = data + b"\x80" + bytes(-(len(data) + 1) % 16)
            data = cbc(self.enc, self.iv("a55a"), padded)
        return header + data + (b"" if mode == PLAIN else self.mac(ins, header + data))

    def unseal(self, answer: bytes, mode: int) -> bytes:
        self.counter += 1
        if mode == PLAIN:
            return answer
        data, mac = answer[:-8], answer[-8:]
        assert mac == self.mac(0, data)
        if data and mode == FULL:
            plain = cbc(self.enc, self.iv("5aa5"), data, decrypt=True).rstrip(b"\x00")
            assert plain.endswith(b"\x80")
            return plain[:-1]
        return data


class Reader:
    """``wrapped`` sends ``90 INS 00 00 …`` instead of native commands."""

    def __init__(self, card: Card, *, wrapped: bool = False) -> None:
        self.card = card
        self.wrapped = wrapped
        self.channel: Plain = Plain()
        self.random = Random(2)

    def frame(self, ins: int, parameters: bytes = b"") -> tuple[int, bytes]:
        if not self.wrapped:
            answer = self.card.transmit(bytes((ins,)) + parameters)
            return answer[0], answer[1:]
        body = bytes((len(parameters),)) + parameters if parameters else b""
        answer = self.card.transmit(bytes((0x90, ins, 0, 0)) + body + b"\x00")
        assert answer[-2] == 0x91, answer.hex()
        return answer[-1], answer[:-2]

    def send(self, ins: int, parameters: bytes = b"") -> bytes:
        """Send in as many frames as it takes; collect the answer's. Raises RefusedByCardError."""
        size = 200 if ins in ISO_CHAINED else FRAME_BYTES
        pieces = [parameters[at : at + size] for at in range(0, len(parameters), size)] or [b""]
        status, data = self.frame(ins, pieces[0])
        for piece in pieces[1:]:
            assert (status, data) == (Status.ADDITIONAL_FRAME, b""), Status(status)
            status, data = self.frame(0xAF, piece)
        while status == Status.ADDITIONAL_FRAME:
            status, more = self.frame(0xAF)
            data += more
        if status != Status.OK:
            self.channel = Plain()
            raise RefusedByCardError(status)
        return data

    def call(
        self,
        ins: int,
        header: bytes = b"",
        data: bytes = b"",
        mode: int = MAC,
        answer: int | None = None,
    ) -> bytes:
        """Exchange one command in the running session."""
        raw = self.send(ins, self.channel.seal(ins, header, data, mode))
        return self.channel.unseal(raw, answer if answer is not None else min(mode, MAC))

    def select(self, aid: int) -> None:
        self.channel = Plain()
        self.send(0x5A, aid.to_bytes(3, "little"))

    def authenticate(self, kind: str, number: int, key: bytes) -> None:
        {"ev1": self.authenticate_ev1, "ev2": self.authenticate_ev2}[kind](number, key)

    def authenticate_ev1(self, number: int, key: bytes) -> None:
        self.channel = Plain()
        challenge = self._challenge(0xAA, bytes((number,)))
        rnd_b = cbc(key, bytes(16), challenge, decrypt=True)
        rnd_a = self.random.randbytes(16)
        token = cbc(key, challenge, rnd_a + left(rnd_b))
        answer = self.send(0xAF, token)
        assert cbc(key, token[-16:], answer, decrypt=True) == left(rnd_a)
        self.channel = Ev1(rnd_a[:4] + rnd_b[:4] + rnd_a[12:] + rnd_b[12:])

    def authenticate_ev2(self, number: int, key: bytes) -> None:
        self.channel = Plain()
        rnd_a, rnd_b, answer = self._ev2(0x71, bytes((number, 0)), key)
        assert answer[4:20] == left(rnd_a)
        self.channel = self._ev2_session(key, rnd_a, rnd_b, answer[:4])

    def authenticate_ev2_next(self, number: int, key: bytes) -> None:
        old = self.channel
        assert isinstance(old, Ev2)
        rnd_a, rnd_b, answer = self._ev2(0x77, bytes((number,)), key)
        assert answer == left(rnd_a)
        self.channel = self._ev2_session(key, rnd_a, rnd_b, old.transaction)
        self.channel.counter = old.counter

    def _ev2(self, ins: int, parameters: bytes, key: bytes) -> tuple[bytes, bytes, bytes]:
        challenge = self._challenge(ins, parameters)
        rnd_b = cbc(key, bytes(16), challenge, decrypt=True)
        rnd_a = self.random.randbytes(16)
        answer = self.send(0xAF, cbc(key, bytes(16), rnd_a + left(rnd_b)))
        return rnd_a, rnd_b, cbc(key, bytes(16), answer, decrypt=True)

    @staticmethod
    def _ev2_session(key: bytes, rnd_a: bytes, rnd_b: bytes, transaction: bytes) -> Ev2:
        mixed = bytes(a ^ b for a, b in zip(rnd_a[2:8], rnd_b[:6], strict=True))
        tail = bytes.fromhex("00010080") + rnd_a[:2] + mixed + rnd_b[6:] + rnd_a[8:]
        keys = []
        for label in ("a55a", "5aa5"):
            state = CMAC(AES(key))
            state.update(bytes.fromhex(label) + tail)
            keys.append(state.finalize())
        return Ev2(keys[0], keys[1], transaction)

    def _challenge(self, ins: int, parameters: bytes) -> bytes:
        status, challenge = self.frame(ins, parameters)
        if status != Status.ADDITIONAL_FRAME:
            self.channel = Plain()
            raise RefusedByCardError(status)
        return challenge

    def read(self, number: int, offset: int, length: int, mode: int, ins: int = 0xBD) -> bytes:
        return self.call(ins, extent(number, offset, length), mode=mode, answer=mode)

    def write(self, number: int, offset: int, data: bytes, mode: int, ins: int = 0x3D) -> None:
        self.call(ins, extent(number, offset, len(data)), data, mode)

    def value(self, number: int, mode: int) -> int:
        raw = self.call(0x6C, bytes((number,)), mode=mode, answer=mode)
        return int.from_bytes(raw, "little", signed=True)

    def change_value(self, ins: int, number: int, amount: int, mode: int) -> None:
        self.call(ins, bytes((number,)), amount.to_bytes(4, "little", signed=True), mode)

    def commit(self) -> None:
        self.call(0xC7)

    def abort(self) -> None:
        self.call(0xA7)


def extent(number: int, offset: int, length: int) -> bytes:
    return bytes((number,)) + offset.to_bytes(3, "little") + length.to_bytes(3, "little")
