"""What reports ought to read, by the entries; the audit holds the tables against it."""

from collections.abc import Iterable, Iterator
from typing import Any

from daemon.base.ids import LedgerId
from daemon.ledger.entries import Entry
from daemon.ledger.lot_sums import lot_sums_of
from daemon.ledger.posted_facts import Fact
from daemon.ledger.storage.fact_tables import Sum, row_of, sums_of, together
from daemon.ledger.storage.inserts import TABLES
from daemon.ledger.storage.row_marks import FREE
from daemon.ledger.storage.rows import FoldRow, LotFoldRow

FACT = "fact"


class ExpectedFacts:
    """The facts of the entries so far, and their sums.

    Of a fact's row only a hash is kept, that of Python: there is one for each sale.
    """

    def __init__(self) -> None:
        self._facts: dict[tuple[Any, ...], int] = {}
        self._sums: dict[tuple[str, tuple[Any, ...]], list[int]] = {}
        self._folds: dict[str, FoldRow] = {}
        self._lots_done: dict[str, int] = {}

    def skip(self, folds: Iterable[FoldRow], lot_folds: Iterable[LotFoldRow]) -> None:
        """Note which entries have no facts yet, and which are not in the sums of lots yet."""
        self._folds = {row.ledger_id: row for row in folds}
        self._lots_done = {row.ledger_id: row.done for row in lot_folds}

    def add(self, ledger_id: LedgerId, seq: int, entry: Entry, fact: Fact | None) -> None:
        """Add what an entry says of lots, and of a sale or a return: its fact, if it has one."""
        if seq <= self._lots_done.get(ledger_id, 0):
            self._add_sums(lot_sums_of(entry))
        fold = self._folds.get(ledger_id)
        if fold is not None and fold.done < seq <= fold.upto:
            return
        if fact is None:
            return
        row = row_of(ledger_id, seq, fact)
        self._facts[row[: TABLES[FACT].keys]] = hash(row)
        self._add_sums(sums_of(fact))

    def _add_sums(self, sums: Iterable[Sum]) -> None:
        for table, key, figures in sums:
            there = self._sums.get((table, key))
            self._sums[table, key] = together(table, there, figures) if there else [*figures]

    def findings(self, rows: Iterable[tuple[str, tuple[Any, ...]]]) -> Iterator[str]:
        """Yield where the rows that are kept differ; every expected row is used up by its own."""
        for table, row in rows:
            keys = TABLES[table].keys
            key = row[:keys]
            if table == FACT:
                same = self._facts.pop(key, None) == hash(row)
            else:
                names = TABLES[table].names[keys:]
                says = self._sums.pop((table, key), None)
                same = says is not None and all(
                    kept == said
                    for name, kept, said in zip(names, row[keys:], says, strict=True)
                    if (table, name) not in FREE
                )
            if not same:
                yield f"{table} {_name(key)}: the entries say something else"
        for key in self._facts:
            yield f"{FACT} {_name(key)}: is missing; an entry says it"
        for table, key in self._sums:
            yield f"{table} {_name(key)}: is missing; entries say it"


def _name(key: Iterable[Any]) -> str:
    return " ".join(map(str, key))
