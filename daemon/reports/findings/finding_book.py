"""The book of findings: what detectors have found is written once, and judged once.

    night           detectors look at the day that is over      a finding is new
    the next day    a manager looks at its entries               fine, or a case
    again           the same day is looked at again              nothing new; what is judged stays

A finding's id says what was found of whom in which days, and nothing of how much: looking again
brings the same id. An account that was merged since keeps the findings of the one that it was.
"""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from functools import partial

import msgspec

from daemon.base.approval import UNSIGNED, Signed
from daemon.base.clock import Clock, rfc3339
from daemon.base.refusals import ErrorCode, ParamError, RefusedError
from daemon.ledger.entries import CounterMove, Entry
from daemon.ledger.folding import progress
from daemon.ledger.ledger import Ledger, RequestKey
from daemon.ledger.storage.finding_queries import FINDING
from daemon.ledger.storage.finding_rows import FindingRow
from daemon.ledger.storage.packing import packed
from daemon.ledger.storage.queries import Question
from daemon.ledger.storage.rows import too_new
from daemon.ledger.storage.store import Change, Store, View
from daemon.programme.programme import Programme
from daemon.reports.findings.detector import Detector, Found, Looking, Watched
from daemon.reports.findings.detectors import DETECTOR, DETECTORS
from daemon.reports.findings.finding_terms import FindingsRun, Judged, JudgeTerms
from daemon.reports.report_reader import ReportReader

LOOKED_COUNTER = "@findings"
"""The counter that holds the last local day (ordinal) that was looked at."""
DAYS_BACK_MAX = 30
"""How far a till that was off goes back; older days are looked at when somebody asks."""
AT_ONCE = 25
"""Findings that one job writes: a sale that comes meanwhile waits for some milliseconds."""
LOOK_AGAIN_S = 30.0
LOOKED_AT_AFTER = timedelta(minutes=31)
"""How long after a day's end it is looked at: until then something may come of its last cards."""
NEW = "new"
_NOT_NOW = (ErrorCode.BUSY, ErrorCode.STORAGE_FULL)
"""With what the whole look is put off."""
_FIRST_FACT = Question("SELECT coalesce(min(day), 0) FROM fact WHERE day BETWEEN ? AND ?", int)
log = logging.getLogger(__name__)


