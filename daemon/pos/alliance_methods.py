"""The methods of alliances' statements: what another company is told, pays or is paid."""

import msgspec

from daemon.accounts.operators import Operators
from daemon.base.permissions import Action
from daemon.base.refusals import ErrorCode
from daemon.ledger.ledger import RequestKey
from daemon.partners.alliance_statements import (
    AllianceStatementDone,
    AllianceStatementList,
    AllianceStatements,
    AllianceStatementShown,
    AllianceStatementsTerms,
    AllianceStatementTerms,
    PayAllianceTerms,
    ShowAllianceTerms,
    VoidAllianceTerms,
)
from daemon.pos.card_methods import WRITE_REFUSALS
from daemon.pos.dispatch import Method
from daemon.pos.peers import Role
from daemon.pos.session import Session


class AllianceMethods:
    """The handlers: each translates parameters into a call, and nothing more."""

    def __init__(self, statements: AllianceStatements, operators: Operators) -> None:
        self._statements = statements
        self._operators = operators

    def methods(self) -> dict[str, Method]:
        """Return the table: name, parameters, handler, least role, result, refusals."""
        admin, done = Role.ADMIN, AllianceStatementDone
        voiding = (*WRITE_REFUSALS, ErrorCode.NOT_UNDOABLE)
        paying = (*WRITE_REFUSALS, ErrorCode.NOT_ENOUGH)
        return {
            "alliance.statement": Method(
                AllianceStatementTerms, self.draw_up, admin, done, WRITE_REFUSALS
            ),
            "alliance.pay": Method(PayAllianceTerms, self.pay, admin, done, paying),
            "alliance.statement_void": Method(VoidAllianceTerms, self.void, admin, done, voiding),
            "alliance.statement_show": Method(
                ShowAllianceTerms, self.show, admin, AllianceStatementShown
            ),
            "alliance.statements": Method(
                AllianceStatementsTerms, self.list_statements, admin, AllianceStatementList
            ),
        }

    async def draw_up(self, session: Session, params: AllianceStatementTerms) -> msgspec.Raw:
        """Draw up a statement of a period that is over."""
        key = RequestKey.of("alliance.statement", params.request_id, params)
        signed = await self._operators.check(Action.PARTNERS, params.by, params.approval, key)
        return await self._statements.draw_up(key, params, signed)

    async def pay(self, session: Session, params: PayAllianceTerms) -> msgspec.Raw:
        """Write down what was paid by a statement, or a part of it."""
        key = RequestKey.of("alliance.pay", params.request_id, params)
        signed = await self._operators.check(Action.PAYOUT, params.by, params.approval, key)
        return await self._statements.pay(key, params, signed)

    async def void(self, session: Session, params: VoidAllianceTerms) -> msgspec.Raw:
        """Make a statement void of which nothing is paid."""
        key = RequestKey.of("alliance.statement_void", params.request_id, params)
        signed = await self._operators.check(Action.PARTNERS, params.by, params.approval, key)
        return await self._statements.void(key, params, signed)

    async def show(self, session: Session, params: ShowAllianceTerms) -> AllianceStatementShown:
        """Show a statement with its lines."""
        return await self._statements.show(params)

    async def list_statements(
        self, session: Session, params: AllianceStatementsTerms
    ) -> AllianceStatementList:
        """List an issuer's statements."""
        return await self._statements.list_statements(params)
