"""The gateways that there are: which channel goes by what."""

from collections.abc import Mapping
from pathlib import Path

from daemon.base.mailing_config import MailingSection
from daemon.mailing.gateway import Gateway
from daemon.mailing.http_gateway import HttpGateway
from daemon.mailing.message_text import EMAIL, SMS, VIBER
from daemon.mailing.smtp import SmtpGateway


def gateways_of(section: MailingSection, home: Path) -> Mapping[str, Gateway]:
    """Return the gateway of each channel that has one. Raises KeyFileError."""
    found: dict[str, Gateway] = {}
    if section.email:
        found[EMAIL] = SmtpGateway(section.email, home)
    if section.sms:
        found[SMS] = HttpGateway(section.sms, home)
    if section.viber:
        found[VIBER] = HttpGateway(section.viber, home)
    return found
