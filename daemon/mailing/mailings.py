"""Mailings from the draft to the approval.

    draft      texts, an audience, a price            written anew as often as wanted
    checked    everybody counted by one reason        checked again as often as wanted
    approved   somebody who may has said yes          nothing of it is changed any more
    stopped    at any time before its end

Checking reads the whole audience from one snapshot, beside the till's work; only the counts are
kept. Who stands at which reason is asked anew when somebody opens a list.
"""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import partial
from typing import TypeVar
from zoneinfo import ZoneInfo

import msgspec

from daemon.base.approval import UNSIGNED, Signed
from daemon.base.clock import Clock, rfc3339
from daemon.base.config import Config
from daemon.base.ids import AccountId
from daemon.base.refusals import ErrorCode, ParamError, RefusedError
from daemon.customers.consents import moment_said
from daemon.ledger.entries import CounterMove
from daemon.ledger.ledger import Ledger, RequestKey
from daemon.ledger.storage.mailing_queries import (
    ACCOUNTS_OF_OCCASIONS,
    MAILING,
    MAILINGS_BEFORE,
)
from daemon.ledger.storage.mailing_rows import MailingRow
from daemon.ledger.storage.store import Change, Reads, Store, View
from daemon.mailing.audiences import BEHIND_ALL, AudienceBook, audience_named, mailing_entry
from daemon.mailing.customer_values import Filled, look
from daemon.mailing.dry_count import READY, DryCount, Looked, counted, settled
from daemon.mailing.letter import Letter, Shop, read_texts
from daemon.mailing.mailing_terms import (
    ChangeTerms,
    DraftTerms,
    ListedMailing,
    ListTerms,
    MailedPerson,
    MailingChecked,
    MailingDone,
    Mailings,
    People,
    PeopleTerms,
    Previewed,
    PreviewTerms,
    ShownMailing,
    ShowTerms,
    StopTerms,
    Texts,
)
from daemon.mailing.text_terms import known_of
from daemon.programme.programme import Programme
from daemon.reports.kept_results import KeptResults
from daemon.reports.people import people
from daemon.reports.report_reader import ReportReader

T = TypeVar("T")
DRAFT, CHECKED, APPROVED = "draft", "checked", "approved"
SENDING, DONE, STOPPED = "sending", "done", "stopped"
_BEHIND_ALL_TIMES = "~"
replace = msgspec.structs.replace


