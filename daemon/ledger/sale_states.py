"""The states of a sale and the events that move it: one table, nothing beside it.

    new ── hold ──> held ── commit ──> posted <── return, again and again
     │               ├── prolong ────> held
     │               ├── void ───────> voided
     │               └── time ───────> expired
     └── commit ──────────────────────────────> posted

That is a sale in the ledger alone: each arrow is one transaction, and nothing lies between. A chip
has a memory of its own, which no transaction of ours covers, so a sale that changes one goes on a
longer way:

    new, held ── intent ──> intent ── done ──────────> posted
                              ├── not sent ──> back to new or held
                              └── unsure ────> unknown

* **intent** is durable before the chip is asked. From then on the sale must not end by itself, or
  a chip could have paid for nothing: no arrow leads away by time, nor by a void.
* **done** is the chip's own word, verified by its MAC.
* **not sent** is ours: the APDU that commits was never handed to the reader. Nothing can have
  happened, the call may be repeated, and the sale stands where it stood before.
* **unsure** is everything else: it was sent, and no proof came back.

    unknown ── done ─────────> posted           the next tap shows our transaction
            ├── not written ─> intent           it shows the state of before: the call may go on
            └── void ────────> void pending     the customer has paid otherwise
    void pending ── done ────────> voided       the chip paid all the same: its money is owed to it
                 └── not written ─> voided

Where the chip cannot tell, a manager's word takes the place of its proof, on the same two arrows.

A void of an id that was never seen is an arrow of its own: a till that gave up may send its cancel
past its own commit, and the commit that comes late must not be posted (decision 3).

Whoever adds an event writes an arrow here; where there is none, ``after`` says what to tell the
till.
"""

from enum import StrEnum

from daemon.base.refusals import ErrorCode, RefusedError


class SaleState(StrEnum):
    """NEW is the state of an id that was never seen."""

    NEW = "new"
    HELD = "held"
    INTENT = "intent"
    UNKNOWN = "unknown"
    POSTED = "posted"
    VOIDED = "voided"
    EXPIRED = "expired"
    VOID_PENDING = "void_pending"


UNFINISHED = (SaleState.HELD, SaleState.INTENT, SaleState.UNKNOWN, SaleState.VOID_PENDING)
"""States of a sale that something is still to become of."""


class SaleEvent(StrEnum):
    """What can happen to a sale. A chip's answers are events as much as the POS's calls are."""

    HOLD = "hold"
    PROLONG = "prolong"
    COMMIT = "commit"
    VOID = "void"
    TIME = "time"
    RETURN = "return"
    CHIP_INTENT = "chip_intent"
    CHIP_DONE = "chip_done"
    CHIP_NOT_SENT_NEW = "chip_not_sent_new"
    CHIP_NOT_SENT_HELD = "chip_not_sent_held"
    CHIP_UNSURE = "chip_unsure"
    CHIP_NOT_WRITTEN = "chip_not_written"


S, E = SaleState, SaleEvent

TABLE: dict[tuple[SaleState, SaleEvent], SaleState] = {
    (S.NEW, E.HOLD): S.HELD,
    (S.NEW, E.COMMIT): S.POSTED,
    (S.NEW, E.VOID): S.VOIDED,  # a cancel that overtakes its sale: the late commit is refused
    (S.HELD, E.PROLONG): S.HELD,
    (S.HELD, E.COMMIT): S.POSTED,
    (S.HELD, E.VOID): S.VOIDED,
    (S.HELD, E.TIME): S.EXPIRED,
    (S.NEW, E.CHIP_INTENT): S.INTENT,
    (S.HELD, E.CHIP_INTENT): S.INTENT,
    (S.INTENT, E.CHIP_DONE): S.POSTED,
    (S.INTENT, E.CHIP_NOT_SENT_NEW): S.NEW,
    (S.INTENT, E.CHIP_NOT_SENT_HELD): S.HELD,
    (S.INTENT, E.CHIP_UNSURE): S.UNKNOWN,
    (S.UNKNOWN, E.CHIP_DONE): S.POSTED,
    (S.UNKNOWN, E.CHIP_NOT_WRITTEN): S.INTENT,
    (S.UNKNOWN, E.VOID): S.VOID_PENDING,
    (S.VOID_PENDING, E.CHIP_DONE): S.VOIDED,
    (S.VOID_PENDING, E.CHIP_NOT_WRITTEN): S.VOIDED,
    (S.POSTED, E.RETURN): S.POSTED,
}

_REFUSALS: dict[SaleState, tuple[ErrorCode, str]] = {
    S.NEW: (
        ErrorCode.NOT_RETURNABLE,
        "This till has no sale under this id; scan the receipt's code.",
    ),
    S.HELD: (ErrorCode.NOT_RETURNABLE, "This sale is on hold and not posted yet."),
    S.INTENT: (ErrorCode.BUSY, "The card is being written; ask again."),
    S.UNKNOWN: (ErrorCode.TORN, "Tap the same card again: it is not known what was written."),
    S.POSTED: (ErrorCode.ALREADY_POSTED, "This sale is posted already."),
    S.VOIDED: (ErrorCode.ALREADY_VOIDED, "This sale was voided; use a new sale id."),
    S.EXPIRED: (ErrorCode.HOLD_EXPIRED, "The hold has run out; use a new sale id."),
    S.VOID_PENDING: (ErrorCode.ALREADY_VOIDED, "This sale was voided; use a new sale id."),
}


def after(state: SaleState, event: SaleEvent) -> SaleState:
    """Return the state after ``event``. Raises RefusedError where the table has no such edge."""
    following = TABLE.get((state, event))
    if following is not None:
        return following
    if event is SaleEvent.RETURN and state is not SaleState.POSTED:
        raise RefusedError(ErrorCode.NOT_RETURNABLE, _REFUSALS[state][1])
    if event is SaleEvent.HOLD and state is SaleState.HELD:
        raise RefusedError(ErrorCode.ID_REUSED, "This sale id is on hold already.")
    code, detail = _REFUSALS[state]
    raise RefusedError(code, detail, state_unknown=state is SaleState.UNKNOWN)
