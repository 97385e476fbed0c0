"""The methods for what few may see of a person: photo, signature, sensitive answers."""

import msgspec

from daemon.accounts.guess_limit import Guesses
from daemon.accounts.operators import Operators
from daemon.base.permissions import Action
from daemon.base.refusals import ErrorCode, ParamError
from daemon.customers.photos import (
    PhotoDone,
    Photos,
    PhotoShown,
    PhotoTerms,
    ShowPhotoTerms,
    content_of,
)
from daemon.customers.pictures import PictureError
from daemon.customers.private_answers import PrivateAnswers, PrivateShown, PrivateTerms
from daemon.ledger.ledger import RequestKey
from daemon.pos.card_methods import CARD_REFUSALS, WRITE_REFUSALS
from daemon.pos.dispatch import Method
from daemon.pos.peers import Role
from daemon.pos.session import Session


class PrivateMethods:
    """The handlers: each translates parameters into a call, and nothing more."""

    def __init__(
        self, photos: Photos, answers: PrivateAnswers, guesses: Guesses, operators: Operators
    ) -> None:
        """guesses: at numbers that a client names."""
        self._photos = photos
        self._answers = answers
        self._guesses = guesses
        self._operators = operators

    def methods(self) -> dict[str, Method]:
        """Return the table: name, parameters, handler, least role, result, refusals."""
        whose = (*WRITE_REFUSALS, *CARD_REFUSALS)
        looking = (*CARD_REFUSALS, ErrorCode.STORAGE_FULL)
        return {
            "customer.photo": Method(
                PhotoTerms, self.photo, Role.SALE, PhotoDone, whose, unkept=("image",)
            ),
            "customer.photo_show": Method(
                ShowPhotoTerms, self.show_photo, Role.ADMIN, PhotoShown, looking
            ),
            "customer.private": Method(
                PrivateTerms, self.private, Role.ADMIN, PrivateShown, looking
            ),
        }

    async def photo(self, session: Session, params: PhotoTerms) -> msgspec.Raw | PhotoDone:
        """Set a picture of a customer, or take it away."""
        try:
            file = self._photos.received(params)
            if file is None:
                return self._photos.waiting(params)
            key = RequestKey.of("customer.photo", params.request_id, content_of(params, file))
            signed = await self._operators.check(Action.FILL, params.by, params.approval, key)
            async with self._guesses.counting():
                return await self._photos.change(key, params, file, signed)
        except PictureError as error:
            raise ParamError("image", str(error)) from error

    async def show_photo(self, session: Session, params: ShowPhotoTerms) -> PhotoShown:
        """Show a picture of a customer."""
        signed = await self._operators.check(
            Action.SEE_PRIVATE, params.by, params.approval, held=True
        )
        async with self._guesses.counting():
            return await self._photos.show(params, signed)

    async def private(self, session: Session, params: PrivateTerms) -> PrivateShown:
        """Show a customer's answers to sensitive questions."""
        signed = await self._operators.check(
            Action.SEE_PRIVATE, params.by, params.approval, held=True
        )
        async with self._guesses.counting():
            return await self._answers.show(params, signed)