class MailingDesk:
    """Writes mailings, counts and approves them.

    programme: in force. unsubscribe: see ``letter.Shop``.
    """

    def __init__(
        self,
        ledger: Ledger,
        reading: tuple[ReportReader, KeptResults],
        clock: Clock,
        programme: Callable[[], Programme],
        config: Config,
        unsubscribe: Callable[[AccountId, str], str],
    ) -> None:
        self._ledger = ledger
        self._reports, self._kept = reading
        self._clock = clock
        self._programme = programme
        self._config = config
        self._unsubscribe = unsubscribe
        self.audiences = AudienceBook(ledger, self._reports, clock, programme)

    # Writing.

    async def draft(
        self, key: RequestKey, terms: DraftTerms, signed: Signed = UNSIGNED
    ) -> msgspec.Raw:
        """Write a mailing, or write it anew, once.

        Raises: ParamError for a text that cannot be sent; RefusedError CARD_UNKNOWN for an
                audience or a mailing that is not there, NOT_UNDOABLE for one that was approved.
        """
        read_texts(terms.texts, terms.channel, known_of(self._programme()))
        not_before = _moment(terms.not_before)
        now = self._clock.now()
        at, year = rfc3339(now), self._programme().days.day_of(now).year
        counter = f"@mailing:{year}"

        def job(store: Store, view: View) -> tuple[Change, MailingDone]:
            audience_named(store, terms.audience)
            counters: tuple[CounterMove, ...] = ()
            number, by, made_at = terms.mailing, terms.by, at
            if number:
                before = _in_state(store, number, DRAFT, CHECKED)
                by, made_at = before.by, before.made_at
            else:
                number = f"m-{year}-{view.counters.get(counter, 0) + 1:04d}"
                counters = (CounterMove(counter, 1),)
            row = MailingRow(
                mailing=number,
                made_at=made_at,
                by=by,
                channel=terms.channel,
                texts=msgspec.json.encode(terms.texts).decode(),
                audience=terms.audience,
                control_percent=terms.control_percent,
                cost=terms.cost,
                not_before=not_before,
                state=DRAFT,
            )
            said = {"event": DRAFT, "by": terms.by, "channel": row.channel}
            said |= {"audience": row.audience, **signed.approved}
            entry = replace(mailing_entry(at, number, said), counters=counters)
            return Change(entry=entry, rows=(row,)), MailingDone(mailing=number, state=DRAFT)

        return await self._ledger.once(key, at, job, Reads(counters=(counter,)))

    async def check(
        self, key: RequestKey, terms: ChangeTerms, signed: Signed = UNSIGNED
    ) -> msgspec.Raw:
        """Count who of the audience gets it and who does not, once.

        Raises: as `draft`; RefusedError TIMEOUT and BUSY as a report.
        """
        stored, _ = await self._ledger.stored_answer(key)
        if stored is not None:
            return stored
        count, seen = await self._reports.ask(partial(self._count, number=terms.mailing))
        at = rfc3339(self._clock.now())

        def job(store: Store, view: View) -> tuple[Change, MailingChecked]:
            row = _in_state(store, terms.mailing, DRAFT, CHECKED)
            if (row.texts, row.audience) != (seen.texts, seen.audience):
                raise RefusedError(
                    ErrorCode.BUSY, f"{row.mailing} was changed while it was counted; check again."
                )
            row = replace(
                row,
                state=CHECKED,
                counts=msgspec.json.encode(count.counts).decode(),
                parts=count.parts,
                longest=count.longest,
            )
            said = {"event": CHECKED, "by": terms.by, "counts": count.counts, **signed.approved}
            answer = MailingChecked(
                mailing=row.mailing,
                state=row.state,
                audience=count.audience,
                counts=count.counts,
                parts=count.parts,
                cost=count.parts * row.cost,
            )
            return Change(entry=mailing_entry(at, row.mailing, said), rows=(row,)), answer

        return await self._ledger.once(key, at, job)

    async def approve(
        self, key: RequestKey, terms: ChangeTerms, signed: Signed = UNSIGNED
    ) -> msgspec.Raw:
        """Say that a mailing may go out, once.

        Raises: RefusedError CARD_UNKNOWN, NOT_UNDOABLE for one that is not checked, CONDITION_UNMET
                where nobody is ready, PERMISSION for whoever wrote it alone above ``two_above``.
        """
        at, above = rfc3339(self._clock.now()), self._config.mailing.two_above

        def job(store: Store, view: View) -> tuple[Change, MailingDone]:
            row = _in_state(store, terms.mailing, CHECKED)
            ready = counts_of(row)[READY]
            if not ready:
                raise RefusedError(
                    ErrorCode.CONDITION_UNMET,
                    f"Nobody would get {row.mailing}; see why by its lists.",
                )
            names = tuple(dict.fromkeys(one for one in (terms.by, signed.approved_by) if one))
            if ready > above and {one.casefold() for one in names} == {row.by.casefold()}:
                raise RefusedError(
                    ErrorCode.PERMISSION,
                    f"{row.by} has written it; to more than {above} recipients a second person"
                    " must approve.",
                )
            said = {"event": APPROVED, "by": terms.by, "ready": ready, **signed.approved}
            kept = msgspec.json.encode(names).decode()
            row = replace(row, state=APPROVED, approved=kept, ledger_id=store.ledger_id)
            answer = MailingDone(mailing=row.mailing, state=row.state)
            return Change(entry=mailing_entry(at, row.mailing, said), rows=(row,)), answer

        return await self._ledger.once(key, at, job)

    async def stop(
        self, key: RequestKey, terms: StopTerms, signed: Signed = UNSIGNED
    ) -> msgspec.Raw:
        """End a mailing, once. Raises: RefusedError CARD_UNKNOWN, NOT_UNDOABLE after its end."""
        at = rfc3339(self._clock.now())

        def job(store: Store, view: View) -> tuple[Change, MailingDone]:
            row = _in_state(store, terms.mailing, DRAFT, CHECKED, APPROVED, SENDING)
            said = {"event": STOPPED, "by": terms.by, "reason": terms.reason, **signed.approved}
            row = replace(row, state=STOPPED, ends_at=at)
            answer = MailingDone(mailing=row.mailing, state=row.state)
            return Change(entry=mailing_entry(at, row.mailing, said), rows=(row,)), answer

        return await self._ledger.once(key, at, job)

    # Looking.

    async def ready(self, number: str) -> int:
        """Return how many messages a mailing is by its newest check; 0 before."""
        row = await self._ledger.read(lambda store: mailing_named(store, number))
        return counts_of(row).get(READY, 0)

    async def show(self, terms: ShowTerms) -> ShownMailing:
        """Show a mailing. Raises RefusedError CARD_UNKNOWN."""
        row = await self._ledger.read(lambda store: mailing_named(store, terms.mailing))
        return ShownMailing(
            mailing=row.mailing,
            state=row.state,
            channel=row.channel,
            audience=row.audience,
            texts=texts_of(row),
            control_percent=row.control_percent,
            cost_each=row.cost,
            not_before=row.not_before,
            made_at=row.made_at,
            by=row.by,
            approved=tuple(msgspec.json.decode(row.approved or "[]", type=list[str])),
            counts=counts_of(row),
            parts=row.parts,
            cost=row.parts * row.cost,
            ends_at=row.ends_at,
        )

    async def listed(self, terms: ListTerms) -> Mailings:
        """List mailings, the newest first."""
        rows = await self._ledger.read(
            lambda store: store.ask(MAILINGS_BEFORE, terms.after or BEHIND_ALL, terms.limit)
        )
        shown = (
            ListedMailing(
                mailing=row.mailing,
                state=row.state,
                channel=row.channel,
                audience=row.audience,
                made_at=row.made_at,
                by=row.by,
                ready=counts_of(row).get(READY, 0),
            )
            for row in rows
        )
        is_full = len(rows) == terms.limit
        return Mailings(mailings=tuple(shown), next=rows[-1].mailing if is_full else "")

    async def people(self, terms: PeopleTerms) -> People:
        """Say who stands at a reason now, by account. Raises as `check`."""

        def read(store: Store) -> People:
            reasons = settled(self._looked(store, mailing_named(store, terms.mailing)))
            accounts = [one.account for one, reason in reasons if reason == terms.named]
            result = self._kept.keep(_named(store, accounts))
            first = _named(store, accounts[: terms.limit])
            return People(
                count=len(accounts),
                people=tuple(MailedPerson(account=a, name=n, card=c) for a, n, c in first),
                result=result,
            )

        return await self._reports.ask(read)

    async def preview(self, terms: PreviewTerms) -> Previewed:
        """Fill the text for one customer. Raises RefusedError CARD_UNKNOWN; ParamError."""

        def read(store: Store) -> Previewed:
            row = mailing_named(store, terms.mailing)
            account = AccountId(terms.account) or row.longest
            if not account:
                raise ParamError("account", "say whose; the longest is known when it was checked")
            [filled] = look(store, self.letter(row), [account])
            return _previewed(filled, row.cost)

        return await self._ledger.read(read)

    @property
    def zone(self) -> ZoneInfo:
        """The shop's time zone."""
        return self._programme().zone

    @property
    def today(self) -> date:
        """The shop's day."""
        return self._programme().days.day_of(self._clock.now())

    async def reasons(self, number: str) -> list[tuple[Looked, str]]:
        """Return everybody of a mailing's audience, each with the reason that holds now."""
        return await self._reports.ask(
            lambda store: list(settled(self._looked(store, mailing_named(store, number))))
        )

    async def asked(self, question: Callable[[Store, Programme], T]) -> T:
        """Ask the books a long question. Raises as a report."""
        programme = self._programme()
        return await self._reports.ask(lambda store: question(store, programme))

    def _count(self, store: Store, number: str) -> tuple[DryCount, MailingRow]:
        row = mailing_named(store, number)
        return counted(settled(self._looked(store, row))), row

    def _looked(self, store: Store, row: MailingRow) -> list[Looked]:
        if row.audience:
            accounts = self.audiences.accounts(store, row.audience)
        else:  # a trigger has written it
            accounts = store.ask(ACCOUNTS_OF_OCCASIONS, row.mailing)
        return [one.looked for one in look(store, self.letter(row), accounts)]

    def letter(self, row: MailingRow) -> Letter:
        """Return a mailing as it would be made ready now.

        Raises: ParamError where the programme has no more what the text names.
        """
        programme, config = self._programme(), self._config
        now, section = self._clock.now(), config.mailing
        return Letter(
            mailing=row.mailing,
            channel=row.channel,
            said=read_texts(texts_of(row), row.channel, known_of(programme)),
            control_percent=row.control_percent,
            today=programme.days.day_of(now),
            programme=programme,
            shop=Shop(
                name=config.till.shop,
                link=section.link,
                consent=section.consent,
                address=section.address,
                country=config.till.country,
                language=config.till.language,
                cap=section.cap_count,
                since=rfc3339(now - timedelta(days=section.cap_days)),
                unsubscribe=self._unsubscribe,
            ),
        )


