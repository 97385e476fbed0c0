"""Messages by a gateway over HTTP: a JSON body that the shop's settings say, and its answer.

    body   = '{"recipients": ["{digits}"], "sms": {"sender": "{sender}", "text": "{text}"}}'
    id_at  = "response_result.0.message_id"     where the answer says what it calls the message
    error_at = "response_result.0.response_status"

The body is JSON before it is filled, and values are put into its texts: no message can change its
shape. An answer with an id has taken the message. Where the line is lost after the request, or the
gateway fails on its own side, nobody knows: ``unknown``, or ``later`` where the gateway takes the
message's own key (``keys``) and so never sends one twice.
"""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from daemon.base.mailing_config import HttpSection
from daemon.mailing.gateway import GatewayError, Outcome, Outgoing, one_line
from daemon.mailing.secret_files import secret_in

if TYPE_CHECKING:
    import aiohttp

ANSWER_BYTES_MAX = 64 * 1024
LATER = frozenset({429, 503})
SERVER_FAILED = 500
GOOD = range(200, 300)


class HttpGateway:
    """The gateway of ``settings``. home: the folder that files' names start from.

    Raises: KeyFileError for a secret that others can read, or none.
    """

    def __init__(self, settings: HttpSection, home: Path) -> None:
        self.has_keys = settings.keys
        self._settings = settings
        self._fixed = {"sender": settings.sender, "secret": ""}
        if settings.secret_file:
            self._fixed["secret"] = secret_in(home / settings.secret_file)
        self._authority = str(home / settings.authority) if settings.authority else None

    @asynccontextmanager
    async def line(self) -> AsyncIterator["HttpLine"]:
        """Return what sends; each message has a connection of its own."""
        # Imported here: a till that sends nothing does without it.
        import aiohttp

        # A connection that is used again may have been closed meanwhile, and nobody would know
        # whether the message was taken.
        tls = ssl.create_default_context(cafile=self._authority)
        connector = aiohttp.TCPConnector(force_close=True, ssl=tls)
        timeout = aiohttp.ClientTimeout(total=self._settings.timeout_s)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            yield HttpLine(session, self._settings, self._fixed)


class HttpLine:
    """Sends messages one by one."""

    def __init__(
        self, session: "aiohttp.ClientSession", settings: HttpSection, fixed: Mapping[str, str]
    ) -> None:
        self._session, self._settings, self._fixed = session, settings, fixed

    async def send(self, message: Outgoing) -> Outcome:
        """Send one message."""
        import aiohttp

        values = {
            **self._fixed,
            "contact": message.contact,
            "digits": message.contact.lstrip("+"),
            "text": message.text,
            "key": message.key,
        }
        settings = self._settings
        headers = {name: filled(said, values) for name, said in settings.sent_headers.items()}
        body = filled(msgspec.json.decode(settings.sent_body), values)
        try:
            async with self._session.post(
                settings.sent_url,
                data=msgspec.json.encode(body),
                headers={"Content-Type": "application/json"} | headers,
                allow_redirects=False,
            ) as answer:
                raw = await answer.content.read(ANSWER_BYTES_MAX)
                return self._read(answer.status, raw)
        except (aiohttp.ClientConnectorError, aiohttp.InvalidURL) as error:
            raise GatewayError(one_line(error)) from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return self._open(one_line(error) or type(error).__name__)

    def _read(self, status: int, raw: bytes) -> Outcome:
        """Return what an answer means."""
        try:
            answer = msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            answer = None
        provider_id = one_line(found_at(answer, self._settings.answer_id) or "")
        said = found_at(answer, self._settings.answer_error) or raw.decode("utf-8", "replace")
        error = one_line(f"{status} {said}")
        if status in GOOD:
            return (
                Outcome("accepted", provider_id) if provider_id else Outcome("refused", "", error)
            )
        if status in LATER:
            return Outcome("later", "", error)
        return self._open(error) if status >= SERVER_FAILED else Outcome("refused", "", error)

    def _open(self, error: str) -> Outcome:
        """Return what it means that nobody knows whether the message was taken."""
        return Outcome("later" if self._settings.keys else "unknown", "", error)


def filled(template: Any, values: Mapping[str, str]) -> Any:
    """Return a template with values in its texts; whatever stands in a value is only a text."""
    match template:
        case str():
            parts = template.split("{")
            return parts[0] + "".join(_piece(part, values) for part in parts[1:])
        case dict():
            return {name: filled(one, values) for name, one in template.items()}
        case list():
            return [filled(one, values) for one in template]
        case _:
            return template


def _piece(part: str, values: Mapping[str, str]) -> str:
    name, brace, rest = part.partition("}")
    return values[name] + rest if brace and name in values else "{" + part


def found_at(answer: Any, path: str) -> Any:
    """Return what stands at a path such as ``result.0.id``, or None."""
    for name in path.split(".") if path else ():
        if isinstance(answer, list) and name.isdecimal() and int(name) < len(answer):
            answer = answer[int(name)]
        elif isinstance(answer, dict):
            answer = answer.get(name)
        else:
            return None
    return answer if isinstance(answer, str | int) and path else None
