"""DESFire's second secure channel (AuthenticateEV2): a transaction identifier and a counter."""

from card_formats.apdu import Dialogue
from card_formats.chip.desfire.wire import (
    MORE_FRAMES,
    Command,
    CommMode,
    exchange,
    frame,
    need_blocks,
    need_length,
)
from card_formats.crypto import (
    BLOCK_BYTES,
    ZERO_BLOCK,
    cmac,
    decrypt_cbc,
    encrypt_cbc,
    equals_secret,
    rotate_left,
    xor,
)
from card_formats.errors import CardFormatError

AUTHENTICATE_EV2_FIRST = 0x71
AUTHENTICATE_EV2_NON_FIRST = 0x77
COMMANDS_MAX = 0xFFFF
MAC_BYTES = 8
TI_BYTES = 4
_NO_CAPABILITIES = b"\x00"
_ENCIPHER, _AUTHENTICATE = b"\xa5\x5a", b"\x5a\xa5"
_TO_CARD, _FROM_CARD = b"\xa5\x5a", b"\x5a\xa5"
_OK = b"\x00"


class Ev2Channel:
    """A session. ``counter`` is how many commands it has seen, COMMANDS_MAX at most.

    Source: NXP AN12343, 6; AN12196, 4.
    """

    def __init__(self, enc_key: bytes, mac_key: bytes, ti: bytes, counter: int = 0) -> None:
        self._enc_key = enc_key
        self._mac_key = mac_key
        self.ti = ti
        self.counter = counter
        self.alive = True

    def seal(self, command: Command) -> bytes:
        """Return what follows the instruction byte.

        Raises: CardFormatError ``desfire.session-over`` after COMMANDS_MAX commands.
        """
        if self.counter >= COMMANDS_MAX:
            raise CardFormatError("desfire.session-over", f"{COMMANDS_MAX} commands")
        data = command.data + command.tail
        if command.mode is CommMode.FULL and data:
            padded = data + b"\x80" + bytes(-(len(data) + 1) % BLOCK_BYTES)
            data = encrypt_cbc(self._enc_key, self._iv(_TO_CARD), padded)
        body = command.header + data
        if command.mode is CommMode.PLAIN:
            return body
        return body + self._mac(command.ins, body)

    def unseal(self, command: Command, answer: bytes) -> bytes:
        """Return the data of an answer with status OK.

        Raises: CardFormatError ``desfire.bad-mac``, ``desfire.bad-length``,
                ``desfire.bad-padding``.
        """
        self.counter += 1
        if command.mode is CommMode.PLAIN:
            return answer
        data, mac = answer[:-MAC_BYTES], answer[-MAC_BYTES:]
        if not equals_secret(self._mac(_OK[0], data), mac):
            raise CardFormatError("desfire.bad-mac", "the answer was altered")
        if command.mode is CommMode.FULL and data:
            plain = decrypt_cbc(self._enc_key, self._iv(_FROM_CARD), need_blocks(data))
            return _strip(plain)
        return data

    def _iv(self, direction: bytes) -> bytes:
        block = (direction + self.ti + self._counter()).ljust(BLOCK_BYTES, b"\0")
        return encrypt_cbc(self._enc_key, ZERO_BLOCK, block)

    def _mac(self, first: int, body: bytes) -> bytes:
        message = bytes((first,)) + self._counter() + self.ti + body
        return truncate(cmac(self._mac_key, message))

    def _counter(self) -> bytes:
        return self.counter.to_bytes(2, "little")


def truncate(mac: bytes) -> bytes:
    """Return the eight bytes of a CMAC that travel: every second one."""
    return mac[1::2]


def _strip(plain: bytes) -> bytes:
    data = plain.rstrip(b"\0")
    if not data.endswith(b"\x80") or len(plain) - len(data) >= BLOCK_BYTES:
        raise CardFormatError("desfire.bad-padding", "no 80 in the last block")
    return data[:-1]


