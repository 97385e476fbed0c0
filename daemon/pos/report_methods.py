"""The methods by which the owner asks the books."""

import asyncio
from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Annotated

import msgspec

from daemon.accounts.card_books import BookDay, Books
from daemon.accounts.issue_conditions import Lacking
from daemon.accounts.operators import Operators
from daemon.base.params import Params
from daemon.base.refusals import ErrorCode, ParamError
from daemon.base.text_limits import Text, read_day
from daemon.ledger.folding import FoldingProgress, progress
from daemon.ledger.storage.queries import HEAD
from daemon.ledger.storage.store import Store
from daemon.pos.dispatch import Method
from daemon.pos.peers import Role
from daemon.pos.session import Session
from daemon.programme.alliances import known_alliance
from daemon.reports.alliance_statement import AllianceStatement, alliance_statement
from daemon.reports.asked_terms import Terms
from daemon.reports.asking import ROWS_MAX, Answer, answer, check_asked, sorting
from daemon.reports.catalogue import REPORTS
from daemon.reports.filters import Filters
from daemon.reports.kept_results import PAGE_ROWS, KeptResults
from daemon.reports.period import Period
from daemon.reports.reconcile import Reconciled, reconcile
from daemon.reports.report import Asked, Column, Report, Row
from daemon.reports.report_reader import ReportReader
from daemon.reports.seen import as_seen, narrowed
from daemon.shop.shop import Shop


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


class RunParams(PeriodParams, frozen=True, kw_only=True):
    """A report, a period, and what is chosen of it.

    sort:      a column, ``-`` before it for the greatest first. per: what a trend goes by.
    everybody: of activity, also who has bought nothing.
    terms:     what some reports ask beside, see `Terms`.
    keep:      whether all of it is kept, so that `report.page` reads it as it is now.
    reader:    the operator who reads it; they see what their role sees.
    """

    report: Text
    filters: Filters = Filters()
    sort: Text = ""
    per: Text = ""
    everybody: bool = False
    terms: Terms = Terms()
    limit: Annotated[int, msgspec.Meta(ge=1, le=PAGE_ROWS)] = 100
    offset: Annotated[int, msgspec.Meta(ge=0, le=ROWS_MAX)] = 0
    keep: bool = False
    reader: Text = ""


class PageParams(Params, frozen=True, kw_only=True):
    """A page of a result that is kept; the first is 0."""

    result: Text
    page: Annotated[int, msgspec.Meta(ge=0, le=ROWS_MAX)] = 0


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """What a report says. Amounts are minor units, shares basis points, unknown is null.

    rows:   a value a column. count: rows in all. totals: of all rows, by column.
    result: by which `report.page` finds all rows, where they are kept.
    as_of:  when it was read (RFC 3339); head: of this till's chain then, ``<seq> <hash>``.
    folded: how many entries from before there were facts have theirs, of how many.
    """

    report: str
    title: str
    first: str = msgspec.field(name="from")
    last: str = msgspec.field(name="to")
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    count: int
    totals: dict[str, int | None]
    result: str
    as_of: str
    head: str
    folded: FoldingProgress


