"""Proof that a ledger is whole: the chain holds, and every cached figure follows from it.

The walk through the entries adds up what should be kept. The rows are then read one by one, and
each takes what was expected of it out of memory; what is left at the end is missing. So memory
holds the expected half alone: about 1 KiB a sale.
"""

import re
import struct
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec

from daemon.base.ids import LedgerId
from daemon.base.refusals import RefusedError
from daemon.ledger.closing_sums import ClosingAudit
from daemon.ledger.entries import (
    GENESIS_HASH,
    SYSTEM_ACCOUNTS,
    ChainedEntry,
    Entry,
    balanced,
    decode,
    link,
)
from daemon.ledger.expected_facts import ExpectedFacts
from daemon.ledger.heads import Expected
from daemon.ledger.posted_facts import facts_of
from daemon.ledger.status_moves import states_of
from daemon.ledger.storage.inserts import FACTS
from daemon.ledger.storage.queries import FOLDS, LEDGERS, LOT_FOLDS
from daemon.ledger.storage.row_marks import FORGOTTEN, KEY_CHARS, ROW_CHARS, mark, questions
from daemon.ledger.storage.rows import MemberRow
from daemon.ledger.storage.store import LedgerDamagedError, Store, StoreError
from daemon.programme.status import StatusState

FINDINGS_MAX = 100
"""Findings listed; the rest is only counted."""
_LIFE = 0
LEDGER_ID = re.compile(r"[0-9a-f]{16}")

Figures = defaultdict[tuple[str, tuple[str | int, ...]], int]


class Head(msgspec.Struct, frozen=True):
    """The end of one ledger's chain. ``hash`` is hex; keep it elsewhere to prove later states."""

    ledger_id: LedgerId
    seq: int
    hash: str


class Audit(msgspec.Struct, frozen=True):
    """What the audit saw. No findings means that the ledger is whole."""

    entries: int
    heads: tuple[Head, ...]
    findings: tuple[str, ...]
    findings_total: int

    @property
    def whole(self) -> bool:
        """Whether nothing was found."""
        return self.findings_total == 0


def audit(
    store: Store,
    *,
    expected_head: str = "",
    signed: Expected | None = None,
    progress: Callable[[int], None] | None = None,
) -> Audit:
    """Walk every entry and compare every cached figure.

    expected_head: a hash in hex, exported earlier, that must stand somewhere in a chain.
    signed:        a head that was exported with a signature, and must be where it says.
    progress:      called with the number of entries walked, now and then.
    """
    store.begin()  # one snapshot: sales that are posted meanwhile are not half seen
    walk = _Walk(expected_head, signed)
    found = walk.findings
    try:
        with _damage_found(found, "how far old entries were gone through"):
            walk.facts.skip(store.ask(FOLDS), store.ask(LOT_FOLDS))
        with _damage_found(found, "the database"):
            found.extend(f"the database: {fault}" for fault in store.faults())
        with _damage_found(found, "entries"):
            for count, chained in enumerate(store.entries(), start=1):
                walk.step(chained)
                if progress is not None and count % 1_000 == 0:
                    progress(count)
        with _damage_found(found, "figures"):
            found.extend(_purse_findings(walk.figures))
            found.extend(sorted(_differences(walk.figures, store.cached())))
        with _damage_found(found, "facts"):
            found.extend(walk.facts.findings(store.rows(FACTS)))
        rows = _Rows(walk.marks, older=walk.older)
        with _damage_found(found, "rows"):
            for table, values in store.rows(questions()):
                rows.step(table, values)
            found.extend(rows.all_findings())
        found.extend(_member_findings(walk.members, rows.members))
        with _damage_found(found, "ledgers"):
            found.extend(_ledger_findings(walk.heads, dict(store.ask(LEDGERS))))
        with _damage_found(found, "the newest entry", (LedgerDamagedError, RefusedError)):
            if store.answered is not None and (lacks := store.answered.lacking_in(store)):
                found.append(f"ledger {store.answered.ledger_id}: {lacks}")
    finally:
        store.rollback()
    if expected_head and not walk.head_seen:
        found.append(f"no entry has the hash {expected_head}")
    if signed is not None:
        found.extend(signed.findings(walk.heads, walk.hash_of_signed))
    heads = tuple(
        Head(LedgerId(name), seq, value.hex()) for name, (seq, value) in walk.heads.items()
    )
    return Audit(walk.count, heads, tuple(found[:FINDINGS_MAX]), len(found))


@contextmanager
def _damage_found(
    found: list[str],
    what: str,
    damage: tuple[type[Exception], ...] = (StoreError, RefusedError),
) -> Iterator[None]:
    """Enter what cannot be read as a finding, and go on with what can."""
    try:
        yield
    except damage as error:
        found.append(f"{what} cannot be read: {error}")


