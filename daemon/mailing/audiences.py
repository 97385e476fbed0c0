"""Whom a mailing is for: the customers whom a report chooses, frozen as a list or asked anew.

    audience.save frozen    parts of 10,000 accounts, then the row that names them: one moment
    kill -9 between them    parts that no row names; the next list takes them away

A question is kept as it was asked, and days such as ``90d`` are counted from the day of its use.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import date
from functools import partial

import msgspec

from daemon.base.approval import UNSIGNED, Signed
from daemon.base.clock import Clock, rfc3339
from daemon.base.ids import AccountId
from daemon.base.mailing_config import MAILED_MAX
from daemon.base.refusals import ErrorCode, ParamError, RefusedError
from daemon.ledger.entries import CounterMove, Entry
from daemon.ledger.ledger import Ledger, RequestKey
from daemon.ledger.storage.mailing_queries import (
    ANY_MERGED,
    AUDIENCE,
    AUDIENCES_BEFORE,
    LOOSE_PARTS,
    PART,
)
from daemon.ledger.storage.mailing_rows import AudiencePartRow, AudienceRow
from daemon.ledger.storage.packing import packed, unpacked
from daemon.ledger.storage.queries import Question
from daemon.ledger.storage.store import Change, Gone, Reads, Store, View
from daemon.mailing.mailing_terms import (
    Audiences,
    AudienceSaved,
    AudienceTerms,
    ListTerms,
    ShownAudience,
)
from daemon.programme.programme import Programme
from daemon.reports.asking import check_asked
from daemon.reports.catalogue import REPORTS
from daemon.reports.chosen import of_rows
from daemon.reports.filters import Filters, day_said
from daemon.reports.people import people
from daemon.reports.period import Period
from daemon.reports.report import Asked, Report
from daemon.reports.report_reader import ReportReader

PART_ACCOUNTS = 10_000
LIST, QUESTION = "list", "question"
BEHIND_ALL = "~"


class AskedAudience(msgspec.Struct, frozen=True, kw_only=True):
    """What a report is asked for an audience; see ``AudienceTerms``."""

    report: str
    first: str
    last: str
    filters: Filters
    everybody: bool


class AudienceBook:
    """Saves audiences and reads them. ``programme`` is in force."""

    def __init__(
        self,
        ledger: Ledger,
        reports: ReportReader,
        clock: Clock,
        programme: Callable[[], Programme],
    ) -> None:
        self._ledger = ledger
        self._reports = reports
        self._clock = clock
        self._programme = programme
        self._one_list = asyncio.Lock()

    async def save(
        self,
        key: RequestKey,
        terms: AudienceTerms,
        narrowed: Callable[[Report, Filters], Filters],
        signed: Signed = UNSIGNED,
    ) -> msgspec.Raw:
        """Save an audience, once.

        narrowed: returns the filters as whoever asks may see the report.
        Raises:   ParamError for a report without customers, and for more than MAILED_MAX.
        """
        stored, _ = await self._ledger.stored_answer(key)
        if stored is not None:
            return stored
        report = _report_of(terms.report)
        asked = AskedAudience(
            report=report.name,
            first=terms.first,
            last=terms.last,
            filters=narrowed(report, terms.filters),
            everybody=terms.everybody,
        )
        accounts = await self._reports.ask(partial(self._chosen, asked=asked))
        if len(accounts) > MAILED_MAX:
            raise ParamError("filters", f"choose more than {MAILED_MAX:,} customers")
        async with self._one_list:
            upload = await self._keep(accounts) if terms.frozen else ""
            return await self._name(key, (terms, asked, signed), len(accounts), upload)

    async def _keep(self, accounts: list[AccountId]) -> str:
        """Write the parts of a list, and take away those of one that was cut."""
        beginning = f"{self._ledger.ledger_id}/"

        def loose(store: Store) -> list[AudiencePartRow]:
            return store.ask(LOOSE_PARTS, beginning, f"{beginning[:-1]}0")

        while rows := await self._ledger.read(loose):
            gone = tuple(Gone(AudiencePartRow, (row.upload, row.part)) for row in rows)
            await self._ledger.write(Change(gone=gone))
        upload = f"{beginning}{rfc3339(self._clock.now())}"
        for part, start in enumerate(range(0, len(accounts), PART_ACCOUNTS)):
            some = msgspec.json.encode(accounts[start : start + PART_ACCOUNTS])
            await self._ledger.write(Change(rows=(AudiencePartRow(upload, part, packed(some)),)))
        return upload

    async def _name(
        self,
        key: RequestKey,
        said: tuple[AudienceTerms, AskedAudience, Signed],
        count: int,
        upload: str,
    ) -> msgspec.Raw:
        (terms, asked, signed), now = said, self._clock.now()
        at, year = rfc3339(now), self._programme().days.day_of(now).year
        counter = f"@audience:{year}"

        def job(store: Store, view: View) -> tuple[Change, AudienceSaved]:
            number = f"au-{year}-{view.counters.get(counter, 0) + 1:04d}"
            row = AudienceRow(
                audience=number,
                made_at=at,
                by=terms.by,
                title=terms.title,
                kind=LIST if terms.frozen else QUESTION,
                question=msgspec.json.encode(asked).decode(),
                count=count,
                upload=upload,
            )
            detail = {
                "event": "audience",
                "by": terms.by,
                "report": asked.report,
                "count": count,
                "frozen": terms.frozen,
                **signed.approved,
            }
            entry = msgspec.structs.replace(
                mailing_entry(at, number, detail), counters=(CounterMove(counter, 1),)
            )
            return Change(entry=entry, rows=(row,)), AudienceSaved(audience=number, count=count)

        return await self._ledger.once(key, at, job, Reads(counters=(counter,)))

    async def listed(self, terms: ListTerms) -> Audiences:
        """List audiences, the newest first."""
        rows = await self._ledger.read(
            lambda store: store.ask(AUDIENCES_BEFORE, terms.after or BEHIND_ALL, terms.limit)
        )
        shown = (
            ShownAudience(
                audience=row.audience,
                title=row.title,
                frozen=row.kind == LIST,
                count=row.count,
                made_at=row.made_at,
                by=row.by,
                report=asked_of(row).report,
            )
            for row in rows
        )
        is_full = len(rows) == terms.limit
        return Audiences(audiences=tuple(shown), next=rows[-1].audience if is_full else "")

    def accounts(self, store: Store, number: str) -> list[AccountId]:
        """Return who an audience is now, in the order of their ids.

        Raises: RefusedError CARD_UNKNOWN for one that is not there; ParamError as `save`.
        """
        row = audience_named(store, number)
        if row.kind == QUESTION:
            accounts = self._chosen(store, asked_of(row))
            if len(accounts) > MAILED_MAX:
                raise ParamError("audience", f"is more than {MAILED_MAX:,} customers by now")
            return accounts
        found: list[AccountId] = []
        for part in range(-(-row.count // PART_ACCOUNTS)):
            kept = store.ask_one(PART, row.upload, part)
            assert kept is not None, "the row is written after its parts"
            found += msgspec.json.decode(unpacked(kept.accounts), type=list[AccountId])
        return found

    def _chosen(self, store: Store, asked: AskedAudience) -> list[AccountId]:
        """Ask a report for the accounts of its rows, at most one more than there may be."""
        programme = self._programme()
        today = programme.days.day_of(self._clock.now())
        report = _report_of(asked.report)
        question = Asked(
            period=Period(_day(asked.first, today, "from"), _day(asked.last, today, "to")),
            filters=asked.filters,
            today=today,
            programme=programme,
            everybody=asked.everybody,
            has_merged=bool(store.ask(ANY_MERGED)),
        )
        check_asked(report, question)
        assert report.select is not None, "a row of it is an account"
        rows, where = report.select(question), of_rows(asked.filters)
        text = (
            f"SELECT key FROM ({rows.text}) AS r WHERE {where.text}"
            f" ORDER BY key LIMIT {MAILED_MAX + 1}"
        )
        return store.ask(Question(text, AccountId), *rows.values, *where.values)


def mailing_entry(at: str, number: str, said: Mapping[str, object]) -> Entry:
    """Return the entry of what was done with an audience or a mailing."""
    return Entry(at=at, kind="mailing", ref=number, detail=msgspec.Raw(msgspec.json.encode(said)))


def audience_named(store: Store, number: str) -> AudienceRow:
    """Return an audience. Raises RefusedError CARD_UNKNOWN."""
    row = store.ask_one(AUDIENCE, number)
    if row is None:
        raise RefusedError(ErrorCode.CARD_UNKNOWN, f"There is no audience {number}.")
    return row


def asked_of(row: AudienceRow) -> AskedAudience:
    """Return what a report is asked for an audience."""
    return msgspec.json.decode(row.question, type=AskedAudience)


def _day(said: str, today: date, path: str) -> date:
    return day_said(said, today, path) if said else today


def _report_of(name: str) -> Report:
    known = {one.name: one for one in REPORTS.values() if one.put is people}
    if name not in known:
        raise ParamError("report", f"has no customers in its rows; these have: {', '.join(known)}")
    return known[name]
