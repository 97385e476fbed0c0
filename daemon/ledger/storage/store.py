"""What the ledger asks of a database: read what a decision needs, write what was decided.

A store holds no rules. Each is one module beside this one, with plain SQL, and passes the suite
in ``tests/stores``.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import msgspec

from daemon.base.ids import NO_CARD, NO_SALE, AccountId, CardId, LedgerId, SaleId
from daemon.ledger.entries import SYSTEM_ACCOUNTS, ChainedEntry, Entry
from daemon.ledger.lots import PurseLots
from daemon.ledger.posted_facts import Fact
from daemon.ledger.sale_rows import SaleRow
from daemon.ledger.storage.answered import Answered
from daemon.ledger.storage.card_rows import ActRow, BatchRow, CardIssueRow, StagedRow
from daemon.ledger.storage.closing_rows import ClosingRow
from daemon.ledger.storage.customer_rows import (
    ConsentRow,
    CustomerKeyRow,
    CustomerPrivateRow,
    MergedRow,
    PhotoRow,
    QuestionnaireRow,
)
from daemon.ledger.storage.fact_tables import Sum
from daemon.ledger.storage.finding_rows import FindingRow
from daemon.ledger.storage.friend_rows import FriendRow, InviteRow
from daemon.ledger.storage.import_rows import ImportKeyRow, ImportLineRow, ImportRow
from daemon.ledger.storage.mailing_rows import (
    AudiencePartRow,
    AudienceRow,
    MailingRow,
    MessageRow,
    OccasionRow,
)
from daemon.ledger.storage.partner_rows import AssignmentRow, PartnerRow, StatementRow
from daemon.ledger.storage.queries import Question, R
from daemon.ledger.storage.rows import (
    ActivationRow,
    CardRow,
    ChipRow,
    CodeRow,
    CustomerRow,
    DeviceRow,
    FoldRow,
    IdentifierRow,
    LotFoldRow,
    MemberRow,
    OperatorRow,
    PhoneRow,
    ProgrammeRow,
    RequestRow,
    TillRow,
)
from daemon.programme.status import StatusState

KeptRow = (
    SaleRow
    | RequestRow
    | CardRow
    | IdentifierRow
    | CustomerRow
    | PhoneRow
    | DeviceRow
    | ChipRow
    | MemberRow
    | CodeRow
    | ActivationRow
    | ProgrammeRow
    | TillRow
    | FoldRow
    | LotFoldRow
    | PartnerRow
    | AssignmentRow
    | StatementRow
    | OperatorRow
    | QuestionnaireRow
    | ConsentRow
    | CustomerKeyRow
    | CustomerPrivateRow
    | PhotoRow
    | MergedRow
    | BatchRow
    | StagedRow
    | ActRow
    | CardIssueRow
    | InviteRow
    | FriendRow
    | ImportRow
    | ImportLineRow
    | ImportKeyRow
    | AudienceRow
    | AudiencePartRow
    | MailingRow
    | MessageRow
    | OccasionRow
    | FindingRow
    | ClosingRow
)
"""A row that is written as it is, not summed up from entries."""
LIFE = 0
"""The day of the meter row that holds the sum of all days."""


class StoreError(Exception):
    """The database failed before COMMIT was sent: nothing of the group is written, nor will be."""


class StoreConflictError(StoreError):
    """The group was not written and may run again.

    Another writer came first to one of its rows, or the connection was lost before the commit.
    """


class StorageFullError(StoreError):
    """No room on the disk. Nothing was written."""


class OutcomeUnknownError(StoreError):
    """COMMIT was sent and failed, or its answer never came: the group may be written, or not.

    ``Store.in_doubt`` until the store has found out which; nothing is read before that.
    """


class LedgerDamagedError(StoreError):
    """Not the ledger that was opened, or not whole. Nothing was written."""


OF_CARD = AccountId("\x1a")
"""Stands in ``Reads`` for the account of the card that it names, in counters' names too.

