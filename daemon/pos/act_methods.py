"""The methods that make acts about cards."""

import msgspec

from daemon.accounts.acts import (
    ActDone,
    ActList,
    ActShown,
    CardActs,
    HandOutTerms,
    ListActsTerms,
    MakeActTerms,
    ShowActTerms,
    VoidActTerms,
)
from daemon.accounts.operators import Operators
from daemon.base.permissions import Action
from daemon.base.refusals import ErrorCode
from daemon.ledger.ledger import RequestKey
from daemon.pos.card_methods import WRITE_REFUSALS
from daemon.pos.dispatch import Method
from daemon.pos.peers import Role
from daemon.pos.session import Session


class ActMethods:
    """The handlers: each translates parameters into a call, and nothing more."""

    def __init__(self, acts: CardActs, operators: Operators) -> None:
        self._acts = acts
        self._operators = operators

    def methods(self) -> dict[str, Method]:
        """Return the table: name, parameters, handler, least role, result, refusals."""
        unknown = (ErrorCode.CARD_UNKNOWN,)
        cards = (*unknown, ErrorCode.CARD_BLOCKED, ErrorCode.MISREAD, ErrorCode.LIMIT_REACHED)
        making = (*WRITE_REFUSALS, *cards, ErrorCode.NEEDS_OVERRIDE)
        voiding = (*WRITE_REFUSALS, *unknown, ErrorCode.NOT_UNDOABLE)
        return {
            "card.hand_out": Method(HandOutTerms, self.hand_out, Role.ADMIN, ActDone, making),
            "act.make": Method(MakeActTerms, self.make, Role.ADMIN, ActDone, making),
            "act.void": Method(VoidActTerms, self.void, Role.ADMIN, ActDone, voiding),
            "act.show": Method(ShowActTerms, self.show, Role.ADMIN, ActShown, unknown),
            "act.list": Method(ListActsTerms, self.list_acts, Role.ADMIN, ActList),
        }

    async def hand_out(self, session: Session, params: HandOutTerms) -> msgspec.Raw:
        """Hand cards out by an act, or take them back."""
        key = RequestKey.of("card.hand_out", params.request_id, params)
        action = Action.HAND_OUT if params.to or params.store else Action.TAKE_BACK
        signed = await self._operators.check(action, params.by, params.approval, key)
        return await self._acts.hand_out(key, params, signed)

    async def make(self, session: Session, params: MakeActTerms) -> msgspec.Raw:
        """Write off what was issued, or dispose of what nobody got."""
        key = RequestKey.of("act.make", params.request_id, params)
        action = Action.ACTS
        signed = await self._operators.check(action, params.by, params.approval, key)
        return await self._acts.make(key, params, signed)

    async def void(self, session: Session, params: VoidActTerms) -> msgspec.Raw:
        """Make an act void."""
        key = RequestKey.of("act.void", params.request_id, params)
        action = Action.ACTS
        signed = await self._operators.check(action, params.by, params.approval, key)
        return await self._acts.void(key, params, signed)

    async def show(self, session: Session, params: ShowActTerms) -> ActShown:
        """Show an act."""
        return await self._acts.show(params)

    async def list_acts(self, session: Session, params: ListActsTerms) -> ActList:
        """List acts."""
        return await self._acts.list_acts(params)
