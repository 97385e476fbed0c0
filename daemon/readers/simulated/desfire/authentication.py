"""The handshakes, from the card's side: two steps each, with the reader's answer in between."""

from collections.abc import Callable

import msgspec

from daemon.readers.simulated.desfire.card_channel import Channel, D40Channel, send_decoded
from daemon.readers.simulated.desfire.card_ev1 import Ev1Channel
from daemon.readers.simulated.desfire.card_ev2 import Ev2Channel
from daemon.readers.simulated.desfire.cipher import BlockCipher, Key, KeyKind, rotated, xor
from daemon.readers.simulated.desfire.status_codes import Status, require

Random = Callable[[int], bytes]
"""Gives so many random bytes."""
_CAPABILITIES_BYTES = 6


class Proven(msgspec.Struct, frozen=True):
    """Both sides know the key: the card's last answer and the session that begins with it."""

    answer: bytes
    channel: Channel


class Handshake(msgspec.Struct, frozen=True):
    """The card's challenge, and what it makes of the reader's token."""

    challenge: bytes
    finish: Callable[[bytes], Proven]


def begin_d40(key: Key, random: Random) -> Handshake:
    """AuthenticateLegacy (0A), for DES keys."""
    cipher = _cipher(key, KeyKind.DES)
    rnd_b = random(8)

    def finish(token: bytes) -> Proven:
        require(len(token) == 16, Status.LENGTH)
        rnd_a = _checked(send_decoded(cipher, token), rnd_b)
        channel = D40Channel(_short_session_key(key, rnd_a, rnd_b))
        return Proven(cipher.encrypt(b"", rotated(rnd_a)), channel)

    return Handshake(cipher.encrypt(b"", rnd_b), finish)


def begin_ev1(key: Key, kind: KeyKind, random: Random, *, value_macs: bool) -> Handshake:
    """AuthenticateISO (1A) for DES keys, AuthenticateAES (AA): the IV runs through all messages."""
    cipher = _cipher(key, kind)
    rnd_b = random(cipher.block_bytes)
    challenge = cipher.encrypt(b"", rnd_b)

    def finish(token: bytes) -> Proven:
        require(len(token) == 2 * cipher.block_bytes, Status.LENGTH)
        rnd_a = _checked(cipher.decrypt(challenge, token), rnd_b)
        answer = cipher.encrypt(token[-cipher.block_bytes :], rotated(rnd_a))
        if kind is KeyKind.AES:
            session_key = rnd_a[:4] + rnd_b[:4] + rnd_a[12:] + rnd_b[12:]
        else:
            session_key = _short_session_key(key, rnd_a, rnd_b)
        return Proven(answer, Ev1Channel(kind, session_key, value_macs=value_macs))

    return Handshake(challenge, finish)


def begin_ev2(key: Key, random: Random, running: Ev2Channel | None) -> Handshake:
    """AuthenticateEV2First (71), or NonFirst (77) within the session ``running``: zero IVs."""
    cipher = _cipher(key, KeyKind.AES)
    rnd_b = random(16)

    def finish(token: bytes) -> Proven:
        require(len(token) == 32, Status.LENGTH)
        rnd_a = _checked(cipher.decrypt(b"", token), rnd_b)
        enc_key, mac_key = ev2_session_keys(key, rnd_a, rnd_b)
        if running is not None:
            channel = Ev2Channel(enc_key, mac_key, running.transaction, running.counter)
            return Proven(cipher.encrypt(b"", rotated(rnd_a)), channel)
        channel = Ev2Channel(enc_key, mac_key, random(4), 0)
        told = channel.transaction + rotated(rnd_a) + bytes(2 * _CAPABILITIES_BYTES)
        return Proven(cipher.encrypt(b"", told), channel)

    return Handshake(cipher.encrypt(b"", rnd_b), finish)


def ev2_session_keys(key: Key, rnd_a: bytes, rnd_b: bytes) -> tuple[bytes, bytes]:
    """Return the keys that encrypt and that MAC. Source: AN12343, chapter 3.3."""
    tail = rnd_a[:2] + xor(rnd_a[2:8], rnd_b[:6]) + rnd_b[6:] + rnd_a[8:]
    cipher = BlockCipher(KeyKind.AES, key.value)
    purposes = (b"\xa5\x5a", b"\x5a\xa5")
    enc_key, mac_key = (cipher.cmac(purpose + b"\x00\x01\x00\x80" + tail) for purpose in purposes)
    return enc_key, mac_key


def _cipher(key: Key, kind: KeyKind) -> BlockCipher:
    require(key.kind is kind, Status.AUTHENTICATION)
    return BlockCipher(kind, key.value)


def _checked(opened: bytes, rnd_b: bytes) -> bytes:
    """Return the reader's random bytes out of its token; ours come back turned by one."""
    rnd_a, echo = opened[: len(rnd_b)], opened[len(rnd_b) :]
    require(echo == rotated(rnd_b), Status.AUTHENTICATION)
    return rnd_a


def _short_session_key(key: Key, rnd_a: bytes, rnd_b: bytes) -> bytes:
    first = rnd_a[:4] + rnd_b[:4]
    if key.value[:8] == key.value[8:]:
        return first * 2  # a single DES key has a single DES session
    return first + rnd_a[4:8] + rnd_b[4:8]
