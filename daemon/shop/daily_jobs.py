"""The day's work: points expire, windows of statuses close, old requests are forgotten.

It runs at the first start of a day and at local midnight. What fell due on days the shop was closed
is done in the order of those days, and doing it twice changes nothing.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import date

import msgspec

from daemon.base.business_day import BusinessDays
from daemon.base.clock import rfc3339
from daemon.ledger import status_moves
from daemon.ledger.club_events import WINDOW_CLOSED, change_of, event_of
from daemon.ledger.entries import BREAKAGE, CounterMove, Entry, LotMove, Posting
from daemon.ledger.lots import Lot, lapsed_counter
from daemon.ledger.storage.queries import LOTS_EXPIRED, MEMBERS_DUE, MEMBERS_OF
from daemon.ledger.storage.rows import LotRow, MemberRow
from daemon.ledger.storage.store import Change, Store
from daemon.programme.state import Status
from daemon.programme.status import OUTSIDE, StatusState, tick
from daemon.shop.shop import Shop

DAY_COUNTER = "@day"
"""The counter that holds the last local day (ordinal) whose work is done."""
WORKED_COUNTER = "@worked"
"""The counter of days whose work was done; ``@worked:<n>`` holds the n-th of them (ordinal), and
``@worked:<n>:expired`` and ``:closed`` how many lots and windows it ended."""
REQUESTS_KEPT_DAYS = 90
"""How many days of work an id is known, so that a repeated call gets its answer; a sale's own id
lasts. Days of work and not of the calendar: a clock that was ahead once forgets nothing."""

WINDOWS_AT_ONCE = 25
"""Windows that one job closes: a sale that comes meanwhile waits for some milliseconds."""


class DayDone(msgspec.Struct, frozen=True):
    """What was done: lots expired, windows closed. ``day`` is the local day (YYYY-MM-DD)."""

    day: str
    expired: int
    closed: int


class DayChecked(msgspec.Struct, frozen=True, kw_only=True):
    """What the newest day's work has done: for the days after ``since``, up to ``day``.

    day, since: local days, YYYY-MM-DD; "" before the first. expired: lots; closed: windows.
    """

    day: str
    since: str
    expired: int
    closed: int


class DailyJobs:
    """Does what the calendar asks for."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._done = 0
        self._one_at_a_time = asyncio.Lock()

    async def catch_up(self) -> DayDone | None:
        """Do the work of every day that is over and not done; None when there is none.

        Whoever comes meanwhile waits: what one has done is counted as one.
        """
        async with self._one_at_a_time:
            return await self._catch_up()

    async def _catch_up(self) -> DayDone | None:
        _, at, today = self._shop.moment()
        if self._done == today.toordinal():
            return None
        self._done = await self._shop.ledger.read(_last_day)
        if self._done >= today.toordinal():
            return None
        expired = await self._expire(today, at)
        closed = await self._close(today, at)
        done = DayDone(str(today), expired, closed)
        days = self._shop.programme.days
        await self._shop.ledger.update(lambda store: _close_day(store, today, done, at, days))
        self._done = today.toordinal()
        return done

    async def checked(self) -> DayChecked:
        """Return what the newest day's work has done, whichever till of this ledger did it."""
        return await self._shop.ledger.read(_checked)

    async def _expire(self, today: date, at: str) -> int:
        count = 0
        while rows := await self._shop.ledger.read(
            lambda store: store.ask(LOTS_EXPIRED, today.toordinal())
        ):
            for row in rows:
                count += await self._shop.ledger.update(_expiry(row, at))
        return count

    async def _close(self, today: date, at: str) -> int:
        count, statuses = 0, self._shop.programme.statuses
        while rows := await self._shop.ledger.read(
            lambda store: store.ask(MEMBERS_DUE, today.toordinal())
        ):
            for start in range(0, len(rows), WINDOWS_AT_ONCE):
                some = rows[start : start + WINDOWS_AT_ONCE]
                count += await self._shop.ledger.update(_windows(some, statuses, today, at))
        return count


def _last_day(store: Store) -> int:
    return store.counters([DAY_COUNTER]).get(DAY_COUNTER, 0)


