"""A card's own master key: whoever knows it formats the card, and with it the purse.

A blank card's is known to everybody: a DES key of zeros. Some makers deliver cards with a transport
key of theirs. So it is the first thing that is changed when a card is made, to an AES key of the
card's own, and then the card tells its UID inside that session, where nobody can have changed it:

    select the card, key version       the version is 0 at the factory, and ours by generation
    authenticate (1A or AA), C4 80     the old key goes, an AES key takes its place
    authenticate (71 or AA), 51        the new key is proved, and the UID is the one that is shown

Who listens while a factory key is changed hears the new one: make cards where nobody does, or have
them delivered with a transport key.
"""

from collections.abc import Sequence

import msgspec

from card_formats.apdu import Dialogue
from card_formats.chip.desfire import commands
from card_formats.chip.desfire.ev1 import authenticate_ev1
from card_formats.chip.desfire.wire import (
    MORE_FRAMES,
    OpenChannel,
    Status,
    exchange,
    frame,
    need_length,
)
from card_formats.chip.purse import (
    Messaging,
    authenticate,
    decode_key_version,
    encode_key_version,
)
from card_formats.chip.purse_issue import done_unless
from card_formats.crypto import (
    KEY_BYTES,
    crc32_desfire,
    decrypt_des,
    encrypt_des,
    equals_secret,
    rotate_left,
)
from card_formats.errors import CardFormatError

_AUTHENTICATE_ISO, _CHANGE_KEY = 0x1A, 0xC4
_MASTER, _AES = 0x00, 0x80
_DES_BLOCK_BYTES = 8
_WRONG_KEY = (Status.AUTHENTICATION.code, "desfire.not-the-card")


class CardMaster(msgspec.Struct, frozen=True):
    """The AES key that a card's own master key is to become, and its generation."""

    generation: int
    secret: bytes

    def __repr__(self) -> str:
        """Hide the key."""
        return f"CardMaster(generation {self.generation})"


class TransportKey(msgspec.Struct, frozen=True):
    """A card's own master key as it is delivered: 16 bytes, of DES (two keys) or AES."""

    secret: bytes
    is_aes: bool = False

    def __repr__(self) -> str:
        """Hide the key."""
        return f"TransportKey({'aes' if self.is_aes else 'des'})"


FACTORY_KEY = TransportKey(bytes(KEY_BYTES))


def take_over(
    master: CardMaster,
    known: Sequence[TransportKey],
    rnd_a: Sequence[bytes],
    *,
    messaging: Messaging = Messaging.EV2,
) -> Dialogue[bytes]:
    """Change a card's own master key, unless it is ours already; return the card's real UID.

    known:   the keys that it may have now, tried in this order.
    rnd_a:   16 bytes that were never used before, two more of them than keys are known.
    Raises:  CardFormatError ``card.master-unknown``; what the channel raises.
    """
    assert len(rnd_a) >= len(known) + 2
    version = yield from _selected()
    generation, _ = decode_key_version(version)
    if generation == master.generation:
        session = _uid(master.secret, rnd_a[0], messaging)
        uid = yield from _value_unless(session, *_WRONG_KEY)
        if uid is not None:
            return uid
        yield from _selected()
    new_version = encode_key_version(master.generation, messaging)
    for nonce, key in zip(rnd_a[1:], known, strict=False):
        changing = _change(key, master.secret, new_version, nonce)
        if (yield from done_unless(changing, *_WRONG_KEY)):
            return (yield from _uid(master.secret, rnd_a[-1], messaging))
        yield from _selected()
    raise CardFormatError("card.master-unknown", "the card's own master key is not known here")


def _selected() -> Dialogue[int]:
    """Go to the card's own level; return the version of its master key."""
    yield from commands.select_application(commands.PICC)
    return (yield from commands.get_key_version(OpenChannel(), _MASTER))


def _uid(secret: bytes, rnd_a: bytes, messaging: Messaging) -> Dialogue[bytes]:
    channel, _ = yield from authenticate(_MASTER, secret, rnd_a, messaging)
    return (yield from commands.get_card_uid(channel))


def _value_unless(dialogue: Dialogue[bytes], *codes: str) -> Dialogue[bytes | None]:
    try:
        return (yield from dialogue)
    except CardFormatError as error:
        if error.code not in codes:
            raise
        return None


def _change(key: TransportKey, new: bytes, version: int, rnd_a: bytes) -> Dialogue[None]:
    if key.is_aes:
        channel = yield from authenticate_ev1(_MASTER, key.secret, rnd_a)
        yield from commands.change_own_key(channel, _MASTER | _AES, new, version)
        return
    session = yield from _authenticate_des(key.secret, rnd_a[:_DES_BLOCK_BYTES])
    header, data = bytes((_MASTER | _AES,)), new + bytes((version,))
    plain = data + crc32_desfire(bytes((_CHANGE_KEY,)) + header + data)
    padded = plain.ljust(-(-len(plain) // _DES_BLOCK_BYTES) * _DES_BLOCK_BYTES, b"\0")
    cipher = encrypt_des(session, bytes(_DES_BLOCK_BYTES), padded)
    yield from exchange(_CHANGE_KEY, header + cipher)


def _authenticate_des(key: bytes, rnd_a: bytes) -> Dialogue[bytes]:
    """Prove to each other that both know a DES key (AuthenticateISO); return the session's key.

    Source: libfreefare, mifare_desfire.c and mifare_desfire_key.c; two keys that are the same are
            a single DES key, and have a session of one.
    """
    more, challenge = yield from frame(_AUTHENTICATE_ISO, bytes((_MASTER,)))
    if not more:
        raise CardFormatError("desfire.bad-status", "the card sent no challenge")
    need_length(challenge, _DES_BLOCK_BYTES, "challenge")
    rnd_b = decrypt_des(key, bytes(_DES_BLOCK_BYTES), challenge)
    token = encrypt_des(key, challenge, rnd_a + rotate_left(rnd_b))
    proof = yield from exchange(MORE_FRAMES, token)
    need_length(proof, _DES_BLOCK_BYTES, "proof")
    shown = decrypt_des(key, token[-_DES_BLOCK_BYTES:], proof)
    if not equals_secret(shown, rotate_left(rnd_a)):
        raise CardFormatError("desfire.not-the-card", "the card does not know its key")
    first = rnd_a[:4] + rnd_b[:4]
    is_single = key[:_DES_BLOCK_BYTES] == key[_DES_BLOCK_BYTES:]
    return first + (first if is_single else rnd_a[4:] + rnd_b[4:])
