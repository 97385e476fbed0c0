"""What sends a message on: a mail server, a gateway of text messages. One file each.

Whoever calls one has written down before that it tries; what a gateway answers is one of these:

    accepted   it has taken the message
    bounced    there is no such recipient
    refused    it does not take this message, and will not
    later      not now; the same message may be tried again
    unknown    the line was lost after the message was sent, before the answer: it may have gone out

GatewayError is none of these: the gateway was not reached, and nothing was sent.
"""

from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Literal, NamedTuple, Protocol, TypeAlias

import msgspec

State: TypeAlias = Literal["accepted", "bounced", "refused", "later", "unknown"]
ERROR_CHARS_MAX = 200


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """One message. key: the same at every try of it. unsubscribe: an address, or ""."""

    key: str
    contact: str
    subject: str
    text: str
    unsubscribe: str
    at: datetime


class Outcome(NamedTuple):
    """What came of it. provider_id: what the gateway calls it. error: what it said."""

    state: State
    provider_id: str = ""
    error: str = ""


class GatewayError(Exception):
    """The gateway is not reached, or does not let this shop in. Nothing was sent."""


class Line(Protocol):
    """An open connection to a gateway."""

    async def send(self, message: Outgoing) -> Outcome:
        """Send a message. Raises GatewayError where nothing was sent."""
        ...


class Gateway(Protocol):
    """A gateway, as the settings name it. has_keys: whether it takes no message's key twice."""

    has_keys: bool

    def line(self) -> AbstractAsyncContextManager[Line]:
        """Open a connection for many messages. Raises GatewayError."""
        ...


def one_line(said: object) -> str:
    """Return what a gateway said, on one line, cut."""
    words = "".join(c if c.isprintable() else " " for c in str(said)).split()
    return " ".join(words)[:ERROR_CHARS_MAX]
