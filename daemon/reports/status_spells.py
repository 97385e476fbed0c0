"""When accounts held a status: from the entries of those that ever stood anywhere with it.

A row says where a member stands now; when somebody joined before, and left, is in entries alone.
Each entry that moved the status says its state after it:

    2 October    member since 2 October     joined
    9 October    member since 2 October     counts
    30 November  outside                    left

An account that others were merged into has held it whenever one of them did.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice

import msgspec

from daemon.base.business_day import BusinessDays
from daemon.base.ids import AccountId
from daemon.ledger.entries import FOREVER, StatusMove
from daemon.ledger.storage.packing import unpacked
from daemon.ledger.storage.queries import Question
from daemon.ledger.storage.store import Store
from daemon.programme.status import holds
from daemon.reports.bought import MERGED_INTO

Spell = tuple[int, int]
"""The first and the last local day (ordinals) on which a status was held; FOREVER: it still is."""
ACCOUNTS_AT_ONCE = 500
_EVER = Question("SELECT account FROM member WHERE status = ? ORDER BY account", AccountId)
_KEPT: Question[tuple[AccountId, AccountId]] = Question(
    f"SELECT dropped, kept FROM {MERGED_INTO} AS gone", lambda dropped, kept: (dropped, kept)
)
_BODIES = "SELECT at, body FROM entry WHERE account IN ({}) ORDER BY at, ledger_id, seq"


class _Moved(msgspec.Struct, frozen=True):
    statuses: tuple[StatusMove, ...] = ()


_MOVED = msgspec.json.Decoder(_Moved)


def spells_of(store: Store, status: str, days: BusinessDays) -> Mapping[AccountId, list[Spell]]:
    """Return when each account held a status, in order; none overlap. Raises DecodeError."""
    kept = dict(store.ask(_KEPT))
    found: defaultdict[AccountId, list[Spell]] = defaultdict(list)
    accounts = iter(store.ask(_EVER, status))
    while some := list(islice(accounts, ACCOUNTS_AT_ONCE)):
        for account, spells in _spells(_moves(store, some, status), days).items():
            found[kept.get(account, account)] += spells
    return {account: _joined(spells) for account, spells in found.items() if spells}


def _moves(
    store: Store, accounts: Sequence[AccountId], status: str
) -> Iterator[tuple[str, StatusMove]]:
    places = ", ".join("?" * len(accounts))
    question: Question[tuple[str, bytes]] = Question(
        _BODIES.format(places), lambda at, body: (at, unpacked(body))
    )
    for at, body in store.ask(question, *accounts):
        for move in _MOVED.decode(body).statuses:
            if move.status == status and move.account in accounts:
                yield at, move


def _spells(
    moves: Iterable[tuple[str, StatusMove]], days: BusinessDays
) -> Mapping[AccountId, list[Spell]]:
    found: defaultdict[AccountId, list[Spell]] = defaultdict(list)
    for at, move in moves:
        spells = found[move.account]
        open_one = spells and spells[-1][1] == FOREVER
        if holds(move.state) and move.state.since is not None:
            if not open_one:
                spells.append((move.state.since.toordinal(), FOREVER))
        elif open_one:
            first, _ = spells.pop()
            left = days.day_of(datetime.fromisoformat(at)).toordinal()
            spells.append((first, max(first, left)))
    return found


def _joined(spells: Iterable[Spell]) -> list[Spell]:
    """Return spells with those that overlap, or follow each other, as one."""
    found: list[Spell] = []
    for first, last in sorted(spells):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found
