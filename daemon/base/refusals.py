"""What the daemon refuses, by the stable names and codes that the POS receives."""

from enum import IntEnum

from card_formats.errors import BankCardError, CardFormatError, UnknownFormatError


class ErrorCode(IntEnum):
    """Application error codes. 1xx and 2xx are UnifiedPOS numbers where it has one."""

    CLAIMED = 102
    NO_HARDWARE = 107
    OFFLINE = 108
    TIMEOUT = 112
    BUSY = 113
    WRITE_FAILED = 202
    TORN = 203
    NO_CARD = 204
    ID_REUSED = 1001
    ALREADY_VOIDED = 1002
    ALREADY_POSTED = 1003
    HOLD_EXPIRED = 1004
    EXCEEDS_HOLD = 1005
    QUOTE_UNKNOWN = 1006
    TOTAL_CHANGED = 1007
    QUOTE_DIFFERS = 1008
    CARD_UNKNOWN = 1010
    CARD_BLOCKED = 1011
    CARD_EXPIRED = 1012
    CARD_FORGED = 1013
    CODE_NOT_NOW = 1014
    MISREAD = 1015
    CODE_USED = 1016
    NUMBER_TAKEN = 1017
    NOT_ENOUGH = 1020
    NEEDS_LIVE_CARD = 1021
    NEEDS_OVERRIDE = 1022
    LIMIT_REACHED = 1023
    CODE_UNKNOWN = 1024
    CODE_USED_UP = 1025
    CODE_EXPIRED = 1026
    CONDITION_UNMET = 1027
    NOT_UNDOABLE = 1029
    NOT_RETURNABLE = 1030
    RETURNED_ALREADY = 1031
    PERMISSION = 1040
    RATE_LIMITED = 1041
    STORAGE_FULL = 1050
    TOO_NEW = 1052
    LEDGER_DAMAGED = 1056

    @property
    def wire_name(self) -> str:
        """The stable name of the protocol: ``id_reused``."""
        return self.name.lower()

    @property
    def retryable(self) -> bool:
        """Whether the very same call, with the same id, may pass later."""
        return self in _RETRYABLE


_RETRYABLE = {
    ErrorCode.CLAIMED,
    ErrorCode.NO_HARDWARE,
    ErrorCode.OFFLINE,
    ErrorCode.TIMEOUT,
    ErrorCode.BUSY,
    ErrorCode.WRITE_FAILED,
    ErrorCode.TORN,
    ErrorCode.NO_CARD,
    ErrorCode.RATE_LIMITED,
    ErrorCode.STORAGE_FULL,
}


class RefusedError(Exception):
    """The request was understood and is refused; ``detail`` is a plain sentence for the cashier.

    reader:        the reader concerned, if one is.
    state_unknown: a commit, the ledger's or a chip's, was sent and its answer never came. Where it
                   is False nothing was written, nor will it be.
    extra:         further fields for ``data``, such as ``{"age_s": 720}``.
    """

    def __init__(
        self,
        code: ErrorCode,
        detail: str,
        *,
        reader: str | None = None,
        state_unknown: bool = False,
        extra: dict[str, int | str] | None = None,
    ) -> None:
        super().__init__(f"{code.value} {code.wire_name}: {detail}")
        self.code = code
        self.detail = detail
        self.reader = reader
        self.state_unknown = state_unknown
        self.extra = extra or {}


class ParamError(ValueError):
    """A parameter is wrong in itself; the request was not carried out.

    path:    of the wrong field, such as ``lines[2].qty``.
    message: what is wrong and what to send instead.
    """

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message


def refusal_of(error: CardFormatError) -> RefusedError:
    """Say what is wrong with a card in a sentence for the cashier."""
    if isinstance(error, BankCardError):
        return RefusedError(
            ErrorCode.CARD_UNKNOWN, "This is a bank card; nothing of it was read or kept."
        )
    if isinstance(error, UnknownFormatError):
        return RefusedError(ErrorCode.CARD_UNKNOWN, "This is not one of our cards.")
    return misread(error.code)


def misread(reason: str) -> RefusedError:
    """Ask for the card once more."""
    return RefusedError(ErrorCode.MISREAD, f"Misread ({reason}); please show it again.")
