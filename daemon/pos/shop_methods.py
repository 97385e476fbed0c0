"""The shop's methods beside the sale: what is on cards, codes, programmes."""

import asyncio
from collections.abc import Callable
from datetime import MAXYEAR, datetime
from typing import TypeVar

import msgspec

from daemon.accounts.guess_limit import Guesses
from daemon.accounts.operators import Operators
from daemon.base.approval import Approvable
from daemon.base.params import Params
from daemon.base.permissions import Action
from daemon.base.refusals import ErrorCode
from daemon.base.text_limits import RequestId, Text
from daemon.ledger.ledger import RequestKey
from daemon.pos.card_methods import CARD_REFUSALS, WRITE_REFUSALS
from daemon.pos.dispatch import Method
from daemon.pos.errors import invalid
from daemon.pos.peers import Role
from daemon.pos.protocol import NoParams
from daemon.pos.session import Session
from daemon.programme.checks import check
from daemon.programme.errors import ProgrammeError
from daemon.programme.programme import check_store, load, local_day
from daemon.shop.issued_codes import (
    CodeShown,
    CodesIssued,
    IssueCodesTerms,
    IssuedCodes,
    ShowCodeTerms,
)
from daemon.shop.programme_versions import Activated
from daemon.shop.shop import Shop
from daemon.shop.top_ups import CardShown, ShowTerms, ToppedUp, TopUps, TopUpTerms

T = TypeVar("T")


class CheckParams(Params, frozen=True):
    """A programme file's text."""

    text: str