No other text there holds it: what a client sends has no control characters.
"""
NO_IDENTIFIER = ("", "")


class Reads(msgspec.Struct, frozen=True):
    """What a decision has to read.

    identifier: (scheme, value) of the card to find; card_id: the card, where none has that.
    accounts:   whose purses; members_of: whose statuses; profile_of: whose customer's profile.
    windows:    of meters of ``meters_of``: local days to sum, first and last included; None is for
                ever.
    with_codes: whether the codes that the sale has issued are among it.
    """

    sale_id: SaleId = NO_SALE
    accounts: tuple[AccountId, ...] = ()
    counters: tuple[str, ...] = ()
    members_of: str = ""
    meters_of: str = ""
    windows: Mapping[str, tuple[int, int] | None] = {}
    profile_of: str = ""
    with_codes: bool = False
    identifier: tuple[str, str] = NO_IDENTIFIER
    card_id: CardId = NO_CARD

    @property
    def names_card(self) -> bool:
        """Whether a card is to be found."""
        return self.identifier != NO_IDENTIFIER or bool(self.card_id)

    @property
    def of_accounts(self) -> frozenset[AccountId]:
        """Every account of which something is read."""
        known = {*self.accounts, self.members_of, self.meters_of, self.profile_of}
        return frozenset(AccountId(one) for one in known if one and one not in SYSTEM_ACCOUNTS)

    def of(self, account: AccountId) -> "Reads":
        """Return the same with ``account`` in place of OF_CARD."""
        whose = {OF_CARD: account}
        return msgspec.structs.replace(
            self,
            accounts=tuple(whose.get(one, one) for one in self.accounts),
            counters=tuple(name.replace(OF_CARD, account) for name in self.counters),
            members_of=self.members_of.replace(OF_CARD, account),
            meters_of=self.meters_of.replace(OF_CARD, account),
            profile_of=self.profile_of.replace(OF_CARD, account),
        )


NO_REQUEST = ("", "")


class View(msgspec.Struct, frozen=True):
    """What was read, as of the transaction.

    purses: by account. members: by status. meters: those with a window. profile: JSON, or b"".
    card: the one that was named. Of one that is not there nothing else is.
    misfit: why the code of a friend that a sale shows does not count, or "".
    """

    request: RequestRow | None
    sale: SaleRow | None
    purses: Mapping[str, Mapping[str, PurseLots]]
    counters: Mapping[str, int]
    members: Mapping[str, StatusState] = {}
    codes: tuple[CodeRow, ...] = ()
    meters: Mapping[str, int] = {}
    profile: bytes = b""
    card: CardRow | None = None
    misfit: str = ""


class Gone(NamedTuple):
    """A row to delete: its kind, and the columns that say which one it is (``inserts.KEPT``)."""

    kind: type[KeptRow]
    key: tuple[str | int, ...]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What a decision writes: at most one entry, and the rows that stand beside it.

    facts: of entries that are there already and have none yet, each with its place.
    sums: of lots, of entries that are there already, by nobody's commit but the nightly fold's.
    standings: standing discounts in basis points, of accounts that have a sum already.
    requests_before: requests finished before this (RFC 3339) are forgotten.
    """

    entry: Entry | None = None
    rows: tuple[KeptRow, ...] = ()
    gone: tuple[Gone, ...] = ()
    facts: tuple[tuple[LedgerId, int, Fact], ...] = ()
    sums: tuple[Sum, ...] = ()
    standings: tuple[tuple[AccountId, int], ...] = ()
    requests_before: str = ""


class Files(Protocol):
    """What a database does with its files, or a server with its own."""

    overwrites_beside: bool
    """Whether ``overwrite`` has a connection of its own, and a thread of its own may call it."""

    def overwrite(self, bytes_max: int) -> bool:
        """Leave nothing of what was deleted in the database's files; outside a group.

        bytes_max: of a file that is written anew, which takes as long as it is; False for a longer
                   one. A server clears its tables beside what others write.
        Raises: StoreError where it could not be done now: a reader holds what was there before.
        """
        ...

    def faults(self) -> list[str]:
        """Return what the database itself finds damaged, as far as it can say."""
        ...

    def backup(self, file: Path) -> list[Answered]:
        """Write a copy of the database as of one moment, while others write; return its heads.

        file: is not there yet. Raises: StoreError, OSError; nothing is left at ``file`` then.
        """
        ...


class Store(Files, Protocol):
    """One connection to one database, used by one thread at a time."""

    ledger_id: LedgerId
    in_doubt: bool
    """Whether a group's outcome is not known. The next ``begin`` finds out, or raises."""
    answered: Answered | None
    """What this till has answered from the ledger; as of the opening, where it is only read."""
    exchange_limit_s: float
    """How long one exchange with a server may take; a file has none."""

    def begin(self) -> None:
        """Start the transaction of a group; on a read-only connection, of reads that agree.

        Raises: StoreError. LedgerDamagedError: what was opened is not there any more.
        """
        ...

    def commit(self) -> None:
        """Make the group durable.

        Raises: OutcomeUnknownError: it is not known, and a request that is sent again with its
        id finds out. Any other StoreError: nothing was written, nor will it be.
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

    def purses(self, account: AccountId) -> dict[str, PurseLots]:
        """Return the account's purses."""
        ...

    def meters(
        self, account: AccountId, windows: Mapping[str, tuple[int, int] | None]
    ) -> dict[str, int]:
        """Sum meters over windows of local days, first and last included; None is for ever."""
        ...

    def counters(self, keys: Iterable[str]) -> dict[str, int]:
        """Return the counters that are not zero."""
        ...

    def ask(self, question: Question[R], *values: str | int | bytes) -> list[R]:
        """Return the rows that answer a question, at most ROWS_MAX where it says so."""
        ...

    def ask_one(self, question: Question[R], *values: str | int | bytes) -> R | None:
        """Return the first row that answers a question."""
        ...

    def entries(self) -> Iterator[ChainedEntry]:
        """Yield every entry of every ledger here, by ledger and seq."""
        ...

    def cached(self) -> Iterator[tuple[str, tuple[str | int, ...], int]]:
        """Yield every cached figure as (table, key, value), for the audit."""
        ...

    def rows(self, queries: Iterable[tuple[str, str]]) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """Yield every row that queries of tables bring as (table, columns), for the audit."""
        ...

    def interrupt(self) -> None:
        """End the question that another thread is asking, with a StoreError there."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...