class FindingBook:
    """Looks at days that are over, and keeps what was found."""

    def __init__(
        self,
        ledger: Ledger,
        reports: ReportReader,
        clock: Clock,
        programme: Callable[[], Programme],
        watched: Watched,
        before: Callable[[], Awaitable[None]],
    ) -> None:
        """before: done before each look; it writes what waits to be known."""
        self._ledger = ledger
        self._reports = reports
        self._clock = clock
        self._programme = programme
        self._watched = watched
        self._before = before
        self._done = 0
        self._one_at_a_time = asyncio.Lock()

    async def keep(self) -> None:
        """Look at each day once it is over, until cancelled."""
        while True:
            try:
                await self.catch_up()
            except RefusedError as error:  # the disk may be full; the next look may serve
                log.warning("findings were not looked for: %s", error)
            await asyncio.sleep(LOOK_AGAIN_S)

    async def catch_up(self) -> int:
        """Look at all days that are over and were not looked at; return how much is new.

        Whoever comes meanwhile waits, and finds it done.
        Raises: RefusedError as `ReportReader.ask` and `Ledger.update`; it goes on there then.
        """
        async with self._one_at_a_time:
            today = self._day_of(self._clock.now() - LOOKED_AT_AFTER).toordinal()
            if self._done == today:
                return 0
            await self._before()
            days = await self._ledger.read(lambda store: _due(store, today))
            if days is None:
                return 0  # facts are still being made of old entries
            count = 0
            for day in days:
                count += (await self._look(day, by_itself=True))[0]
                await self._ledger.update(partial(self._mark, day=day))
            self._done = today
            return count

    async def run(
        self, key: RequestKey, day: str, by: str, signed: Signed = UNSIGNED
    ) -> msgspec.Raw:
        """Look at a local day again, or with "" at all that are due; say how much is new, once.

        Raises: ParamError for a day that is not over; RefusedError as `catch_up`.
        """
        answered, _ = await self._ledger.stored_answer(key)
        if answered is not None:
            return await self._ledger.once(key, self._at(), _never)
        if day:
            ordinal = self._past(day)
            async with self._one_at_a_time:
                await self._before()
                new, known = await self._look(ordinal)
        else:
            new, known = await self.catch_up(), 0
        said = {"event": "looked", "day": day, "new": new, "by": by, **signed.approved}
        entry = Entry(
            at=self._at(),
            kind="finding",
            ref=day or str(self._today()),
            detail=msgspec.Raw(msgspec.json.encode(said)),
        )
        run = FindingsRun(day=day, new=new, known=known)
        return await self._ledger.once(
            key, entry.at, lambda store, view: (Change(entry=entry), run)
        )

    async def judge(
        self,
        key: RequestKey,
        terms: JudgeTerms,
        signed: Signed,
        check: Callable[[FindingRow], None],
    ) -> msgspec.Raw:
        """Say what a finding is, once and for good.

        check: raises where it is not theirs to judge.
        Raises: ParamError for one that there is not, or that is judged already.
        """
        at = self._at()

        def job(store: Store, view: View) -> tuple[Change, Judged]:
            row = known_finding(store, terms.finding)
            check(row)
            if row.state != NEW:
                raise ParamError("finding", f"{row.operator} has judged it already: {row.state}")
            judged = msgspec.structs.replace(
                row, state=terms.verdict, operator=terms.by, note=terms.note, judged_at=at
            )
            said = {"event": "judged", "verdict": terms.verdict, "note": terms.note}
            entry = _entry(at, row, {**said, "by": terms.by, **signed.approved})
            answer = Judged(finding=row.finding, state=terms.verdict, by=terms.by)
            return Change(entry=entry, rows=(judged,)), answer

        return await self._ledger.once(key, at, job)

    async def _look(self, day: int, *, by_itself: bool = False) -> tuple[int, int]:
        """Look at a day; return how much is new, and how much was known.

        by_itself: a detector that takes too long, or meets what it cannot read, is passed over: it
                   must not keep the others from looking, this night and the next. Whoever asks for
                   the day is told.
        """
        new = known = 0
        for detector in DETECTORS:
            try:
                looked = await self._reports.ask(partial(self._found, detector=detector, day=day))
            except RefusedError as error:
                if not by_itself or error.code in _NOT_NOW:
                    raise
                log.error("%s: %s did not look: %s", date.fromordinal(day), detector.name, error)
                continue
            for start in range(0, len(looked), AT_ONCE):
                some = looked[start : start + AT_ONCE]
                count = await self._ledger.update(partial(_keep, some=some))
                new, known = new + count, known + len(some) - count
        return new, known

    def _found(self, store: Store, detector: Detector, day: int) -> list["_Written"]:
        looking = Looking(store, self._programme(), day, self._watched)
        at, of_old = self._at(), _dropped(looking)
        try:
            found = detector.find(looking)
        except (TypeError, ValueError, LookupError) as error:  # a row that none of ours has written
            raise too_new(error) from error
        return [
            _Written(
                _row(detector, one, looking, at),
                [id_of(detector, before, looking) for before in of_old.get(one.subject, ())],
            )
            for one in found
        ]

    def _mark(self, store: Store, day: int) -> None:
        ahead = day - store.counters([LOOKED_COUNTER]).get(LOOKED_COUNTER, 0)
        if ahead <= 0:
            return  # another till of this database has looked
        entry = Entry(
            at=self._at(),
            kind="finding",
            ref=str(date.fromordinal(day)),
            counters=(CounterMove(LOOKED_COUNTER, ahead),),
            detail=msgspec.Raw(b'{"event":"looked"}'),
        )
        store.write(Change(entry=entry))

    def _past(self, said: str) -> int:
        day: date | None = None
        with suppress(ValueError):
            day = date.fromisoformat(said)
        if day is None or day >= self._today():
            raise ParamError("day", f"{said!r} is no day that is over; write such as 2026-11-27")
        return day.toordinal()

    def _today(self) -> date:
        return self._day_of(self._clock.now())

    def _day_of(self, moment: datetime) -> date:
        return self._programme().days.day_of(moment)

    def _at(self) -> str:
        return rfc3339(self._clock.now())


