"""Sending, beside the till's work, whatever ends the till or the line.

    approved    everybody is counted once more, and a row is written for each who gets it
    queued      one after the other, while the mailing is not stopped:
                    trying      written and synced, before the gateway is called
                    the gateway answers, or the line is lost, or the till is killed
                    accepted, bounced, refused, queued for later, or unknown
    done        when none is queued any more

A message in ``trying`` when a till starts may have gone out or not: it is ``unknown`` and not sent
again by itself. So each is delivered once or is unknown, never twice. Before each message it is
looked once more whether its customer still allows it and can be reached.

What the gateway does not take now is tried again after 5, 30 and 120 minutes. Where it is not
reached at all nothing was sent, and the message waits a minute as if it had not been tried.
"""

import asyncio
import hashlib
import logging
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from daemon.base.clock import Clock, rfc3339
from daemon.base.mailing_config import LOG_DAYS, MailingSection
from daemon.base.refusals import ParamError, RefusedError
from daemon.ledger.ledger import Ledger
from daemon.ledger.storage.mailing_queries import (
    IN_HAND,
    LOGGED_BEFORE,
    MAILINGS_IN_HAND,
    MESSAGE,
    MESSAGES_BY_STATE,
    NEXT_MESSAGE,
    QUEUED,
    QUEUED_TOGETHER,
)
from daemon.ledger.storage.mailing_rows import MailingRow, MessageRow
from daemon.ledger.storage.store import Change, Gone, Store
from daemon.mailing.audiences import mailing_entry
from daemon.mailing.customer_values import Filled, look
from daemon.mailing.dry_count import CONTROL, READY
from daemon.mailing.gateway import Gateway, GatewayError, Line, Outcome, Outgoing
from daemon.mailing.letter import Letter
from daemon.mailing.mailing_terms import MailingStatus, StatusTerms
from daemon.mailing.mailings import APPROVED, DONE, SENDING, MailingDesk, mailing_named
from daemon.mailing.message_text import CHANNELS
from daemon.mailing.sending_pace import SendingPace

LATER_MINUTES = (5, 30, 120)
DOWN_MINUTES = 1
GO_ON_S = 5.0
WAIT_S = 5.0
"""How long somebody who follows a mailing waits for the next message."""
LAST_S = 5.0
"""How long a message that is on its way is waited for when the till stops."""
QUEUED_STATE, TRYING, UNKNOWN, REFUSED = "queued", "trying", "unknown", "refused"
log = logging.getLogger(__name__)
replace = msgspec.structs.replace


class Claimed(NamedTuple):
    """A message whose try is written down; ``outgoing`` is None where it does not go out."""

    row: MessageRow
    outgoing: Outgoing | None


