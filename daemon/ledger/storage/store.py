"""What the ledger asks of a database: read what a decision needs, write what was decided.

A store holds no rules. Each is one module beside this one, with plain SQL, and passes the suite
in ``tests/stores``.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

import msgspec

from daemon.ledger.entries import ChainedEntry, Entry
from daemon.ledger.lots import PurseLots
from daemon.ledger.sale_states import SaleState
from daemon.ledger.storage.rows import CodeRow, Question, R, Row
from daemon.programme.status import StatusState

LIFE = 0
"""The day of the meter row that holds the sum of all days."""
EXPIRED_HOLDS_MAX = 100


class StoreError(Exception):
    """The database failed; the transaction was rolled back."""


class StoreConflictError(StoreError):
    """The group was not written and may run again.

    Another writer came first to one of its rows, or the connection was lost before the commit.
    """


class StorageFullError(StoreError):
    """No room on the disk. Nothing was written."""


class RequestRow(msgspec.Struct, frozen=True):
    """A finished writing request. ``content`` is a SHA-256; ``answer`` the JSON that was sent."""

    method: str
    request_id: str
    content: bytes
    answer: bytes
    at: str


class SaleRow(msgspec.Struct, frozen=True):
    """Where a sale stands. ``body`` is the JSON of ``daemon.ledger.sales.SaleRecord``.

    until: when a hold runs out, RFC 3339, or "".
    """

    sale_id: str
    state: SaleState
    account: str
    until: str
    body: bytes


class CardRow(msgspec.Struct, frozen=True):
    """A card. ``token`` opens its page and is kept only as a SHA-256.

    until:  when it stops being good, RFC 3339, or "".
    issuer: the company whose card it is, where several share their cards, or "".
    """

    card_id: str
    account: str
    state: str
    kind: str
    number: str
    ean13: str
    token_hash: bytes
    until: str = ""
    issuer: str = ""


class PhoneRow(msgspec.Struct, frozen=True):
    """The phone that carries a card.

    number:     what the phone's code says of the card, 10 digits; also its identifier ``phone``.
    generation: rises by one with every phone that takes the card over; 0 before the first.
    last_step:  the newest half minute whose code was taken, or -1; no older one is taken again.
    key_id:     which of the shop's keys the phone's key derives from.
    """

    card_id: str
    number: str
    generation: int
    last_step: int = -1
    key_id: int = 1


class DeviceRow(msgspec.Struct, frozen=True):
    """A device that holds a card's wallet pass and wants to hear of changes."""

    device: str
    card_id: str
    push_token: str


class ChipRow(msgspec.Struct, frozen=True):
    """What this ledger last saw of a chip that counts: a purse, or a tag with a rolling link.

    seq:     the purse's payments, or how often the tag was read.
    txid:    of the purse's last payment, hex; "" for a tag.
    speaks:  the channel that it was opened with, "" for a tag.
    alarm:   why it must not be used any more, or "".
    """

    uid: str
    seq: int
    txid: str = ""
    balance: int = 0
    speaks: str = ""
    alarm: str = ""


class CustomerRow(msgspec.Struct, frozen=True):
    """The person behind an account; ``profile`` is JSON. Erasing this row keeps the ledger."""

    account: str
    profile: bytes


class Reads(msgspec.Struct, frozen=True):
    """What a decision has to read.

    accounts:   whose purses; members_of: whose statuses.
    with_codes: whether the codes that the sale has issued are among it.
    """

    sale_id: str = ""
    accounts: tuple[str, ...] = ()
    counters: tuple[str, ...] = ()
    members_of: str = ""
    with_codes: bool = False


NO_REQUEST = ("", "")


