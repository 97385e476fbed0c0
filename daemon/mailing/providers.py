"""The gateways that there are: which channel goes by what."""

from collections.abc import Mapping
from pathlib import Path

from daemon.base.config import MailingSection
from daemon.mailing.gateway import Gateway
from daemon.mailing.message_text import EMAIL
from daemon.mailing.smtp import SmtpGateway


def gateways_of(section: MailingSection, home: Path) -> Mapping[str, Gateway]:
    """Return the gateway of each channel that has one. Raises KeyFileError."""
    return {EMAIL: SmtpGateway(section.email, home)} if section.email else {}
