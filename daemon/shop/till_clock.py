"""The till's time, for whoever is responsible for it: how it stands, and a word that puts it right.

``clock.accept`` follows a machine's clock that is ahead and was not believed; ``clock.reset`` gives
up a time that is ahead of the machine's, because a clock was wrong once and was believed. Both are
entries with a name and a reason. See ``daemon.base.clock``.
"""

from datetime import datetime
from typing import Literal

import msgspec

from daemon.base.approval import UNSIGNED, Approvable, Signed
from daemon.base.clock import Clock, SteadyClock, rfc3339
from daemon.base.refusals import ParamError
from daemon.base.set_clock import SetClock
from daemon.base.text_limits import RequestId, SaidText
from daemon.ledger.entries import CounterMove, Entry
from daemon.ledger.ledger import Ledger, RequestKey
from daemon.ledger.storage.store import Change, Store, View
from daemon.programme.programme import local_day
from daemon.shop.daily_jobs import DAY_COUNTER
from daemon.shop.programme_versions import ProgrammeVersions

YEAR_MAX = 9_000
"""Of a clock that is set: windows and points last some years more."""


class ClockTerms(Approvable, frozen=True, kw_only=True):
    """Who says that the machine's clock is right, and why."""

    request_id: RequestId
    by: SaidText
    reason: SaidText


class ClockStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the till's time stands.

    suspect:      ``ahead`` or ``behind``: how the machine's clock stands to the till's time, where
                  it is not believed; "" where the till follows it.
    offset_s:     the machine's clock less the till's time.
    synchronised: whether the system says that a time service keeps the clock right.
    """

    machine: str
    till: str
    suspect: Literal["", "ahead", "behind"]
    offset_s: int
    synchronised: bool


class ClockSet(msgspec.Struct, frozen=True, kw_only=True):
    """The till's time before and after."""

    was: str
    now: str
    replayed: bool = False


class ClockMoved(msgspec.Struct, frozen=True, kw_only=True):
    """The time of a simulated till before and after."""

    was: str
    now: str


class TillClock:
    """Says how the till's time stands, and takes a person's word that the machine's is right."""

    def __init__(
        self, ledger: Ledger, versions: ProgrammeVersions, clock: Clock, steady: SteadyClock
    ) -> None:
        self._ledger = ledger
        self._versions = versions
        self._clock = clock
        self._steady = steady

    def status(self) -> ClockStatus:
        """Return how the till's time stands now."""
        machine, till = self._clock.now(), self._steady.now()
        ahead, behind = self._steady.ahead, self._steady.behind
        return ClockStatus(
            machine=rfc3339(machine),
            till=rfc3339(till),
            suspect="ahead" if ahead else "behind" if behind else "",
            offset_s=round((machine - till).total_seconds()),
            synchronised=self._clock.synchronised(),
        )

    def move_on(self, moment: datetime) -> ClockMoved:
        """Move on a clock that is set by hand. Raises ParamError for any other, or the past."""
        if not isinstance(self._clock, SetClock):
            raise ParamError("now", "only a simulated till that was started with --now is set")
        if moment.tzinfo is None:
            raise ParamError("now", "needs an offset, such as 2026-12-01T00:00:00+02:00")
        was = self._steady.now()
        if moment < was:
            raise ParamError("now", f"is before {rfc3339(was)}; a clock is moved on, never back")
        if moment.year > YEAR_MAX:
            raise ParamError("now", f"must be before the year {YEAR_MAX + 1}")
        self._clock.set(moment)
        return ClockMoved(was=rfc3339(was), now=rfc3339(self._steady.now()))

    async def accept(
        self, key: RequestKey, terms: ClockTerms, signed: Signed = UNSIGNED
    ) -> msgspec.Raw:
        """Follow a machine's clock that is ahead. Raises ParamError where it is not."""
        wrong = "the machine's clock is not ahead of the till's time; there is nothing to accept"
        said = {"event": "accepted", **signed.approved}
        return await self._believe(key, terms, said, "" if self._steady.ahead else wrong)

    async def reset(
        self, key: RequestKey, terms: ClockTerms, signed: Signed = UNSIGNED
    ) -> msgspec.Raw:
        """Give up a time that is ahead of the machine's. Raises ParamError where it is not."""
        wrong = "the till's time is not ahead of the machine's clock; there is nothing to reset"
        said = {"event": "reset", **signed.approved}
        return await self._believe(key, terms, said, "" if self._steady.behind else wrong)

    async def _believe(
        self, key: RequestKey, terms: ClockTerms, said: dict[str, str], wrong: str
    ) -> msgspec.Raw:
        replayed, _ = await self._ledger.stored_answer(key)
        if replayed is not None:
            return replayed
        if wrong:
            raise ParamError("clock", wrong)
        moment = self._clock.now()
        was, now = rfc3339(self._steady.now()), rfc3339(moment)
        today = local_day(self._versions.active, moment).toordinal()

        def job(store: Store, view: View) -> tuple[Change, ClockSet]:
            detail = said | {"by": terms.by, "reason": terms.reason, "was": was}
            # The entry bears the machine's time: it is the newest one that the next start goes by.
            encoded = msgspec.Raw(msgspec.json.encode(detail))
            # The day's work of days that are still to come was done too early, and is due again.
            early = min(0, today - store.counters([DAY_COUNTER]).get(DAY_COUNTER, 0))
            moves = (CounterMove(DAY_COUNTER, early),) if early else ()
            entry = Entry(
                at=now, kind="clock", ref=terms.request_id, counters=moves, detail=encoded
            )
            return Change(entry=entry), ClockSet(was=was, now=now)

        answer = await self._ledger.once(key, now, job)
        self._steady.believe()
        return answer
