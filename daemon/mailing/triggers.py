"""Messages that the till writes by itself: a mailing a day and trigger, for whose occasion it is.

    [[trigger]] on = "birthday", days = 3      on 28 November of 2026
    occasion    birthday  a1  2026             never again for a1 in 2026
    occasion    birthday  ""  2026-11-28       the day itself was asked
    mailing     m-2026-0031, approved          for a1; counted, sent and told of as any other

All of it is one commit, so a cut leaves the whole day or nothing of it. Of two tills that ask on
the same day one writes its row of the day first, and the other finds it there. Days on which no
till was running are asked later, LATE_DAYS of them at most.
"""

import logging
from collections.abc import Sequence
from datetime import date, timedelta

import msgspec

from daemon.base.clock import Clock, rfc3339
from daemon.base.config import ConfigError
from daemon.base.ids import NO_ACCOUNT, AccountId
from daemon.base.mailing_config import TriggerSection
from daemon.base.refusals import ParamError
from daemon.ledger.entries import CounterMove
from daemon.ledger.ledger import Ledger
from daemon.ledger.storage.mailing_queries import OCCASION, OCCASIONS_BEFORE, TRIGGER_DAY
from daemon.ledger.storage.mailing_rows import MailingRow, OccasionRow
from daemon.ledger.storage.store import Change, Gone, Store
from daemon.mailing.audiences import mailing_entry
from daemon.mailing.customer_values import look
from daemon.mailing.dry_count import READY, DryCount, counted, settled
from daemon.mailing.letter import read_texts
from daemon.mailing.mailing_terms import Texts, TextTerms
from daemon.mailing.mailings import APPROVED, MailingDesk
from daemon.mailing.text_terms import known_of
from daemon.mailing.trigger_days import Seen, occasions_on
from daemon.programme.programme import Programme

LATE_DAYS = 7
OCCASIONS_KEPT_DAYS = 800
"""No occasion comes again after so long: a birthday's year is over."""
TRIGGERED = "triggered"
log = logging.getLogger(__name__)
replace = msgspec.structs.replace


class _Found(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a trigger is to write to. last: the day (ordinal) on which it was asked before, or 0."""

    last: int
    today: date
    seen: list[Seen]
    count: DryCount


class Triggers:
    """Asks each trigger once a day."""

    def __init__(
        self, ledger: Ledger, desk: MailingDesk, clock: Clock, triggers: Sequence[TriggerSection]
    ) -> None:
        self._ledger = ledger
        self._desk = desk
        self._clock = clock
        self._triggers = triggers
        self._asked: dict[str, date] = {}

    def check(self, programme: Programme) -> None:
        """Raise ConfigError for a text that names what the programme does not have."""
        for place, trigger in enumerate(self._triggers):
            try:
                read_texts(_texts(trigger), trigger.channel, known_of(programme))
            except ParamError as error:
                path = error.path.replace("texts", "text", 1)
                raise ConfigError(f"trigger[{place}].{path}", error.message) from error

    async def ask(self) -> bool:
        """Write the mailings of a new day; return whether there are any.

        Raises: RefusedError as a report and a write: the next time goes on.
        """
        has_written = False
        for trigger in self._triggers:
            today = self._desk.today
            if self._asked.get(trigger.name) == today:
                continue
            try:
                has_written |= await self._ask(trigger)
            except ParamError as error:  # the programme has changed since the start
                log.warning("the trigger %s writes nothing today: %s", trigger.name, error)
            self._asked[trigger.name] = today
        return has_written

    async def _ask(self, trigger: TriggerSection) -> bool:
        found = await self._desk.asked(
            lambda store, programme: self._find(store, programme, trigger)
        )
        if found is None:
            return False
        at = rfc3339(self._clock.now())
        return await self._ledger.update(lambda store: _write(store, trigger, found, at))

    def _find(self, store: Store, programme: Programme, trigger: TriggerSection) -> _Found | None:
        """Return whom to write to, or None where this day was asked."""
        today, last = self._desk.today, store.ask_one(TRIGGER_DAY, trigger.name) or 0
        if last >= today.toordinal():
            return None
        first = max(last, today.toordinal() - LATE_DAYS) + 1 if last else today.toordinal()
        days = range(first, today.toordinal() + 1)
        every = {one for day in days for one in occasions_on(store, programme, trigger, day)}
        seen = sorted(one for one in every if not store.ask_one(OCCASION, trigger.name, *one))
        accounts = sorted({one.account for one in seen})
        letter = self._desk.letter(_mailing(trigger, ""))
        looked = [one.looked for one in look(store, letter, accounts)]
        return _Found(last=last, today=today, seen=seen, count=counted(settled(looked)))

    async def forget(self) -> None:
        """Forget occasions of OCCASIONS_KEPT_DAYS ago. Raises: RefusedError BUSY, STORAGE_FULL."""
        before = (self._desk.today - timedelta(days=OCCASIONS_KEPT_DAYS)).toordinal()

        def forget(store: Store) -> int:
            rows = store.ask(OCCASIONS_BEFORE, before)
            if rows:
                keys = ((row.name, row.account, row.occasion) for row in rows)
                store.write(Change(gone=tuple(Gone(OccasionRow, key) for key in keys)))
            return len(rows)

        while await self._ledger.update(forget):
            pass


def _write(store: Store, trigger: TriggerSection, found: _Found, at: str) -> bool:
    """Write a day and its mailing; return whether there is one.

    Where another till has asked meanwhile nothing is written: what was found is not true any more.
    """
    if (store.ask_one(TRIGGER_DAY, trigger.name) or 0) != found.last:
        return False
    day, year = found.today.toordinal(), found.today.year
    counter, ready = f"@mailing:{year}", found.count.counts[READY]
    number = f"m-{year}-{store.counters([counter]).get(counter, 0) + 1:04d}" if ready else ""
    rows = tuple(OccasionRow(trigger.name, *one, day, number) for one in found.seen)
    asked = OccasionRow(trigger.name, NO_ACCOUNT, found.today.isoformat(), day, "")
    if not ready:
        store.write(Change(rows=(*rows, asked)))
        return False
    mailing = replace(
        _mailing(trigger, number),
        made_at=at,
        counts=msgspec.json.encode(found.count.counts).decode(),
        parts=found.count.parts,
        longest=AccountId(found.count.longest),
        ledger_id=store.ledger_id,
    )
    said = {"event": TRIGGERED, "trigger": trigger.name, "ready": ready}
    entry = replace(mailing_entry(at, number, said), counters=(CounterMove(counter, 1),))
    store.write(Change(entry=entry, rows=(mailing, *rows, asked)))
    return True


def _mailing(trigger: TriggerSection, number: str) -> MailingRow:
    """Return what a trigger writes. It is approved by whoever has put it into the settings."""
    by = f"trigger {trigger.name}"
    return MailingRow(
        mailing=number,
        made_at="",
        by=by,
        channel=trigger.channel,
        texts=msgspec.json.encode(_texts(trigger)).decode(),
        audience="",
        control_percent=0,
        cost=trigger.cost,
        not_before="",
        state=APPROVED,
        approved=msgspec.json.encode([by]).decode(),
    )


def _texts(trigger: TriggerSection) -> Texts:
    said = {
        language: TextTerms(text=one.text, subject=one.subject)
        for language, one in trigger.text.items()
    }
    return Texts(en=said.get("en"), uk=said.get("uk"))
