"""The method that gives a purse something, or takes it, by somebody's word."""

import msgspec

from daemon.accounts.operators import Operators
from daemon.base.permissions import Action
from daemon.base.refusals import ErrorCode
from daemon.ledger.ledger import RequestKey
from daemon.pos.card_methods import WRITE_REFUSALS
from daemon.pos.dispatch import Method
from daemon.pos.peers import Role
from daemon.pos.session import Session
from daemon.shop.adjustments import Adjusted, Adjustments, AdjustTerms


class PointsMethods:
    """The handler. ``adjust_max``: what a manager may give or take at once."""

    def __init__(self, adjustments: Adjustments, operators: Operators, adjust_max: int) -> None:
        self._adjustments = adjustments
        self._operators = operators
        self._adjust_max = adjust_max

    def methods(self) -> dict[str, Method]:
        """Return the table: name, parameters, handler, least role, result, refusals."""
        refusals = (*WRITE_REFUSALS, ErrorCode.CARD_UNKNOWN, ErrorCode.NOT_ENOUGH)
        return {
            "points.adjust": Method(AdjustTerms, self.adjust, Role.ADMIN, Adjusted, refusals),
        }

    async def adjust(self, session: Session, params: AdjustTerms) -> msgspec.Raw:
        """Give a purse something, or take it."""
        key = RequestKey.of("points.adjust", params.request_id, params)
        is_small = abs(params.amount) <= self._adjust_max
        signed = await self._operators.check(
            Action.ADJUST if is_small else Action.ADJUST_ANY,
            params.by,
            params.approval,
            key,
            held=not is_small,
        )
        return await self._adjustments.adjust(key, params, signed)