def _checked(store: Store) -> DayChecked:
    worked = store.counters([WORKED_COUNTER]).get(WORKED_COUNTER, 0)
    name, before = f"{WORKED_COUNTER}:{worked}", f"{WORKED_COUNTER}:{worked - 1}"
    found = store.counters([name, before, f"{name}:expired", f"{name}:closed"])
    return DayChecked(
        day=_day_text(found.get(name, 0)),
        since=_day_text(found.get(before, 0)),
        expired=found.get(f"{name}:expired", 0),
        closed=found.get(f"{name}:closed", 0),
    )


def _day_text(ordinal: int) -> str:
    return str(date.fromordinal(ordinal)) if ordinal else ""


def _expiry(row: LotRow, at: str) -> Callable[[Store], int]:
    def job(store: Store) -> int:
        lots = store.purses(row.account)[row.purse].lots
        key = (row.expires, row.usable_from)
        left = sum(lot.amount for lot in lots if (lot.expires, lot.usable_from) == key)
        if not left:
            return 0  # spent between the look and the job
        gone = Posting(row.account, row.purse, -left)
        entry = Entry(
            at=at,
            kind="expiry",
            ref=str(date.fromordinal(row.expires)),
            account=row.account,
            postings=(gone, Posting(BREAKAGE, row.purse, left)),
            lots=(LotMove(row.account, row.purse, *key, -left),),
            # A return of what was earned in this lot must know how much of it lapsed unspent.
            counters=(CounterMove(lapsed_counter(row.account, row.purse, Lot(*key)), left),),
        )
        store.write(Change(entry=entry))
        return 1

    return job


def _windows(
    rows: list[MemberRow], statuses: Mapping[str, Status], today: date, at: str
) -> Callable[[Store], int]:
    """Return the job that closes what is over of these rows; it gives how many were closed."""

    def job(store: Store) -> int:
        # All are read before the first is written: see `Store.write`.
        found = [(row, store.ask(MEMBERS_OF, row.account)) for row in rows]
        closed = 0
        for row, members in found:
            before = status_moves.states_of(members).get(row.status, OUTSIDE)
            status = statuses.get(row.status)
            state = tick(status, before, today) if status else before
            if status is not None and state != before:
                event = event_of(WINDOW_CLOSED, status, (before, state))
                store.write(change_of(at, status, row.account, event))
                closed += 1
            else:
                store.write(_reckoned(row, status, state, at))
        return closed

    return job


def _reckoned(row: MemberRow, status: Status | None, state: StatusState, at: str) -> Change:
    """Keep when something falls due now: the programme has other windows, or none any more."""
    after = {row.status: state}
    entry = Entry(
        at=at,
        kind="club",
        ref=row.status,
        account=row.account,
        statuses=status_moves.moves(row.account, after),
        detail=msgspec.Raw(b'{"event":"due day reckoned"}'),
    )
    rows = status_moves.rows({row.status: status} if status else {}, row.account, after)
    return Change(entry=entry, rows=rows)


def _close_day(store: Store, today: date, done: DayDone, at: str, days: BusinessDays) -> None:
    day_count = today.toordinal() - _last_day(store)
    if day_count <= 0:
        return  # another till of this ledger has done it
    worked = store.counters([WORKED_COUNTER]).get(WORKED_COUNTER, 0) + 1
    name = f"{WORKED_COUNTER}:{worked}"
    did = ((f"{name}:expired", done.expired), (f"{name}:closed", done.closed))
    entry = Entry(
        at=at,
        kind="day",
        ref=done.day,
        counters=(
            CounterMove(DAY_COUNTER, day_count),
            CounterMove(WORKED_COUNTER, 1),
            CounterMove(name, today.toordinal()),
            *(CounterMove(what, count) for what, count in did if count),
        ),
        detail=msgspec.Raw(msgspec.json.encode(done)),
    )
    store.write(Change(entry=entry, requests_before=_forget_before(store, worked, days)))


def _forget_before(store: Store, worked: int, days: BusinessDays) -> str:
    """Return when the oldest day of work whose ids are still known begins, or "" before one.

    worked: how many days of work there are, today's included.
    """
    name = f"{WORKED_COUNTER}:{worked - REQUESTS_KEPT_DAYS}"
    day = store.counters([name]).get(name, 0)
    return rfc3339(days.start_of(date.fromordinal(day))) if day else ""
