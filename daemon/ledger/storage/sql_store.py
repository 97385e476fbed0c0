"""What every store on SQL shares: a group's rows gathered, and questions in one and the same SQL.

A store beside this one brings the connection, its transactions, and the reads where databases
differ in what is fast.
"""

from abc import abstractmethod
from collections.abc import Iterable, Mapping

from daemon.base.ids import AccountId, LedgerId
from daemon.ledger.entries import GENESIS_HASH
from daemon.ledger.lots import PurseLots
from daemon.ledger.storage.answered import Answered, AnsweredFile
from daemon.ledger.storage.batch import Batch, Mark, Rows
from daemon.ledger.storage.queries import HEAD, Question, R
from daemon.ledger.storage.sql_walk import SQLWalk
from daemon.ledger.storage.store import (
    NO_REQUEST,
    Change,
    LedgerDamagedError,
    Reads,
    StoreError,
    View,
)


class SQLStore(SQLWalk):
    """One connection. See ``daemon.ledger.storage.store.Store`` for what each method promises."""

    ledger_id: LedgerId
    in_doubt: bool
    answered: Answered | None
    _answered_file: AnsweredFile
    _batch: Batch | None = None
    _before_job: Mark
    _rests_on: frozenset[AccountId] = frozenset()
    """What the job has read of accounts, where other writers are at the same database."""

    @abstractmethod
    def _view(self, reads: Reads, request: tuple[str, str]) -> View:
        """Read what ``reads`` names; nothing is sent before."""

    @abstractmethod
    def _rows(self, question: Question[R], *values: str | int | bytes) -> list[R]:
        """Ask the database; nothing is sent before."""

    @abstractmethod
    def _send(self, rows: Rows) -> None:
        """Write rows before the next statement."""

    # What this till has answered: see ``answered``.

    def _check_answered(self, database: str) -> None:
        """Raise LedgerDamagedError when the database lacks what was answered."""
        if self.answered is not None and (lacks := self.answered.lacking_in(self)):
            raise LedgerDamagedError(self._answered_file.way_out(f"{database}: {lacks}"))

    def _open_answered(self) -> None:
        """Keep it up to date from now on. Raises StoreError."""
        try:
            self._answered_file.open()
        except OSError as error:
            path = self._answered_file.path
            raise StoreError(f"{path} cannot be written: {error.strerror}.") from error
        self.answered = None
        self._keep_answered(self.ask_one(HEAD, self.ledger_id) or (0, GENESIS_HASH))

    def _keep_answered(self, head: tuple[int, bytes]) -> None:
        if self.answered is None or self.answered.seq != head[0]:
            self.answered = Answered(self.ledger_id, *head)
            self._answered_file.write(self.answered)

    # A group: its rows are gathered and leave together, at its end or when a read needs them.

    def savepoint(self) -> None:
        """Start one job inside the group."""
        assert self._batch is not None
        self._before_job = self._batch.mark()
        self._rests_on = frozenset()

    def release(self) -> None:
        """Keep the job."""
        assert self._batch is not None
        self._before_job = self._batch.mark()

    def rollback_to(self) -> None:
        """Drop the job, keep the group."""
        assert self._batch is not None
        self._batch.rewind(self._before_job)

    def write(self, change: Change) -> None:
        """Append the entry to this ledger's chain and bring every cached figure along."""
        assert self._batch is not None, "writing belongs in a group"
        self._batch.add(change, self._rests_on)

    def _send_earlier_jobs(self) -> None:
        if self._batch is not None:
            assert self._batch.mark() == self._before_job, "a job reads first and writes last"
            if self._batch.is_empty:
                return
            self._send(self._batch.take())
            self._before_job = self._batch.mark()

    def _send_what_touches(self, reads: Reads, request: tuple[str, str]) -> None:
        """Send the earlier jobs' rows only if one of them is among those that a view reads."""
        if self._batch is None:
            return
        if reads.names_card:
            self._send_earlier_jobs()
        keys: set[tuple[str, ...]] = {("request", *request), ("sale", reads.sale_id)}
        keys |= {("account", account) for account in (*reads.accounts, reads.members_of)}
        keys |= {("meters", reads.meters_of), ("customer", reads.profile_of)}
        keys |= {("counter", counter) for counter in reads.counters}
        if self._batch.touches(keys):
            self._send_earlier_jobs()

    # Questions.

    def view(self, reads: Reads, request: tuple[str, str] = NO_REQUEST) -> View:
        """Read what a decision needs, and the finished request of this method and id."""
        self._send_what_touches(reads, request)
        return self._view(reads, request)

    def purses(self, account: AccountId) -> dict[str, PurseLots]:
        """Return the account's purses."""
        return dict(self.view(Reads(accounts=(account,))).purses[account])

    def meters(
        self, account: AccountId, windows: Mapping[str, tuple[int, int] | None]
    ) -> dict[str, int]:
        """Sum meters over windows of local days, first and last included; None is for ever."""
        return dict(self.view(Reads(meters_of=account, windows=windows)).meters)

    def counters(self, keys: Iterable[str]) -> dict[str, int]:
        """Return the counters that are not zero."""
        return dict(self.view(Reads(counters=tuple(keys))).counters)

    def ask(self, question: Question[R], *values: str | int | bytes) -> list[R]:
        """Return the rows that answer a question, with all that earlier jobs wrote."""
        self._send_earlier_jobs()
        return self._rows(question, *values)

    def ask_one(self, question: Question[R], *values: str | int | bytes) -> R | None:
        """Return the first row that answers a question."""
        rows = self.ask(question, *values)
        return rows[0] if rows else None
