"""The methods that change a card: issue, replace, block and the like."""

import msgspec

from card_formats.credential import Credential, Trust
from card_formats.errors import CardFormatError
from daemon.accounts.card_lifecycle import CardLifecycle
from daemon.accounts.card_terms import CardDone, CardTerms, IssueTerms, ReplaceTerms
from daemon.accounts.card_transfers import CardTransfers, Transferred, TransferTerms
from daemon.accounts.guess_limit import Guesses
from daemon.accounts.operators import Operators
from daemon.base.approval import Signed
from daemon.base.permissions import Action, may
from daemon.base.refusals import ErrorCode, RefusedError, refusal_of
from daemon.base.text_limits import says_something
from daemon.ledger.ledger import RequestKey
from daemon.pos.claims import Claims
from daemon.pos.dispatch import Method
from daemon.pos.inputs import Inputs
from daemon.pos.peers import Role
from daemon.pos.session import Session
from daemon.sale.recognition import Recognition

CARD_REFUSALS = (
    ErrorCode.CARD_UNKNOWN,
    ErrorCode.CARD_BLOCKED,
    ErrorCode.CARD_EXPIRED,
    ErrorCode.MISREAD,
    ErrorCode.RATE_LIMITED,
)
WRITE_REFUSALS = (ErrorCode.ID_REUSED, ErrorCode.STORAGE_FULL, ErrorCode.RATE_LIMITED)

_ACTIONS = {
    "block": Action.BLOCK,
    "unblock": Action.UNBLOCK,
    "extend": Action.EXTEND,
    "write_off": Action.WRITE_OFF,
    "take_back": Action.TAKE_BACK,
}
_READER = (ErrorCode.NO_CARD, ErrorCode.NO_HARDWARE, ErrorCode.TIMEOUT, ErrorCode.CLAIMED)


class CardMethods:
    """The handlers. ``guesses``: at numbers that a client names."""

    def __init__(
        self,
        lifecycle: CardLifecycle,
        recognition: Recognition,
        inputs: Inputs,
        claims: Claims,
        guesses: Guesses,
        operators: Operators,
        transfers: CardTransfers,
    ) -> None:
        self._lifecycle = lifecycle
        self._transfers = transfers
        self._recognition = recognition
        self._inputs = inputs
        self._claims = claims
        self._guesses = guesses
        self._operators = operators

    def methods(self) -> dict[str, Method]:
        """Return the table: name, parameters, handler, least role, result, refusals."""
        card = (*WRITE_REFUSALS, *CARD_REFUSALS)
        answered = (*card, ErrorCode.NEEDS_OVERRIDE)
        replacing = (*answered, ErrorCode.LIMIT_REACHED, ErrorCode.NUMBER_TAKEN)
        issuing = (*replacing, *_READER, ErrorCode.CONDITION_UNMET)
        return {
            "card.issue": Method(IssueTerms, self.issue, Role.SALE, CardDone, issuing),
            "card.replace": Method(ReplaceTerms, self.replace, Role.SALE, CardDone, replacing),
            "card.block": Method(CardTerms, self.block, Role.SALE, CardDone, answered),
            "card.unblock": Method(CardTerms, self.unblock, Role.SALE, CardDone, answered),
            "card.extend": Method(CardTerms, self.extend, Role.SALE, CardDone, answered),
            "card.write_off": Method(CardTerms, self.write_off, Role.ADMIN, CardDone, answered),
            "card.transfer": Method(
                TransferTerms,
                self.transfer,
                Role.SALE,
                Transferred,
                (*card, ErrorCode.CONDITION_UNMET, ErrorCode.LIMIT_REACHED),
            ),
            "card.take_back": Method(CardTerms, self.take_back, Role.ADMIN, CardDone, answered),
        }

    async def issue(self, session: Session, params: IssueTerms) -> msgspec.Raw:
        """Issue a card to a customer."""
        proven = self._recognition.account_that_may_spend(params.presentation)
        key, profile = _key("card.issue", params), params.profile
        signed = await self._operators.check(
            Action.ISSUE,
            params.by,
            params.approval,
            key,
            also=[Action.ASSIGN_AT_ISSUE] if profile.partner or profile.employee else (),
            override=params.override,
        )
        async with self._guesses.counting():
            laid = self._laid(params.reader, session)
            lets_through = self._lets_through(params, signed)
            return await self._lifecycle.issue(
                key, params, proven, laid, signed, lets_through=lets_through
            )

    def _lets_through(self, params: IssueTerms, signed: Signed) -> bool:
        """Whether somebody answers for a condition that is not met: a manager, with a reason."""
        override = params.override
        if override is not None and not self._operators.known_only:
            return True
        who = override.by if override else signed.approved_by
        is_said = override is not None or says_something(params.reason)
        return bool(who) and is_said and may(self._operators.role_of(who), Action.UNMET_CONDITION)

    async def replace(self, session: Session, params: ReplaceTerms) -> msgspec.Raw:
        """Put a new card in the place of one that is lost or broken."""
        proven = self._recognition.account_that_may_spend(params.presentation)
        key = _key("card.replace", params)
        signed = await self._operators.check(
            Action.REPLACE, params.by, params.approval, key, override=params.override
        )
        async with self._guesses.counting():
            return await self._lifecycle.replace(key, params, proven, signed)

    async def transfer(self, session: Session, params: TransferTerms) -> msgspec.Raw:
        """Give a card to somebody."""
        key = RequestKey.of("card.transfer", params.request_id, params)
        signed = await self._operators.check(Action.TRANSFER, params.by, params.approval, key)
        async with self._guesses.counting():
            return await self._transfers.transfer(key, params, signed)

    async def block(self, session: Session, params: CardTerms) -> msgspec.Raw:
        """Block a card that is lost."""
        return await self._change("block", params)

    async def unblock(self, session: Session, params: CardTerms) -> msgspec.Raw:
        """Unblock a card that was found."""
        return await self._change("unblock", params)

    async def extend(self, session: Session, params: CardTerms) -> msgspec.Raw:
        """Give a card another last day, or none."""
        return await self._change("extend", params)

    async def write_off(self, session: Session, params: CardTerms) -> msgspec.Raw:
        """Write a card off for good."""
        return await self._change("write_off", params)

    async def take_back(self, session: Session, params: CardTerms) -> msgspec.Raw:
        """Put a card that was handed out, and not issued, back into stock."""
        return await self._change("take_back", params)

    async def _change(self, event: str, params: CardTerms) -> msgspec.Raw:
        key = _key(f"card.{event}", params)
        signed = await self._operators.check(_ACTIONS[event], params.by, params.approval, key)
        async with self._guesses.counting():
            return await self._lifecycle.change(key, event, params, signed)

    def _laid(self, reader: str, session: Session) -> Credential | RefusedError | None:
        """Return what lies at a reader, or why it cannot be issued; None where none is named."""
        if not reader:
            return None
        self._inputs.check_known(reader)
        try:
            self._claims.check(reader, session)
            shown, waiting = self._inputs.last_shown(reader)
            laid = waiting.credential or self._recognition.recognise(shown)
        except RefusedError as refusal:
            return refusal
        except CardFormatError as error:
            return refusal_of(error)
        if laid.trust is Trust.ROTATING:
            return RefusedError(ErrorCode.CARD_UNKNOWN, "A live code is no card's number.")
        return laid


def _key(method: str, params: IssueTerms | ReplaceTerms | CardTerms) -> RequestKey:
    return RequestKey.of(method, params.request_id, params)