class View(msgspec.Struct, frozen=True):
    """What was read, as of the transaction. ``purses`` are by account, ``members`` by status."""

    request: RequestRow | None
    sale: SaleRow | None
    purses: Mapping[str, Mapping[str, PurseLots]]
    counters: Mapping[str, int]
    members: Mapping[str, StatusState] = {}
    codes: tuple[CodeRow, ...] = ()


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What a decision writes: at most one entry and the rows that index it.

    device_gone: (device, card_id) of a DeviceRow to forget.
    requests_before: requests finished before this (RFC 3339) are forgotten.
    """

    entry: Entry | None = None
    request: RequestRow | None = None
    sale: SaleRow | None = None
    card: CardRow | None = None
    identifiers: tuple[tuple[str, str], ...] = ()
    customer: CustomerRow | None = None
    phone: PhoneRow | None = None
    device: DeviceRow | None = None
    device_gone: tuple[str, str] | None = None
    programme: tuple[str, str] | None = None
    rows: tuple[Row, ...] = ()
    requests_before: str = ""
    chip: ChipRow | None = None


class Store(Protocol):
    """One connection to one database, used by one thread at a time."""

    ledger_id: str

    def begin(self) -> None:
        """Start the transaction of a group; on a read-only connection, of reads that agree."""
        ...

    def commit(self) -> None:
        """Make the group durable.

        Raises: StoreConflictError, StorageFullError: nothing was written. StoreError: it is not
        known, and a request that is sent again with its id finds out.
        """
        ...

    def rollback(self) -> None:
        """Drop the group."""
        ...

    def savepoint(self) -> None:
        """Start one job inside the group."""
        ...

    def release(self) -> None:
        """Keep the job."""
        ...

    def rollback_to(self) -> None:
        """Drop the job, keep the group."""
        ...

    def view(self, reads: Reads, request: tuple[str, str] = NO_REQUEST) -> View:
        """Read what a decision needs, and the finished request of this method and id."""
        ...

    def write(self, change: Change) -> None:
        """Append the entry to this ledger's chain and bring every cached figure along.

        A job's last act: what it wrote is there for the jobs after it, not for itself.
        """
        ...

    def purses(self, account: str) -> dict[str, PurseLots]:
        """Return the account's purses."""
        ...

    def meters(self, account: str, windows: Mapping[str, tuple[int, int] | None]) -> dict[str, int]:
        """Sum meters over windows of local days, first and last included; None is for ever."""
        ...

    def counters(self, keys: Iterable[str]) -> dict[str, int]:
        """Return the counters that are not zero."""
        ...

    def sale(self, sale_id: str) -> SaleRow | None:
        """Return a sale."""
        ...

    def request(self, method: str, request_id: str) -> RequestRow | None:
        """Return a finished request."""
        ...

    def expired_holds(self, now: str) -> list[SaleRow]:
        """Return holds whose time has run out, oldest first, at most EXPIRED_HOLDS_MAX."""
        ...

    def unsettled(self, account: str | None = None) -> list[SaleRow]:
        """Return sales that wait for what a chip says (INTENT, UNKNOWN, VOID_PENDING), by id.

        account: only this one's; None is everybody's.
        """
        ...

    def chip(self, uid: str) -> ChipRow | None:
        """Return what was last seen of a chip."""
        ...

    def find_card(self, scheme: str, value: str) -> CardRow | None:
        """Return the card that an identifier belongs to."""
        ...

    def card_by_token(self, token_hash: bytes) -> CardRow | None:
        """Return the card that a page token opens."""
        ...

    def customer(self, account: str) -> CustomerRow | None:
        """Return the person behind an account."""
        ...

    def phone(self, card_id: str) -> PhoneRow | None:
        """Return the phone that carries a card."""
        ...

    def devices(self, card_id: str) -> list[DeviceRow]:
        """Return the devices that hold a card's pass."""
        ...

    def device_cards(self, device: str) -> list[CardRow]:
        """Return the cards whose passes a device holds."""
        ...

    def card(self, card_id: str) -> CardRow | None:
        """Return a card."""
        ...

    def programme(self, version: str) -> str | None:
        """Return the text of a programme version that has priced something."""
        ...

    def history(self, account: str, limit: int) -> list[bytes]:
        """Return the bodies of the account's newest entries, newest first."""
        ...

    def newest_at(self) -> str:
        """Return when this ledger's newest entry was made, RFC 3339, or "" before the first."""
        ...

    def ask(self, question: Question[R], *values: str | int | bytes | None) -> list[R]:
        """Return the rows that answer a question, at most ROWS_MAX where it says so."""
        ...

    def outbox_depth(self) -> int:
        """Return how many entries wait to be forwarded."""
        ...

    def entries(self) -> Iterator[ChainedEntry]:
        """Yield every entry of every ledger here, by ledger and seq."""
        ...

    def cached(self) -> Iterator[tuple[str, tuple[str | int, ...], int]]:
        """Yield every cached figure as (table, key, value), for the audit."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...
