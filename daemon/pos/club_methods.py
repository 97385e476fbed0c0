"""The methods for the discount club: who is on which list, decisions, why, and undoing."""

import msgspec

from daemon.accounts.operators import Operators
from daemon.base.permissions import Action
from daemon.base.refusals import ErrorCode
from daemon.ledger.ledger import RequestKey
from daemon.pos.card_methods import WRITE_REFUSALS
from daemon.pos.dispatch import Method
from daemon.pos.peers import Role
from daemon.pos.protocol import NoParams
from daemon.pos.session import Session
from daemon.shop.club_history import ClubHistory, Undone, UndoTerms, Why, WhyTerms
from daemon.shop.club_setting import ClubSetting, SettingsDone, SettingsTerms
from daemon.shop.daily_jobs import DailyJobs, DayChecked
from daemon.shop.memberships import (
    Decided,
    DecideTerms,
    DueListing,
    DueTerms,
    Listing,
    ListTerms,
    Memberships,
)


class ClubMethods:
    """The handlers: each translates parameters into a call, and nothing more."""

    def __init__(
        self,
        memberships: Memberships,
        history: ClubHistory,
        setting: ClubSetting,
        daily_jobs: DailyJobs,
        operators: Operators,
    ) -> None:
        self._memberships = memberships
        self._setting = setting
        self._daily_jobs = daily_jobs
        self._history = history
        self._operators = operators

    def methods(self) -> dict[str, Method]:
        """Return the table: name, parameters, handler, least role, result, refusals."""
        unknown = ErrorCode.CARD_UNKNOWN
        undo = (*WRITE_REFUSALS, unknown, ErrorCode.NOT_UNDOABLE)
        return {
            "club.list": Method(ListTerms, self.list, Role.ADMIN, Listing),
            "club.due": Method(DueTerms, self.due, Role.ADMIN, DueListing),
            "club.decide": Method(DecideTerms, self.decide, Role.ADMIN, Decided, WRITE_REFUSALS),
            "club.checked": Method(NoParams, self.checked, Role.ADMIN, DayChecked),
            "club.why": Method(WhyTerms, self.why, Role.ADMIN, Why, (unknown,)),
            "club.undo": Method(UndoTerms, self.undo, Role.ADMIN, Undone, undo),
            "club.settings": Method(
                SettingsTerms, self.settings, Role.ADMIN, SettingsDone, WRITE_REFUSALS
            ),
        }

    async def list(self, session: Session, params: ListTerms) -> Listing:
        """List who is to join, to be extended or to be excluded."""
        return await self._memberships.list(params)

    async def due(self, session: Session, params: DueTerms) -> DueListing:
        """List members who will be short soon."""
        return await self._memberships.due(params)

    async def decide(self, session: Session, params: DecideTerms) -> msgspec.Raw:
        """Grant a status, or keep or extend it; or refuse it, or end it."""
        key = RequestKey.of("club.decide", params.request_id, params)
        signed = await self._operators.check(Action.CLUB_DECIDE, params.by, params.approval, key)
        return await self._memberships.decide(key, params, signed)

    async def checked(self, session: Session, params: NoParams) -> DayChecked:
        """Say what the newest daily check has done."""
        return await self._daily_jobs.checked()

    async def why(self, session: Session, params: WhyTerms) -> Why:
        """Say what led to a decision, or to the end of a window."""
        return await self._history.why(params)

    async def undo(self, session: Session, params: UndoTerms) -> msgspec.Raw:
        """Undo the newest decision about an account."""
        key = RequestKey.of("club.undo", params.request_id, params)
        signed = await self._operators.check(Action.UNDO, params.by, params.approval, key)
        return await self._history.undo(key, params, signed)

    async def settings(self, session: Session, params: SettingsTerms) -> SettingsDone:
        """Change a status's settings in the programme in force."""
        key = RequestKey.of("club.settings", params.request_id, params)
        signed = await self._operators.check(Action.PROGRAMME, params.by, params.approval, key)
        return await self._setting.change(key, params, signed)
