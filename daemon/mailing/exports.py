"""Mailings that go out by somebody else's gateway, from a file: who gets one is written down.

Where the till has no gateway for a channel, an approved mailing is exported. Everybody is counted
once more, and a row is written for each who gets it, ``exported``: it counts for the cap as a
message that was sent. A cut before the mailing is done leaves rows that the next try takes away.
"""

from collections.abc import Container
from functools import partial

import msgspec

from daemon.base.approval import UNSIGNED, Signed
from daemon.base.clock import Clock, rfc3339
from daemon.base.ids import AccountId
from daemon.base.refusals import ErrorCode, ParamError, RefusedError
from daemon.ledger.ledger import Ledger, RequestKey
from daemon.ledger.storage.mailing_queries import (
    EXPORTED_AFTER,
    NOT_YET_NAMED,
    QUEUED_TOGETHER,
)
from daemon.ledger.storage.mailing_rows import MailingRow, MessageRow
from daemon.ledger.storage.store import Change, Gone, Store, View
from daemon.mailing.audiences import mailing_entry
from daemon.mailing.customer_values import look
from daemon.mailing.dry_count import CONTROL, READY
from daemon.mailing.letter import Letter
from daemon.mailing.mailing_terms import (
    ExportDone,
    Exported,
    ExportedMessage,
    ExportedTerms,
    ExportTerms,
)
from daemon.mailing.mailings import APPROVED, DONE, MailingDesk, mailing_named
from daemon.mailing.message_text import EMAIL, POST, SMS, VIBER

EXPORTED = "exported"
FORMATS = {
    "turbosms": (SMS, VIBER),
    "brevo": (EMAIL, SMS),
    "yespo": (EMAIL, SMS, VIBER),
    "post": (POST,),
    "plain": (SMS, VIBER, EMAIL, POST),
}
"""The channels of each format."""
replace = msgspec.structs.replace


class Exports:
    """Hands mailings out. ``sent``: the channels that the till sends by itself."""

    def __init__(
        self, ledger: Ledger, desk: MailingDesk, clock: Clock, sent: Container[str]
    ) -> None:
        self._ledger = ledger
        self._desk = desk
        self._clock = clock
        self._sent = sent

    async def export(
        self, key: RequestKey, terms: ExportTerms, signed: Signed = UNSIGNED
    ) -> msgspec.Raw:
        """Write down who gets a mailing, once; it is done then.

        Raises: ParamError for a format of another channel; RefusedError CARD_UNKNOWN, NOT_UNDOABLE
                for one that is not approved, or that the till sends itself.
        """
        stored, _ = await self._ledger.stored_answer(key)
        if stored is not None:
            return stored
        row = await self._ledger.read(lambda store: self._to_export(store, terms))
        count, control = await self._keep(row)
        at = rfc3339(self._clock.now())

        def job(store: Store, view: View) -> tuple[Change, ExportDone]:
            now = self._to_export(store, terms)
            said = {
                "event": EXPORTED,
                "by": terms.by,
                "format": terms.format,
                "ready": count,
                "control": control,
                **signed.approved,
            }
            done = replace(now, state=DONE, ends_at=at)
            answer = ExportDone(mailing=now.mailing, state=DONE, count=count)
            return Change(entry=mailing_entry(at, now.mailing, said), rows=(done,)), answer

        return await self._ledger.once(key, at, job)

    def _to_export(self, store: Store, terms: ExportTerms) -> MailingRow:
        row = mailing_named(store, terms.mailing)
        channels = FORMATS[terms.format]
        if row.channel not in channels:
            fits = (name for name, those in FORMATS.items() if row.channel in those)
            raise ParamError("format", f"for {row.channel} there are: {', '.join(fits)}")
        if row.channel in self._sent:
            raise RefusedError(
                ErrorCode.NOT_UNDOABLE, f"{row.mailing} is sent by the till; nothing was done."
            )
        if row.state != APPROVED:
            raise RefusedError(
                ErrorCode.NOT_UNDOABLE, f"{row.mailing} is {row.state}; nothing was done."
            )
        return row

    async def _keep(self, row: MailingRow) -> tuple[int, int]:
        """Write a row for everybody who gets it or is compared with; return how many of each."""

        def clear(store: Store) -> int:
            if mailing_named(store, row.mailing).state != APPROVED:
                return 0
            left = store.ask(NOT_YET_NAMED, row.mailing)
            if left:
                gone = tuple(Gone(MessageRow, (one.mailing, one.account)) for one in left)
                store.write(Change(gone=gone))
            return len(left)

        while await self._ledger.update(clear):
            pass
        reasons = await self._desk.reasons(row.mailing)
        chosen = [(one, reason) for one, reason in reasons if reason in (READY, CONTROL)]
        letter = self._desk.letter(row)
        for start in range(0, len(chosen), QUEUED_TOGETHER):
            some = [
                (one.account, reason) for one, reason in chosen[start : start + QUEUED_TOGETHER]
            ]
            await self._ledger.update(partial(self._write, letter=letter, some=some))
        ready = sum(reason == READY for _, reason in chosen)
        return ready, len(chosen) - ready

    def _write(self, store: Store, letter: Letter, some: list[tuple[AccountId, str]]) -> None:
        if mailing_named(store, letter.mailing).state != APPROVED:
            return  # it was stopped meanwhile
        at, reasons = rfc3339(self._clock.now()), dict(some)
        rows = tuple(
            MessageRow(
                *(letter.mailing, one.account, letter.channel),
                contact=one.contact if reasons[one.account] == READY else "",
                state=EXPORTED if reasons[one.account] == READY else CONTROL,
                at=at,
                parts=one.parts,
            )
            for one in look(store, letter, list(reasons))
        )
        store.write(Change(rows=rows))

    async def exported(self, terms: ExportedTerms) -> Exported:
        """Return a page of the messages of an export, as they read now.

        Who was erased since is not among them. Raises: RefusedError CARD_UNKNOWN; ParamError.
        """

        def read(store: Store) -> Exported:
            row = mailing_named(store, terms.mailing)
            letter = self._desk.letter(row)
            rows = store.ask(EXPORTED_AFTER, row.mailing, terms.after, terms.limit)
            contacts = {one.account: one.contact for one in rows if one.contact}
            messages = (
                ExportedMessage(
                    account=one.account,
                    name=one.name,
                    contact=contacts[one.account],
                    subject=one.subject,
                    text=one.text,
                    values=dict(one.values),
                )
                for one in look(store, letter, list(contacts))
            )
            return Exported(
                channel=row.channel,
                variables=tuple(one.name for one in letter.variables),
                messages=tuple(messages),
                next=rows[-1].account if len(rows) == terms.limit else "",
            )

        return await self._ledger.read(read)
