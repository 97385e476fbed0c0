"""A status: how a card becomes a member, stays one, and ceases to be one.

Windows are fixed, in whole local days. An entry window opens at the first counted purchase after
issue or reset; the first keep window on the day of the decision, later ones follow without a gap.

    stage      a purchase                   its window ends short      the owner says yes, or no
    outside    counts; reaching ``enter``   the sum is cancelled       member, or outside
               makes a candidate, or at
               once a member where the
               programme decides
    candidate  counts within the window     waits for the owner        member, or outside
    member     counts                       lapsing; outside where     extended, or outside
                                            the programme decides
    lapsing    counts                       waits for the owner        member, or outside

Nothing here reads a clock. `tick` closes the windows that are over, and `record`, `take_back` and
`decide` call it first: so it does not matter whether the shop was open when a window ended.
"""

from datetime import date
from typing import Literal, TypeAlias

import msgspec

from daemon.programme.days import later
from daemon.programme.state import Status

Stage: TypeAlias = Literal["outside", "candidate", "member", "lapsing"]
ListName: TypeAlias = Literal["join", "extend", "exclude"]
replace = msgspec.structs.replace


class StatusState(msgspec.Struct, frozen=True, kw_only=True):
    """Where one card stands with one status.

    since:       the day on which membership began.
    window_from: the first day of the open window; None until it opens.
    total:       what was counted in it.
    extended:    the owner has granted the extension that this window earned.
    """

    stage: Stage = "outside"
    since: date | None = None
    window_from: date | None = None
    total: int = 0
    extended: bool = False


OUTSIDE = StatusState()


def holds(state: StatusState) -> bool:
    """Say whether the card has the status: its value as the fact ``status.<id>``."""
    return state.stage in ("member", "lapsing")


def listed(status: Status, state: StatusState) -> ListName | None:
    """Return the owner's list that the card is on, if it is on one."""
    match state.stage:
        case "candidate":
            return "join"
        case "lapsing":
            return "exclude"
        case "member":
            reached = 0 < status.keep_at_least <= state.total
            return "extend" if status.by_owner and reached and not state.extended else None
        case "outside":
            return None


def window_to(status: Status, state: StatusState) -> date | None:
    """Return the last day of the open window."""
    if state.window_from is None:
        return None
    days = status.keep_days if holds(state) else status.enter_days
    return later(state.window_from, days - 1)


def tick(status: Status, state: StatusState, today: date) -> StatusState:
    """Close every window that ended before ``today``. Doing it twice changes nothing."""
    end = window_to(status, state)
    while end is not None and end < today and state.stage != "candidate":
        state = _missed_or_kept(status, state, later(end, 1))
        end = window_to(status, state)
    return state


def _missed_or_kept(status: Status, state: StatusState, next_from: date) -> StatusState:
    """Judge a window that is over; the next one would open on ``next_from``."""
    if state.stage == "outside":
        return OUTSIDE
    stage = state.stage
    if state.total < status.keep_at_least:
        if not status.by_owner:
            return OUTSIDE
        stage = "lapsing"
    return replace(state, stage=stage, window_from=next_from, total=0, extended=False)


def record(status: Status, state: StatusState, day: date, amount: int) -> StatusState:
    """Count a committed sale: ``amount`` is what it added to the status's meter."""
    state = tick(status, state, day)
    if amount <= 0:
        return state
    end = window_to(status, state)
    match state.stage:
        case "outside":
            total = state.total + amount
            state = replace(state, window_from=state.window_from or day, total=total)
            return _entered(status, state, day) if total >= status.enter_at_least else state
        case "candidate":
            in_time = end is not None and day <= end
            return replace(state, total=state.total + amount) if in_time else state
        case "member" | "lapsing":
            return replace(state, total=state.total + amount) if status.keep_days else state


def _entered(status: Status, state: StatusState, day: date) -> StatusState:
    if status.by_owner:
        return replace(state, stage="candidate")
    return _member(status, day)


def _member(status: Status, day: date) -> StatusState:
    return StatusState(stage="member", since=day, window_from=day if status.keep_days else None)


def take_back(
    status: Status, state: StatusState, sale_day: date, amount: int, today: date
) -> StatusState:
    """Subtract a return, at the day of the sale it takes back.

    A sale of a window that is closed changes no decision. Nor does a sale of the very day on which
    membership was decided: whether it came before or after is not known, and the customer is
    given the benefit.
    """
    state = tick(status, state, today)
    end = window_to(status, state)
    if end is None or state.window_from is None or not state.window_from <= sale_day <= end:
        return state
    if sale_day == state.since:
        return state
    state = replace(state, total=max(0, state.total - amount))
    if state.stage == "candidate" and state.total < status.enter_at_least:
        return tick(status, replace(state, stage="outside"), today)
    return state


def decide(status: Status, state: StatusState, day: date, *, granted: bool) -> StatusState:
    """Apply the owner's decision: on joining, on extending, on being excluded.

    A refusal leaves nothing: no status, and the meter at 0. A grant to a card that is on no list
    makes it a member.
    """
    state = tick(status, state, day)
    if not granted:
        return OUTSIDE
    if state.stage == "member":
        return replace(state, extended=True)
    return replace(state, stage="member") if state.stage == "lapsing" else _member(status, day)
