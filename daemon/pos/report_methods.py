"""The methods by which the owner asks the books."""

from functools import partial

import msgspec

from daemon.base.params import Params
from daemon.base.refusals import ErrorCode
from daemon.base.text_limits import Text, read_day
from daemon.pos.dispatch import Method
from daemon.pos.peers import Role
from daemon.pos.session import Session
from daemon.reports.period import Period
from daemon.reports.reconcile import Reconciled, reconcile
from daemon.reports.report_reader import ReportReader


class PeriodParams(Params, frozen=True, kw_only=True):
    """Local days, YYYY-MM-DD, both included."""

    first: Text = msgspec.field(name="from")
    last: Text = msgspec.field(name="to")

    @property
    def period(self) -> Period:
        """Return it. Raises ParamError for a day that does not exist, or the wrong order."""
        return Period(read_day(self.first, "from"), read_day(self.last, "to"))


class ReportMethods:
    """The handlers."""

    def __init__(self, reports: ReportReader) -> None:
        self._reports = reports

    def methods(self) -> dict[str, Method]:
        """Return the table: name, parameters, handler, least role, result, refusals."""
        reading = (ErrorCode.TIMEOUT, ErrorCode.LEDGER_DAMAGED)
        return {
            "report.reconcile": Method(
                PeriodParams, self.reconcile, Role.ADMIN, Reconciled, reading
            ),
        }

    async def reconcile(self, session: Session, params: PeriodParams) -> Reconciled:
        """Say whether everything that reports read agrees with the entries."""
        return await self._reports.ask(partial(reconcile, period=params.period))
