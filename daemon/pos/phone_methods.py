"""The methods that give a card to the customer's phone, and take it from a lost one."""

from collections.abc import Callable

from daemon.accounts.operators import Operators
from daemon.base.approval import UNSIGNED
from daemon.base.permissions import Action
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.pos.dispatch import Method
from daemon.pos.peers import Role
from daemon.pos.protocol import PhoneLinkParams, PhoneRevokeParams
from daemon.pos.session import Session
from daemon.sale.answers import PhoneLink, PhoneRevoked
from daemon.sale.recognition import Recognition

_PHONE = (
    ErrorCode.NO_CARD,
    ErrorCode.NEEDS_OVERRIDE,
    ErrorCode.OFFLINE,
    ErrorCode.CARD_UNKNOWN,
    ErrorCode.CARD_BLOCKED,
    ErrorCode.CARD_EXPIRED,
    ErrorCode.RATE_LIMITED,
    ErrorCode.STORAGE_FULL,
)


class PhoneMethods:
    """The handlers. ``web_address``: where customers reach the phone pages, "" without any."""

    def __init__(
        self, recognition: Recognition, operators: Operators, web_address: Callable[[], str]
    ) -> None:
        self._recognition = recognition
        self._operators = operators
        self._web_address = web_address

    def methods(self) -> dict[str, Method]:
        """Return the table: name, parameters, handler, least role, result, refusals."""
        return {
            "card.phone_link": Method(PhoneLinkParams, self.link, Role.SALE, PhoneLink, _PHONE),
            "card.phone_revoke": Method(
                PhoneRevokeParams, self.revoke, Role.SALE, PhoneRevoked, _PHONE
            ),
        }

    async def link(self, session: Session, params: PhoneLinkParams) -> PhoneLink:
        """Make a link that gives the card to the customer's phone."""
        address = self._web_address()
        if not address:
            raise RefusedError(ErrorCode.OFFLINE, "This till has no phone pages ([web]).")
        override, signed = params.override, UNSIGNED
        if override is not None:
            signed = await self._operators.check(Action.OVERRIDE, override.by, params.approval)
        code, until = await self._recognition.offer_phone(
            params.presentation, override, signed.approved_by
        )
        return PhoneLink(f"{address}/bind/{code}", until)

    async def revoke(self, session: Session, params: PhoneRevokeParams) -> PhoneRevoked:
        """Make the codes and the page of a lost phone worthless."""
        signed = await self._operators.check(Action.REVOKE_PHONE, params.by, params.approval)
        return PhoneRevoked(
            await self._recognition.revoke_phone(params.presentation, signed, params.reason)
        )
