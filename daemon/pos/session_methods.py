"""The methods that concern the connection itself: ``hello`` and ``events.…``."""

import hmac
from typing import Annotated

import msgspec

from daemon.base.params import Params
from daemon.base.refusals import ErrorCode, ParamError, RefusedError
from daemon.base.text_limits import IdText, Text
from daemon.pos.cashier_language import ENGLISH, known_language
from daemon.pos.dispatch import Method
from daemon.pos.events import Cursor
from daemon.pos.peers import Role
from daemon.pos.session import Session


class ProtocolVersion(msgspec.Struct, frozen=True):
    """Minor versions only add."""

    major: int
    minor: int


VersionText = Annotated[
    str, msgspec.Meta(max_length=9, pattern=r"^[0-9]{1,4}\.[0-9]{1,4}$(?!\n)", examples=["1.0"])
]
PROTOCOL_VERSION = ProtocolVersion(1, 0)


class Greeting(msgspec.Struct, frozen=True, kw_only=True):
    """What the server says first. ``currency`` is an ISO 4217 code.

    language: of the sentences for the cashier, until ``hello`` asks for another.
    """

    protocol: ProtocolVersion = PROTOCOL_VERSION
    server: str
    capabilities: list[str]
    terminal: str
    currency: str
    language: str = ENGLISH


class HelloParams(Params, frozen=True):
    """Who calls.

    token:    for connections that are not Unix sockets.
    language: of the sentences for the cashier, ``en`` or ``uk``, also as ``uk-UA``; another than
              these leaves it as it is.
    needs:    the least protocol that the caller can work with, ``major.minor``.
    lenient:  pass over fields that this daemon does not know, and name them in ``ignored``; for a
              POS that speaks to several versions.
    """

    client: IdText
    version: IdText
    token: Text | None = None
    language: IdText = ""
    needs: VersionText = ""
    lenient: bool = False


class HelloResult(msgspec.Struct, frozen=True):
    """What the caller may do: ``read``, ``sale`` or ``admin``; and the language it is told in."""

    role: str
    terminal: str
    language: str


class SubscribeParams(Params, frozen=True):
    """Where to begin: the first event wanted, and the daemon's run it is counted in.

    Without ``from_seq`` the next event is the first. With ``one_shot`` each input (a card, a
    scan) waits until the one before it was acknowledged with ``events.ack``.
    """

    from_seq: Annotated[int, msgspec.Meta(ge=1)] | None = None
    boot_id: IdText | None = None
    one_shot: bool = False


class SubscribeResult(msgspec.Struct, frozen=True):
    """The newest event's number, 0 when there is none; all that is sent follows this answer."""

    seq: int
    boot_id: str


class AckParams(Params, frozen=True):
    """The input event that has been dealt with."""

    event_id: IdText


class AckResult(msgspec.Struct, frozen=True):
    """``acknowledged`` is false when no input waits for it: asked again, or not one-shot."""

    acknowledged: bool


async def hello(session: Session, params: HelloParams) -> HelloResult:
    """Note who calls. Over TCP the token gives the role; a Unix socket's peer has it already."""
    _check_served(params.needs)
    if session.role is Role.NOBODY:
        given = (params.token or "").encode()
        if not hmac.compare_digest(given, session.token.encode()):
            raise RefusedError(
                ErrorCode.PERMISSION, "Say hello with the token from the daemon's token file."
            )
        session.role = Role.SALE
    session.client = params.client
    session.lenient = params.lenient
    session.language = known_language(params.language, session.language)
    return HelloResult(session.role.wire_name, session.terminal, session.language)


def _check_served(needs: str) -> None:
    served = PROTOCOL_VERSION
    if not needs:
        return
    major, minor = map(int, needs.split("."))
    if major != served.major or minor > served.minor:
        raise ParamError(
            "needs",
            f"this tillcard serves protocol {served.major}.{served.minor}, not {needs};"
            " update the older of the two",
        )


async def subscribe(session: Session, params: SubscribeParams) -> SubscribeResult:
    """Send events from now on; asked again, begin anew at the place that is asked for."""
    session.cursor = Cursor(
        session.events, session, params.from_seq, params.boot_id, one_shot=params.one_shot
    )
    return SubscribeResult(session.events.seq, session.events.boot_id)


async def acknowledge(session: Session, params: AckParams) -> AckResult:
    """Let the next input event come; it follows this answer."""
    cursor = session.cursor
    return AckResult(cursor is not None and cursor.acknowledge(params.event_id))


SESSION_METHODS = {
    "hello": Method(HelloParams, hello, Role.NOBODY, HelloResult),
    "events.subscribe": Method(SubscribeParams, subscribe, Role.READ, SubscribeResult),
    "events.ack": Method(AckParams, acknowledge, Role.READ, AckResult, unkept=("event_id",)),
}
