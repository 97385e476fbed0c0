"""The card's side of a purse, just enough to converse with: no rights, no limits but zero."""

from typing import Protocol

from card_formats.crypto import (
    ZERO_BLOCK,
    cmac,
    cmac_from,
    crc32_desfire,
    decrypt_cbc,
    encrypt_cbc,
    rotate_left,
    xor,
)

RND_B = bytes.fromhex("1EA0353A7D2947D8BBC6AD6FB52FCA84")
TI = bytes.fromhex("9D00C4DF")
HEADER_BYTES = {0xDC: 1, 0x0C: 1, 0x3D: 7, 0x3B: 7, 0xC4: 1}
OK, MORE = b"\x91\x00", b"\x91\xaf"


class Session(Protocol):
    def opened(self, ins: int, body: bytes, header: int | None, size: int) -> bytes: ...
    def answer(self, data: bytes, encrypted: bool) -> bytes: ...


class Ev1Session:
    def __init__(self, key: bytes, rnd_a: bytes) -> None:
        self.key = rnd_a[:4] + RND_B[:4] + rnd_a[12:] + RND_B[12:]
        self.iv = ZERO_BLOCK

    def opened(self, ins: int, body: bytes, header: int | None, size: int) -> bytes:
        """Check a command; return its data. ``header`` is None where nothing is encrypted."""
        if header is None:
            self.iv = cmac_from(self.key, self.iv, bytes((ins,)) + body)
            return b""
        plain = decrypt_cbc(self.key, self.iv, body[header:])
        self.iv = body[-16:]
        data = plain[:size]
        expected = crc32_desfire(bytes((ins,)) + body[:header] + data)
        assert plain[size : size + 4] == expected
        return data + plain[size + 4 :]

    def answer(self, data: bytes, encrypted: bool) -> bytes:
        if encrypted:
            plain = data + crc32_desfire(data + b"\0")
            cipher = encrypt_cbc(self.key, self.iv, plain + bytes(-len(plain) % 16))
            self.iv = cipher[-16:]
            return cipher
        self.iv = cmac_from(self.key, self.iv, data + b"\0")
        return data + self.iv[:8]


class Ev2Session:
    def __init__(self, key: bytes, rnd_a: bytes) -> None:
        mixed = rnd_a[:2] + xor(rnd_a[2:8], RND_B[:6]) + RND_B[6:] + rnd_a[8:]
        self.enc = cmac(key, bytes.fromhex("A55A00010080") + mixed)
        self.mac = cmac(key, bytes.fromhex("5AA500010080") + mixed)
        self.counter = 0

    def _iv(self, label: str) -> bytes:
        block = bytes.fromhex(label) + TI + self.counter.to_bytes(2, "little") + bytes(8)
        return encrypt_cbc(self.enc, ZERO_BLOCK, block)

    def _proof(self, first: int, body: bytes) -> bytes:
        head = bytes((first,)) + self.counter.to_bytes(2, "little") + TI
        return cmac(self.mac, head + body)[1::2]

    def opened(self, ins: int, body: bytes, header: int | None, size: int) -> bytes:
        assert self._proof(ins, body[:-8]) == body[-8:]
        if header is None:
            return b""
        return decrypt_cbc(self.enc, self._iv("A55A"), body[header:-8])

    def answer(self, data: bytes, encrypted: bool) -> bytes:
        self.counter += 1
        if encrypted:
            padded = data + b"\x80" + bytes(-(len(data) + 1) % 16)
            data = encrypt_cbc(self.enc, self._iv("5AA5"), padded)
        return data + self._proof(0, data)


