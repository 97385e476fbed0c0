"""E-mails by the shop's mail server (RFC 5321), one connection for many of them.

    MAIL, RCPT    5xx: no such recipient, bounced      4xx: later     line lost: nothing was sent
    DATA          5xx: refused                         4xx: later     line lost: unknown

The connection is TLS from its beginning, or made so by STARTTLS, which must succeed; plain only to
this machine itself.
"""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.base.mailing_config import SmtpSection
from daemon.mailing.gateway import GatewayError, Outcome, Outgoing, one_line
from daemon.mailing.secret_files import secret_in

if TYPE_CHECKING:
    import aiosmtplib

PERMANENT, CLOSING = 500, 421


class SmtpGateway:
    """The mail server of ``settings``. home: the folder that files' names start from.

    Raises: KeyFileError for a password that others can read, or none.
    """

    has_keys = False

    def __init__(self, settings: SmtpSection, home: Path) -> None:
        self._settings = settings
        self._password = secret_in(home / settings.password_file) if settings.user else ""
        self._authority = str(home / settings.authority) if settings.authority else None

    @asynccontextmanager
    async def line(self) -> AsyncIterator["SmtpLine"]:
        """Connect and sign in. Raises GatewayError."""
        # Imported here: a till that sends no e-mails does without it.
        import aiosmtplib

        settings = self._settings
        plain = settings.security == "none"
        client = aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port,
            timeout=settings.timeout_s,
            use_tls=settings.security == "tls",
            start_tls=False if plain else settings.security == "starttls",
            tls_context=None if plain else ssl.create_default_context(cafile=self._authority),
        )
        try:
            await client.connect()
            if settings.user:
                await client.login(settings.user, self._password)
        except (aiosmtplib.SMTPException, OSError) as error:
            client.close()
            raise GatewayError(f"{settings.host}: {one_line(error)}") from error
        try:
            yield SmtpLine(client, settings.sender)
        finally:
            with suppress(aiosmtplib.SMTPException, OSError):
                await client.quit()
            client.close()


class SmtpLine:
    """An open connection."""

    def __init__(self, client: "aiosmtplib.SMTP", sender: str) -> None:
        self._client, self._sender = client, sender
        _, self._address = parseaddr(sender)

    async def send(self, message: Outgoing) -> Outcome:
        """Send one e-mail."""
        from aiosmtplib import SMTPException, SMTPResponseException

        if not message.contact.isascii():
            return Outcome("refused", error="an address with letters that not every server takes")
        mail = made(message, self._sender)
        try:
            await self._client.mail(self._address)
        except SMTPResponseException as error:
            return await self._answered(error.code, error.message, "refused")
        except (SMTPException, OSError) as error:
            raise GatewayError(one_line(error)) from error
        try:
            await self._client.rcpt(message.contact)
        except SMTPResponseException as error:
            return await self._answered(error.code, error.message, "bounced")
        except (SMTPException, OSError) as error:
            raise GatewayError(one_line(error)) from error
        try:
            response = await self._client.data(mail.as_bytes())
        except SMTPResponseException as error:
            return await self._answered(error.code, error.message, "refused")
        except (SMTPException, OSError) as error:
            self._client.close()
            return Outcome("unknown", error=one_line(error))
        return Outcome("accepted", str(mail["Message-ID"]), one_line(response.message))

    async def _answered(self, code: int, said: str, permanent: str) -> Outcome:
        """Return what an answer that is no yes means, and make ready for the next message."""
        from aiosmtplib import SMTPException

        error = one_line(f"{code} {said}")
        if code == CLOSING:
            raise GatewayError(error)
        with suppress(SMTPException, OSError):
            await self._client.rset()
        if code < PERMANENT:
            return Outcome("later", error=error)
        return Outcome("bounced" if permanent == "bounced" else "refused", error=error)


def made(message: Outgoing, sender: str) -> EmailMessage:
    """Return an e-mail as it is sent. Its id is that of its row, the same at every try."""
    name, address = parseaddr(sender)
    mail = EmailMessage(policy=SMTP)
    local, _, domain = address.rpartition("@")
    mail["From"] = Address(name, local, domain)
    its_local, _, its_domain = message.contact.rpartition("@")
    mail["To"] = Address("", its_local, its_domain)
    mail["Subject"] = " ".join(message.subject.split())
    mail["Date"] = format_datetime(message.at)
    mail["Message-ID"] = f"<{message.key}@{domain}>"
    if message.unsubscribe:
        mail["List-Unsubscribe"] = f"<{message.unsubscribe}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(message.text)
    return mail
