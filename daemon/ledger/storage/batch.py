"""What a group of jobs writes, gathered table by table, so that it leaves in one statement. Pure.

Three rules make a group of many sales one write. Entries follow each other: each continues the
chain from the one before it, sent or not, so the chain is right before anything is written. Figures
are summed: of five sales that earn 10 points on one card, one row says 50. Of rows that replace
each other the last one stays: a card that was blocked and unblocked is written once.

Rows leave sorted by key: every group locks rows in the same order, and two groups never wait for
each other. What waits here is not in the database yet, so a job that reads one of these rows would
not see it: ``touches`` says whether the batch has to be sent before.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from daemon.base.ids import AccountId, LedgerId
from daemon.ledger.entries import (
    SYSTEM_ACCOUNTS,
    ChainedEntry,
    Entry,
    HeldMove,
    LotMove,
    Posting,
    chain,
)
from daemon.ledger.posted_facts import Fact, facts_of
from daemon.ledger.sale_rows import SaleRow
from daemon.ledger.storage.closing_rows import ClosingRow
from daemon.ledger.storage.fact_tables import Sum, row_of, standing_sum, sums_of, together
from daemon.ledger.storage.import_rows import ImportLineRow
from daemon.ledger.storage.inserts import KEPT
from daemon.ledger.storage.packing import packed
from daemon.ledger.storage.partner_rows import AssignmentRow
from daemon.ledger.storage.row_marks import marks, values_of
from daemon.ledger.storage.rows import CodeRow, CustomerRow, MemberRow, RequestRow
from daemon.ledger.storage.store import LIFE, Change

PLACED = (SaleRow, AssignmentRow, ImportLineRow, ClosingRow)
"""Rows that say which entry has written them."""
TURN = ""
"""In place of a meter's name: the row, always 0, that is written for whatever rests on an account.

Of two groups that read one account and move nothing in common, the second then fails, too.
"""
Row = Sequence[Any]
Key = tuple[Any, ...]
Mark = tuple[int, tuple[int, bytes]]


class Batch:
    """The changes of a group, not sent yet, and the chain that they extend.

    head: (seq, hash) of the newest entry, sent or not.
    """

    def __init__(self, ledger_id: LedgerId, head: tuple[int, bytes]) -> None:
        self.head = head
        self._ledger_id = ledger_id
        self._changes: list[tuple[Change, ChainedEntry | None, frozenset[AccountId]]] = []
        self._touched: set[tuple[str, ...]] = set()

    def add(self, change: Change, rests_on: frozenset[AccountId] = frozenset()) -> None:
        """Append a change; its entry follows the head.

        rests_on: accounts of which one row is written whatever moves: see ``TURN``.
        """
        chained = None
        entry = change.entry
        if entry is not None:
            seq = self.head[0] + 1
            rows = tuple(
                row.placed(self._ledger_id, seq) if isinstance(row, PLACED) else row
                for row in change.rows
            )
            change = msgspec.structs.replace(change, rows=rows)
            entry = msgspec.structs.replace(entry, rows=marks(change))
            chained = chain(self._ledger_id, self.head, entry)
            self.head = (chained.seq, chained.hash)
        self._changes.append((change, chained, rests_on))
        self._touched.update(_touched(change))

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits to be sent."""
        return not self._changes

    def mark(self) -> Mark:
        """Return where the batch stands, for ``rewind``."""
        return len(self._changes), self.head

    def rewind(self, mark: Mark) -> None:
        """Drop what was added since ``mark``."""
        length, self.head = mark
        del self._changes[length:]

    def touches(self, keys: Iterable[tuple[str, ...]]) -> bool:
        """Whether a row that the batch will write is among ``keys``: see ``_touched``."""
        return not self._touched.isdisjoint(keys)

    def take(self) -> "Rows":
        """Empty the batch and return what is to be written."""
        rows = _Gathering()
        for change, chained, rests_on in self._changes:
            rows.add(change, chained)
            rows.take_turns(rests_on)
        self._changes.clear()
        self._touched.clear()
        return rows.gathered()


class Rows(NamedTuple):
    """What a group writes, by table; tables without rows are left out.

    written:         inserted, or in place of the row with their key.
    gone:            keys of rows to delete.
    emptied:         keys of lots to delete if nothing is left of them after it.
    requests_before: the time (RFC 3339) before which requests are deleted, or "".
    """

    written: dict[str, list[Row]]
    gone: dict[str, list[Row]]
    emptied: list[Row]
    requests_before: str


