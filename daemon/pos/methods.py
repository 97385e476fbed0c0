"""The POS methods: each translates parameters into a call of the checkout, and nothing more."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import msgspec

from card_formats.credential import Medium, Shown
from daemon.base.clock import Clock, rfc3339
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.ledger.ledger import RequestKey
from daemon.ledger.sale_answers import Held, Posted, Returned, SaleStatus, Voided
from daemon.pos.cashier_language import say
from daemon.pos.claims import Claims
from daemon.pos.discover import openrpc
from daemon.pos.dispatch import Method
from daemon.pos.errors import ProtocolCode, ProtocolFaultError
from daemon.pos.inputs import Inputs
from daemon.pos.peers import Role
from daemon.pos.protocol import (
    Claimed,
    ClaimParams,
    CommitParams,
    DaemonStatus,
    Done,
    HoldParams,
    IdentifyParams,
    NoParams,
    PhoneLinkParams,
    PhoneRevokeParams,
    QuoteParams,
    Released,
    ReleaseParams,
    ReturnParams,
    SimulateParams,
    StatusParams,
    VoidParams,
)
from daemon.pos.session import Session
from daemon.pos.session_methods import SESSION_METHODS
from daemon.programme.basket import LineId
from daemon.programme.goods import parse_qty_milli
from daemon.sale.answers import Identified, PhoneLink, PhoneRevoked, Quoted
from daemon.sale.checkout import Checkout

_READER = (ErrorCode.CLAIMED, ErrorCode.NO_HARDWARE, ErrorCode.TIMEOUT, ErrorCode.NO_CARD)
_SIMULATED = (ErrorCode.NO_HARDWARE, ErrorCode.NO_CARD, ErrorCode.BUSY)
_PHONE = (
    ErrorCode.NO_CARD,
    ErrorCode.NEEDS_OVERRIDE,
    ErrorCode.OFFLINE,
    ErrorCode.CARD_UNKNOWN,
    ErrorCode.CARD_BLOCKED,
    ErrorCode.CARD_EXPIRED,
    ErrorCode.STORAGE_FULL,
)
_CARD = (
    ErrorCode.CARD_UNKNOWN,
    ErrorCode.CARD_BLOCKED,
    ErrorCode.CARD_EXPIRED,
    ErrorCode.CARD_FORGED,
    ErrorCode.CODE_NOT_NOW,
    ErrorCode.MISREAD,
    ErrorCode.CODE_USED,
    ErrorCode.RATE_LIMITED,
)
_PRICE = (
    *_CARD,
    ErrorCode.NO_CARD,
    ErrorCode.NOT_ENOUGH,
    ErrorCode.NEEDS_LIVE_CARD,
    ErrorCode.NEEDS_OVERRIDE,
    ErrorCode.LIMIT_REACHED,
    ErrorCode.CODE_UNKNOWN,
    ErrorCode.CODE_USED_UP,
    ErrorCode.CODE_EXPIRED,
)
_WRITE = (ErrorCode.ID_REUSED, ErrorCode.STORAGE_FULL)
_SALE = (
    ErrorCode.ALREADY_VOIDED,
    ErrorCode.ALREADY_POSTED,
    ErrorCode.HOLD_EXPIRED,
    ErrorCode.TORN,
)
_CHIP = (ErrorCode.TIMEOUT, ErrorCode.WRITE_FAILED, ErrorCode.TORN, ErrorCode.OFFLINE)


class SaleMethods:
    """The handlers. ``status``, ``simulate`` and the shop's methods come from the application.

    web_address: where customers reach the phone pages, "" without any.
    """

    def __init__(
        self,
        checkout: Checkout,
        inputs: Inputs,
        claims: Claims,
        clock: Clock,
        status: Callable[[], Awaitable[DaemonStatus]],
        simulate: Callable[[SimulateParams], Awaitable[None]],
        web_address: Callable[[], str],
        shop: dict[str, Method],
    ) -> None:
        self._checkout = checkout
        self._inputs = inputs
        self._claims = claims
        self._clock = clock
        self._status = status
        self._simulate = simulate
        self._web_address = web_address
        self._shop = shop

    def methods(self) -> dict[str, Method]:
        """Return the table: name, parameters, handler, least role, result, refusals."""
        table = SESSION_METHODS | self._till_methods() | self._sale_methods() | self._shop
        return table | {"rpc.discover": openrpc(table)}

    def _till_methods(self) -> dict[str, Method]:
        claiming = (ErrorCode.CLAIMED, ErrorCode.NO_HARDWARE)
        identifying = (*_READER, *_CARD, ErrorCode.STORAGE_FULL)
        return {
            "status": Method(NoParams, self.status, Role.READ, DaemonStatus),
            "reader.claim": Method(ClaimParams, self.claim, Role.SALE, Claimed, claiming),
            "reader.release": Method(
                ReleaseParams, self.release, Role.SALE, Released, (ErrorCode.NO_HARDWARE,)
            ),
            "card.identify": Method(
                IdentifyParams, self.identify, Role.SALE, Identified, identifying, ("scan",)
            ),
            "card.phone_link": Method(
                PhoneLinkParams, self.phone_link, Role.SALE, PhoneLink, _PHONE
            ),
            "card.phone_revoke": Method(
                PhoneRevokeParams, self.phone_revoke, Role.SALE, PhoneRevoked, _PHONE
            ),
            "input.simulate": Method(
                SimulateParams, self.simulate, Role.SALE, Done, _SIMULATED, ("data",)
            ),
        }

    def _sale_methods(self) -> dict[str, Method]:
        quoting = (*_PRICE, ErrorCode.STORAGE_FULL)  # a typed number is written down
        holding = (*_WRITE, *_SALE, *_PRICE, ErrorCode.QUOTE_UNKNOWN)
        committing = (*holding, ErrorCode.EXCEEDS_HOLD, ErrorCode.TOTAL_CHANGED, *_CHIP)
        voiding = (*_WRITE, *_SALE)
        returning = (*_WRITE, ErrorCode.NOT_RETURNABLE, ErrorCode.RETURNED_ALREADY, *_CHIP)
        return {
            "sale.quote": Method(QuoteParams, self.quote, Role.SALE, Quoted, quoting),
            "sale.hold": Method(HoldParams, self.hold, Role.SALE, Held, holding),
            "sale.commit": Method(CommitParams, self.commit, Role.SALE, Posted, committing),
            "sale.void": Method(VoidParams, self.void, Role.SALE, Voided, voiding),
            "sale.return": Method(ReturnParams, self.give_back, Role.SALE, Returned, returning),
            "sale.status": Method(StatusParams, self.sale_status, Role.READ, SaleStatus),
        }

    async def status(self, session: Session, params: NoParams) -> DaemonStatus:
        """Say how the daemon is."""
        return await self._status()

    async def identify(self, session: Session, params: IdentifyParams) -> Identified:
        """Say whose card it is."""
        given = [params.reader, params.scan, params.number]
        if sum(value is not None for value in given) != 1:
            raise _invalid("Give exactly one of reader, scan and number.")
        if params.reader is not None:
            self._claims.check(params.reader, session)
            shown, waiting = self._inputs.last_shown(params.reader)
            identified = await self._checkout.identify(
                shown, params.reader, by=params.typed_by, reason=params.reason
            )
            waiting.presentation = identified.presentation
        elif params.scan is not None:
            identified = await self._checkout.identify(Shown(Medium.BARCODE, params.scan.encode()))
        else:
            assert params.number is not None
            typed = Shown(Medium.TYPED, params.number.encode())
            identified = await self._checkout.identify(
                typed, by=params.typed_by, reason=params.reason
            )
        message = say(session.language, identified.message)
        return msgspec.structs.replace(identified, message=message)

    async def phone_link(self, session: Session, params: PhoneLinkParams) -> PhoneLink:
        """Make a link that gives the card to the customer's phone."""
        address = self._web_address()
        if not address:
            raise RefusedError(ErrorCode.OFFLINE, "This till has no phone pages ([web]).")
        code, until = await self._checkout.offer_phone(params.presentation, params.override)
        return PhoneLink(f"{address}/bind/{code}", until)

    async def phone_revoke(self, session: Session, params: PhoneRevokeParams) -> PhoneRevoked:
        """Make the codes and the page of a lost phone worthless."""
        said = params.presentation, params.by, params.reason
        return PhoneRevoked(await self._checkout.revoke_phone(*said))

    async def quote(self, session: Session, params: QuoteParams) -> Quoted:
        """Price a basket."""
        if params.lines is None:
            raise _invalid("A quote needs lines.")
        return await self._checkout.quote(params)

    async def hold(self, session: Session, params: HoldParams) -> msgspec.Raw:
        """Reserve."""
        key = RequestKey.of("sale.hold", params.sale_id, params)
        return await self._checkout.hold(key, params.sale_id, params, params.ttl_s)

    async def commit(self, session: Session, params: CommitParams) -> msgspec.Raw:
        """Post."""
        key = RequestKey.of("sale.commit", params.sale_id, params)
        return await self._checkout.commit(key, params.sale_id, params, params.expect_total)

    async def void(self, session: Session, params: VoidParams) -> msgspec.Raw:
        """Release a hold."""
        key = RequestKey.of("sale.void", params.sale_id, params)
        return await self._checkout.void(key, params.sale_id, params.reason)

    async def give_back(self, session: Session, params: ReturnParams) -> msgspec.Raw:
        """Take a sale back."""
        key = RequestKey.of("sale.return", params.return_id, params)
        lines = _returned_lines(params)
        return await self._checkout.give_back(
            key,
            params.sale_id,
            lines,
            params.cashier,
            params.reason,
            in_cash=params.chip == "cash",
        )

    async def sale_status(self, session: Session, params: StatusParams) -> SaleStatus:
        """Say what happened to a sale."""
        return await self._checkout.status(params.sale_id)

    async def claim(self, session: Session, params: ClaimParams) -> Claimed:
        """Keep a reader's input from all other clients, until released, timed out or gone."""
        self._inputs.check_known(params.reader)
        self._claims.claim(params.reader, session, session.client, params.ttl_s)
        if not session.claims:
            session.claims = True
            session.exits.callback(self._claims.release_all, session)
        until = rfc3339(self._clock.now() + timedelta(seconds=params.ttl_s))
        return Claimed(params.reader, until)

    async def release(self, session: Session, params: ReleaseParams) -> Released:
        """Give a claimed reader back."""
        self._inputs.check_known(params.reader)
        return Released(self._claims.release(params.reader, session))

    async def simulate(self, session: Session, params: SimulateParams) -> Done:
        """Make something happen at a simulated reader."""
        await self._simulate(params)
        return Done()


def _returned_lines(params: ReturnParams) -> dict[LineId, int]:
    """Return thousandths by line; empty for the whole sale, which must be asked for by name."""
    if params.whole == bool(params.lines):
        raise _invalid("Give the lines that come back, or whole: true for all that is left.")
    lines: dict[LineId, int] = {}
    for index, line in enumerate(params.lines):
        if line.line in lines:
            raise _invalid(f"lines[{index}]: line {line.line} is named twice; add them up.")
        lines[line.line] = parse_qty_milli(line.qty, f"lines[{index}].qty")
    return lines


def _invalid(detail: str) -> ProtocolFaultError:
    return ProtocolFaultError(ProtocolCode.INVALID_PARAMS, detail)
