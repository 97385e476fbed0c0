"""The methods by which the owner asks the books."""

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Annotated

import msgspec

from daemon.accounts.card_books import BookDay, Books
from daemon.base.params import Params
from daemon.base.refusals import ErrorCode, ParamError
from daemon.base.text_limits import Text, read_day
from daemon.pos.dispatch import Method
from daemon.pos.peers import Role
from daemon.pos.session import Session
from daemon.programme.alliances import known_alliance
from daemon.programme.programme import Programme
from daemon.reports.alliance_statement import AllianceStatement, alliance_statement
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


class AllianceParams(PeriodParams, frozen=True, kw_only=True):
    """An issuer that the programme has as ``[[alliance]]``, and a period."""

    issuer: Text


class BookDayParams(Params, frozen=True, kw_only=True):
    """A local day, YYYY-MM-DD, and how many of its lines came before."""

    day: Text
    start: Annotated[int, msgspec.Meta(ge=0)] = 0


class ReportMethods:
    """The handlers. ``programme`` is in force; ``books`` are those of this till's company."""

    def __init__(
        self,
        reports: ReportReader,
        programme: Callable[[], Programme],
        books: Callable[[], Books],
    ) -> None:
        self._reports = reports
        self._programme = programme
        self._books = books

    def methods(self) -> dict[str, Method]:
        """Return the table: name, parameters, handler, least role, result, refusals."""
        reading = (ErrorCode.TIMEOUT,)
        return {
            "report.reconcile": Method(
                PeriodParams, self.reconcile, Role.ADMIN, Reconciled, reading
            ),
            "report.books": Method(BookDayParams, self.books, Role.ADMIN, BookDay, reading),
            "report.alliance": Method(
                AllianceParams, self.alliance, Role.ADMIN, AllianceStatement, reading
            ),
        }

    async def reconcile(self, session: Session, params: PeriodParams) -> Reconciled:
        """Say whether everything that reports read agrees with the entries."""
        return await self._reports.ask(partial(reconcile, period=params.period))

    async def alliance(self, session: Session, params: AllianceParams) -> AllianceStatement:
        """Say what an alliance owes and is owed."""
        alliance = known_alliance(self._programme().alliances, params.issuer)
        return await self._reports.ask(
            partial(alliance_statement, alliance=alliance, period=params.period)
        )

    async def books(self, session: Session, params: BookDayParams) -> BookDay:
        """Say what the accounts are to be told of the cards of a day."""
        day = read_day(params.day, "day")
        if day == date.max:
            raise ParamError("day", "is the last that there is")
        return await self._reports.ask(partial(self._books().day, day=day, start=params.start))
