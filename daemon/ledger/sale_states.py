"""The states of a sale and the events that move it: one table, nothing beside it."""

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


class SaleEvent(StrEnum):
    """What can happen to a sale. A chip's answers are events as much as the POS's calls are."""

    HOLD = "hold"
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
    S.NEW: (ErrorCode.NOT_RETURNABLE, "There is no sale under this id."),
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