class _Walk:
    """The chain so far, and the figures that it adds up to."""

    def __init__(self, expected_head: str, signed: Expected | None) -> None:
        self.count = 0
        self.heads: dict[str, tuple[int, bytes]] = {}
        self.findings: list[str] = []
        self.figures: Figures = defaultdict(int)
        self.members: dict[tuple[str, str], dict[str, StatusState]] = {}
        self.marks = _Marks()
        self.facts = ExpectedFacts()
        self.closings = ClosingAudit()
        self.older = False
        """Whether a ledger began before entries had marks."""
        self.head_seen = False
        self.hash_of_signed: bytes | None = None
        """What the entry has that the signed head names, if it was met."""
        self._expected_head = expected_head
        self._signed = (signed.head.ledger_id, signed.head.seq) if signed else None

    def step(self, chained: ChainedEntry) -> None:
        self.count += 1
        ledger_id, seq, body, value = chained.ledger_id, chained.seq, chained.body, chained.hash
        if type(seq) is not int or type(ledger_id) is not str:  # SQLite keeps any type anywhere
            self._find(chained, "its place cannot be read")
            return
        previous_seq, previous_hash = self.heads.get(ledger_id, (0, GENESIS_HASH))
        if seq != previous_seq + 1:
            self._find(chained, f"follows {previous_seq}; entries are missing")
        if value != _link(previous_hash, seq, body):
            self._find(chained, "its hash does not follow; it or one before was changed")
        self.heads[ledger_id] = (seq, value)
        if self._expected_head and value.hex() == self._expected_head:
            self.head_seen = True
        if self._signed == (ledger_id, seq):
            self.hash_of_signed = value
        try:
            entry = decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, AssertionError) as error:
            self._find(chained, f"cannot be read: {error}")
            return
        if chained.account != entry.account or chained.at != entry.at:
            self._find(chained, "is kept under another account or time than it says")
        if not balanced(entry.postings):
            self._find(chained, "debits and credits differ")
        fact = facts_of(entry)
        self.findings += self.closings.step(ledger_id, seq, entry, fact, previous_hash)
        self.facts.add(ledger_id, seq, entry, fact)
        self._count(ledger_id, seq, entry)

    def _find(self, chained: ChainedEntry, what: str) -> None:
        self.findings.append(f"ledger {chained.ledger_id} entry {chained.seq}: {what}")

    def _count(self, ledger_id: LedgerId, seq: int, entry: Entry) -> None:
        add_figures(self.figures, ledger_id, seq, entry)
        for move in entry.statuses:
            self.members.setdefault((move.account, move.status), {})[ledger_id] = move.state
        self.older = self.older or entry.rows is None
        for row_mark in entry.rows or ():
            self.marks.note(ledger_id, row_mark)


class _Marks:
    """The last mark of each row in each ledger that wrote it: nothing orders two ledgers' entries.

    There is one for each sale and each answer, nearly always of one ledger. So what is kept by the
    key's part is one text: for each ledger a character that stands for it, and the row's part, or
    blanks where the row was deleted.
    """

    _DELETED = " " * ROW_CHARS

    def __init__(self) -> None:
        self._by_key: dict[str, str] = {}
        self._letters: dict[str, str] = {}

    def note(self, ledger_id: str, row_mark: str) -> None:
        """Note a mark that an entry has, in place of the one before of its ledger."""
        letter = self._letters.get(ledger_id)
        if letter is None:
            letter = self._letters[ledger_id] = chr(len(self._letters))
        key, noted = row_mark[:KEY_CHARS], letter + (row_mark[KEY_CHARS:] or self._DELETED)
        if before := self._by_key.get(key):
            noted = "".join(one for one in _parts(before) if one[0] != letter) + noted
        self._by_key[key] = noted

    def take(self, key: str) -> list[str]:
        """Return what a row may look like, and forget it."""
        noted = self._by_key.pop(key, "")
        if len(noted) == 1 + ROW_CHARS:
            return [noted[1:]]
        return [one[1:] for one in _parts(noted)]

    def missing(self) -> Iterator[str]:
        """Yield the keys that were not taken, but of rows that some ledger has deleted."""
        for key, noted in self._by_key.items():
            if all(one[1:] != self._DELETED for one in _parts(noted)):
                yield key


def _parts(noted: str) -> Iterator[str]:
    return (noted[at : at + 1 + ROW_CHARS] for at in range(0, len(noted), 1 + ROW_CHARS))


def _link(previous_hash: bytes, seq: int, body: bytes) -> bytes | None:
    try:
        return link(previous_hash, seq, body)
    except struct.error:  # no such seq or hash was ever written
        return None


