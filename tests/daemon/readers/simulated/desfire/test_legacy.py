"""The blank card's DES key, as readers older than AES prove it."""

from Crypto.Cipher import DES, DES3

from daemon.readers.simulated.desfire.card import DesfireCard
from daemon.readers.simulated.desfire.cipher import Key, KeyKind, crc16
from daemon.readers.simulated.desfire.memory import Memory
from daemon.readers.simulated.desfire.status_codes import Status
from tests.daemon.readers.simulated.desfire.cards import UID, seeded
from tests.daemon.readers.simulated.desfire.reader import Reader, left

RND_A = bytes.fromhex("0102030405060708")
TWO_KEYS = bytes.fromhex("00102030405060708090A0B0B0A09080")


def blocks(data: bytes) -> list[bytes]:
    return [data[at : at + 8] for at in range(0, len(data), 8)]


def d40_sent(key: bytes, data: bytes) -> bytes:
    """Encrypt as a D40 reader does, which can only decrypt: c = D(p ^ the c before)."""
    cipher = DES3.new(key, DES3.MODE_ECB) if len(key) == 16 else DES.new(key, DES.MODE_ECB)
    last, sent = bytes(8), b""
    for block in blocks(data):
        last = cipher.decrypt(bytes(a ^ b for a, b in zip(block, last, strict=True)))
        sent += last
    return sent


def test_the_legacy_handshake_and_an_enciphered_key_change() -> None:
    model = DesfireCard(Memory(uid=UID), seeded())
    reader = Reader(model)
    key = bytes(8)
    status, challenge = reader.frame(0x0A, b"\x00")
    assert status == Status.ADDITIONAL_FRAME
    rnd_b = DES.new(key, DES.MODE_ECB).decrypt(challenge)
    status, answer = reader.frame(0xAF, d40_sent(key, RND_A + left(rnd_b)))
    assert status == Status.OK
    assert DES.new(key, DES.MODE_ECB).decrypt(answer) == left(RND_A)
    session = RND_A[:4] + rnd_b[:4]
    assert reader.frame(0x45) == (Status.OK, bytes.fromhex("0F01"))  # plain, without a MAC
    data = bytes(range(16)) + b"\x07"
    body = d40_sent(session, (data + crc16(data)).ljust(24, b"\x00"))
    assert reader.frame(0xC4, b"\x80" + body) == (Status.OK, b"")
    assert model.snapshot().master_key == Key(KeyKind.AES, bytes(range(16)), 7)


def test_a_key_change_with_a_wrong_crc_leaves_the_key() -> None:
    model = DesfireCard(Memory(uid=UID), seeded())
    reader = Reader(model)
    _, challenge = reader.frame(0x0A, b"\x00")
    rnd_b = DES.new(bytes(8), DES.MODE_ECB).decrypt(challenge)
    reader.frame(0xAF, d40_sent(bytes(8), RND_A + left(rnd_b)))
    session = RND_A[:4] + rnd_b[:4]
    body = d40_sent(session, bytes(24))
    assert reader.frame(0xC4, b"\x80" + body) == (Status.INTEGRITY, b"")
    assert model.snapshot().master_key.kind is KeyKind.DES


def test_a_double_length_key_makes_a_double_length_session() -> None:
    kept = Memory(uid=UID, master_key=Key(KeyKind.DES, TWO_KEYS))
    reader = Reader(DesfireCard(kept, seeded()))
    _, challenge = reader.frame(0x0A, b"\x00")
    rnd_b = DES3.new(TWO_KEYS, DES3.MODE_ECB).decrypt(challenge)
    status, answer = reader.frame(0xAF, d40_sent(TWO_KEYS, RND_A + left(rnd_b)))
    assert status == Status.OK
    assert DES3.new(TWO_KEYS, DES3.MODE_ECB).decrypt(answer) == left(RND_A)
    session = RND_A[:4] + rnd_b[:4] + RND_A[4:] + rnd_b[4:]
    status, body = reader.frame(0x51)
    uid = DES3.new(session, DES3.MODE_CBC, bytes(8)).decrypt(body)
    assert uid == (UID + crc16(UID)).ljust(16, b"\x00")


def test_a_wrong_des_key_is_not_let_in() -> None:
    reader = Reader(DesfireCard(Memory(uid=UID), seeded()))
    reader.frame(0x0A, b"\x00")
    assert reader.frame(0xAF, bytes(16)) == (Status.AUTHENTICATION, b"")
