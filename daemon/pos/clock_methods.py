"""The methods that put the till's time right, by name and with a reason."""

from collections.abc import Awaitable, Callable
from datetime import datetime

import msgspec

from daemon.accounts.operators import Operators
from daemon.base.approval import Signed
from daemon.base.params import Params
from daemon.base.permissions import Action
from daemon.base.refusals import ErrorCode
from daemon.ledger.ledger import RequestKey
from daemon.pos.dispatch import Method
from daemon.pos.peers import Role
from daemon.pos.session import Session
from daemon.shop.till_clock import ClockMoved, ClockSet, ClockTerms, TillClock

_WRITE = (ErrorCode.ID_REUSED, ErrorCode.STORAGE_FULL, ErrorCode.RATE_LIMITED)


class SetClockParams(Params, frozen=True):
    """The time that it is from now on, RFC 3339 with an offset."""

    now: datetime


class ClockMethods:
    """The handlers."""

    def __init__(
        self,
        till_clock: TillClock,
        operators: Operators,
        moved_on: Callable[[], Awaitable[object]],
    ) -> None:
        """moved_on: does what is due when a clock was moved on by hand."""
        self._till_clock = till_clock
        self._operators = operators
        self._moved_on = moved_on

    def methods(self) -> dict[str, Method]:
        """Return the table: name, parameters, handler, least role, result, refusals."""
        return {
            "clock.accept": Method(ClockTerms, self.accept, Role.ADMIN, ClockSet, _WRITE),
            "clock.reset": Method(ClockTerms, self.reset, Role.ADMIN, ClockSet, _WRITE),
            "clock.set": Method(SetClockParams, self.set, Role.ADMIN, ClockMoved),
        }

    async def accept(self, session: Session, params: ClockTerms) -> msgspec.Raw:
        """Follow a machine's clock that is ahead and was not believed."""
        key = RequestKey.of("clock.accept", params.request_id, params)
        return await self._till_clock.accept(key, params, await self._signed(key, params))

    async def reset(self, session: Session, params: ClockTerms) -> msgspec.Raw:
        """Give up a time that is ahead of the machine's clock."""
        key = RequestKey.of("clock.reset", params.request_id, params)
        return await self._till_clock.reset(key, params, await self._signed(key, params))

    async def set(self, session: Session, params: SetClockParams) -> ClockMoved:
        """Move a simulated till's clock on, and do the work of the days that are over."""
        moved = self._till_clock.move_on(params.now)
        await self._moved_on()
        return moved

    async def _signed(self, key: RequestKey, params: ClockTerms) -> Signed:
        return await self._operators.check(Action.SET_CLOCK, params.by, params.approval, key)
