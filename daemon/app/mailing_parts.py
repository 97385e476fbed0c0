"""Puts together what sends messages to customers."""

from collections.abc import Callable
from pathlib import Path

from daemon.accounts.operators import Operators
from daemon.base.clock import Clock
from daemon.base.config import Config
from daemon.keys.key_files import load_or_make
from daemon.ledger.ledger import Ledger
from daemon.mailing.exports import Exports
from daemon.mailing.mailings import MailingDesk
from daemon.mailing.providers import gateways_of
from daemon.mailing.sending import Sending
from daemon.mailing.triggers import Triggers
from daemon.mailing.unsubscribing import Unsubscribing
from daemon.pos.mailing_methods import MailingMethods
from daemon.programme.programme import Programme
from daemon.reports.kept_results import KeptResults
from daemon.reports.report_reader import ReportReader


class MailingParts:
    """The parts of mailings. site: where customers reach the shop's pages, or ""."""

    def __init__(
        self,
        ledger: Ledger,
        reading: tuple[ReportReader, KeptResults],
        clock: Clock,
        programme: Callable[[], Programme],
        config: Config,
        home: Path,
        site: Callable[[], str],
    ) -> None:
        self._manager_max = config.mailing.manager_max
        key = load_or_make(home / "forms.key")
        self.unsubscribing = Unsubscribing(ledger, key, config.mailing.consent, clock, site)
        self.desk = MailingDesk(
            ledger, reading, clock, programme, config, self.unsubscribing.address
        )

        gateways = gateways_of(config.mailing, home)
        self.exports = Exports(ledger, self.desk, clock, gateways)
        self.sending = Sending(ledger, self.desk, clock, gateways, config.mailing)
        self.triggers = Triggers(ledger, self.desk, clock, config.trigger)

    def methods(self, operators: Operators) -> MailingMethods:
        """Return the handlers of the socket."""
        return MailingMethods(self.desk, self.sending, self.exports, operators, self._manager_max)
