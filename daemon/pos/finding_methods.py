"""The methods about what may be fraud: what was found, and how it is judged."""

from functools import partial

import msgspec

from daemon.accounts.operators import Operator, Operators
from daemon.base.permissions import Action
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.ledger.ledger import Ledger, RequestKey
from daemon.ledger.storage.finding_rows import FindingRow
from daemon.pos.card_methods import WRITE_REFUSALS
from daemon.pos.dispatch import Method
from daemon.pos.peers import Role
from daemon.pos.session import Session
from daemon.reports.findings.finding_book import FindingBook
from daemon.reports.findings.finding_terms import (
    FindingEvidence,
    FindingList,
    FindingsRun,
    FindingsRunTerms,
    FindingsTerms,
    FindingTerms,
    Judged,
    JudgeTerms,
)
from daemon.reports.findings.finding_views import (
    check_seen,
    finding_evidence,
    finding_list,
    may_see,
)


class FindingMethods:
    """The handlers: each translates parameters into a call, and nothing more."""

    def __init__(self, book: FindingBook, ledger: Ledger, operators: Operators) -> None:
        self._book = book
        self._ledger = ledger
        self._operators = operators

    def methods(self) -> dict[str, Method]:
        """Return the table: name, parameters, handler, least role, result, refusals."""
        running = (*WRITE_REFUSALS, ErrorCode.TIMEOUT)
        return {
            "finding.list": Method(FindingsTerms, self.list_findings, Role.ADMIN, FindingList),
            "finding.show": Method(FindingTerms, self.show, Role.ADMIN, FindingEvidence),
            "finding.judge": Method(JudgeTerms, self.judge, Role.ADMIN, Judged, WRITE_REFUSALS),
            "finding.run": Method(FindingsRunTerms, self.run, Role.ADMIN, FindingsRun, running),
        }

    async def list_findings(self, session: Session, params: FindingsTerms) -> FindingList:
        """List findings, the newest first."""
        may = may_see(self._reader(params.reader))
        return await self._ledger.read(
            partial(finding_list, terms=params, may=may, language=session.language)
        )

    async def show(self, session: Session, params: FindingTerms) -> FindingEvidence:
        """Show a finding with its entries."""
        may = may_see(self._reader(params.reader))
        return await self._ledger.read(
            partial(finding_evidence, finding=params.finding, may=may, language=session.language)
        )

    async def judge(self, session: Session, params: JudgeTerms) -> msgspec.Raw:
        """Say what a finding is."""
        key = RequestKey.of("finding.judge", params.request_id, params)
        signed = await self._operators.check(Action.JUDGE_FINDING, params.by, params.approval, key)
        operator = self._operators.known(signed.approved_by or params.by)

        def check(row: FindingRow) -> None:
            if self._operators.known_only:
                check_seen(row, may_see(operator))

        return await self._book.judge(key, params, signed, check)

    async def run(self, session: Session, params: FindingsRunTerms) -> msgspec.Raw:
        """Look at a day that is over, or at all that are due."""
        key = RequestKey.of("finding.run", params.request_id, params)
        signed = await self._operators.check(Action.JUDGE_FINDING, params.by, params.approval, key)
        return await self._book.run(key, params.day, params.by, signed)

    def _reader(self, name: str) -> Operator | None:
        if not name and not self._operators.known_only:
            return None
        operator = self._operators.known(name)
        if operator is None:
            problem = f"There is no operator {name!r} here; say who reads this, as `reader`."
            raise RefusedError(ErrorCode.PERMISSION, problem)
        return operator
