"""The methods that put the till's time right, by name and with a reason."""

import msgspec

from daemon.accounts.operators import Operators
from daemon.base.approval import Signed
from daemon.base.permissions import Action
from daemon.base.refusals import ErrorCode
from daemon.ledger.ledger import RequestKey
from daemon.pos.dispatch import Method
from daemon.pos.peers import Role
from daemon.pos.session import Session
from daemon.shop.till_clock import ClockSet, ClockTerms, TillClock

_WRITE = (ErrorCode.ID_REUSED, ErrorCode.STORAGE_FULL, ErrorCode.RATE_LIMITED)


class ClockMethods:
    """The handlers."""

    def __init__(self, till_clock: TillClock, operators: Operators) -> None:
        self._till_clock = till_clock
        self._operators = operators

    def methods(self) -> dict[str, Method]:
        """Return the table: name, parameters, handler, least role, result, refusals."""
        return {
            "clock.accept": Method(ClockTerms, self.accept, Role.ADMIN, ClockSet, _WRITE),
            "clock.reset": Method(ClockTerms, self.reset, Role.ADMIN, ClockSet, _WRITE),
        }

    async def accept(self, session: Session, params: ClockTerms) -> msgspec.Raw:
        """Follow a machine's clock that is ahead and was not believed."""
        key = RequestKey.of("clock.accept", params.request_id, params)
        return await self._till_clock.accept(key, params, await self._signed(key, params))

    async def reset(self, session: Session, params: ClockTerms) -> msgspec.Raw:
        """Give up a time that is ahead of the machine's clock."""
        key = RequestKey.of("clock.reset", params.request_id, params)
        return await self._till_clock.reset(key, params, await self._signed(key, params))

    async def _signed(self, key: RequestKey, params: ClockTerms) -> Signed:
        return await self._operators.check(Action.SET_CLOCK, params.by, params.approval, key)