def _touched(change: Change) -> Iterable[tuple[str, ...]]:
    """Yield what a later job's view may show; its questions are asked after all was sent."""
    for row in change.rows:
        match row:
            case RequestRow():
                yield "request", row.method, row.request_id
            case SaleRow():
                yield "sale", row.sale_id
            case CodeRow():
                yield "sale", row.ref
            case MemberRow():
                yield "account", row.account
            case CustomerRow():
                yield "customer", row.account
            case _:  # the others are only asked for after all was sent
                pass
    for kind, key in change.gone:
        if kind is CustomerRow:
            yield "customer", str(key[0])
    if change.entry is not None:
        yield from _touched_by(change.entry)


def _touched_by(entry: Entry) -> Iterable[tuple[str, ...]]:
    moves: Iterable[Posting | HeldMove | LotMove] = (*entry.postings, *entry.held, *entry.lots)
    for move in moves:
        yield "account", move.account
    for counter in entry.counters:
        yield "counter", counter.counter
    for meter in entry.meters:
        yield "meters", meter.account


class _Gathering:
    """Rows by table. ``_latest``: of rows that replace each other, the last one, by its key.

    None in place of a row: it was deleted after all that was written of it.
    """

    def __init__(self) -> None:
        self._once: defaultdict[str, list[Row]] = defaultdict(list)
        self._latest: defaultdict[str, dict[Key, Row | None]] = defaultdict(dict)
        self._sums: defaultdict[str, dict[Key, list[int]]] = defaultdict(dict)
        self._requests_before = ""

    def gathered(self) -> Rows:
        written, gone = dict(self._once), dict[str, list[Row]]()
        for table, latest in self._latest.items():
            rows = sorted(latest.items())
            kept = [row for _, row in rows if row is not None]
            written[table] = [*written.get(table, ()), *kept]
            gone[table] = [key for key, row in rows if row is None]
        for table, sums in self._sums.items():
            written[table] = [(*key, *figures) for key, figures in sorted(sums.items())]
        return Rows(
            written={table: rows for table, rows in written.items() if rows},
            gone={table: keys for table, keys in gone.items() if keys},
            emptied=[key for key, [left] in sorted(self._sums["lot"].items()) if left <= 0],
            requests_before=self._requests_before,
        )

    def add(self, change: Change, chained: ChainedEntry | None) -> None:
        if change.entry is not None and chained is not None:
            self._add_entry(change.entry, chained)
        for row in change.rows:
            table, keys, _ = KEPT[type(row)]
            values = values_of(row)
            if keys:
                self._latest[table][values[:keys]] = values
            else:
                self._once[table].append(values)
        for kind, key in change.gone:
            self._latest[KEPT[kind].table][key] = None
        for ledger_id, seq, fact in change.facts:
            self._add_fact(ledger_id, seq, fact)
        self._add_sums(change.sums)
        self._add_sums(standing_sum(*one) for one in change.standings)
        self._requests_before = max(self._requests_before, change.requests_before)

    def take_turns(self, accounts: Iterable[AccountId]) -> None:
        for account in accounts:
            self._sum("meter", (account, TURN, LIFE), 0)

    def _add_entry(self, entry: Entry, chained: ChainedEntry) -> None:
        place = (chained.ledger_id, chained.seq)
        self._once["entry"].append(
            (*place, entry.account, entry.at, packed(chained.body), chained.hash)
        )
        for leg, posting in enumerate(entry.postings):
            account, purse, amount = posting.account, posting.purse, posting.amount
            # System accounts have no rows: every sale touches them (a hot row), and their legs
            # follow from the others.
            if account not in SYSTEM_ACCOUNTS:
                self._once["posting"].append((account, purse, *place, leg, amount))
                self._sum("balance", (account, purse), amount, 0)
        for held in entry.held:
            self._sum("balance", (held.account, held.purse), 0, held.amount)
        for lot in entry.lots:
            self._sum("lot", (lot.account, lot.purse, lot.expires, lot.usable_from), lot.amount)
        for meter in entry.meters:
            for day in (LIFE, meter.day):
                self._sum("meter", (meter.account, meter.meter, day), meter.amount)
        for counter in entry.counters:
            self._sum("counter", (counter.counter,), counter.amount)
        if (fact := facts_of(entry)) is not None:
            self._add_fact(*place, fact)

    def _add_fact(self, ledger_id: LedgerId, seq: int, fact: Fact) -> None:
        self._once["fact"].append(row_of(ledger_id, seq, fact))
        self._add_sums(sums_of(fact))

    def _add_sums(self, sums: Iterable[Sum]) -> None:
        for table, key, figures in sums:
            there = self._sums[table].get(key)
            both = together(table, there, figures) if there else list(figures)
            self._sums[table][key] = both

    def _sum(self, table: str, key: Key, *amounts: int) -> None:
        figures = self._sums[table].setdefault(key, [0] * len(amounts))
        for column, amount in enumerate(amounts):
            figures[column] += amount
