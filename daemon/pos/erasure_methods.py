"""The methods that erase a customer, and say who is to be erased."""

import msgspec

from daemon.accounts.operators import Operators
from daemon.base.permissions import Action
from daemon.base.refusals import ErrorCode
from daemon.customers.erasing import Erased, EraseTerms, Erasing
from daemon.customers.retention import Retention, ToErase, ToEraseTerms
from daemon.ledger.ledger import RequestKey
from daemon.pos.card_methods import WRITE_REFUSALS
from daemon.pos.dispatch import Method
from daemon.pos.peers import Role
from daemon.pos.session import Session


class ErasureMethods:
    """The handlers: each translates parameters into a call, and nothing more."""

    def __init__(self, erasing: Erasing, retention: Retention, operators: Operators) -> None:
        self._erasing = erasing
        self._retention = retention
        self._operators = operators

    def methods(self) -> dict[str, Method]:
        """Return the table: name, parameters, handler, least role, result, refusals."""
        whose = (*WRITE_REFUSALS, ErrorCode.CARD_UNKNOWN, ErrorCode.CONDITION_UNMET)
        return {
            "customer.erase": Method(EraseTerms, self.erase, Role.ADMIN, Erased, whose),
            "customer.to_erase": Method(ToEraseTerms, self.to_erase, Role.ADMIN, ToErase),
        }

    async def erase(self, session: Session, params: EraseTerms) -> msgspec.Raw:
        """Erase a customer: who the person is goes for good, what the account has done stays."""
        key = RequestKey.of("customer.erase", params.request_id, params)
        signed = await self._operators.check(Action.ERASE, params.by, params.approval, key)
        return await self._erasing.erase(key, params, signed)

    async def to_erase(self, session: Session, params: ToEraseTerms) -> ToErase:
        """List who is to be erased: of whom nothing was heard for years."""
        await self._operators.check(Action.ERASE, params.by, params.approval)
        return await self._retention.to_erase(params)