def session_keys(key: bytes, rnd_a: bytes, rnd_b: bytes) -> tuple[bytes, bytes]:
    """Return the session's keys for encryption and for MACs. Source: AN12343, 6.3."""
    mixed = rnd_a[:2] + xor(rnd_a[2:8], rnd_b[:6]) + rnd_b[6:] + rnd_a[8:]
    label = b"\x00\x01\x00\x80"
    enc_key, mac_key = (cmac(key, tag + label + mixed) for tag in (_ENCIPHER, _AUTHENTICATE))
    return enc_key, mac_key


def transaction_mac_keys(key: bytes, uid: bytes, count: int) -> tuple[bytes, bytes]:
    """Return a transaction's keys for its MAC and for the reader's identity.

    key:    the application's transaction MAC key.
    count:  the transaction's own number: one more than the card's counter before it.
    Source: AN12343, 10.
    """
    # Not called yet: for head office, which verifies by it that the card itself was paid with.
    tail = b"\x00\x01\x00\x80" + count.to_bytes(4, "little") + uid
    return cmac(key, b"\x5a" + tail), cmac(key, b"\xa5" + tail)


def authenticate_ev2(key_no: int, key: bytes, rnd_a: bytes) -> Dialogue[Ev2Channel]:
    """Begin a session: prove to each other that both know ``key``; two APDUs.

    rnd_a:  16 bytes that were never used before.
    Raises: CardFormatError ``desfire.illegal-command`` from an EV1 card,
            ``desfire.authentication`` when the card refuses the key,
            ``desfire.not-the-card`` when the card does not know it.
    """
    opening = bytes((key_no,)) + _NO_CAPABILITIES
    rnd_b, proof = yield from _prove(AUTHENTICATE_EV2_FIRST, opening, key, rnd_a, 2)
    ti, rotated = proof[:TI_BYTES], proof[TI_BYTES : TI_BYTES + BLOCK_BYTES]
    _need_proof(rotated, rnd_a)
    return Ev2Channel(*session_keys(key, rnd_a, rnd_b), ti)


def authenticate_ev2_again(
    channel: Ev2Channel, key_no: int, key: bytes, rnd_a: bytes
) -> Dialogue[Ev2Channel]:
    """Change to another key within a session, whose identifier and counter go on; two APDUs.

    Raises: CardFormatError as `authenticate_ev2` does, ``desfire.session-over``.
    """
    # Not called yet: for programming a tag's other keys in the session of its first one.
    if not channel.alive:
        raise CardFormatError("desfire.session-over", "authenticate again")
    channel.alive = False
    opening = bytes((key_no,))
    rnd_b, proof = yield from _prove(AUTHENTICATE_EV2_NON_FIRST, opening, key, rnd_a, 1)
    _need_proof(proof, rnd_a)
    return Ev2Channel(*session_keys(key, rnd_a, rnd_b), channel.ti, channel.counter)


def _prove(
    ins: int, opening: bytes, key: bytes, rnd_a: bytes, proof_blocks: int
) -> Dialogue[tuple[bytes, bytes]]:
    """Answer the card's challenge; return it and what the card says to ours, both decrypted."""
    more, challenge = yield from frame(ins, opening)
    if not more:
        raise CardFormatError("desfire.bad-status", "the card sent no challenge")
    rnd_b = decrypt_cbc(key, ZERO_BLOCK, need_length(challenge, BLOCK_BYTES, "challenge"))
    token = encrypt_cbc(key, ZERO_BLOCK, rnd_a + rotate_left(rnd_b))
    proof = yield from exchange(MORE_FRAMES, token)
    need_length(proof, proof_blocks * BLOCK_BYTES, "proof")
    return rnd_b, decrypt_cbc(key, ZERO_BLOCK, proof)


def _need_proof(rotated: bytes, rnd_a: bytes) -> None:
    if not equals_secret(rotated, rotate_left(rnd_a)):
        raise CardFormatError("desfire.not-the-card", "the card does not know its key")
