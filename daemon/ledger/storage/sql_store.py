"""What every store on SQL shares: a group's rows gathered, and questions in one and the same SQL.

A store beside this one brings the connection, its transactions, and the reads where databases
differ in what is fast.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import msgspec

from daemon.ledger.sale_states import SaleState
from daemon.ledger.status_moves import states_of
from daemon.ledger.storage.batch import Batch, Mark, Row
from daemon.ledger.storage.rows import CODES_OF, MEMBERS_OF, Question, R
from daemon.ledger.storage.store import (
    EXPIRED_HOLDS_MAX,
    NO_REQUEST,
    CardRow,
    Change,
    ChipRow,
    CustomerRow,
    DeviceRow,
    PhoneRow,
    Reads,
    RequestRow,
    SaleRow,
    View,
)


def sale_row(sale_id: str, state: str, account: str, until: str, body: bytes) -> SaleRow:
    """Return a row of the table ``sale`` as a struct."""
    return SaleRow(sale_id, SaleState(state), account, until, body)


_SALE = "SELECT sale_id, state, account, until, body FROM sale"
_CARD = (
    "SELECT card_id, account, state, kind, number, ean13, token_hash, until, issuer FROM card WHERE"
)
SALE = Question(f"{_SALE} WHERE sale_id = ?", sale_row)
EXPIRED_HOLDS = Question(
    f"{_SALE} WHERE until <> '' AND until <= ? ORDER BY until LIMIT {EXPIRED_HOLDS_MAX}", sale_row
)
UNSETTLED = Question(
    f"{_SALE} WHERE state IN ('intent', 'unknown', 'void_pending')"
    " AND account = coalesce(?, account) ORDER BY sale_id",
    sale_row,
)
REQUEST = Question(
    "SELECT method, request_id, content, answer, at FROM request"
    " WHERE method = ? AND request_id = ?",
    RequestRow,
)
CHIP = Question("SELECT uid, seq, txid, balance, speaks, alarm FROM chip WHERE uid = ?", ChipRow)
CARD = Question(f"{_CARD} card_id = ?", CardRow)
CARD_BY_IDENTIFIER = Question(
    f"{_CARD} card_id = (SELECT card_id FROM identifier WHERE scheme = ? AND value = ?)", CardRow
)
CARD_BY_TOKEN = Question(f"{_CARD} token_hash = ?", CardRow)
DEVICE_CARDS = Question(
    f"{_CARD} card_id IN (SELECT card_id FROM pass_device WHERE device = ?) ORDER BY card_id",
    CardRow,
)
DEVICES = Question(
    "SELECT device, card_id, push_token FROM pass_device WHERE card_id = ? ORDER BY device",
    DeviceRow,
)
PHONE = Question(
    "SELECT card_id, number, generation, last_step, key_id FROM phone WHERE card_id = ?",
    PhoneRow,
)
CUSTOMER = Question("SELECT account, profile FROM customer WHERE account = ?", CustomerRow)
PROGRAMME = Question("SELECT text FROM programme WHERE version = ?", str)
HISTORY = Question(
    "SELECT body FROM entry WHERE account = ? ORDER BY at DESC, ledger_id DESC, seq DESC LIMIT ?",
    bytes,
)
NEWEST_AT = Question("SELECT at FROM entry WHERE ledger_id = ? ORDER BY seq DESC LIMIT 1", str)
HEAD: Question[tuple[int, bytes]] = Question(
    "SELECT seq, hash FROM entry WHERE ledger_id = ? ORDER BY seq DESC LIMIT 1",
    lambda seq, link: (seq, link),
)
OUTBOX_DEPTH = Question("SELECT count(*) FROM outbox", int)


class SQLStore(ABC):
    """One connection. See ``daemon.ledger.storage.store.Store`` for what each method promises."""

    ledger_id: str
    _batch: Batch | None = None
    _before_job: Mark

    @abstractmethod
    def _view(self, reads: Reads, request: tuple[str, str]) -> View:
        """Read what ``reads`` names but members and codes; nothing is sent before."""

    @abstractmethod
    def _rows(self, question: Question[R], *values: str | int | bytes | None) -> list[R]:
        """Ask the database; nothing is sent before."""

    @abstractmethod
    def _send(self, tables: Mapping[str, Sequence[Row]]) -> None:
        """Write rows, as ``Batch.take`` returns them, before the next statement."""

    # A group: its rows are gathered and leave together, at its end or when a read needs them.

    def savepoint(self) -> None:
        """Start one job inside the group."""
        assert self._batch is not None
        self._before_job = self._batch.mark()

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
        self._batch.add(change)

    def _send_earlier_jobs(self) -> None:
        if self._batch is not None:
            assert self._batch.mark() == self._before_job, "a job reads first and writes last"
            self._send(self._batch.take())
            self._before_job = self._batch.mark()

    def _send_what_touches(self, reads: Reads, request: tuple[str, str]) -> None:
        """Send the earlier jobs' rows only if one of them is among those that a view reads."""
        if self._batch is None:
            return
        keys: set[tuple[str, ...]] = {("request", *request), ("sale", reads.sale_id)}
        keys |= {("account", account) for account in (*reads.accounts, reads.members_of)}
        keys |= {("counter", counter) for counter in reads.counters}
        if self._batch.touches(keys):
            self._send_earlier_jobs()

    # Questions.

    def view(self, reads: Reads, request: tuple[str, str] = NO_REQUEST) -> View:
        """Read what a decision needs, and the finished request of this method and id."""
        self._send_what_touches(reads, request)
        view = self._view(reads, request)
        if reads.members_of:
            members = states_of(self._rows(MEMBERS_OF, reads.members_of))
            view = msgspec.structs.replace(view, members=members)
        if reads.with_codes:
            codes = tuple(self._rows(CODES_OF, reads.sale_id))
            view = msgspec.structs.replace(view, codes=codes)
        return view

    def ask(self, question: Question[R], *values: str | int | bytes | None) -> list[R]:
        """Return the rows that answer a question, with all that earlier jobs wrote."""
        self._send_earlier_jobs()
        return self._rows(question, *values)

    def _ask_one(self, question: Question[R], *values: str | int | bytes | None) -> R | None:
        rows = self.ask(question, *values)
        return rows[0] if rows else None

    def sale(self, sale_id: str) -> SaleRow | None:
        """Return a sale."""
        return self._ask_one(SALE, sale_id)

    def request(self, method: str, request_id: str) -> RequestRow | None:
        """Return a finished request."""
        return self._ask_one(REQUEST, method, request_id)

    def expired_holds(self, now: str) -> list[SaleRow]:
        """Return holds whose time has run out, oldest first, of every till on this database."""
        return self.ask(EXPIRED_HOLDS, now)

    def unsettled(self, account: str | None = None) -> list[SaleRow]:
        """Return sales that wait for what a chip says, of every till on this database."""
        return self.ask(UNSETTLED, account)

    def chip(self, uid: str) -> ChipRow | None:
        """Return what was last seen of a chip."""
        return self._ask_one(CHIP, uid)

    def find_card(self, scheme: str, value: str) -> CardRow | None:
        """Return the card that an identifier belongs to."""
        if "\0" in value:
            return None  # PostgreSQL keeps no such text, so no card has it
        return self._ask_one(CARD_BY_IDENTIFIER, scheme, value)

    def card_by_token(self, token_hash: bytes) -> CardRow | None:
        """Return the card that a page token opens."""
        return self._ask_one(CARD_BY_TOKEN, token_hash)

    def card(self, card_id: str) -> CardRow | None:
        """Return a card."""
        return self._ask_one(CARD, card_id)

    def phone(self, card_id: str) -> PhoneRow | None:
        """Return the phone that carries a card."""
        return self._ask_one(PHONE, card_id)

    def devices(self, card_id: str) -> list[DeviceRow]:
        """Return the devices that hold a card's pass."""
        return self.ask(DEVICES, card_id)

    def device_cards(self, device: str) -> list[CardRow]:
        """Return the cards whose passes a device holds."""
        return self.ask(DEVICE_CARDS, device)

    def customer(self, account: str) -> CustomerRow | None:
        """Return the person behind an account."""
        return self._ask_one(CUSTOMER, account)

    def programme(self, version: str) -> str | None:
        """Return the text of a programme version that has priced something."""
        return self._ask_one(PROGRAMME, version)

    def history(self, account: str, limit: int) -> list[bytes]:
        """Return the bodies of the account's newest entries, newest first."""
        return self.ask(HISTORY, account, limit)

    def newest_at(self) -> str:
        """Return when this ledger's newest entry was made, RFC 3339, or "" before the first."""
        return self._ask_one(NEWEST_AT, self.ledger_id) or ""

    def outbox_depth(self) -> int:
        """Return how many entries wait to be forwarded."""
        return self.ask(OUTBOX_DEPTH)[0]