class Peer:
    """A card. ``heard`` are the instruction bytes of what it was asked, ``answers`` what it said.

    ev2: whether it knows the second channel.
    """

    def __init__(self, keys: dict[int, bytes] | None = None, *, ev2: bool = True) -> None:
        self.ev2 = ev2
        self.keys = keys or dict.fromkeys(range(4), bytes(16))
        self.versions = dict.fromkeys(range(4), 0)
        self.value, self.state = 0, bytes(28)
        self.records: list[bytes] = []
        self.files: dict[int, bytes] = {}
        self.heard: list[int] = []
        self.commits = 0
        self._reset()

    def _reset(self) -> None:
        self.session: Session | None = None
        self.key_no, self.asked, self.rest = -1, 0, b""
        self.delta, self.new_state, self.new_record = 0, b"", b""

    def transmit(self, command: bytes) -> bytes:
        assert command[0] == 0x90
        assert command[-1] == 0
        self.heard.append(command[1])
        return self._native(command[1], command[5:-1] if len(command) > 5 else b"")

    def _native(self, ins: int, body: bytes) -> bytes:
        if ins == 0xAF and self.asked:
            return self._proof(body)
        if ins == 0xAF:
            return self._frames(self.rest)
        if ins in (0x5A, 0xCA):
            self._reset()
            return OK
        if ins in (0xAA, 0x71):
            return self._challenge(ins, body)
        return self._command(ins, body)

    def _challenge(self, ins: int, body: bytes) -> bytes:
        self._reset()
        if ins == 0x71 and not self.ev2:
            return b"\x91\x1c"
        self.key_no, self.asked = body[0], ins
        return encrypt_cbc(self.keys[self.key_no], ZERO_BLOCK, RND_B) + MORE

    def _proof(self, token: bytes) -> bytes:
        ev1, key = self.asked == 0xAA, self.keys[self.key_no]
        self.asked = 0
        iv = encrypt_cbc(key, ZERO_BLOCK, RND_B) if ev1 else ZERO_BLOCK
        plain = decrypt_cbc(key, iv, token)
        if plain[16:] != rotate_left(RND_B):
            return b"\x91\xae"
        self.session = (Ev1Session if ev1 else Ev2Session)(key, plain[:16])
        if ev1:
            return encrypt_cbc(key, token[-16:], rotate_left(plain[:16])) + OK
        return encrypt_cbc(key, ZERO_BLOCK, TI + rotate_left(plain[:16]) + bytes(12)) + OK

    def _frames(self, data: bytes) -> bytes:
        self.rest = data[59:]
        return data[:59] + (MORE if self.rest else OK)

    def _command(self, ins: int, body: bytes) -> bytes:
        if self.session is None:  # only the key version is free
            return bytes((self.versions[body[0]],)) + OK if ins == 0x64 else b"\x91\x9d"
        header = HEADER_BYTES.get(ins)
        sizes = {0xC4: 17, 0x3D: 28, 0x3B: 28}
        data = self.session.opened(ins, body, header, sizes.get(ins, 4))
        answer = self._do(ins, body, data)
        if isinstance(answer, int):
            self._reset()
            return bytes((0x91, answer))
        if self.key_no < 0:  # the command ended its session
            return OK
        return self._frames(self.session.answer(answer, ins in (0xBD, 0x6C, 0xBB)))

    def _do(self, ins: int, body: bytes, data: bytes) -> bytes | int:
        """Return the answer's data or an error status."""
        amount = int.from_bytes(data[:4], "little")
        match ins:
            case 0xBD:
                return self.state
            case 0x6C:
                return self.value.to_bytes(4, "little", signed=True)
            case 0x0C | 0xDC:
                self.delta += amount if ins == 0x0C else -amount
                return 0xBE if self.value + self.delta < 0 else b""
            case 0x3B:
                self.new_record = data[:28]
            case 0x3D:
                self.new_state = data[:28]
            case 0xBB:
                return self._read_records(body)
            case 0xC7:
                self._commit()
            case 0x64:
                return bytes((self.versions[body[0]],))
            case 0xC4:
                self._change_key(body[0], data)
            case _:
                self._make_or_delete(ins, body)
        return b""

    def _make_or_delete(self, ins: int, body: bytes) -> None:
        if ins == 0xDA:
            self._reset()
        else:
            self.files[body[0]] = bytes((ins,)) + body

    def _read_records(self, body: bytes) -> bytes | int:
        back, count = (int.from_bytes(body[at : at + 3], "little") for at in (1, 4))
        end = len(self.records) - back
        chosen = self.records[end - count : end]
        return b"".join(chosen) if len(chosen) == count else 0xBE

    def _commit(self) -> None:
        self.commits += 1
        self.value += self.delta
        self.state = self.new_state or self.state
        self.records = [*self.records, *([self.new_record] if self.new_record else [])][-20:]
        self.delta, self.new_state, self.new_record = 0, b"", b""

    def _change_key(self, number: int, data: bytes) -> None:
        is_own = number == self.key_no
        self.keys[number] = data[:16] if is_own else xor(data[:16], self.keys[number])
        self.versions[number] = data[16]
        if is_own:
            self._reset()
        else:
            assert data[17:21] == crc32_desfire(self.keys[number])
