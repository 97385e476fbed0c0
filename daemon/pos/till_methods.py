"""The methods of the till beside a sale: its state, its readers, whose card lies there."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import msgspec

from card_formats.credential import Medium, Shown
from daemon.accounts.operators import Operators
from daemon.base.clock import Clock, rfc3339
from daemon.base.permissions import Action
from daemon.base.refusals import ErrorCode
from daemon.pos.cashier_language import say
from daemon.pos.claims import Claims
from daemon.pos.dispatch import Method
from daemon.pos.errors import invalid
from daemon.pos.inputs import Inputs
from daemon.pos.peers import Role
from daemon.pos.protocol import (
    Claimed,
    ClaimParams,
    DaemonStatus,
    Done,
    IdentifyParams,
    NoParams,
    Released,
    ReleaseParams,
    SimulateParams,
)
from daemon.pos.session import Session
from daemon.sale.answers import Identified
from daemon.sale.recognition import Recognition

_READER = (ErrorCode.CLAIMED, ErrorCode.NO_HARDWARE, ErrorCode.TIMEOUT, ErrorCode.NO_CARD)
_SIMULATED = (ErrorCode.NO_HARDWARE, ErrorCode.NO_CARD, ErrorCode.BUSY)
IDENTIFYING = (
    ErrorCode.CARD_UNKNOWN,
    ErrorCode.CARD_BLOCKED,
    ErrorCode.CARD_EXPIRED,
    ErrorCode.CARD_FORGED,
    ErrorCode.CODE_NOT_NOW,
    ErrorCode.MISREAD,
    ErrorCode.CODE_USED,
    ErrorCode.RATE_LIMITED,
)
"""What a card may be refused with while it is recognised."""


class TillMethods:
    """The handlers. ``status`` and ``simulate`` come from the application."""

    def __init__(
        self,
        recognition: Recognition,
        inputs: Inputs,
        claims: Claims,
        clock: Clock,
        status: Callable[[], Awaitable[DaemonStatus]],
        simulate: Callable[[SimulateParams], Awaitable[None]],
        operators: Operators,
    ) -> None:
        self._recognition = recognition
        self._inputs = inputs
        self._claims = claims
        self._clock = clock
        self._status = status
        self._simulate = simulate
        self._operators = operators

    def methods(self) -> dict[str, Method]:
        """Return the table: name, parameters, handler, least role, result, refusals."""
        identifying = (*_READER, *IDENTIFYING, ErrorCode.STORAGE_FULL)
        return {
            "status": Method(NoParams, self.status, Role.READ, DaemonStatus),
            "reader.claim": Method(
                ClaimParams, self.claim, Role.SALE, Claimed, (ErrorCode.CLAIMED,)
            ),
            "reader.release": Method(ReleaseParams, self.release, Role.SALE, Released),
            "card.identify": Method(
                IdentifyParams, self.identify, Role.SALE, Identified, identifying, ("scan",)
            ),
            "input.simulate": Method(
                SimulateParams, self.simulate, Role.SALE, Done, _SIMULATED, ("data",)
            ),
        }

    async def status(self, session: Session, params: NoParams) -> DaemonStatus:
        """Say how the daemon is."""
        return await self._status()

    async def identify(self, session: Session, params: IdentifyParams) -> Identified:
        """Say whose card it is."""
        given = [params.reader, params.scan, params.number]
        if sum(value is not None for value in given) != 1:
            raise invalid("Give exactly one of reader, scan and number.")
        for name in dict.fromkeys(filter(None, (params.typed_by, params.cashier))):
            await self._operators.check(Action.IDENTIFY, name)
        cashier = params.cashier
        if params.reader is not None:
            self._claims.check(params.reader, session)
            shown, waiting = self._inputs.last_shown(params.reader)
            identified = await self._recognition.identify(
                shown,
                params.reader,
                waiting.credential,
                by=params.typed_by,
                reason=params.reason,
                cashier=cashier,
                language=session.language,
            )
            waiting.presentation = identified.presentation
        elif params.scan is not None:
            identified = await self._recognition.identify(
                Shown(Medium.BARCODE, params.scan.encode()),
                cashier=cashier,
                language=session.language,
            )
        else:
            assert params.number is not None
            typed = Shown(Medium.TYPED, params.number.encode())
            identified = await self._recognition.identify(
                typed,
                by=params.typed_by,
                reason=params.reason,
                cashier=cashier,
                language=session.language,
            )
        message = say(session.language, identified.message)
        return msgspec.structs.replace(identified, message=message)

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
