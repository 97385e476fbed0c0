"""One line of JSON-RPC in, one line out. Errors become codes here and nowhere else."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple, TypeAlias

import msgspec

from card_formats.number_ranges import NumberRange
from daemon.base.caller import CALLER
from daemon.base.refusals import ErrorCode, ParamError, RefusedError
from daemon.base.regular_files import without_mark
from daemon.base.schema_errors import explained, without_unknown
from daemon.base.text_limits import ANSWER_BYTES_MAX
from daemon.pos.bank_cards import refuse_bank_cards
from daemon.pos.cashier_language import say
from daemon.pos.envelope import Answer, ErrorBody, Failure, Request, RequestId, line_of
from daemon.pos.errors import ProtocolCode, ProtocolFaultError, fault, refusal
from daemon.pos.peers import Role
from daemon.pos.session import Session

NAME_CHARS_SHOWN_MAX = 64
ID_CHARS_MAX = 1_024
"""Of a call's own id, which its answer repeats."""

IGNORED_MAX = 100
"""Paths of fields that were passed over, named in an answer."""

Result: TypeAlias = msgspec.Struct | dict[str, Any] | msgspec.Raw
"""What a handler returns. Raw is JSON on one line, sent as it is: a stored answer, replayed."""

_LOG = logging.getLogger(__name__)
_UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_request_decoder = msgspec.json.Decoder(Request)


class Method(NamedTuple):
    """One row of the table of methods. ``role`` is the least that may call it.

    result_type, refusals: what ``rpc.discover`` says of the answer; all methods can also be
                           answered with the protocol's faults, ``permission``, ``busy``, and
                           ``card_unknown`` for a bank card.
    unkept:                parameters that are kept nowhere and may hold any digits.
    """

    params_type: type[Any]
    handler: Callable[[Session, Any], Awaitable[Result]]
    role: Role
    result_type: Any = dict[str, Any]
    refusals: tuple[ErrorCode, ...] = ()
    unkept: tuple[str, ...] = ()

    def is_kept(self, name: str) -> bool:
        """Whether the parameter ``name`` may be kept anywhere; one that nobody reads is not."""
        known = getattr(self.params_type, "__struct_fields__", (name,))
        return name in known and name not in self.unkept


async def dispatch(
    line: bytes,
    methods: Mapping[str, Method],
    session: Session,
    own: tuple[NumberRange, ...] = (),
) -> bytes:
    """Answer one line, whatever its bytes are; b"" for a notification, which gets no answer.

    own: the shop's card numbers, which are no bank cards' whatever they look like.

    A notification (a request without ``id``) is carried out all the same; its refusal is logged.
    Limits: an answer over ANSWER_BYTES_MAX becomes an ``internal_error`` that says so.
    """
    try:
        request = _request_decoder.decode(without_mark(line))
    except _UNDECODABLE as error:
        return _refuse_line(line, str(error))
    if isinstance(request.id, str) and len(request.id) > ID_CHARS_MAX:
        detail = f"An id has at most {ID_CHARS_MAX} letters."
        return line_of(
            Failure(None, fault(ProtocolFaultError(ProtocolCode.INVALID_REQUEST, detail)))
        )
    CALLER.set(session.caller)
    try:
        answer = await _answer(request, methods, session, own)
    except asyncio.CancelledError:
        if _is_cancelled():
            raise
        answer = _broken(request)  # something it waited for was cancelled, not the request
    except Exception:  # the edge: one broken method must not take the connection with it
        answer = _broken(request)
    return answer if request.id is not msgspec.UNSET else b""


async def _answer(
    request: Request,
    methods: Mapping[str, Method],
    session: Session,
    own: tuple[NumberRange, ...],
) -> bytes:
    try:
        result, ignored = await _carry_out(request, methods, session, own)
        return _encode(request.id, result, ignored)
    except RefusedError as error:
        return _failure(request, refusal(error, session.language))
    except ParamError as error:
        detail = f"{error.path}: {say(session.language, error.message)}"
        return _failure(request, fault(ProtocolFaultError(ProtocolCode.INVALID_PARAMS, detail)))
    except ProtocolFaultError as error:
        return _failure(request, fault(error))


