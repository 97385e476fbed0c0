"""Ed25519 (RFC 8032): a key that signs, and its public half, which may lie about.

Whoever has the public half tells what was signed from anything else, and signs nothing.
"""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SIGNATURE_BYTES = 64


class SigningKey:
    """Signs. ``secret`` is KEY_BYTES long."""

    def __init__(self, secret: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(secret)

    def sign(self, message: bytes) -> bytes:
        """Return the signature of ``message``, SIGNATURE_BYTES long."""
        return self._key.sign(message)

    @property
    def public(self) -> "PublicKey":
        """Return the half that others have."""
        return PublicKey(self._key.public_key().public_bytes_raw())


class PublicKey:
    """Tells what its other half has signed. ``raw`` is KEY_BYTES long."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self._key = Ed25519PublicKey.from_public_bytes(raw)

    def verifies(self, message: bytes, signature: bytes) -> bool:
        """Whether ``signature`` is the key's for ``message``."""
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            return False
        return True
