"""A signed head: what the end of a ledger's chain was, to be kept where the till cannot reach it.

Whoever can write the ledger's file can write all of it anew, from the first entry on, and the
chain holds again. A head that lies elsewhere stays as it is: the entry that it names has another
hash then, or is gone. The signature says that it was this till's, so that a head which somebody
puts in its place is told from it.

    {"ledger_id":"5f0c…","seq":1203,"hash":"9ab4…","at":"2026-11-28T21:00:00.000000Z",
     "signature":"07e1…"}

Signed is the text of the four, a line each, under a title: no signature of something else passes
for that of a head.
"""

import re
from pathlib import Path

import msgspec

from daemon.base.ids import LedgerId
from daemon.base.regular_files import open_regular
from daemon.keys.key_files import KEY_BYTES, KeyFileError, load
from daemon.keys.signing_keys import SIGNATURE_BYTES, PublicKey, SigningKey

HEAD_KEY_FILE = "head.key"
HEAD_FILE_BYTES_MAX = 4_096
"""Of a file with a head; a longer one is none."""
SEQ_MAX = 2**63 - 1
_TITLE = "tillcard head"
_HEX = re.compile("[0-9a-f]*")


class HeadError(ValueError):
    """What was read is no head."""


class SignedHead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Entry ``seq`` of a ledger and its hash, as they were at ``at``; hex, RFC 3339."""

    ledger_id: LedgerId
    seq: int
    hash: str
    at: str
    signature: str

    @property
    def message(self) -> bytes:
        """What is signed."""
        return "\n".join((_TITLE, self.ledger_id, str(self.seq), self.hash, self.at)).encode()


class Expected(msgspec.Struct, frozen=True):
    """A head that must be in a ledger, and the public half of the key that has signed it."""

    head: SignedHead
    key: PublicKey

    def findings(self, ends: dict[str, tuple[int, bytes]], there: bytes | None) -> list[str]:
        """Say what is not as the head says.

        ends:  the newest entry of each ledger. there: the hash of the entry that the head names.
        """
        head, found = self.head, list[str]()
        if not self.key.verifies(head.message, bytes.fromhex(head.signature)):
            found.append(f"the head is not signed by the key {self.key.raw.hex()}")
        name = f"ledger {head.ledger_id}"
        if head.ledger_id not in ends:
            found.append(f"{name}: is not here; the head is of its entry {head.seq}")
        elif there is None:
            end = ends[head.ledger_id][0]
            found.append(f"{name}: ends with entry {end}; the head is of its entry {head.seq}")
        elif there.hex() != head.hash:
            found.append(
                f"{name} entry {head.seq}: is not that of the head; it or one before was changed"
            )
        return found


def sign_head(key: SigningKey, ledger_id: LedgerId, end: tuple[int, bytes], at: str) -> SignedHead:
    """Return the head of a ledger that ends with the entry ``end``: (seq, hash)."""
    seq, link = end
    head = SignedHead(ledger_id, seq, link.hex(), at, "")
    return msgspec.structs.replace(head, signature=key.sign(head.message).hex())


def decode_head(text: bytes) -> SignedHead:
    """Read what ``tillcard head`` has written. Raises HeadError for anything else."""
    try:
        head = msgspec.json.decode(text, type=SignedHead)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise HeadError(str(error)) from error
    for value, size in (
        (head.ledger_id, 8),
        (head.hash, 32),
        (head.signature, SIGNATURE_BYTES),
    ):
        if len(value) != 2 * size or not _HEX.fullmatch(value):
            raise HeadError(f"{value[:80]!r} is not {size} bytes in hex")
    if not 1 <= head.seq <= SEQ_MAX:
        raise HeadError(f"there is no entry {head.seq}")
    if not head.at.isascii() or "\n" in head.at:
        raise HeadError(f"{head.at[:80]!r} is no time")
    return head


def read_head(path: Path) -> SignedHead:
    """Read a file with a head. Raises HeadError, OSError."""
    with open_regular(path) as file:
        text = file.read(HEAD_FILE_BYTES_MAX + 1)
    if len(text) > HEAD_FILE_BYTES_MAX:
        raise HeadError(f"it is longer than {HEAD_FILE_BYTES_MAX} bytes")
    return decode_head(text)


def load_head_key(path: Path) -> SigningKey:
    """Read the till's key. Raises KeyFileError."""
    if not path.exists():
        raise KeyFileError(f"There is no {path}: the daemon makes it at its first start.")
    return SigningKey(load(path))


def public_key_of(text: str) -> PublicKey:
    """Read the public half, in hex. Raises HeadError."""
    if len(text) != 2 * KEY_BYTES or not _HEX.fullmatch(text):
        raise HeadError(f"{text[:80]!r} is no key: it has {2 * KEY_BYTES} hex characters")
    return PublicKey(bytes.fromhex(text))
