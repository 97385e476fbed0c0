"""The methods that make cards by the thousand."""

import msgspec

from daemon.accounts.card_batches import (
    BatchBegun,
    BatchCards,
    BatchCardsTerms,
    BatchShown,
    BatchTerms,
    CardBatches,
    ShowBatchTerms,
    Staged,
    StageTerms,
)
from daemon.accounts.operators import Operators
from daemon.base.permissions import Action
from daemon.base.refusals import ErrorCode
from daemon.ledger.ledger import RequestKey
from daemon.pos.card_methods import WRITE_REFUSALS
from daemon.pos.dispatch import Method
from daemon.pos.peers import Role
from daemon.pos.session import Session


class BatchMethods:
    """The handlers: each translates parameters into a call, and nothing more."""

    def __init__(self, batches: CardBatches, operators: Operators) -> None:
        self._batches = batches
        self._operators = operators

    def methods(self) -> dict[str, Method]:
        """Return the table: name, parameters, handler, least role, result, refusals."""
        numbers = (ErrorCode.MISREAD, ErrorCode.CARD_UNKNOWN, ErrorCode.NUMBER_TAKEN)
        staging = (*numbers, ErrorCode.STORAGE_FULL)
        making = (*WRITE_REFUSALS, ErrorCode.LIMIT_REACHED)
        unknown = (ErrorCode.CARD_UNKNOWN,)
        return {
            "batch.stage": Method(StageTerms, self.stage, Role.ADMIN, Staged, staging),
            "batch.make": Method(BatchTerms, self.make, Role.ADMIN, BatchBegun, making),
            "batch.show": Method(ShowBatchTerms, self.show, Role.ADMIN, BatchShown, unknown),
            "batch.cards": Method(BatchCardsTerms, self.cards, Role.ADMIN, BatchCards, unknown),
        }

    async def stage(self, session: Session, params: StageTerms) -> Staged:
        """Keep a printer's numbers for the batch that is to come."""
        return await self._batches.stage(params)

    async def make(self, session: Session, params: BatchTerms) -> msgspec.Raw:
        """Begin a batch."""
        key = RequestKey.of("batch.make", params.request_id, params)
        signed = await self._operators.check(Action.ACTS, params.by, params.approval, key)
        return await self._batches.make(key, params, signed)

    async def show(self, session: Session, params: ShowBatchTerms) -> BatchShown:
        """Say how far a batch is."""
        return await self._batches.show(params)

    async def cards(self, session: Session, params: BatchCardsTerms) -> BatchCards:
        """List cards of a batch."""
        return await self._batches.cards(params)
