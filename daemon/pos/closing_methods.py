"""The methods that close a till's run and show what was closed."""

import msgspec

from daemon.accounts.operators import Operators
from daemon.base.permissions import Action
from daemon.base.refusals import ErrorCode
from daemon.ledger.closing_sums import SignedClosing
from daemon.ledger.ledger import RequestKey
from daemon.pos.card_methods import WRITE_REFUSALS
from daemon.pos.dispatch import Method
from daemon.pos.peers import Role
from daemon.pos.session import Session
from daemon.shop.closings import (
    CloseTerms,
    ClosingDone,
    ClosingList,
    Closings,
    ClosingsTerms,
    ClosingTerms,
)


class ClosingMethods:
    """The handlers: each translates parameters into a call, and nothing more."""

    def __init__(self, closings: Closings, operators: Operators) -> None:
        self._closings = closings
        self._operators = operators

    def methods(self) -> dict[str, Method]:
        """Return the table: name, parameters, handler, least role, result, refusals."""
        admin, reading = Role.ADMIN, (ErrorCode.PERMISSION,)
        return {
            "day.close": Method(CloseTerms, self.close, Role.SALE, ClosingDone, WRITE_REFUSALS),
            "day.closings": Method(ClosingsTerms, self.closings, admin, ClosingList, reading),
            "day.closing": Method(ClosingTerms, self.closing, admin, SignedClosing, reading),
        }

    async def close(self, session: Session, params: CloseTerms) -> msgspec.Raw:
        """Close the run of this till's entries since the last closing."""
        key = RequestKey.of("day.close", params.request_id, params)
        signed = await self._operators.check(Action.CLOSE_DAY, params.by, params.approval, key)
        return await self._closings.close(key, params, signed)

    async def closings(self, session: Session, params: ClosingsTerms) -> ClosingList:
        """List closings."""
        return await self._closings.list_closings(params, self._operators.reading(params.reader))

    async def closing(self, session: Session, params: ClosingTerms) -> SignedClosing:
        """Show a closing."""
        return await self._closings.show(params, self._operators.reading(params.reader))
