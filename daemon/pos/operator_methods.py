"""The methods that say who works in the shop."""

import msgspec

from daemon.accounts.guess_limit import Guesses
from daemon.accounts.operator_changes import (
    AddTerms,
    OperatorChanges,
    OperatorShown,
    OperatorsListed,
    OperatorsTerms,
    OperatorTerms,
    PasswordTerms,
    PinTerms,
    RoleTerms,
    TotpTerms,
)
from daemon.base.refusals import ErrorCode
from daemon.ledger.ledger import RequestKey
from daemon.pos.card_methods import WRITE_REFUSALS
from daemon.pos.dispatch import Method
from daemon.pos.peers import Role
from daemon.pos.session import Session


class OperatorMethods:
    """The handlers. ``guesses``: at numbers that a client names."""

    def __init__(self, changes: OperatorChanges, guesses: Guesses) -> None:
        self._changes = changes
        self._guesses = guesses

    def methods(self) -> dict[str, Method]:
        """Return the table: name, parameters, handler, least role, result, refusals."""
        done, admin = OperatorShown, Role.ADMIN
        write = WRITE_REFUSALS
        card = (*write, ErrorCode.CARD_UNKNOWN, ErrorCode.MISREAD)
        adding = (*card, ErrorCode.LIMIT_REACHED)
        return {
            "operator.list": Method(OperatorsTerms, self.list, admin, OperatorsListed),
            "operator.add": Method(AddTerms, self.add, admin, done, adding),
            "operator.role": Method(RoleTerms, self.set_role, admin, done, card),
            "operator.close": Method(OperatorTerms, self.close, admin, done, write),
            "operator.pin": Method(PinTerms, self.set_pin, admin, done, write),
            "operator.password": Method(PasswordTerms, self.set_password, admin, done, write),
            "operator.totp": Method(TotpTerms, self.set_totp, admin, done, write),
        }

    async def list(self, session: Session, params: OperatorsTerms) -> OperatorsListed:
        """List who works here."""
        return await self._changes.list(params)

    async def add(self, session: Session, params: AddTerms) -> msgspec.Raw:
        """Add somebody."""
        async with self._guesses.counting():
            return await self._changes.add(_key("operator.add", params), params)

    async def set_role(self, session: Session, params: RoleTerms) -> msgspec.Raw:
        """Give somebody another role, other stores or another account."""
        async with self._guesses.counting():
            return await self._changes.set_role(_key("operator.role", params), params)

    async def close(self, session: Session, params: OperatorTerms) -> msgspec.Raw:
        """Let somebody go."""
        return await self._changes.close(_key("operator.close", params), params)

    async def set_pin(self, session: Session, params: PinTerms) -> msgspec.Raw:
        """Set somebody's PIN."""
        return await self._changes.set_pin(_key("operator.pin", params), params)

    async def set_password(self, session: Session, params: PasswordTerms) -> msgspec.Raw:
        """Set somebody's password."""
        return await self._changes.set_password(_key("operator.password", params), params)

    async def set_totp(self, session: Session, params: TotpTerms) -> msgspec.Raw:
        """Set what somebody's phone shares."""
        return await self._changes.set_totp(_key("operator.totp", params), params)


def _key(method: str, params: OperatorTerms) -> RequestKey:
    return RequestKey.of(method, params.request_id, params)
