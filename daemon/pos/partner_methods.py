"""The methods about referral partners."""

import msgspec

from daemon.accounts.guess_limit import Guesses
from daemon.accounts.operators import Operators
from daemon.base.approval import Signed
from daemon.base.permissions import Action
from daemon.base.refusals import ErrorCode
from daemon.ledger.ledger import RequestKey
from daemon.partners.directory import (
    AddTerms,
    Assigned,
    AssignTerms,
    ChangeTerms,
    CloseTerms,
    PartnerList,
    PartnerListTerms,
    Partners,
    PartnerShown,
    PartnerTerms,
    WhoSent,
    WhoSentTerms,
)
from daemon.partners.payouts import Payouts, PayTerms
from daemon.partners.statements import (
    ShowStatementTerms,
    StatementDone,
    StatementList,
    Statements,
    StatementShown,
    StatementsTerms,
    StatementTerms,
    VoidStatementTerms,
)
from daemon.pos.card_methods import CARD_REFUSALS, WRITE_REFUSALS
from daemon.pos.dispatch import Method
from daemon.pos.peers import Role
from daemon.pos.session import Session


class PartnerMethods:
    """The handlers. ``guesses``: at numbers that a client names."""

    def __init__(self, partners: Partners, guesses: Guesses, operators: Operators) -> None:
        self._partners = partners
        self._guesses = guesses
        self._operators = operators

    def methods(self) -> dict[str, Method]:
        """Return the table: name, parameters, handler, least role, result, refusals."""
        adding = (*WRITE_REFUSALS, *CARD_REFUSALS, ErrorCode.LIMIT_REACHED)
        whose = (*WRITE_REFUSALS, *CARD_REFUSALS)
        return {
            "partner.add": Method(AddTerms, self.add, Role.ADMIN, PartnerShown, adding),
            "partner.change": Method(
                ChangeTerms, self.change, Role.ADMIN, PartnerShown, WRITE_REFUSALS
            ),
            "partner.close": Method(
                CloseTerms, self.close, Role.ADMIN, PartnerShown, WRITE_REFUSALS
            ),
            "partner.show": Method(PartnerTerms, self.show, Role.SALE, PartnerShown),
            "partner.list": Method(PartnerListTerms, self.list_partners, Role.SALE, PartnerList),
            "partner.assign": Method(AssignTerms, self.assign, Role.ADMIN, Assigned, whose),
            "partner.sent": Method(WhoSentTerms, self.who_sent, Role.SALE, WhoSent, CARD_REFUSALS),
        }

    async def add(self, session: Session, params: AddTerms) -> msgspec.Raw:
        """Add a partner, or somebody who works for one."""
        key = RequestKey.of("partner.add", params.request_id, params)
        async with self._guesses.counting():
            return await self._partners.add(key, params, await self._signed(params, key))

    async def change(self, session: Session, params: ChangeTerms) -> msgspec.Raw:
        """Change what is known of a partner."""
        key = RequestKey.of("partner.change", params.request_id, params)
        return await self._partners.change(key, params, await self._signed(params, key))

    async def close(self, session: Session, params: CloseTerms) -> msgspec.Raw:
        """Close a partner: it sends nobody any more."""
        key = RequestKey.of("partner.close", params.request_id, params)
        return await self._partners.close(key, params, await self._signed(params, key))

    async def show(self, session: Session, params: PartnerTerms) -> PartnerShown:
        """Show a partner."""
        return await self._partners.show(params)

    async def list_partners(self, session: Session, params: PartnerListTerms) -> PartnerList:
        """List partners."""
        return await self._partners.list_partners(params)

    async def assign(self, session: Session, params: AssignTerms) -> msgspec.Raw:
        """Say who has sent a customer."""
        key = RequestKey.of("partner.assign", params.request_id, params)
        signed = await self._operators.check(Action.ASSIGN_LATER, params.by, params.approval, key)
        async with self._guesses.counting():
            return await self._partners.assign(key, params, signed)

    async def who_sent(self, session: Session, params: WhoSentTerms) -> WhoSent:
        """Show who has sent a customer, and when."""
        async with self._guesses.counting():
            return await self._partners.who_sent(params)

    async def _signed(self, params: AddTerms | ChangeTerms | CloseTerms, key: RequestKey) -> Signed:
        return await self._operators.check(Action.PARTNERS, params.by, params.approval, key)


class StatementMethods:
    """The handlers of statements: what partners are told and paid."""

    def __init__(self, statements: Statements, payouts: Payouts, operators: Operators) -> None:
        self._statements = statements
        self._payouts = payouts
        self._operators = operators

    def methods(self) -> dict[str, Method]:
        """Return the table: name, parameters, handler, least role, result, refusals."""
        voiding = (*WRITE_REFUSALS, ErrorCode.NOT_UNDOABLE)
        paying = (*WRITE_REFUSALS, ErrorCode.NOT_ENOUGH)
        return {
            "partner.statement": Method(
                StatementTerms, self.draw_up, Role.ADMIN, StatementDone, WRITE_REFUSALS
            ),
            "partner.pay": Method(PayTerms, self.pay, Role.ADMIN, StatementDone, paying),
            "partner.statement_void": Method(
                VoidStatementTerms, self.void, Role.ADMIN, StatementDone, voiding
            ),
            "partner.statement_show": Method(
                ShowStatementTerms, self.show, Role.ADMIN, StatementShown
            ),
            "partner.statements": Method(
                StatementsTerms, self.list_statements, Role.ADMIN, StatementList
            ),
        }

    async def draw_up(self, session: Session, params: StatementTerms) -> msgspec.Raw:
        """Draw up a statement of a period that is over."""
        key = RequestKey.of("partner.statement", params.request_id, params)
        signed = await self._operators.check(Action.PARTNERS, params.by, params.approval, key)
        return await self._statements.draw_up(key, params, signed)

    async def pay(self, session: Session, params: PayTerms) -> msgspec.Raw:
        """Pay a partner what a statement says, or a part of it."""
        key = RequestKey.of("partner.pay", params.request_id, params)
        signed = await self._operators.check(Action.PAYOUT, params.by, params.approval, key)
        return await self._payouts.pay(key, params, signed)

    async def void(self, session: Session, params: VoidStatementTerms) -> msgspec.Raw:
        """Make a statement void of which nothing is paid."""
        key = RequestKey.of("partner.statement_void", params.request_id, params)
        signed = await self._operators.check(Action.PARTNERS, params.by, params.approval, key)
        return await self._statements.void(key, params, signed)

    async def show(self, session: Session, params: ShowStatementTerms) -> StatementShown:
        """Show a statement with its lines."""
        return await self._statements.show(params)

    async def list_statements(self, session: Session, params: StatementsTerms) -> StatementList:
        """List a partner's statements."""
        return await self._statements.list_statements(params)