class Doubt(msgspec.Struct, frozen=True):
    """What is wrong, or doubtful, and where in the file."""

    path: str
    message: str


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a programme could be activated; ``version`` is "" where it could not."""

    programme: str
    version: str
    errors: tuple[Doubt, ...] = ()
    warnings: tuple[Doubt, ...] = ()


class ActivateParams(Approvable, frozen=True, kw_only=True):
    """A programme to bring in force, now or ``at`` a time (RFC 3339 with an offset).

    reason: why, where it was not previewed within the last day.
    """

    request_id: RequestId
    text: str
    at: datetime | None = None
    by: Text = ""
    reason: Text = ""


class ProgrammeShown(msgspec.Struct, frozen=True, kw_only=True):
    """The programme in force, its text, and the versions that are to come."""

    programme: str
    version: str
    text: str
    coming: tuple[str, ...]


class ShopMethods:
    """The handlers: each translates parameters into a call, and nothing more."""

    def __init__(
        self,
        shop: Shop,
        top_ups: TopUps,
        issued_codes: IssuedCodes,
        guesses: Guesses,
        operators: Operators,
        *,
        store: str,
        is_previewed: Callable[[str], bool],
    ) -> None:
        """guesses: at numbers and codes that a client names. store: where the till is.

        is_previewed: whether somebody has previewed a version of the programme lately.
        """
        self._store = store
        self._is_previewed = is_previewed
        self._shop = shop
        self._top_ups = top_ups
        self._codes = issued_codes
        self._guesses = guesses
        self._operators = operators
        self._loading = asyncio.Lock()

    def methods(self) -> dict[str, Method]:
        """Return the table: name, parameters, handler, least role, result, refusals."""
        card = (*WRITE_REFUSALS, *CARD_REFUSALS)
        purse = (*card, ErrorCode.NO_CARD, ErrorCode.LIMIT_REACHED)
        codes = (*card, ErrorCode.CODE_UNKNOWN, ErrorCode.CODE_EXPIRED)
        return {
            "card.topup": Method(TopUpTerms, self.top_up, Role.SALE, ToppedUp, purse),
            "card.show": Method(ShowTerms, self.show_card, Role.SALE, CardShown, CARD_REFUSALS),
            "code.issue": Method(IssueCodesTerms, self.issue_codes, Role.ADMIN, CodesIssued, codes),
            "code.show": Method(
                ShowCodeTerms,
                self.show_code,
                Role.SALE,
                CodeShown,
                (ErrorCode.CODE_UNKNOWN, ErrorCode.RATE_LIMITED),
            ),
            "programme.show": Method(NoParams, self.show_programme, Role.READ, ProgrammeShown),
            "programme.check": Method(
                CheckParams, self.check_programme, Role.READ, Checked, unkept=("text",)
            ),
            "programme.activate": Method(
                ActivateParams,
                self.activate,
                Role.ADMIN,
                Activated,
                (*WRITE_REFUSALS, ErrorCode.NEEDS_OVERRIDE),
            ),
        }

    async def top_up(self, session: Session, params: TopUpTerms) -> msgspec.Raw:
        """Put stored value on a card."""
        key = RequestKey.of("card.topup", params.topup_id, params)
        await self._operators.check(Action.TOP_UP, params.cashier, key=key)
        async with self._guesses.counting():
            return await self._top_ups.top_up(key, params)

    async def show_card(self, session: Session, params: ShowTerms) -> CardShown:
        """Show a card, whatever its state."""
        async with self._guesses.counting():
            return await self._top_ups.show(params)

    async def issue_codes(self, session: Session, params: IssueCodesTerms) -> msgspec.Raw:
        """Issue codes of a campaign."""
        key = _key("code.issue", params)
        signed = await self._operators.check(Action.CODES, params.by, params.approval, key)
        async with self._guesses.counting():
            return await self._codes.issue(key, params, signed)

    async def show_code(self, session: Session, params: ShowCodeTerms) -> CodeShown:
        """Say what became of a code."""
        async with self._guesses.counting():
            return await self._codes.show(params)

    async def show_programme(self, session: Session, params: NoParams) -> ProgrammeShown:
        """Show the programme in force."""
        active = self._shop.programme
        coming = tuple(programme.version for programme in self._shop.versions.coming)
        return ProgrammeShown(
            programme=active.id, version=active.version, text=active.text, coming=coming
        )

    async def check_programme(self, session: Session, params: CheckParams) -> Checked:
        """Say what is wrong with a programme, and what is doubtful."""
        now = self._shop.now()
        return await self._beside_the_loop(lambda: _checked(params.text, now))

    async def activate(self, session: Session, params: ActivateParams) -> msgspec.Raw:
        """Bring a programme in force; a bad one is refused and the old one stays."""
        if params.at is not None and params.at.tzinfo is None:
            raise invalid("at needs an offset, such as 2026-12-01T00:00:00+02:00.")
        if params.at is not None and params.at.year >= MAXYEAR:  # in UTC it may be a year later
            raise invalid(f"at must be before the year {MAXYEAR}.")
        try:
            programme = await self._beside_the_loop(lambda: load(params.text))
            check_store(programme, self._store)
        except ProgrammeError as error:
            raise invalid(f"{error.path}: {error.message}") from error
        if programme.currency != self._shop.programme.currency:
            raise invalid("programme.currency: a shop keeps its currency.")
        key = RequestKey.of("programme.activate", params.request_id, params)
        signed = await self._operators.check(Action.PROGRAMME, params.by, params.approval, key)
        return await self._shop.versions.activate(
            key,
            programme,
            params.at,
            signed,
            params.reason,
            is_tried=self._is_previewed(programme.version),
        )

    async def _beside_the_loop(self, job: Callable[[], T]) -> T:
        """Do ``job`` in a thread, one at a time: a client's large files leave threads to others."""
        async with self._loading:
            return await asyncio.to_thread(job)


def _checked(text: str, now: datetime) -> Checked:
    try:
        programme = load(text)
    except ProgrammeError as error:
        return Checked(programme="", version="", errors=(Doubt(error.path, error.message),))
    doubts = check(programme, local_day(programme, now))
    return Checked(
        programme=programme.id,
        version=programme.version,
        warnings=tuple(Doubt(doubt.path, doubt.message) for doubt in doubts),
    )


def _key(
    method: str,
    params: IssueCodesTerms,
) -> RequestKey:
    return RequestKey.of(method, params.request_id, params)