class _Written(msgspec.Struct, frozen=True):
    """A row that may be new. before: the ids that it had under accounts that were merged since."""

    row: FindingRow
    before: list[str]

    def is_known(self, store: Store) -> bool:
        ids = (self.row.finding, *self.before)
        return any(store.ask_one(FINDING, one) is not None for one in ids)


def _keep(store: Store, some: Sequence[_Written]) -> int:
    """Write what nobody has found yet; return how much."""
    new = [one.row for one in some if not one.is_known(store)]
    for row in new:
        said = {"event": "found", "detector": row.detector, "value": row.value}
        store.write(Change(entry=_entry(row.at, row, said), rows=(row,)))
    return len(new)


def id_of(detector: Detector, subject: str, looking: Looking) -> str:
    """Return a finding's id: what was found, of whom, and in which days."""
    first, last = (date.fromordinal(day) for day in _days(detector, looking))
    said = f"{detector.name}|{subject}|{first}|{last}"
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def known_finding(store: Store, finding: str) -> FindingRow:
    """Return a finding's row. Raises ParamError for an id that none has."""
    row = store.ask_one(FINDING, finding)
    if row is None:
        raise ParamError("finding", f"{finding!r} is the id of none")
    return row


def detector_of(row: FindingRow) -> Detector | None:
    """Return who has found it; None for a detector that there is no more."""
    return DETECTOR.get(row.detector)


def _due(store: Store, today: int) -> Iterable[int] | None:
    """Return the days to look at, from the first on which something was posted; None: not yet."""
    folded = progress(store)
    if folded.done < folded.upto:
        return None
    looked = store.counters([LOOKED_COUNTER]).get(LOOKED_COUNTER, 0)
    begin, end = max(looked + 1, today - DAYS_BACK_MAX), today - 1
    first = store.ask_one(_FIRST_FACT, begin, end)
    return range(first, today) if first else ()


def _days(detector: Detector, looking: Looking) -> tuple[int, int]:
    return looking.first(detector.days), looking.day


def _dropped(looking: Looking) -> dict[str, list[str]]:
    of_old: dict[str, list[str]] = {}
    for dropped, kept in looking.into.items():
        of_old.setdefault(kept, []).append(dropped)
    return of_old


def _row(detector: Detector, found: Found, looking: Looking, at: str) -> FindingRow:
    first, last = _days(detector, looking)
    return FindingRow(
        finding=id_of(detector, found.subject, looking),
        detector=detector.name,
        subject=found.subject,
        other=found.other,
        store=found.evidence.store,
        first=first,
        last=last,
        value=found.value,
        threshold=found.threshold,
        evidence=packed(msgspec.json.encode(found.evidence.places)),
        more=found.evidence.more,
        state=NEW,
        at=at,
    )


def _entry(at: str, row: FindingRow, detail: dict[str, object]) -> Entry:
    """Return the entry of what happened to a finding.

    It is no account's: to an account nothing has happened, and its customer was not heard of.
    """
    about = {"subject": row.subject, "other": row.other}
    return Entry(
        at=at,
        kind="finding",
        ref=row.finding,
        detail=msgspec.Raw(msgspec.json.encode(about | detail)),
    )


def _never(store: Store, view: View) -> tuple[Change, msgspec.Struct]:
    raise AssertionError("it was answered before")
