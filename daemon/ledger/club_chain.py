"""What led to a decision about a status, or to the end of a window: from entries alone. Pure.

Each entry that counted says where the status stood after it, and what it added to the meter. So a
window's chain is there to be read, and both must tell the same. A club that is kept by 3,000.00:

    seq  kind    moves the meter by   the status after it           the chain
      7  club    -                    member from 1 October, 0      (a new window)
      9  sale    +1,750.00            1,750.00                      9
     12  return    -250.00            1,500.00                      9, 12
     20  club    -                    lapsing from 30 November, 0   closed by 9 and 12: 1,500.00

An entry that was changed or taken out leaves a step that its meter does not explain.

A decision that is undone puts its window back; what came after it is counted again, and the entry
of the undoing says what that was.
"""

from collections.abc import Callable, Iterable
from datetime import date
from typing import NamedTuple, Self

import msgspec

from daemon.base.ids import AccountId, LedgerId
from daemon.ledger.club_events import (
    DECISIONS,
    ClubEvent,
    EntryPlace,
    asked_for,
    read_event,
)
from daemon.ledger.entries import Entry, decode
from daemon.ledger.storage.packing import unpacked
from daemon.programme.state import Status
from daemon.programme.status import (
    OUTSIDE,
    StatusState,
    holds,
    record,
    take_back,
    tick,
    window_to,
)

PURCHASES = ("sale", "return")


class AccountEntry(NamedTuple):
    """An entry of an account in its place. ``body`` is what ``hash`` covers."""

    ledger_id: LedgerId
    seq: int
    at: str
    hash: bytes
    body: bytes

    @classmethod
    def of_row(cls, ledger_id: LedgerId, seq: int, at: str, value: bytes, body: bytes) -> Self:
        """Return it as it stands in a database."""
        return cls(ledger_id, seq, at, value, unpacked(body))

    @property
    def place(self) -> EntryPlace:
        """Where it stands."""
        return self.ledger_id, self.seq

    @property
    def entry(self) -> Entry:
        """What it says. Raises msgspec.DecodeError."""
        return decode(self.body)


class Counted(NamedTuple):
    """An entry that counted in a window: by how much, and the window's total after it."""

    kept: AccountEntry
    entry: Entry
    amount: int
    total: int


class Turn(NamedTuple):
    """A decision, or the end of a window, and the chain behind it.

    before, after: how the status stood.
    judged:    whose window the chain fills: the state before, or what an undoing has put back.
    needed:    what the window asked for. window_to: its last day, or "".
    meter:     what was counted.
    """

    kept: AccountEntry
    entry: Entry
    event: str
    before: StatusState
    after: StatusState
    judged: StatusState
    chain: tuple[Counted, ...]
    needed: int
    window_to: str
    meter: str
    by: str = ""
    reason: str = ""

    @property
    def agrees(self) -> bool:
        """Whether the meter explains each step, and the last one is what was judged."""
        running = 0
        for one in self.chain:
            running = max(0, running + amount_of(one.entry, self.meter))
            if running != one.total:
                return False
        return self.event == JOINED or running == self.judged.total


JOINED = "joined"
"""The event of a purchase that made a member by itself, where the programme decides."""


def amount_of(entry: Entry, meter: str) -> int:
    """Return what an entry moved a meter of its account by."""
    return sum(
        move.amount
        for move in entry.meters
        if move.meter == meter and move.account == entry.account
    )


def same_window(before: StatusState, after: StatusState) -> bool:
    """Whether what was counted in the one counts in the other still."""
    return before.window_from == after.window_from and holds(before) == holds(after)


