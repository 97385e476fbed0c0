"""Ledger entries: what one event moved, and the hash chain that holds them together. Pure."""

import hashlib
import struct
from collections.abc import Iterable

import msgspec

from daemon.base.ids import NO_ACCOUNT, AccountId, LedgerId
from daemon.programme.status import StatusState

LIABILITY = AccountId("@liability")
BREAKAGE = AccountId("@breakage")
ADJUST = AccountId("@adjust")
PAYOUTS = AccountId("@payouts")
OPENING = AccountId("@opening")
SYSTEM_ACCOUNTS = (LIABILITY, BREAKAGE, ADJUST, PAYOUTS, OPENING)
GENESIS_HASH = bytes(32)
FOREVER = 3_652_059  # date.max.toordinal(): a lot that never expires
_LINK = struct.Struct(">32sQI")


class Posting(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One leg of a double entry, in the purse's smallest unit."""

    account: AccountId
    purse: str
    amount: int


class LotMove(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A change of what is left of one lot. Days are proleptic ordinals in the shop's time zone.

    usable_from: first day the lot may be burned; expires: the last such day, or FOREVER.
    """

    account: AccountId
    purse: str
    expires: int
    usable_from: int
    amount: int


class HeldMove(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A change of what open holds have reserved in one purse."""

    account: AccountId
    purse: str
    amount: int


class MeterMove(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A change of one meter on one local day (ordinal)."""

    account: AccountId
    meter: str
    day: int
    amount: int


class CounterMove(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A change of a usage counter."""

    counter: str
    amount: int


class StatusMove(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Where an account stands with a status from now on."""

    account: AccountId
    status: str
    state: StatusState


class ChipMove(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A payment that a chip has proved: its number on that chip, and the balance after it.

    uid, txid: hex, upper case and lower case.
    """

    uid: str
    seq: int
    txid: str
    amount: int
    balance: int


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event, whole: every cached figure of the ledger is the sum of its entries.

    at:     RFC 3339, UTC. kind: ``sale hold void expire return topup adjust expiry club …``.
    ref:    the sale, return or card concerned.
    chip:   what the event did to a chip's balance; the postings mirror it.
    rows:   marks of the rows that were written beside it (``row_marks``), set by the store; None in
            entries that are older than these.
    detail: what happened, as JSON, for the people who read it.
    """

    at: str
    kind: str
    ref: str
    account: AccountId = NO_ACCOUNT
    postings: tuple[Posting, ...] = ()
    lots: tuple[LotMove, ...] = ()
    held: tuple[HeldMove, ...] = ()
    meters: tuple[MeterMove, ...] = ()
    counters: tuple[CounterMove, ...] = ()
    statuses: tuple[StatusMove, ...] = ()
    chip: ChipMove | None = None
    rows: tuple[str, ...] | None = None
    detail: msgspec.Raw = msgspec.Raw(b"{}")

    def __post_init__(self) -> None:
        assert balanced(self.postings), "an entry's postings sum to nothing in every purse"


class ChainedEntry(msgspec.Struct, frozen=True):
    """An entry in its place: ``body`` is the encoded Entry, ``hash`` covers it and all before.

    account, at: what stands in the columns beside it, by which entries are found.
    """

    ledger_id: LedgerId
    seq: int
    body: bytes
    hash: bytes
    account: AccountId = NO_ACCOUNT
    at: str = ""


def balanced(postings: Iterable[Posting]) -> bool:
    """Whether debits equal credits in each purse."""
    sums: dict[str, int] = {}
    for posting in postings:
        sums[posting.purse] = sums.get(posting.purse, 0) + posting.amount
    return not any(sums.values())


def link(previous_hash: bytes, seq: int, body: bytes) -> bytes:
    """Return the hash of entry ``seq``: SHA-256 over the previous hash, seq, length and body."""
    return hashlib.sha256(_LINK.pack(previous_hash, seq, len(body)) + body).digest()


def chain(ledger_id: LedgerId, head: tuple[int, bytes], entry: Entry) -> ChainedEntry:
    """Return ``entry`` as the successor of ``head``, which is (seq, hash)."""
    seq = head[0] + 1
    body = msgspec.json.encode(entry)
    return ChainedEntry(
        ledger_id=ledger_id,
        seq=seq,
        body=body,
        hash=link(head[1], seq, body),
        account=entry.account,
        at=entry.at,
    )


def decode(body: bytes) -> Entry:
    """Decode an entry that this project wrote. Raises msgspec.DecodeError if it was damaged."""
    return msgspec.json.decode(body, type=Entry)
