"""Errors as the POS receives them: JSON-RPC's own codes, and the daemon's refusals."""

from enum import IntEnum
from typing import Any

from daemon.base.refusals import RefusedError
from daemon.pos.cashier_language import say
from daemon.pos.envelope import ErrorBody


class ProtocolCode(IntEnum):
    """Source: JSON-RPC 2.0 specification, section 5.1."""

    PARSE_ERROR = -32700
    INVALID_REQUEST = -32600
    METHOD_NOT_FOUND = -32601
    INVALID_PARAMS = -32602
    INTERNAL_ERROR = -32603


class ProtocolFaultError(Exception):
    """The line is no request that can be carried out; ``detail`` tells the integrator why."""

    def __init__(self, code: ProtocolCode, detail: str) -> None:
        super().__init__(f"{code.value} {code.name.lower()}: {detail}")
        self.code = code
        self.detail = detail


def invalid(detail: str) -> ProtocolFaultError:
    """Return the fault of parameters that are each right and together are not."""
    return ProtocolFaultError(ProtocolCode.INVALID_PARAMS, detail)


def refusal(error: RefusedError, language: str) -> ErrorBody:
    """Return the error of a refused request; its ``extra`` fields stand beside the fixed ones."""
    detail = say(language, error.detail, error.code)
    data: dict[str, Any] = {
        **error.extra,
        "name": error.code.wire_name,
        "retryable": error.code.retryable,
        "state_unknown": error.state_unknown,
        "detail": detail,
    }
    if error.reader is not None:
        data["reader"] = error.reader
    return ErrorBody(error.code.value, detail, data)


def fault(error: ProtocolFaultError) -> ErrorBody:
    """Return the error of a line that breaks the protocol.

    After ``internal_error`` nobody knows how far the method came, and it says so.
    """
    data = {
        "name": error.code.name.lower(),
        "retryable": False,
        "state_unknown": error.code is ProtocolCode.INTERNAL_ERROR,
        "detail": error.detail,
    }
    return ErrorBody(error.code.value, error.detail, data)