class Story:
    """An account's way with one status; `step` is given its entries in their order."""

    def __init__(self, status: Status, account: AccountId) -> None:
        self.turns: list[Turn] = []
        self._status, self._account = status, account
        self._state = OUTSIDE
        self._chain: list[Counted] = []
        self._purchases: dict[EntryPlace, tuple[AccountEntry, Entry]] = {}
        self._behind: dict[EntryPlace, Turn] = {}

    def step(self, kept: AccountEntry) -> None:
        """Take the next entry. Raises msgspec.DecodeError for one that cannot be read."""
        entry = kept.entry
        if entry.kind in PURCHASES:
            self._purchases[kept.place] = kept, entry
        after = [
            move.state
            for move in entry.statuses
            if (move.account, move.status) == (self._account, self._status.id)
        ]
        if not after:
            return
        event = read_event(entry)
        if event is None:
            self._buy(kept, entry, after[-1])
        else:
            self._turn(kept, entry, event)
        self._state = after[-1]

    def _buy(self, kept: AccountEntry, entry: Entry, after: StatusState) -> None:
        before = self._state
        if same_window(before, after):
            self._count(kept, entry, after.total)
            return
        if holds(after) and not holds(before):
            self._count(kept, entry, max(0, before.total + amount_of(entry, self._status.meter)))
            self._add_turn(kept, entry, JOINED, after)
        elif before.window_from is not None:
            self._add_turn(kept, entry, "window closed", after)
        self._chain = []
        self._count(kept, entry, after.total)

    def _count(self, kept: AccountEntry, entry: Entry, total: int) -> None:
        before = self._chain[-1].total if self._chain else 0
        if total != before:
            self._chain.append(Counted(kept, entry, total - before, total))

    def _add_turn(self, kept: AccountEntry, entry: Entry, event: str, after: StatusState) -> None:
        end = window_to(self._status, self._state)
        self.turns.append(
            Turn(
                kept=kept,
                entry=entry,
                event=event,
                before=self._state,
                after=after,
                judged=self._state,
                chain=tuple(self._chain),
                needed=asked_for(self._status, self._state),
                window_to=str(end) if end else "",
                meter=self._status.meter,
            )
        )

    def _turn(self, kept: AccountEntry, entry: Entry, event: ClubEvent) -> None:
        if not same_window(self._state, event.before):
            self._chain = []  # its window was over, and the decision closed it first
        if event.undone is not msgspec.UNSET:
            self._put_back(event)
        turn = Turn(
            kept=kept,
            entry=entry,
            event=event.event,
            before=event.before,
            after=event.after,
            judged=event.after if event.event == "undone" else event.before,
            chain=tuple(self._chain),
            needed=event.needed,
            window_to=event.window_to,
            meter=event.meter,
            by=event.by,
            reason=event.reason,
        )
        self.turns.append(turn)
        if event.event in DECISIONS:
            self._behind[kept.place] = turn
        if event.event != "undone" and not same_window(event.before, event.after):
            self._chain = []

    def _put_back(self, event: ClubEvent) -> None:
        assert event.undone is not msgspec.UNSET
        undone = self._behind.get(event.undone)
        goes_on = undone is not None and same_window(undone.before, event.after)
        self._chain = list(undone.chain) if undone and goes_on else []
        for ledger_id, seq, amount in event.counted or ():
            if (known := self._purchases.get((ledger_id, seq))) is not None:
                before = self._chain[-1].total if self._chain else 0
                self._chain.append(Counted(*known, amount, before + amount))


class Again(NamedTuple):
    """Where a status stands when entries were counted again; see ``ClubEvent.counted``."""

    state: StatusState
    counted: tuple[tuple[LedgerId, int, int], ...]


def count_again(
    status: Status,
    state: StatusState,
    kept: Iterable[AccountEntry],
    day_of: Callable[[Entry], date],
    today: date,
) -> Again:
    """Count purchases and returns once more from ``state`` on, and do the day's check."""
    counted: list[tuple[LedgerId, int, int]] = []
    for one in kept:
        after = _counted(status, state, one.entry, day_of)
        before = state.total
        if not same_window(state, after):
            counted, before = [], 0
        if after.total != before:
            counted.append((*one.place, after.total - before))
        state = after
    closed = tick(status, state, today)
    return Again(closed, tuple(counted) if same_window(state, closed) else ())


def _counted(
    status: Status, state: StatusState, entry: Entry, day_of: Callable[[Entry], date]
) -> StatusState:
    """Return the state after one purchase or return; its meters say which day it counts on."""
    days = [move.day for move in entry.meters if move.meter == status.meter]
    if entry.kind not in PURCHASES or not days:
        return state
    amount, day = amount_of(entry, status.meter), date.fromordinal(days[0])
    if entry.kind == "sale":
        return record(status, state, day, amount)
    return take_back(status, state, day, -amount, day_of(entry))