class _Rows:
    """The rows that are kept beside entries, held against the marks there."""

    def __init__(self, marks: _Marks, *, older: bool) -> None:
        self.members: dict[tuple[str, str], StatusState | None] = {}
        self._marks, self._older = marks, older
        self._findings: list[str] = []

    def step(self, table: str, values: tuple[Any, ...]) -> None:
        if problem := self._problem(table, values):
            self._findings.append(f"{table} {' '.join(map(str, values[:2]))}: {problem}")
        if table == "member":
            self._keep_member(MemberRow(*values))

    def _problem(self, table: str, values: tuple[Any, ...]) -> str:
        try:
            row_mark = mark(table, values)
        except (UnicodeEncodeError, TypeError):
            return "cannot be read"
        expected = self._marks.take(row_mark[:KEY_CHARS])
        if not expected:
            return "" if self._older else "no entry has written it"
        return "" if row_mark[KEY_CHARS:] in expected else "no entry has left it as it is kept"

    def _keep_member(self, row: MemberRow) -> None:
        try:
            state = states_of([row])[row.status]
        except (msgspec.DecodeError, TypeError):
            state = None
        self.members[row.account, row.status] = state

    def all_findings(self) -> Iterator[str]:
        """Yield what was found, and the rows that are gone.

        Requests are forgotten in time; a row that an entry says is deleted has an empty mark.
        """
        yield from self._findings
        for key in self._marks.missing():
            if not key.startswith(FORGOTTEN):
                yield f"{key}: a row is missing that an entry has written"


def add_figures(figures: Figures, ledger_id: LedgerId, seq: int, entry: Entry) -> None:
    """Add what ``entry`` moves to ``figures``, under the keys that the store caches them by."""
    for leg, posting in enumerate(entry.postings):
        if posting.account not in SYSTEM_ACCOUNTS:
            key = (ledger_id, seq, leg, posting.account, posting.purse)
            figures["posting", key] += posting.amount
            figures["balance", (posting.account, posting.purse, "posted")] += posting.amount
    for held in entry.held:
        figures["balance", (held.account, held.purse, "held")] += held.amount
    for lot in entry.lots:
        figures["lot", (lot.account, lot.purse, lot.expires, lot.usable_from)] += lot.amount
    for meter in entry.meters:
        for day in (_LIFE, meter.day):
            figures["meter", (meter.account, meter.meter, day)] += meter.amount
    for counter in entry.counters:
        figures["counter", (counter.counter,)] += counter.amount


def _ledger_findings(heads: Iterable[str], ledgers: dict[str, int]) -> Iterator[str]:
    for ledger_id in heads:
        if ledgers.get(ledger_id) != 1:
            yield f"ledger {ledger_id}: has entries and is not among the tills' own ledgers"
    for ledger_id, own in ledgers.items():
        if own not in (0, 1) or not LEDGER_ID.fullmatch(str(ledger_id)):
            yield f"ledger {ledger_id}: is no ledger of a till"


def _member_findings(
    by_entries: dict[tuple[str, str], dict[str, StatusState]],
    cached: Mapping[tuple[str, str], StatusState | None],
) -> Iterable[str]:
    """Compare each kept state with the last one of every ledger: one of them wrote it."""
    for key in sorted(by_entries.keys() | cached.keys(), key=repr):
        if cached.get(key) not in by_entries.get(key, {}).values():
            yield f"status {' '.join(map(str, key))}: no entry has left it as it is kept"


def _differences(
    expected: Figures, cached: Iterable[tuple[str, tuple[str | int, ...], int]]
) -> Iterator[str]:
    """Compare each kept figure with what the entries say, which is used up by it."""
    for table, key, value in cached:
        if (says := expected.pop((table, key), 0)) != value:
            yield _difference(table, key, value, says)
    for (table, key), says in expected.items():
        if says:
            yield _difference(table, key, 0, says)


def _difference(table: str, key: tuple[str | int, ...], value: int, says: int) -> str:
    name = " ".join(map(str, key))
    return f"{table} {name}: cached {value}, the entries say {says}"


def _purse_findings(figures: Figures) -> Iterable[str]:
    lots: Counter[tuple[str | int, ...]] = Counter()
    for (table, key), value in figures.items():
        if table == "lot":
            lots[key[:2]] += value
            if value < 0:
                yield f"lot {' '.join(map(str, key))}: is negative: {value}"
    for purse in {key[:2] for table, key in figures if table == "balance"}:
        posted, held = figures["balance", (*purse, "posted")], figures["balance", (*purse, "held")]
        debt = lots[purse] + held - posted
        name = " ".join(map(str, purse))
        if held < 0:
            yield f"balance {name}: holds are negative: {held}"
        if debt < 0:
            yield f"balance {name}: posted {posted} is not lots {lots[purse]} and holds {held}"
