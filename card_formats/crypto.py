"""AES-128 as cards use it: CBC, CMAC, key diversification, and DESFire's CRC-32.

Beside it what a card is met with before it has a key of its own: DES, and its maker's signature.
"""

import hmac
import zlib
from collections.abc import Callable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.hashes import SHA224

BLOCK_BYTES = 16
KEY_BYTES = 16
ZERO_BLOCK = bytes(BLOCK_BYTES)
DIVERSIFICATION_BYTES_MAX = 31
P224_BYTES = 28
_DIVERSIFY_AES128 = b"\x01"
_CMAC_POLYNOMIAL = 0x87


def encrypt_cbc(key: bytes, iv: bytes, plain: bytes) -> bytes:
    """Encrypt whole blocks; nothing is padded."""
    encryptor = Cipher(AES128(key), CBC(iv)).encryptor()
    return encryptor.update(plain) + encryptor.finalize()


def decrypt_cbc(key: bytes, iv: bytes, cipher: bytes) -> bytes:
    """Decrypt whole blocks; no padding is taken off."""
    decryptor = Cipher(AES128(key), CBC(iv)).decryptor()
    return decryptor.update(cipher) + decryptor.finalize()


def encrypt_des(key: bytes, iv: bytes, plain: bytes) -> bytes:
    """Encrypt whole blocks under a DES key of two halves; nothing is padded."""
    encryptor = Cipher(TripleDES(key + key[:8]), CBC(iv)).encryptor()
    return encryptor.update(plain) + encryptor.finalize()


def decrypt_des(key: bytes, iv: bytes, cipher: bytes) -> bytes:
    """Decrypt whole blocks under a DES key of two halves; no padding is taken off."""
    decryptor = Cipher(TripleDES(key + key[:8]), CBC(iv)).decryptor()
    return decryptor.update(cipher) + decryptor.finalize()


def verifies_p224(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether ``signature`` (r and s) is ECDSA's of a short ``message`` that is not hashed.

    public:  an uncompressed point on secp224r1; its key is a constant, never what a card sent.
    message: at most P224_BYTES, taken as a number.
    """
    assert len(message) <= P224_BYTES
    if len(signature) != 2 * P224_BYTES:
        return False
    r, s = (int.from_bytes(signature[at : at + P224_BYTES], "big") for at in (0, P224_BYTES))
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP224R1(), public)
    try:
        digest = message.rjust(P224_BYTES, b"\0")
        key.verify(encode_dss_signature(r, s), digest, ec.ECDSA(Prehashed(SHA224())))
    except InvalidSignature:
        return False
    return True


def is_p224_point(text: str) -> bool:
    """Whether ``text`` is an uncompressed point on secp224r1, in hex."""
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP224R1(), bytes.fromhex(text))
    except ValueError:
        return False
    return len(text) == 2 * (1 + 2 * P224_BYTES)


def cmac(key: bytes, message: bytes) -> bytes:
    """Return the whole 16-byte AES-CMAC. Source: RFC 4493."""
    mac = CMAC(AES128(key))
    mac.update(message)
    return mac.finalize()


def cmac_from(
    key: bytes, iv: bytes, message: bytes, masks: tuple[bytes, bytes] | None = None
) -> bytes:
    """Return the AES-CMAC of ``message`` whose chain starts at ``iv`` instead of zero.

    masks:  the key's `subkeys`, where they are at hand.
    Source: DESFire EV1, where the result is the start of the next.
    """
    blocks = max(1, -(-len(message) // BLOCK_BYTES))
    padded = _masked(message, blocks * BLOCK_BYTES, masks or subkeys(key))
    return encrypt_cbc(key, iv, padded)[-BLOCK_BYTES:]


def subkeys(key: bytes) -> tuple[bytes, bytes]:
    """Return K1, for a last block that is full, and K2, for one that was padded (RFC 4493, 2.3)."""
    k1 = _double(encrypt_cbc(key, ZERO_BLOCK, ZERO_BLOCK))
    return k1, _double(k1)


def diversify(master: bytes, card: bytes, *, always_32_bytes: bool = True) -> bytes:
    """Return the AES-128 key that one card has for ``master``.

    card:            what tells the card from others, 1 to 31 bytes.
    always_32_bytes: as the note says. False is a variant in the wild, a plain CMAC: it gives
                     another key when ``card`` is 15 bytes or shorter.
    Source:          NXP AN10922, 2.2.
    """
    assert 1 <= len(card) <= DIVERSIFICATION_BYTES_MAX
    if not always_32_bytes:
        return cmac(master, _DIVERSIFY_AES128 + card)
    return diversify_by(lambda iv, blocks: encrypt_cbc(master, iv, blocks), card)


def diversify_by(encrypt: Callable[[bytes, bytes], bytes], card: bytes) -> bytes:
    """Return what `diversify` does for a master that only somebody else can use.

    encrypt: AES-CBC of whole blocks under the master; takes the initial vector and the blocks.
    """
    assert 1 <= len(card) <= DIVERSIFICATION_BYTES_MAX
    k1 = _double(encrypt(ZERO_BLOCK, ZERO_BLOCK))
    padded = _masked(_DIVERSIFY_AES128 + card, 2 * BLOCK_BYTES, (k1, _double(k1)))
    return encrypt(ZERO_BLOCK, padded)[-BLOCK_BYTES:]


def crc32_desfire(data: bytes) -> bytes:
    """Return the CRC-32 of IEEE 802.3 without its last inversion, 4 bytes little endian."""
    return (zlib.crc32(data) ^ 0xFFFFFFFF).to_bytes(4, "little")


def rotate_left(block: bytes) -> bytes:
    """Return ``block`` with its first byte behind its last."""
    return block[1:] + block[:1]


def xor(left: bytes, right: bytes) -> bytes:
    """Combine two strings of one length bit by bit."""
    assert len(left) == len(right)
    combined = int.from_bytes(left, "big") ^ int.from_bytes(right, "big")
    return combined.to_bytes(len(left), "big")


def equals_secret(left: bytes, right: bytes) -> bool:
    """Compare two secrets or MACs in constant time."""
    return hmac.compare_digest(left, right)


def _double(block: bytes) -> bytes:
    shifted = int.from_bytes(block, "big") << 1
    carry = shifted >> (8 * BLOCK_BYTES)
    mask = (1 << (8 * BLOCK_BYTES)) - 1
    return ((shifted & mask) ^ carry * _CMAC_POLYNOMIAL).to_bytes(BLOCK_BYTES, "big")


def _masked(message: bytes, size: int, masks: tuple[bytes, bytes]) -> bytes:
    """Pad ``message`` to ``size`` and mask its last block as CMAC does."""
    k1, k2 = masks
    is_full = len(message) == size
    padded = message if is_full else (message + b"\x80").ljust(size, b"\0")
    return padded[:-BLOCK_BYTES] + xor(padded[-BLOCK_BYTES:], k1 if is_full else k2)
