"""JSON-RPC 2.0 envelopes, one object per line: a request in, an answer or a notification out."""

from typing import Any, Literal, TypeAlias

import msgspec

RequestId: TypeAlias = int | str | msgspec.UnsetType | None
"""What an answer repeats. UNSET is a notification: it is carried out and never answered."""


class Request(msgspec.Struct, frozen=True, gc=False):
    """One request. ``params`` stays undecoded until its method is known; others are ignored."""

    jsonrpc: Literal["2.0"]
    method: str
    id: RequestId = msgspec.UNSET
    params: msgspec.Raw = msgspec.Raw(b"{}")


class Answer(msgspec.Struct, frozen=True, gc=False, tag_field="jsonrpc", tag="2.0"):
    """A result. One that is ``msgspec.Raw`` goes out byte for byte."""

    id: RequestId
    result: Any


class ErrorBody(msgspec.Struct, frozen=True):
    """What went wrong: ``code`` and ``data["name"]`` are stable, ``message`` is for people."""

    code: int
    message: str
    data: dict[str, Any]


class Failure(msgspec.Struct, frozen=True, tag_field="jsonrpc", tag="2.0"):
    """An error in place of a result."""

    id: RequestId
    error: ErrorBody


class Notification(msgspec.Struct, frozen=True, tag_field="jsonrpc", tag="2.0"):
    """What the server says unasked."""

    method: str
    params: Any


_encoder = msgspec.json.Encoder()


def line_of(message: Answer | Failure | Notification) -> bytes:
    r"""Return ``message`` as one line, ``\n`` included."""
    return _encoder.encode(message) + b"\n"
