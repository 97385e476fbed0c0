"""When a message may go out: not in quiet hours, so many a second, so many a day by a channel."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from daemon.base.clock import rfc3339
from daemon.base.mailing_config import MailingSection
from daemon.ledger.ledger import Ledger
from daemon.ledger.storage.mailing_queries import SENT_BY_CHANNEL
from daemon.mailing.quiet_hours import quiet_hours


class SendingPace:
    """The shop's limits. zone: of its hours and days."""

    def __init__(
        self, ledger: Ledger, section: MailingSection, zone: Callable[[], ZoneInfo]
    ) -> None:
        self._ledger = ledger
        self._section = section
        self._quiet = quiet_hours(section.quiet)
        self._zone = zone

    async def may_go(self, channel: str, now: datetime) -> bool:
        """Whether a message may go out by a channel now."""
        local = now.astimezone(self._zone())
        if self._quiet is not None and self._quiet.hold(local.time()):
            return False
        if not self._section.per_day:
            return True
        since = rfc3339(local.replace(hour=0, minute=0, second=0, microsecond=0))
        sent = await self._ledger.read(lambda store: store.ask_one(SENT_BY_CHANNEL, channel, since))
        return (sent or 0) < self._section.per_day

    async def wait(self) -> None:
        """Wait so long that no more than ``per_second`` go out."""
        await asyncio.sleep(1 / self._section.per_second)
