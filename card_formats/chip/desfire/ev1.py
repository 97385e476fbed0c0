"""DESFire's first secure channel (AuthenticateAES): one initial vector, carried through all."""

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
    cmac_from,
    crc32_desfire,
    decrypt_cbc,
    encrypt_cbc,
    equals_secret,
    rotate_left,
    subkeys,
)
from card_formats.errors import CardFormatError

AUTHENTICATE_AES = 0xAA
MAC_BYTES = 8
CRC_BYTES = 4
_OK = b"\x00"


class Ev1Channel:
    """A session with ``key``. Every command and every answer moves the initial vector on.

    Source: NXP AN0945; libfreefare and the Proxmark3 client where that is silent. In CommMode.MAC
            a command's data carries a MAC; clients disagree whether Credit and Debit then do, so
            value files should be FULL.
    """

    def __init__(self, key: bytes, iv: bytes = ZERO_BLOCK) -> None:
        self._key = key
        self._masks = subkeys(key)
        self._iv = iv
        self.alive = True

    def seal(self, command: Command) -> bytes:
        """Return what follows the instruction byte."""
        message = bytes((command.ins,)) + command.header + command.data
        if command.mode is CommMode.FULL and command.data:
            plain = command.data + crc32_desfire(message) + command.tail
            padded = plain.ljust(-(-len(plain) // BLOCK_BYTES) * BLOCK_BYTES, b"\0")
            cipher = encrypt_cbc(self._key, self._iv, padded)
            self._iv = cipher[-BLOCK_BYTES:]
            return command.header + cipher
        # The card computes this MAC too, whether or not it is sent.
        mac = self._mac(message)
        is_sent = command.mode is not CommMode.PLAIN and command.data
        return command.header + command.data + (mac if is_sent else b"")

    def unseal(self, command: Command, answer: bytes) -> bytes:
        """Return the data of an answer with status OK.

        Raises: CardFormatError ``desfire.bad-mac``, ``desfire.bad-crc``, ``desfire.bad-length``.
        """
        if command.mode is CommMode.FULL and not command.data:
            return self._decipher(answer, command.sizes)
        data, mac = answer[:-MAC_BYTES], answer[-MAC_BYTES:]
        if not equals_secret(self._mac(data + _OK), mac):
            raise CardFormatError("desfire.bad-mac", "the answer was altered")
        return data

    def _mac(self, message: bytes) -> bytes:
        self._iv = cmac_from(self._key, self._iv, message, self._masks)
        return self._iv[:MAC_BYTES]

    def _decipher(self, cipher: bytes, sizes: range) -> bytes:
        plain = decrypt_cbc(self._key, self._iv, need_blocks(cipher))
        self._iv = cipher[-BLOCK_BYTES:]
        return _strip(plain, sizes)


def _strip(plain: bytes, sizes: range) -> bytes:
    """Return the data before CRC and padding (zeros, or 80 and zeros, up to a block)."""
    # Neither the padding nor the CRC tells the length: where the CRC begins with a zero, the data
    # with this zero behind it and the rest of the CRC with a zero of the padding fit as well. A
    # balance of 18 is such. So only the lengths that were asked for are tried.
    for size in range(max(0, len(plain) - BLOCK_BYTES - CRC_BYTES), len(plain) - CRC_BYTES + 1):
        end = size + CRC_BYTES
        data, crc, padding = plain[:size], plain[size:end], plain[end:]
        is_padding = not padding.lstrip(b"\0") or padding == b"\x80".ljust(len(padding), b"\0")
        if size in sizes and is_padding and crc == crc32_desfire(data + _OK):
            return data
    raise CardFormatError("desfire.bad-crc", "the answer was altered")


def authenticate_ev1(key_no: int, key: bytes, rnd_a: bytes) -> Dialogue[Ev1Channel]:
    """Prove to each other that both know ``key``; two APDUs.

    rnd_a:  16 bytes that were never used before.
    Raises: CardFormatError ``desfire.authentication`` when the card refuses the key,
            ``desfire.not-the-card`` when the card does not know it.
    """
    more, challenge = yield from frame(AUTHENTICATE_AES, bytes((key_no,)))
    if not more:
        raise CardFormatError("desfire.bad-status", "the card sent no challenge")
    need_length(challenge, BLOCK_BYTES, "challenge")
    rnd_b = decrypt_cbc(key, ZERO_BLOCK, challenge)
    # Each of the three messages goes on from the last block of the one before.
    token = encrypt_cbc(key, challenge, rnd_a + rotate_left(rnd_b))
    proof = yield from exchange(MORE_FRAMES, token)
    need_length(proof, BLOCK_BYTES, "proof")
    if not equals_secret(decrypt_cbc(key, token[-BLOCK_BYTES:], proof), rotate_left(rnd_a)):
        raise CardFormatError("desfire.not-the-card", "the card does not know its key")
    return Ev1Channel(rnd_a[:4] + rnd_b[:4] + rnd_a[12:] + rnd_b[12:])
