"""Proof that a ledger is whole: the chain holds, and every cached figure follows from it."""

from collections import Counter
from collections.abc import Callable, Iterable

import msgspec

from daemon.base.ids import LedgerId
from daemon.ledger.entries import GENESIS_HASH, SYSTEM_ACCOUNTS, Entry, balanced, decode, link
from daemon.ledger.status_moves import states_of
from daemon.ledger.storage.queries import MEMBERS_AFTER
from daemon.ledger.storage.store import Store
from daemon.programme.status import StatusState

FINDINGS_MAX = 100
"""Findings listed; the rest is only counted."""
_LIFE = 0

Figures = Counter[tuple[str, tuple[str | int, ...]]]


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
    store: Store, *, expected_head: str = "", progress: Callable[[int], None] | None = None
) -> Audit:
    """Walk every entry and compare every cached figure.

    expected_head: a hash in hex, exported earlier, that must stand somewhere in a chain.
    progress:      called with the number of entries walked, now and then.
    """
    walk = _Walk(expected_head)
    store.begin()  # one snapshot: sales that are posted meanwhile are not half seen
    try:
        for count, chained in enumerate(store.entries(), start=1):
            walk.step(chained.ledger_id, chained.seq, chained.body, chained.hash)
            if progress is not None and count % 1_000 == 0:
                progress(count)
        cached = _cached_figures(store)
        members = _members(store)
    finally:
        store.rollback()
    if expected_head and not walk.head_seen:
        walk.findings.append(f"no entry has the hash {expected_head}")
    walk.findings.extend(_differences(walk.figures, cached))
    walk.findings.extend(_purse_findings(walk.figures))
    walk.findings.extend(_member_findings(walk.members, members))
    heads = tuple(
        Head(LedgerId(name), seq, value.hex()) for name, (seq, value) in walk.heads.items()
    )
    return Audit(walk.count, heads, tuple(walk.findings[:FINDINGS_MAX]), len(walk.findings))


class _Walk:
    """The chain so far, and the figures that it adds up to."""

    def __init__(self, expected_head: str) -> None:
        self.count = 0
        self.heads: dict[str, tuple[int, bytes]] = {}
        self.findings: list[str] = []
        self.figures: Figures = Counter()
        self.members: dict[tuple[str, str], dict[str, StatusState]] = {}
        self.head_seen = False
        self._expected_head = expected_head

    def step(self, ledger_id: LedgerId, seq: int, body: bytes, value: bytes) -> None:
        self.count += 1
        where = f"ledger {ledger_id} entry {seq}"
        previous_seq, previous_hash = self.heads.get(ledger_id, (0, GENESIS_HASH))
        if seq != previous_seq + 1:
            self.findings.append(f"{where}: follows {previous_seq}; entries are missing")
        if value != link(previous_hash, seq, body):
            self.findings.append(f"{where}: its hash does not follow; it or one before was changed")
        self.heads[ledger_id] = (seq, value)
        self.head_seen = self.head_seen or value.hex() == self._expected_head
        try:
            entry = decode(body)
        except (msgspec.DecodeError, AssertionError) as error:
            self.findings.append(f"{where}: cannot be read: {error}")
            return
        if not balanced(entry.postings):
            self.findings.append(f"{where}: debits and credits differ")
        add_figures(self.figures, ledger_id, seq, entry)
        for move in entry.statuses:
            self.members.setdefault((move.account, move.status), {})[ledger_id] = move.state


def add_figures(figures: Figures, ledger_id: LedgerId, seq: int, entry: Entry) -> None:
    """Add what ``entry`` moves to ``figures``, under the keys that the store caches them by."""
    for leg, posting in enumerate(entry.postings):
        key = (ledger_id, seq, leg, posting.account, posting.purse)
        figures["posting", key] += posting.amount
        if posting.account not in SYSTEM_ACCOUNTS:
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


def _cached_figures(store: Store) -> Figures:
    return Counter({(table, key): value for table, key, value in store.cached()})


def _members(store: Store) -> dict[tuple[str, str], StatusState]:
    found: dict[tuple[str, str], StatusState] = {}
    last = ("", "")
    while rows := store.ask(MEMBERS_AFTER, *last):
        for row in rows:
            last = (row.account, row.status)
            found[last] = states_of([row])[row.status]
    return found


def _member_findings(
    said: dict[tuple[str, str], dict[str, StatusState]],
    kept: dict[tuple[str, str], StatusState],
) -> Iterable[str]:
    """Compare each kept state with the last one of every ledger: one of them wrote it."""
    for key in sorted(said.keys() | kept.keys()):
        if kept.get(key) not in said.get(key, {}).values():
            yield f"status {' '.join(key)}: no entry has left it as it is kept"


def _differences(expected: Figures, cached: Figures) -> Iterable[str]:
    for table, key in sorted(expected.keys() | cached.keys(), key=repr):
        if expected[table, key] != cached[table, key]:
            name = " ".join(map(str, key))
            yield (
                f"{table} {name}: cached {cached[table, key]},"
                f" the entries say {expected[table, key]}"
            )


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