class ResultPage(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of a result, PAGE_ROWS of them; none is behind the last page."""

    rows: tuple[Row, ...]


class ReportMethods:
    """The handlers. ``shop`` says its programme and day; ``books`` are this till's company's."""

    def __init__(
        self,
        reports: ReportReader,
        shop: Shop,
        books: Callable[[], Books],
        operators: Operators,
        kept: KeptResults,
        lacking: Lacking,
    ) -> None:
        self._reports = reports
        self._shop = shop
        self._books = books
        self._operators = operators
        self._kept = kept
        self._lacking = lacking

    def methods(self) -> dict[str, Method]:
        """Return the table: name, parameters, handler, least role, result, refusals."""
        reading = (ErrorCode.TIMEOUT,)
        return {
            "report.reconcile": Method(
                PeriodParams, self.reconcile, Role.ADMIN, Reconciled, reading
            ),
            "report.run": Method(RunParams, self.run, Role.ADMIN, Ran, reading),
            "report.page": Method(PageParams, self.page, Role.ADMIN, ResultPage, ()),
            "report.books": Method(BookDayParams, self.books, Role.ADMIN, BookDay, reading),
            "report.alliance": Method(
                AllianceParams, self.alliance, Role.ADMIN, AllianceStatement, reading
            ),
        }

    async def reconcile(self, session: Session, params: PeriodParams) -> Reconciled:
        """Say whether everything that reports read agrees with the entries."""
        return await self._reports.ask(partial(reconcile, period=params.period))

    async def run(self, session: Session, params: RunParams) -> Ran:
        """Say what the facts of a period say."""
        report, operator = self._report(params.report), self._operators.reading(params.reader)
        filters = narrowed(report, params.filters, operator) if operator else params.filters
        asked = Asked(
            period=params.period,
            filters=filters,
            today=self._shop.today(),
            programme=self._shop.programme,
            per=_way(report, params.per),
            everybody=params.everybody,
            terms=params.terms,
            lacking=self._lacking,
        )
        check_asked(report, asked)
        sort = sorting(report, params.sort)
        page = (ROWS_MAX + 1, 0) if params.keep else (params.limit, params.offset)

        def read(store: Store) -> tuple[Answer, FoldingProgress, str, str]:
            found = answer(store, report, asked, sort, page)
            rows = (
                [as_seen(report, row, operator) for row in found.rows] if operator else found.rows
            )
            if len(rows) > ROWS_MAX:
                problem = f"there are more than {ROWS_MAX:,} rows; ask for less"
                raise ParamError("keep", problem)
            result = self._kept.keep(rows) if params.keep else ""
            shown = rows[params.offset : params.offset + params.limit] if params.keep else rows
            found = msgspec.structs.replace(found, rows=tuple(shown))
            return found, progress(store), result, _head(store)

        found, folded, result, head = await self._reports.ask(read)
        return Ran(
            report=report.name,
            title=report.title,
            first=params.first,
            last=params.last,
            columns=found.columns,
            rows=found.rows,
            count=found.count,
            totals=found.totals,
            result=result,
            as_of=self._shop.at(),
            head=head,
            folded=folded,
        )

    async def page(self, session: Session, params: PageParams) -> ResultPage:
        """Return a page of a result that is kept."""
        rows = await asyncio.to_thread(self._kept.page, params.result, params.page)
        return ResultPage(rows=tuple(rows))

    def _report(self, name: str) -> Report:
        report = REPORTS.get(name)
        if report is None:
            raise ParamError("report", f"{name!r} is none; there are: {', '.join(REPORTS)}")
        return report

    async def alliance(self, session: Session, params: AllianceParams) -> AllianceStatement:
        """Say what an alliance owes and is owed."""
        alliance = known_alliance(self._shop.programme.alliances, params.issuer)
        return await self._reports.ask(
            partial(alliance_statement, alliance=alliance, period=params.period)
        )

    async def books(self, session: Session, params: BookDayParams) -> BookDay:
        """Say what the accounts are to be told of the cards of a day."""
        day = read_day(params.day, "day")
        if day == date.max:
            raise ParamError("day", "is the last that there is")
        return await self._reports.ask(partial(self._books().day, day=day, start=params.start))


def _way(report: Report, per: str) -> str:
    if not report.ways and not per:
        return ""
    if per and per not in report.ways:
        known = ", ".join(report.ways) or "nothing"
        raise ParamError("per", f"{report.name} goes by {known}")
    return per or report.ways[0]


def _head(store: Store) -> str:
    seq, digest = store.ask_one(HEAD, store.ledger_id) or (0, b"")
    return f"{seq} {digest.hex()}"
