"""What a walk through the whole ledger reads, for the audit and backups: the same on every SQL."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from daemon.base.ids import LedgerId
from daemon.ledger.entries import ChainedEntry
from daemon.ledger.storage.answered import Answered
from daemon.ledger.storage.inserts import CACHED
from daemon.ledger.storage.packing import unpacked
from daemon.ledger.storage.queries import HEAD, LEDGERS, Question, R


class SQLWalk(ABC):
    """See ``daemon.ledger.storage.store.Store`` for what each method promises."""

    ENTRIES: ClassVar[str] = (
        "SELECT ledger_id, seq, body, hash, account, at FROM entry ORDER BY ledger_id, seq"
    )

    @abstractmethod
    def _stream(self, statement: str) -> Iterator[tuple[Any, ...]]:
        """Yield rows one by one, with all that earlier jobs wrote."""

    @abstractmethod
    def ask(self, question: Question[R], *values: str | int | bytes) -> list[R]:
        """Return the rows that answer a question."""

    def entries(self) -> Iterator[ChainedEntry]:
        """Yield every entry of every ledger here, by ledger and seq."""
        for ledger_id, seq, body, *rest in self._stream(self.ENTRIES):
            yield ChainedEntry(ledger_id, seq, unpacked(body), *rest)

    def cached(self) -> Iterator[tuple[str, tuple[str | int, ...], int]]:
        """Yield every cached figure as (table, key, value)."""
        for table, query in CACHED:
            for *key, value in self._stream(query):
                yield table, tuple(key), value

    def rows(self, queries: Iterable[tuple[str, str]]) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """Yield every row of these tables, as (table, columns)."""
        for table, query in queries:
            for row in self._stream(query):
                yield table, tuple(row)

    def heads(self) -> list[Answered]:
        """Return the newest entry of every ledger here that has one."""
        found = {ledger_id: self.ask(HEAD, ledger_id) for ledger_id, _ in self.ask(LEDGERS)}
        return [Answered(LedgerId(name), *head) for name, heads in found.items() for head in heads]

    def faults(self) -> list[str]:
        """Return what the database itself finds damaged, as far as it can say."""
        return []
