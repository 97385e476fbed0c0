"""What a status says of one account, as it is kept and as entries carry it. Pure."""

from collections.abc import Iterable, Mapping
from datetime import date

import msgspec

from daemon.base.ids import AccountId
from daemon.ledger.entries import FOREVER, StatusMove
from daemon.ledger.storage.rows import MemberRow
from daemon.programme.state import Status
from daemon.programme.status import (
    OUTSIDE,
    StatusState,
    holds,
    listed,
    record,
    take_back,
    tick,
    window_to,
)

Members = Mapping[str, StatusState]
"""Where an account stands, by status; it is OUTSIDE of those left out."""


def states_of(rows: Iterable[MemberRow]) -> dict[str, StatusState]:
    """Return where an account stands, by status."""
    return {row.status: msgspec.json.decode(row.state, type=StatusState) for row in rows}


def begun(statuses: Mapping[str, Status], members: Members, today: date) -> dict[str, date]:
    """Return the statuses that the account has today, with the day each began."""
    now = {
        name: tick(status, members.get(name, OUTSIDE), today) for name, status in statuses.items()
    }
    return {name: state.since for name, state in now.items() if holds(state) and state.since}


def counted(
    statuses: Mapping[str, Status],
    members: Members,
    day: date,
    meters: Mapping[str, int],
) -> dict[str, StatusState]:
    """Return the states that a committed sale changes; ``meters`` is what it adds to each."""
    after = {
        name: record(status, members.get(name, OUTSIDE), day, meters.get(status.meter, 0))
        for name, status in statuses.items()
    }
    return _changed(members, after)


def uncounted(
    statuses: Mapping[str, Status],
    members: Members,
    sale_day: date,
    meters: Mapping[str, int],
    today: date,
) -> dict[str, StatusState]:
    """Return the states that a return changes; ``meters`` is what it takes from each."""
    after = {
        name: take_back(
            status, members.get(name, OUTSIDE), sale_day, meters.get(status.meter, 0), today
        )
        for name, status in statuses.items()
    }
    return _changed(members, after)


def _changed(members: Members, after: Mapping[str, StatusState]) -> dict[str, StatusState]:
    return {n: state for n, state in after.items() if state != members.get(n, OUTSIDE)}


def moves(account: AccountId, states: Members) -> tuple[StatusMove, ...]:
    """Return what an entry says of changed states."""
    return tuple(StatusMove(account, name, state) for name, state in sorted(states.items()))


def rows(
    statuses: Mapping[str, Status], account: AccountId, states: Members
) -> tuple[MemberRow, ...]:
    """Return the rows that keep changed states."""
    return tuple(_row(statuses.get(name), account, name, state) for name, state in states.items())


def _row(status: Status | None, account: AccountId, name: str, state: StatusState) -> MemberRow:
    due, on = FOREVER, None
    if status is not None:  # one that the programme has no longer changes no more
        end = window_to(status, state)
        if end is not None and state.stage != "candidate":
            due = end.toordinal() + 1
        on = listed(status, state)
    text = msgspec.json.encode(state).decode()
    return MemberRow(account, name, text, due, on or "")
