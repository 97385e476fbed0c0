"""What a group of jobs writes, gathered table by table, so that it leaves in one statement. Pure.

Figures are summed and rows sorted by key: every group locks rows in the same order, and two groups
never wait for each other.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec.structs import astuple

from daemon.ledger.entries import (
    SYSTEM_ACCOUNTS,
    ChainedEntry,
    Entry,
    HeldMove,
    LotMove,
    Posting,
    chain,
)
from daemon.ledger.storage.rows import KEPT, CodeRow, MemberRow
from daemon.ledger.storage.store import LIFE, Change

Row = Sequence[Any]
Mark = tuple[int, tuple[int, bytes]]


class Batch:
    """The changes of a group, not sent yet, and the chain that they extend.

    head: (seq, hash) of the newest entry, sent or not.
    """

    def __init__(self, ledger_id: str, head: tuple[int, bytes]) -> None:
        self.head = head
        self._ledger_id = ledger_id
        self._changes: list[tuple[Change, ChainedEntry | None]] = []
        self._touched: set[tuple[str, ...]] = set()

    def add(self, change: Change) -> None:
        """Append a change; its entry follows the head."""
        chained = None
        if change.entry is not None:
            chained = chain(self._ledger_id, self.head, change.entry)
            self.head = (chained.seq, chained.hash)
        self._changes.append((change, chained))
        self._touched.update(_touched(change))

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

    def take(self) -> dict[str, list[Row]]:
        """Empty the batch and return its rows by table; tables without rows are left out.

        ``pass_device_gone`` holds the keys of rows to delete from ``pass_device``; ``request_gone``
        the times before which requests are deleted.
        """
        rows = _Rows()
        for change, chained in self._changes:
            rows.add(change, chained)
        self._changes.clear()
        self._touched.clear()
        return rows.by_table()


def _touched(change: Change) -> Iterable[tuple[str, ...]]:
    if change.request is not None:
        yield "request", change.request.method, change.request.request_id
    if change.sale is not None:
        yield "sale", change.sale.sale_id
    for row in change.rows:
        if isinstance(row, MemberRow):
            yield "account", row.account
        elif isinstance(row, CodeRow):
            yield "sale", row.ref
    if change.entry is not None:
        yield from _touched_by(change.entry)


def _touched_by(entry: Entry) -> Iterable[tuple[str, ...]]:
    moves: Iterable[Posting | HeldMove | LotMove] = (*entry.postings, *entry.held, *entry.lots)
    for move in moves:
        yield "account", move.account
    for counter in entry.counters:
        yield "counter", counter.counter


class _Rows:
    """Rows by table. ``_latest``: of rows that replace each other, the last one, by its key."""

    def __init__(self) -> None:
        self._plain: defaultdict[str, list[Row]] = defaultdict(list)
        self._latest: defaultdict[str, dict[Any, Row]] = defaultdict(dict)
        self._sums: defaultdict[str, dict[tuple[str | int, ...], list[int]]] = defaultdict(dict)

    def by_table(self) -> dict[str, list[Row]]:
        tables = dict(self._plain)
        for table, latest in self._latest.items():
            tables[table] = [row for _, row in sorted(latest.items())]
        for table, sums in self._sums.items():
            tables[table] = [(*key, *figures) for key, figures in sorted(sums.items())]
        return {table: rows for table, rows in tables.items() if rows}

    def add(self, change: Change, chained: ChainedEntry | None) -> None:
        # The fields of a row stand in the order of its table's columns.
        if change.entry is not None and chained is not None:
            self._add_entry(change.entry, chained)
        if change.request is not None:
            self._plain["request"].append(astuple(change.request))
        if change.sale is not None:
            sale_id, state, *rest = astuple(change.sale)
            self._latest["sale"][sale_id] = (sale_id, state.value, *rest)
        if change.card is not None:
            card_id = change.card.card_id
            self._latest["card"][card_id] = astuple(change.card)
            self._plain["identifier"] += [(*known, card_id) for known in change.identifiers]
        if change.customer is not None:
            self._latest["customer"][change.customer.account] = astuple(change.customer)
        self._add_phone(change)
        for row in change.rows:
            table = KEPT[type(row)]
            self._latest[table.name][tuple(getattr(row, name) for name in table.key)] = astuple(row)
        if change.requests_before:
            self._plain["request_gone"].append((change.requests_before,))
        if change.programme is not None:
            self._latest["programme"][change.programme[0]] = change.programme

    def _add_phone(self, change: Change) -> None:
        if change.phone is not None:
            self._latest["phone"][change.phone.card_id] = astuple(change.phone)
        if change.device is not None:
            key = (change.device.device, change.device.card_id)
            self._latest["pass_device"][key] = astuple(change.device)
            self._latest["pass_device_gone"].pop(key, None)
        if change.device_gone is not None:
            self._latest["pass_device"].pop(change.device_gone, None)
            self._latest["pass_device_gone"][change.device_gone] = change.device_gone
        if change.chip is not None:
            self._latest["chip"][change.chip.uid] = astuple(change.chip)

    def _add_entry(self, entry: Entry, chained: ChainedEntry) -> None:
        place = (chained.ledger_id, chained.seq)
        self._plain["entry"].append((*place, entry.account, entry.at, chained.body, chained.hash))
        self._plain["outbox"].append(place)
        for leg, posting in enumerate(entry.postings):
            account, purse, amount = posting.account, posting.purse, posting.amount
            self._plain["posting"].append((account, purse, *place, leg, amount))
            # System accounts have no cached balance: every sale touches them (a hot row).
            if account not in SYSTEM_ACCOUNTS:
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

    def _sum(self, table: str, key: tuple[str | int, ...], *amounts: int) -> None:
        figures = self._sums[table].setdefault(key, [0] * len(amounts))
        for column, amount in enumerate(amounts):
            figures[column] += amount