def mailing_named(store: Store, number: str) -> MailingRow:
    """Return a mailing. Raises RefusedError CARD_UNKNOWN."""
    row = store.ask_one(MAILING, number)
    if row is None:
        raise RefusedError(ErrorCode.CARD_UNKNOWN, f"There is no mailing {number}.")
    return row


def _in_state(store: Store, number: str, *states: str) -> MailingRow:
    row = mailing_named(store, number)
    if row.state not in states:
        raise RefusedError(ErrorCode.NOT_UNDOABLE, f"{number} is {row.state}; nothing was done.")
    return row


def texts_of(row: MailingRow) -> Texts:
    """Return what a mailing says."""
    return msgspec.json.decode(row.texts, type=Texts)


def counts_of(row: MailingRow) -> dict[str, int]:
    """Return how many stand at each reason by the newest check; {} before."""
    return msgspec.json.decode(row.counts or "{}", type=dict[str, int])


def _moment(said: str) -> str:
    """Return a time, which may be to come, as RFC 3339 in UTC; "" where nobody said one."""
    return moment_said(said, _BEHIND_ALL_TIMES, "not_before") if said else ""


def _named(store: Store, accounts: list[AccountId]) -> Iterator[tuple[AccountId, str, str]]:
    known = people(store, accounts)
    return ((one, *known[one][:2]) for one in accounts)


def _previewed(filled: Filled, cost: int) -> Previewed:
    return Previewed(
        account=filled.account,
        reason=filled.reason,
        contact=filled.contact,
        language=filled.language,
        subject=filled.subject,
        text=filled.text,
        missing=filled.missing,
        parts=filled.parts,
        cost=filled.parts * cost,
    )
