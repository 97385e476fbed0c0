"""Who of an audience gets a message and who does not, each by the first reason that holds. Pure.

    no_longer_a_customer   erased, or merged into another
    no_consent             never given, or taken back
    no_contact             no telephone, e-mail or address
    bad_contact            cannot exist, or a message to it came back
    duplicate              another account has the same contact, and came later
    capped                 had enough messages lately
    empty_value            a variable of the text says nothing for them
    control                gets nothing, to compare with
    ready                  gets it

Every account has one reason, so the counts add up to the audience. ``duplicate`` alone needs all
of them: an account is looked at by itself first, as if it were the only one, and `settled` finds
those who share a contact. Of these the later visit stays, then the smaller account.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from daemon.base.ids import NO_ACCOUNT, AccountId

GONE, NO_CONSENT, NO_CONTACT = "no_longer_a_customer", "no_consent", "no_contact"
BAD_CONTACT, DUPLICATE, CAPPED = "bad_contact", "duplicate", "capped"
EMPTY_VALUE, CONTROL, READY = "empty_value", "control", "ready"
REASONS = (
    *(GONE, NO_CONSENT, NO_CONTACT, BAD_CONTACT, DUPLICATE),
    *(CAPPED, EMPTY_VALUE, CONTROL, READY),
)
"""In the order in which they are asked."""
UNREACHED = frozenset({GONE, NO_CONSENT, NO_CONTACT, BAD_CONTACT})
"""Whoever cannot be written to takes nobody's place."""
_CONTACT_BYTES = 16


class Looked(msgspec.Struct, frozen=True, gc=False):
    """One account as it is by itself.

    reason:   the first that holds, but for ``duplicate``.
    contact:  a hash of where it would go, b"" where that is nowhere. last_day: of the newest visit
              (ordinal), or 0.
    parts, units: of its text, where it is ready; else 0.
    """

    account: AccountId
    reason: str
    contact: bytes = b""
    last_day: int = 0
    parts: int = 0
    units: int = 0


class DryCount(msgspec.Struct, frozen=True):
    """What would be sent. ``counts``: by every reason. ``parts``: that are paid for.

    longest: the account whose text is the longest, or "".
    """

    counts: dict[str, int]
    parts: int = 0
    longest: AccountId = NO_ACCOUNT

    @property
    def audience(self) -> int:
        """How many there are in all."""
        return sum(self.counts.values())


def contact_key(contact: str) -> bytes:
    """Return what two equal contacts have in common: less memory than a million addresses."""
    return hashlib.sha256(contact.encode()).digest()[:_CONTACT_BYTES]


def in_control(mailing: str, account: AccountId, percent: int) -> bool:
    """Whether an account is of a mailing's control group: the same ones at every till."""
    digest = hashlib.sha256(f"{mailing}:{account}".encode()).digest()
    return int.from_bytes(digest[:4], "big") % 100 < percent


def settled(looked: Sequence[Looked]) -> Iterator[tuple[Looked, str]]:
    """Yield each account with its reason."""
    stays: dict[bytes, Looked] = {}
    for one in looked:
        if one.reason not in UNREACHED:
            other = stays.get(one.contact)
            if other is None or _rank(one) < _rank(other):
                stays[one.contact] = one
    for one in looked:
        is_first = one.reason in UNREACHED or stays[one.contact] is one
        yield one, one.reason if is_first else DUPLICATE


def _rank(one: Looked) -> tuple[int, AccountId]:
    return -one.last_day, one.account


def counted(reasons: Iterable[tuple[Looked, str]]) -> DryCount:
    """Return the counts of an audience."""
    counts, parts, longest, size = Counter(dict.fromkeys(REASONS, 0)), 0, NO_ACCOUNT, (0, 0)
    for one, reason in reasons:
        counts[reason] += 1
        if reason != READY:
            continue
        parts += one.parts
        if (one.parts, one.units) > size:
            longest, size = one.account, (one.parts, one.units)
    return DryCount(dict(counts), parts, longest)
