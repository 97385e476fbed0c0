"""What an entry of the kind ``club`` says beside the status's move: what was decided, and on what.

The state before stands in it, so that a decision can be explained, and undone, from the entries
alone; so does what the window asked for, which the programme may ask otherwise later. Pure.
"""

from typing import Literal, TypeAlias

import msgspec

from daemon.base.approval import UNSIGNED, Signed
from daemon.base.ids import AccountId, LedgerId
from daemon.ledger import status_moves
from daemon.ledger.entries import Entry
from daemon.ledger.storage.store import Change
from daemon.programme.state import Status
from daemon.programme.status import StatusState, holds, window_to

WINDOW_CLOSED: Literal["window closed"] = "window closed"
EventName: TypeAlias = Literal["granted", "refused", "window closed", "undone"]
DECISIONS = ("granted", "refused")
EntryPlace: TypeAlias = tuple[LedgerId, int]
"""A ledger, and the seq of an entry there."""


class ClubEvent(msgspec.Struct, frozen=True, kw_only=True):
    """The detail of such an entry.

    before, after: the state, with windows that were over closed before it.
    meter, needed: what was counted, and what the window of ``before`` asked for; 0 for nothing.
                   Of ``undone`` it is that of ``after``, which is put back.
    window_to:     its last day, or "" where none was open.
    undone:        of ``undone``: ledger and seq of the decision that holds no more.
    counted:       then: what was counted again in the open window, as ledger, seq and amount.
    """

    event: EventName
    before: StatusState
    after: StatusState
    by: str = ""
    reason: str = ""
    meter: str
    needed: int
    window_to: str
    approved_by: str | msgspec.UnsetType = msgspec.UNSET
    undone: EntryPlace | msgspec.UnsetType = msgspec.UNSET
    counted: tuple[tuple[LedgerId, int, int], ...] | msgspec.UnsetType = msgspec.UNSET


def asked_for(status: Status, state: StatusState) -> int:
    """Return the sum that the open window asks for, or 0."""
    return status.keep_at_least if holds(state) else status.enter_at_least


def event_of(
    name: EventName,
    status: Status,
    states: tuple[StatusState, StatusState],
    *,
    signed: Signed = UNSIGNED,
    reason: str = "",
) -> ClubEvent:
    """Return what an entry says; ``states`` are those before and after."""
    judged = states[1] if name == "undone" else states[0]
    end = window_to(status, judged)
    return ClubEvent(
        event=name,
        before=states[0],
        after=states[1],
        by=signed.by,
        reason=reason,
        meter=status.meter,
        needed=asked_for(status, judged),
        window_to=str(end) if end else "",
        approved_by=signed.approved_by or msgspec.UNSET,
    )


def change_of(at: str, status: Status, account: AccountId, event: ClubEvent) -> Change:
    """Return what is written of an event: its entry, and the member's row after it."""
    after = {status.id: event.after}
    entry = Entry(
        at=at,
        kind="club",
        ref=status.id,
        account=account,
        statuses=status_moves.moves(account, after),
        detail=msgspec.Raw(msgspec.json.encode(event)),
    )
    return Change(entry=entry, rows=status_moves.rows({status.id: status}, account, after))


def read_event(entry: Entry) -> ClubEvent | None:
    """Return what an entry says, or None where it is of another kind, or an older tillcard's."""
    if entry.kind != "club":
        return None
    try:
        return msgspec.json.decode(entry.detail, type=ClubEvent)
    except msgspec.ValidationError:
        return None
