"""A mail server on this machine, which misbehaves as a test says."""

import asyncio
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, Literal

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

Point = Literal["CONNECT", "MAIL", "RCPT", "DATA", "ANSWER"]
OK = "250 taken"


class Mailbox:
    """What the server has taken, and what it does with the next.

    refuses: by address, what it answers to RCPT. says: what it answers to whole messages.
    cuts:    where it cuts the line, once each: ``ANSWER`` is after it has taken the message.
    """

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.refuses: dict[str, str] = {}
        self.says: list[str] = []
        self.cuts: list[Point] = []
        self.connections = 0
        self.on_mail: Callable[[], None] = lambda: None

    @property
    def recipients(self) -> Counter[str]:
        """How often each address got one."""
        return Counter(str(mail["To"]) for mail in self.mails)

    @property
    def ids(self) -> Counter[str]:
        """How often each Message-ID came."""
        return Counter(str(mail["Message-ID"]) for mail in self.mails)

    def _cut(self, point: Point, server: SMTP) -> bool:
        if self.cuts[:1] != [point]:
            return False
        self.cuts.pop(0)
        assert isinstance(server.transport, asyncio.Transport)
        server.transport.abort()
        return True

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, said: list[str]
    ) -> list[str]:
        session.host_name = hostname
        if not session.ssl:
            self.connections += 1
        self._cut("CONNECT", server)
        return said

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self._cut("MAIL", server)
        envelope.mail_from = address
        return OK

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self._cut("RCPT", server)
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return OK

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if self._cut("DATA", server):
            return "451 cut"
        if self.says:
            said = self.says.pop(0)
            if not said.startswith("2"):
                return said
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.on_mail()
        self._cut("ANSWER", server)
        return OK


def signs_in(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, auth: Any
) -> AuthResult:
    return AuthResult(success=(auth.login, auth.password) == (b"shop", b"secret"))


@asynccontextmanager
async def mail_server(
    mailbox: Mailbox, tls: ssl.SSLContext | None = None, *, at_once: bool = False
) -> AsyncIterator[int]:
    """Run a server; yield its port. tls: by STARTTLS, or from the beginning where ``at_once``."""
    more: dict[str, Any] = {}
    if tls is not None:
        more = {"authenticator": signs_in, "auth_require_tls": not at_once}
    if tls is not None and not at_once:
        more |= {"auth_required": True, "tls_context": tls, "require_starttls": True}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(mailbox, hostname="mail.example", ident="mail", loop=loop, **more),
        "127.0.0.1",
        0,
        ssl=tls if at_once else None,
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