class Sending:
    """Sends what was approved, for ever. ``gateways``: by channel."""

    def __init__(
        self,
        ledger: Ledger,
        desk: MailingDesk,
        clock: Clock,
        gateways: Mapping[str, Gateway],
        section: MailingSection,
    ) -> None:
        self._ledger = ledger
        self._desk = desk
        self._clock = clock
        self._gateways = gateways
        self._pace = SendingPace(ledger, section, lambda: desk.zone)
        self._begun, self._step = asyncio.Event(), asyncio.Event()

    def begin(self) -> None:
        """Say that there may be something to do: something was approved, or time has passed."""
        self._begun.set()

    async def run(self) -> None:
        """Send what may go out, until cancelled."""
        is_settled = False
        while True:
            self._begun.clear()
            again_s = None
            try:
                if not is_settled:
                    await self._settle()
                    is_settled = True
                for row in await self._in_hand():
                    await self._go_on(row)
                    _end_if_cancelled()
            except RefusedError as error:  # a full disk must not end the till
                log.warning("messages wait: %s", error)
                again_s = GO_ON_S
            _end_if_cancelled()
            with suppress(TimeoutError):
                async with asyncio.timeout(again_s):
                    await self._begun.wait()

    async def status(self, terms: StatusTerms) -> MailingStatus:
        """Say how far a mailing is, when more of it is done than ``beyond``, or after WAIT_S.

        Raises: RefusedError CARD_UNKNOWN.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(WAIT_S):
                while True:
                    step = self._step
                    told = await self._ledger.read(lambda store: _told(store, terms.mailing))
                    if told.state not in (APPROVED, SENDING) or told.done > terms.beyond:
                        return told
                    await step.wait()
        return await self._ledger.read(lambda store: _told(store, terms.mailing))

    async def forget(self) -> None:
        """Forget what became of messages more than LOG_DAYS ago, but for contacts that are bad.

        Raises: RefusedError BUSY, STORAGE_FULL; the next day goes on with it.
        """
        before = rfc3339(self._clock.now() - timedelta(days=LOG_DAYS))
        for channel in CHANNELS:

            def forget(store: Store, channel: str = channel) -> int:
                rows = store.ask(LOGGED_BEFORE, channel, before)
                if rows:
                    gone = tuple(Gone(MessageRow, (row.mailing, row.account)) for row in rows)
                    store.write(Change(gone=gone))
                return len(rows)

            while await self._ledger.update(forget):
                pass

    def _stepped(self) -> None:
        """Wake everybody who waits for a step; whoever asks from now on waits for the next."""
        self._step.set()
        self._step = asyncio.Event()

    async def _in_hand(self) -> list[MailingRow]:
        own = self._ledger.ledger_id
        return await self._ledger.read(lambda store: store.ask(MAILINGS_IN_HAND, own))

    async def _settle(self) -> None:
        """Say of each message that a cut has left open that nobody knows what became of it."""
        at = rfc3339(self._clock.now())
        for row in await self._in_hand():
            gateway = self._gateways.get(row.channel)
            # One that takes no key twice is sent the message again, and sends it once.
            state = QUEUED_STATE if gateway and gateway.has_keys else UNKNOWN

            def settle(store: Store, number: str = row.mailing, state: str = state) -> int:
                left = store.ask(IN_HAND, number)
                error = "the till was cut off before the gateway answered"
                rows = tuple(replace(one, state=state, at=at, error=error) for one in left)
                if rows:
                    store.write(Change(rows=rows))
                return len(rows)

            while await self._ledger.update(settle):
                pass

    async def _go_on(self, row: MailingRow) -> None:
        """Do what may be done of a mailing now."""
        gateway = self._gateways.get(row.channel)
        if gateway is None or not self._may_begin(row):
            return
        try:
            letter = self._desk.letter(row)
            if row.state == APPROVED and not await self._queue(row):
                return
            await self._send(row, letter, gateway)
        except ParamError as error:
            log.warning("%s waits: the programme has no more what it names: %s", row.mailing, error)
        except GatewayError as error:
            log.warning("%s waits: %s", row.mailing, error)

    def _may_begin(self, row: MailingRow) -> bool:
        return not (row.state == APPROVED and row.not_before > rfc3339(self._clock.now()))

    # Who gets it.

    async def _queue(self, row: MailingRow) -> bool:
        """Write a row for everybody who gets it or is compared with; return whether all are.

        What a cut has left of it is taken away first: who gets it may have changed since.
        """

        def clear(store: Store) -> int:
            left = store.ask(QUEUED, row.mailing)
            if left:
                gone = tuple(Gone(MessageRow, (one.mailing, one.account)) for one in left)
                store.write(Change(gone=gone))
            return len(left)

        while await self._ledger.update(clear):
            pass
        reasons = await self._desk.reasons(row.mailing)
        at = rfc3339(self._clock.now())
        rows = [
            MessageRow(
                *(row.mailing, one.account, row.channel, ""),
                state=QUEUED_STATE if reason == READY else CONTROL,
                at=at,
                parts=one.parts,
            )
            for one, reason in reasons
            if reason in (READY, CONTROL)
        ]
        for start in range(0, len(rows), QUEUED_TOGETHER):
            some = tuple(rows[start : start + QUEUED_TOGETHER])
            await self._ledger.write(
                Change(rows=some),
                unless=lambda store: mailing_named(store, row.mailing).state != APPROVED,
            )
        ready = sum(one.state == QUEUED_STATE for one in rows)
        said = {"event": SENDING, "ready": ready, "control": len(rows) - ready}

        def sending(store: Store) -> bool:
            now = mailing_named(store, row.mailing)
            if now.state != APPROVED:
                return False  # it was stopped meanwhile
            entry = mailing_entry(at, now.mailing, said)
            store.write(Change(entry=entry, rows=(replace(now, state=SENDING),)))
            return True

        return await self._ledger.update(sending)

    # One message after the other.

    async def _send(self, row: MailingRow, letter: Letter, gateway: Gateway) -> None:
        """Send what is due of a mailing; say that it is done where nothing is queued."""
        if await self._is_due(row):
            async with gateway.line() as line:
                while await self._send_next(letter, line):
                    await self._pace.wait()
        await self._end(row)

    async def _is_due(self, row: MailingRow) -> bool:
        """Whether a message may go out now."""
        now = self._clock.now()
        if not await self._pace.may_go(row.channel, now):
            return False
        at = rfc3339(now)
        found = await self._ledger.read(lambda store: store.ask_one(NEXT_MESSAGE, row.mailing, at))
        return found is not None

    async def _send_next(self, letter: Letter, line: Line) -> bool:
        """Send the next message; return whether there was one that may go out."""
        now = self._clock.now()
        if not await self._pace.may_go(letter.channel, now):
            return False
        claimed = await self._ledger.update(lambda store: self._claim(store, letter, now))
        if claimed is None:
            return False
        if claimed.outgoing is not None:
            running = asyncio.create_task(self._deliver(claimed.row, claimed.outgoing, line))
            try:
                await asyncio.shield(running)
            finally:
                if not running.done():  # the till stops: the answer may be on its way
                    await asyncio.wait([running], timeout=LAST_S)
                    running.cancel()
        self._stepped()
        return True

    def _claim(self, store: Store, letter: Letter, now: datetime) -> Claimed | None:
        """Write down that the next message is tried; None where none may be."""
        at = rfc3339(now)
        if mailing_named(store, letter.mailing).state != SENDING:
            return None
        row = store.ask_one(NEXT_MESSAGE, letter.mailing, at)
        if row is None:
            return None
        [filled] = look(store, letter, [row.account])
        if filled.reason != READY:
            row = replace(row, state=REFUSED, at=at, error=filled.reason)
            store.write(Change(rows=(row,)))
            return Claimed(row, None)
        row = replace(
            row,
            state=TRYING,
            at=at,
            contact=filled.contact,
            parts=filled.parts,
            tries=row.tries + 1,
        )
        store.write(Change(rows=(row,)))
        return Claimed(row, self._outgoing(letter, filled, now))

    def _outgoing(self, letter: Letter, filled: Filled, now: datetime) -> Outgoing:
        whose = f"{letter.mailing}:{filled.account}"
        return Outgoing(
            key=hashlib.sha256(whose.encode()).hexdigest()[:32],
            contact=filled.contact,
            subject=filled.subject,
            text=filled.text,
            unsubscribe=letter.shop.unsubscribe(filled.account, letter.channel),
            at=now.astimezone(self._desk.zone),
        )

    async def _deliver(self, row: MessageRow, outgoing: Outgoing, line: Line) -> None:
        """Call the gateway and write down what it answers. Raises GatewayError."""
        try:
            outcome = await line.send(outgoing)
        except GatewayError:
            again = self._clock.now() + timedelta(minutes=DOWN_MINUTES)
            await self._write(row, state=QUEUED_STATE, again_at=again, tries=row.tries - 1)
            raise
        await self._write_outcome(row, outcome)

    async def _write_outcome(self, row: MessageRow, outcome: Outcome) -> None:
        if outcome.state != "later":
            await self._write(
                row, state=outcome.state, provider_id=outcome.provider_id, error=outcome.error
            )
        elif row.tries <= len(LATER_MINUTES):
            again = self._clock.now() + timedelta(minutes=LATER_MINUTES[row.tries - 1])
            await self._write(row, state=QUEUED_STATE, again_at=again, error=outcome.error)
        else:
            await self._write(row, state=REFUSED, error=outcome.error)

    async def _write(
        self, row: MessageRow, again_at: datetime | None = None, **said: str | int
    ) -> None:
        """Write what became of a message that was tried."""
        at = rfc3339(self._clock.now())

        def job(store: Store) -> None:
            now = store.ask_one(MESSAGE, row.mailing, row.account)
            if now is None or now.state != TRYING:
                return
            # Asked again: a customer who was erased meanwhile has left no contact there.
            values = msgspec.structs.asdict(now) | said
            values |= {"at": at, "again_at": rfc3339(again_at) if again_at else ""}
            store.write(Change(rows=(MessageRow(**values),)))

        await self._ledger.update(job)

    async def _end(self, row: MailingRow) -> None:
        """Say that a mailing is done, where nothing of it is queued."""
        at = rfc3339(self._clock.now())

        def job(store: Store) -> None:
            now = mailing_named(store, row.mailing)
            if now.state != SENDING or store.ask(QUEUED, row.mailing):
                return
            said = {"event": DONE, "messages": dict(store.ask(MESSAGES_BY_STATE, row.mailing))}
            done = replace(now, state=DONE, ends_at=at)
            store.write(Change(entry=mailing_entry(at, now.mailing, said), rows=(done,)))

        await self._ledger.update(job)
        self._stepped()


def _end_if_cancelled() -> None:
    """Raise the cancellation that a library has turned into an error of its own.

    aiosmtplib does so while it connects; without this the till would never stop.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _told(store: Store, number: str) -> MailingStatus:
    row = mailing_named(store, number)
    messages = dict(store.ask(MESSAGES_BY_STATE, number))
    waiting = sum(messages.get(state, 0) for state in (QUEUED_STATE, TRYING, CONTROL))
    return MailingStatus(
        mailing=number,
        state=row.state,
        messages=messages,
        done=sum(messages.values()) - waiting,
        count=sum(messages.values()) - messages.get(CONTROL, 0),
    )
