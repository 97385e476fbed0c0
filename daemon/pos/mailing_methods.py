"""The methods of messages to customers: for whom, what is said, who has approved it."""

from functools import partial

import msgspec

from daemon.accounts.operators import Operators
from daemon.base.permissions import Action
from daemon.base.refusals import ErrorCode
from daemon.ledger.ledger import RequestKey
from daemon.mailing.effects import effect
from daemon.mailing.exports import Exports
from daemon.mailing.mailing_terms import (
    Audiences,
    AudienceSaved,
    AudienceTerms,
    ChangeTerms,
    DraftTerms,
    Effect,
    EffectTerms,
    ExportDone,
    Exported,
    ExportedTerms,
    ExportTerms,
    ListTerms,
    MailingChecked,
    MailingDone,
    Mailings,
    MailingStatus,
    People,
    PeopleTerms,
    Previewed,
    PreviewTerms,
    ShownMailing,
    ShowTerms,
    StatusTerms,
    StopTerms,
)
from daemon.mailing.mailings import MailingDesk
from daemon.mailing.sending import Sending
from daemon.pos.card_methods import WRITE_REFUSALS
from daemon.pos.dispatch import Method
from daemon.pos.peers import Role
from daemon.pos.session import Session
from daemon.reports.filters import Filters
from daemon.reports.report import Report
from daemon.reports.seen import narrowed


class MailingMethods:
    """The handlers. ``manager_max``: to how many a manager may send."""

    def __init__(
        self,
        desk: MailingDesk,
        sending: Sending,
        exports: Exports,
        operators: Operators,
        manager_max: int,
    ) -> None:
        self._desk = desk
        self._sending = sending
        self._exports = exports
        self._operators = operators
        self._manager_max = manager_max

    def methods(self) -> dict[str, Method]:
        """Return the table: name, parameters, handler, least role, result, refusals."""
        admin, unknown = Role.ADMIN, (ErrorCode.CARD_UNKNOWN,)
        counting = (*WRITE_REFUSALS, ErrorCode.TIMEOUT)
        writing = (*WRITE_REFUSALS, *unknown, ErrorCode.NOT_UNDOABLE)
        reading = (*unknown, ErrorCode.TIMEOUT, ErrorCode.RATE_LIMITED)
        return {
            "mailing.audience": Method(
                AudienceTerms, self.audience, admin, AudienceSaved, counting
            ),
            "mailing.audiences": Method(ListTerms, self.audiences, admin, Audiences),
            "mailing.draft": Method(DraftTerms, self.draft, admin, MailingDone, writing),
            "mailing.check": Method(
                ChangeTerms, self.check, admin, MailingChecked, (*writing, ErrorCode.TIMEOUT)
            ),
            "mailing.people": Method(PeopleTerms, self.people, admin, People, reading),
            "mailing.preview": Method(PreviewTerms, self.preview, admin, Previewed, unknown),
            "mailing.approve": Method(
                ChangeTerms,
                self.approve,
                admin,
                MailingDone,
                (*writing, ErrorCode.CONDITION_UNMET),
            ),
            "mailing.stop": Method(StopTerms, self.stop, admin, MailingDone, writing),
            "mailing.export": Method(
                ExportTerms, self.export, admin, ExportDone, (*writing, ErrorCode.TIMEOUT)
            ),
            "mailing.exported": Method(ExportedTerms, self.exported, admin, Exported, unknown),
            "mailing.effect": Method(
                EffectTerms,
                self.effect,
                admin,
                Effect,
                (*unknown, ErrorCode.NOT_UNDOABLE, ErrorCode.TIMEOUT),
            ),
            "mailing.status": Method(StatusTerms, self.status, admin, MailingStatus, unknown),
            "mailing.show": Method(ShowTerms, self.show, admin, ShownMailing, unknown),
            "mailing.list": Method(ListTerms, self.listed, admin, Mailings),
        }

    async def audience(self, session: Session, params: AudienceTerms) -> msgspec.Raw:
        """Save whom a report chooses."""
        key = RequestKey.of("mailing.audience", params.request_id, params)
        signed = await self._operators.check(Action.MAIL_SMALL, params.by, params.approval, key)

        def seen(report: Report, filters: Filters) -> Filters:
            operator = self._operators.known(params.by)
            return narrowed(report, filters, operator) if operator else filters

        return await self._desk.audiences.save(key, params, seen, signed)

    async def audiences(self, session: Session, params: ListTerms) -> Audiences:
        """List audiences."""
        return await self._desk.audiences.listed(params)

    async def draft(self, session: Session, params: DraftTerms) -> msgspec.Raw:
        """Write a mailing, or write it anew."""
        key = RequestKey.of("mailing.draft", params.request_id, params)
        signed = await self._operators.check(Action.MAIL_SMALL, params.by, params.approval, key)
        return await self._desk.draft(key, params, signed)

    async def check(self, session: Session, params: ChangeTerms) -> msgspec.Raw:
        """Count who gets it and who does not."""
        key = RequestKey.of("mailing.check", params.request_id, params)
        signed = await self._operators.check(Action.MAIL_SMALL, params.by, params.approval, key)
        return await self._desk.check(key, params, signed)

    async def people(self, session: Session, params: PeopleTerms) -> People:
        """Say who stands at a reason."""
        await self._operators.check(Action.MAIL_SMALL, params.reader)
        return await self._desk.people(params)

    async def preview(self, session: Session, params: PreviewTerms) -> Previewed:
        """Fill the text for one customer."""
        return await self._desk.preview(params)

    async def approve(self, session: Session, params: ChangeTerms) -> msgspec.Raw:
        """Say that it may go out."""
        key = RequestKey.of("mailing.approve", params.request_id, params)
        is_small = await self._desk.ready(params.mailing) <= self._manager_max
        signed = await self._operators.check(
            Action.MAIL_SMALL if is_small else Action.MAIL_ANY,
            params.by,
            params.approval,
            key,
            held=not is_small,
        )
        approved = await self._desk.approve(key, params, signed)
        self._sending.begin()
        return approved

    async def stop(self, session: Session, params: StopTerms) -> msgspec.Raw:
        """End a mailing."""
        key = RequestKey.of("mailing.stop", params.request_id, params)
        signed = await self._operators.check(Action.MAIL_SMALL, params.by, params.approval, key)
        return await self._desk.stop(key, params, signed)

    async def export(self, session: Session, params: ExportTerms) -> msgspec.Raw:
        """Write down who gets it, for somebody else's gateway."""
        key = RequestKey.of("mailing.export", params.request_id, params)
        signed = await self._operators.check(Action.MAIL_SMALL, params.by, params.approval, key)
        return await self._exports.export(key, params, signed)

    async def exported(self, session: Session, params: ExportedTerms) -> Exported:
        """Return the messages of an export."""
        return await self._exports.exported(params)

    async def effect(self, session: Session, params: EffectTerms) -> Effect:
        """Say what a mailing has brought."""
        return await self._desk.asked(partial(effect, terms=params))

    async def status(self, session: Session, params: StatusTerms) -> MailingStatus:
        """Say how far a mailing is."""
        return await self._sending.status(params)

    async def show(self, session: Session, params: ShowTerms) -> ShownMailing:
        """Show a mailing."""
        return await self._desk.show(params)

    async def listed(self, session: Session, params: ListTerms) -> Mailings:
        """List mailings."""
        return await self._desk.listed(params)