async def _carry_out(
    request: Request,
    methods: Mapping[str, Method],
    session: Session,
    own: tuple[NumberRange, ...],
) -> tuple[Result, list[str]]:
    method = methods.get(request.method)
    if session.role is Role.NOBODY and (method is None or method.role > Role.NOBODY):
        detail = "Say hello with the token from the daemon's token file first."
        raise RefusedError(ErrorCode.PERMISSION, detail)
    if method is None:
        shown = request.method[:NAME_CHARS_SHOWN_MAX]
        raise ProtocolFaultError(ProtocolCode.METHOD_NOT_FOUND, f"There is no method {shown!r}.")
    if session.role < method.role:
        needs, has = method.role.wire_name, session.role.wire_name
        detail = f"{request.method} needs the role {needs}; this client has {has}."
        raise RefusedError(ErrorCode.PERMISSION, detail)
    refuse_bank_cards(request.params, own, method.is_kept)
    # Whoever only reads loses nothing by a field that is not known; who writes might lose a sale.
    lenient = session.lenient or method.role <= Role.READ
    try:
        params, ignored = _decoded(request.params, method.params_type, lenient=lenient)
    except _UNDECODABLE as error:
        detail = _wrong_params(error, request.params, method.params_type)
        raise ProtocolFaultError(ProtocolCode.INVALID_PARAMS, detail) from error
    return await method.handler(session, params), ignored


def _decoded(params: msgspec.Raw, wanted: type[Any], *, lenient: bool) -> tuple[Any, list[str]]:
    """Return parameters, and the paths of fields that are not known and were passed over."""
    try:
        return msgspec.json.decode(params, type=wanted), []
    except msgspec.ValidationError as error:
        if not lenient or "unknown field" not in str(error):
            raise
    known, unknown = without_unknown(msgspec.json.decode(params), wanted)
    return msgspec.json.decode(msgspec.json.encode(known), type=wanted), unknown[:IGNORED_MAX]


def _wrong_params(error: Exception, params: msgspec.Raw, wanted: type[Any]) -> str:
    """Say which parameter is wrong and how: ``codes[0]: has more than 200 letters``."""
    if not isinstance(error, msgspec.ValidationError):
        return f"The parameters are not JSON: {error}"
    raw = None
    with suppress(*_UNDECODABLE):  # what comes after the wrong field was not looked at yet
        raw = msgspec.json.decode(params)
    path, what = explained(str(error), wanted, raw, "field")
    return f"{path or 'params'}: {what}"


def _encode(request_id: RequestId, result: Result, ignored: list[str]) -> bytes:
    if ignored:
        body = msgspec.json.encode(result)
        comma = b"" if body == b"{}" else b","
        named = b'"ignored":' + msgspec.json.encode(ignored)
        result = msgspec.Raw(body.removesuffix(b"}") + comma + named + b"}")
    answer = line_of(Answer(request_id, result))
    if len(answer) > ANSWER_BYTES_MAX:
        detail = f"The answer has {len(answer)} bytes, at most {ANSWER_BYTES_MAX} are sent."
        raise ProtocolFaultError(ProtocolCode.INTERNAL_ERROR, detail)
    assert answer.find(b"\n") == len(answer) - 1  # only a Raw result could break the line
    return answer


def _failure(request: Request, body: ErrorBody) -> bytes:
    if request.id is msgspec.UNSET:
        _LOG.info("notification %s: %s", request.method[:NAME_CHARS_SHOWN_MAX], body.message)
    return line_of(Failure(request.id, body))


def _broken(request: Request) -> bytes:
    """Log the exception in hand; tell the POS no more than that there was one."""
    _LOG.exception("method %s failed", request.method)
    detail = "The daemon failed; its log has the reason. Ask for the state before going on."
    return _failure(request, fault(ProtocolFaultError(ProtocolCode.INTERNAL_ERROR, detail)))


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _refuse_line(line: bytes, reason: str) -> bytes:
    """Say what is wrong with a line that is no request, under its ``id`` if it has one."""
    request_id: RequestId = None
    try:
        message = msgspec.json.decode(line)
    except _UNDECODABLE as error:
        code, detail = ProtocolCode.PARSE_ERROR, f"This line is not JSON: {error}"
        request_id = _id_in(line)
    else:
        code, detail = ProtocolCode.INVALID_REQUEST, f"This is no JSON-RPC 2.0 request: {reason}"
        if isinstance(message, list):
            detail = "Batches are not served. Send each request as an object on its own line."
        elif isinstance(message, dict) and type(message.get("id")) in (int, str):
            request_id = message["id"]
    return line_of(Failure(request_id, fault(ProtocolFaultError(code, detail))))


def _id_in(line: bytes) -> RequestId:
    """Return the id of a line that is JSON but for a text in it: half a surrogate pair, no UTF-8.

    Python's own reader takes those; msgspec does not, not even in what it passes over.
    """
    with suppress(ValueError, OverflowError, RecursionError):
        message = json.loads(line.decode("utf-8", "replace"))
        found = message.get("id") if isinstance(message, dict) else None
        if type(found) in (int, str):
            msgspec.json.encode(found)  # half a pair itself cannot be repeated
            return found
    return None
