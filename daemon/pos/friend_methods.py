"""The method that gives a customer a code by which they bring others."""

import msgspec

from daemon.accounts.guess_limit import Guesses
from daemon.accounts.operators import Operators
from daemon.base.permissions import Action
from daemon.customers.inviting import InviteDone, InviteTerms, Inviting
from daemon.ledger.ledger import RequestKey
from daemon.pos.card_methods import CARD_REFUSALS, WRITE_REFUSALS
from daemon.pos.dispatch import Method
from daemon.pos.peers import Role
from daemon.pos.session import Session


class FriendMethods:
    """The handler. ``guesses``: at numbers that a client names."""

    def __init__(self, inviting: Inviting, guesses: Guesses, operators: Operators) -> None:
        self._inviting = inviting
        self._guesses = guesses
        self._operators = operators

    def methods(self) -> dict[str, Method]:
        """Return the table: name, parameters, handler, least role, result, refusals."""
        refusals = (*WRITE_REFUSALS, *CARD_REFUSALS)
        return {
            "customer.invite": Method(InviteTerms, self.invite, Role.SALE, InviteDone, refusals)
        }

    async def invite(self, session: Session, params: InviteTerms) -> msgspec.Raw:
        """Give a customer a code, or tell it."""
        key = RequestKey.of("customer.invite", params.request_id, params)
        signed = await self._operators.check(Action.ISSUE, params.by, params.approval, key)
        async with self._guesses.counting():
            return await self._inviting.invite(key, params, signed)
