"""Customers from a shop's own table: checked whole, then made by the till, and undone for a week.

    import.begin    the heading                  what each column is for
    import.rows     200 rows, and the next …     kept and checked; numbers are reserved
    import.check    what is wrong                nothing is made yet; import.drop forgets it
    import.apply    I-2026-0001                  from here on it is the till's own work
    200 rows        an entry ``import`` each     kill -9
    200 rows        after the next start, until all are done

A table that nobody applied is forgotten at the next start, or when the next one comes. What was
applied is gone on with whatever ends the till or the command, so that an import is never half
there. A row that something has overtaken since it was checked (its customer came by another way, a
question was taken off) is left, and named with why.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial

import msgspec

from daemon.accounts.cards import Cards
from daemon.accounts.long_work import LongWork
from daemon.base.approval import UNSIGNED, Signed
from daemon.base.clock import Clock, rfc3339
from daemon.base.ids import LedgerId
from daemon.base.refusals import ErrorCode, ParamError, RefusedError
from daemon.base.spreadsheets import ROWS_MAX
from daemon.customers.import_checks import BAD, WAITS, RowChecks, Table, Waiting
from daemon.customers.import_columns import Known, Problem, columns_of
from daemon.customers.import_people import ImportPeople, Upload
from daemon.customers.import_terms import (
    ApplyImportTerms,
    BadRow,
    BeginImportTerms,
    CheckImportTerms,
    DropImportTerms,
    ImportBegun,
    ImportChecked,
    ImportColumns,
    ImportDropped,
    ImportRowsTerms,
    Imports,
    ImportShown,
    ImportStaged,
    ImportStatusTerms,
    ListedImport,
    ListImportsTerms,
    ToldRow,
    UndoImportTerms,
)
from daemon.customers.import_undo import StaysError, undone
from daemon.customers.profiles import Profiles
from daemon.ledger.entries import CounterMove, Entry
from daemon.ledger.ledger import Ledger, RequestKey
from daemon.ledger.storage.card_queries import STAGED_OF, UPLOAD_AFTER
from daemon.ledger.storage.card_rows import StagedRow
from daemon.ledger.storage.import_queries import (
    FORGOTTEN_TOGETHER,
    IMPORT,
    IMPORT_OF_UPLOAD,
    IMPORT_TOGETHER,
    IMPORT_UNFINISHED,
    IMPORTS_BEFORE,
    KEYS_OF_UPLOAD,
    KEYS_UPLOAD_AFTER,
    LINES_BY_STATE,
    LINES_COUNT,
    LINES_IN_STATE,
    LINES_OF,
    LINES_UPLOAD_AFTER,
)
from daemon.ledger.storage.import_rows import ImportKeyRow, ImportLineRow, ImportRow
from daemon.ledger.storage.queries import Question
from daemon.ledger.storage.store import Change, Gone, Reads, Store, View
from daemon.programme.programme import Programme

UNDO_DAYS = 7
APPLYING, DONE, UNDOING, UNDONE = "applying", "done", "undoing", "undone"
ADDED, UPDATED, LEFT, STAYS = "added", "updated", "left", "stays"
_BEHIND_ALL = "~"
_TO_DO = {APPLYING: (WAITS,), UNDOING: (ADDED, UPDATED)}
_UPLOADS: tuple[Question[str], ...] = (UPLOAD_AFTER, KEYS_UPLOAD_AFTER, LINES_UPLOAD_AFTER)
replace = msgspec.structs.replace


class _Coming(msgspec.Struct, frozen=True):
    """The table that comes now, and what of it came."""

    request_id: str
    upload: str
    table: Table
    by: str
    count: int = 0
    new: int = 0
    changed: int = 0
    bad: int = 0


class CustomerImports:
    """Takes tables of customers, and applies and undoes them while `run` runs."""

    def __init__(
        self,
        ledger: Ledger,
        cards: Cards,
        profiles: Profiles,
        people: ImportPeople,
        clock: Clock,
        programme: Callable[[], Programme],
    ) -> None:
        self._ledger = ledger
        self._profiles = profiles
        self._people = people
        self._checks = RowChecks(people, cards.ranges)
        self._clock = clock
        self._programme = programme
        self._coming: _Coming | None = None
        self.work = LongWork(
            ledger,
            "an import of customers",
            lambda store: store.ask_one(IMPORT_UNFINISHED, store.ledger_id) is not None,
            self._do_some,
            self.forget,
        )

    # What a client asks for.

    async def begin(self, terms: BeginImportTerms) -> ImportColumns:
        """Take the heading of a table that is to come.

        Raises: ParamError, which names the columns that nobody knows.
        """
        await self.work.tidied()
        asked = await self._ledger.read(self._profiles.asked)
        programme = self._programme()
        known = Known(asked, programme.purses, programme.meters, programme.currency)
        columns = columns_of(terms.columns, terms.map, known)
        upload = _upload(self._ledger.ledger_id, terms.request_id)
        if await self._ledger.read(lambda store: store.ask_one(IMPORT_OF_UPLOAD, upload)):
            raise ParamError("request_id", "is of an import that was applied; use a new one")
        self._coming = None
        await self.forget()
        self._coming = _Coming(
            terms.request_id,
            upload,
            Table(terms.columns, columns, known, terms.update),
            terms.by,
        )
        return ImportColumns(columns)

    async def rows(self, terms: ImportRowsTerms) -> ImportStaged:
        """Keep the next rows and check them. Raises ParamError where others must come before."""
        coming = self._that_comes(terms.request_id)
        if terms.start != coming.count:
            raise ParamError("start", f"{coming.count} rows came before")
        count = coming.count + len(terms.rows)
        if count > ROWS_MAX:
            raise ParamError("rows", f"an import has at most {ROWS_MAX:,} rows")
        now = self._clock.now()

        def job(store: Store) -> _Coming:
            # Asked again here: another table may have come, or the same rows twice, meanwhile.
            _same(self._coming, terms.request_id)
            if (there := store.ask_one(LINES_COUNT, coming.upload)) != terms.start:
                raise ParamError("start", f"{there} rows came before")
            asked = self._people.asked(store)
            upload = Upload(coming.upload, "", coming.by, now, asked, set())
            page = self._checks.stage(store, coming.table, upload, terms.start, terms.rows)
            return replace(
                coming,
                count=count,
                new=coming.new + page.new,
                changed=coming.changed + page.changed,
                bad=coming.bad + page.bad,
            )

        came = await self._ledger.update(job)
        if self._coming is coming:
            self._coming = came
        return ImportStaged(count=count, new=came.new, changed=came.changed, bad=came.bad)

    async def check(self, terms: CheckImportTerms) -> ImportChecked:
        """Say what would be made of the rows that came, and what is wrong with which."""
        coming = self._that_comes(terms.request_id)
        lines = await self._ledger.read(
            lambda store: store.ask(LINES_IN_STATE, coming.upload, BAD, terms.start, terms.limit)
        )
        rows = tuple(
            BadRow(row=line.line, column=one.column, value=one.value, problem=one.problem)
            for line in lines
            for one in msgspec.json.decode(line.said, type=list[Problem])
        )
        return ImportChecked(
            count=coming.count,
            new=coming.new,
            changed=coming.changed,
            bad=coming.bad,
            rows=rows,
            next=_next(lines, terms.limit),
        )

    async def drop(self, terms: DropImportTerms) -> ImportDropped:
        """Forget a table that is not to be applied."""
        if self._coming is None or self._coming.request_id != terms.request_id:
            return ImportDropped(False)
        self._coming = None
        await self.forget()
        return ImportDropped(True)

    async def apply(
        self, key: RequestKey, terms: ApplyImportTerms, signed: Signed = UNSIGNED
    ) -> msgspec.Raw:
        """Begin to apply the rows that came, once.

        Raises: ParamError where they are not these, some are bad, or none is good.
        """
        now = self._clock.now()
        at, year = rfc3339(now), self._programme().days.day_of(now).year
        counter, coming = f"@import:{year}", self._coming

        def job(store: Store, view: View) -> tuple[Change, ImportBegun]:
            came = _checked(coming, terms)
            number = f"I-{year}-{view.counters.get(counter, 0) + 1:04d}"
            row = ImportRow(
                *(number, at, terms.by, terms.file, terms.sha256, came.upload, store.ledger_id),
                *(came.count, came.new, came.changed, came.bad, APPLYING),
            )
            said = {
                "event": "begun",
                "by": terms.by,
                "sha256": terms.sha256,
                "count": came.count,
                "new": came.new,
                "changed": came.changed,
                "skipped": came.bad,
                **signed.approved,
            }
            entry = replace(_entry(at, number, said), counters=(CounterMove(counter, 1),))
            answer = ImportBegun(import_id=number, count=came.count)
            return Change(entry=entry, rows=(row,)), answer

        answer = await self._ledger.once(key, at, job, Reads(counters=(counter,)))
        if self._coming is coming:
            self._coming = None
        self.work.begin()
        return answer

    async def undo(
        self, key: RequestKey, terms: UndoImportTerms, signed: Signed = UNSIGNED
    ) -> msgspec.Raw:
        """Begin to take an import back, once.

        Raises: RefusedError CARD_UNKNOWN for an import that is not there; BUSY while it is being
                applied; NOT_UNDOABLE after UNDO_DAYS, and a second time.
        """
        now = self._clock.now()
        at = rfc3339(now)

        def job(store: Store, view: View) -> tuple[Change, ImportBegun]:
            row = _import(store, terms.import_id)
            if row.state == APPLYING:
                raise RefusedError(ErrorCode.BUSY, f"{row.number} is still being made; wait.")
            if row.state != DONE:
                raise RefusedError(ErrorCode.NOT_UNDOABLE, f"{row.number} was undone already.")
            if now - datetime.fromisoformat(row.made_at) > timedelta(days=UNDO_DAYS):
                raise RefusedError(
                    ErrorCode.NOT_UNDOABLE, f"{row.number} is more than {UNDO_DAYS} days old."
                )
            said = {"event": "undoing", "by": terms.by, "reason": terms.reason, **signed.approved}
            change = Change(
                entry=_entry(at, row.number, said),
                rows=(replace(row, state=UNDOING, undo_by=terms.by, ledger_id=store.ledger_id),),
            )
            return change, ImportBegun(import_id=row.number, count=row.count)

        answer = await self._ledger.once(key, at, job)
        self.work.begin()
        return answer

    async def status(self, terms: ImportStatusTerms) -> ImportShown:
        """Say how far an import is. Raises RefusedError CARD_UNKNOWN."""

        async def is_there() -> bool:
            row, done = await self._ledger.read(lambda store: _how_far(store, terms.import_id))
            return row.state not in _TO_DO or done > terms.beyond

        await self.work.follow(is_there)
        return await self._ledger.read(lambda store: _shown(store, terms))

    async def listed(self, terms: ListImportsTerms) -> Imports:
        """List imports, the newest first."""
        rows = await self._ledger.read(
            lambda store: store.ask(IMPORTS_BEFORE, terms.after or _BEHIND_ALL, terms.limit)
        )
        listed = (
            ListedImport(
                import_id=row.number,
                made_at=row.made_at,
                by=row.by,
                file=row.file,
                new=row.new,
                changed=row.changed,
                skipped=row.skipped,
                state=row.state,
            )
            for row in rows
        )
        return Imports(tuple(listed), rows[-1].number if len(rows) == terms.limit else "")

    # What the till does by itself.

    async def forget(self) -> None:
        """Forget tables that nobody applied, and what undoing needs where it is too late."""
        begins = _upload(self._ledger.ledger_id, "")
        for question in _UPLOADS:
            after = begins
            while after := await self._ledger.read(partial(_upload_after, question, after)):
                if self._coming is not None and after == self._coming.upload:
                    continue
                while await self._ledger.update(partial(self._forget_some, after)):
                    pass

    def _forget_some(self, upload: str, store: Store) -> bool:
        """Forget rows of an upload; say whether there may be more."""
        row = store.ask_one(IMPORT_OF_UPLOAD, upload)
        if row is not None and row.state in _TO_DO:
            return False
        gone = _gone_beside(store, upload)
        is_old = row is None or self._clock.now() - datetime.fromisoformat(row.made_at) > timedelta(
            days=UNDO_DAYS
        )
        if is_old:
            lines = store.ask(LINES_OF, upload, 0, FORGOTTEN_TOGETHER)
            gone += [Gone(ImportLineRow, (upload, line.position)) for line in lines]
        store.write(Change(gone=tuple(gone)))
        return bool(gone)

    def _do_some(self, store: Store) -> None:
        """Go through the next rows of an import that was begun."""
        row = store.ask_one(IMPORT_UNFINISHED, store.ledger_id)
        if row is None:
            return
        lines = [
            line
            for state in _TO_DO[row.state]
            for line in store.ask(LINES_IN_STATE, row.upload, state, 0, IMPORT_TOGETHER)
        ]
        lines = sorted(lines, key=lambda line: line.position)[:IMPORT_TOGETHER]
        now, by = self._clock.now(), row.undo_by or row.by
        upload = Upload(row.upload, row.number, by, now, self._people.asked(store), set())
        if not lines:
            _finish(store, row, upload)
            return
        do = self._applied if row.state == APPLYING else _taken_back
        # All is read before anything is written: the store has it so.
        for change in [change for line in lines for change in do(store, line, upload)]:
            store.write(change)

    def _applied(self, store: Store, line: ImportLineRow, upload: Upload) -> Iterator[Change]:
        """Yield what a row that waits becomes."""
        waiting = msgspec.json.decode(line.said, type=Waiting)
        free: tuple[Gone, ...] = ()
        if waiting.row.card:
            free = (Gone(StagedRow, (line.upload, line.position)),)
        try:
            made = self._people.made(store, waiting.row, line.line, upload)
            if waiting.known and made.account != waiting.known:
                raise ParamError("row", "its customer is not who it was when it was checked")
            if not waiting.known and made.before is not None:
                raise ParamError("row", f"is a customer's by now: {made.account}")
        except (ParamError, RefusedError) as error:
            note = error.detail if isinstance(error, RefusedError) else str(error)
            yield Change(rows=(replace(line, state=LEFT, said="", note=note),), gone=free)
            return
        before = msgspec.json.encode(made.before).decode() if made.before else ""
        state = UPDATED if made.before else ADDED
        done = replace(line, state=state, said="", before=before, account=made.account)
        yield from made.consents
        change = made.change or Change()
        yield replace(change, rows=(*change.rows, done), gone=(*change.gone, *free))

    def _that_comes(self, request_id: str) -> _Coming:
        return _same(self._coming, request_id)


def _upload(ledger_id: LedgerId, request_id: str) -> str:
    return f"import/{ledger_id}/{request_id}"


def _upload_after(question: Question[str], after: str, store: Store) -> str:
    return store.ask_one(question, after, f"import/{store.ledger_id}0") or ""


def _same(coming: _Coming | None, request_id: str) -> _Coming:
    if coming is None or coming.request_id != request_id:
        raise ParamError(
            "request_id", "no table comes under it, or another came since; begin it again"
        )
    return coming


def _checked(coming: _Coming | None, terms: ApplyImportTerms) -> _Coming:
    came = _same(coming, terms.request_id)
    if came.count != terms.count:
        raise ParamError("count", f"{came.count} rows came before")
    if came.bad and not terms.skip_bad:
        raise ParamError("skip_bad", f"{came.bad} rows are bad, so that nothing is imported")
    if came.bad == came.count:
        raise ParamError("count", "there is no good row to import")
    return came


def _import(store: Store, number: str) -> ImportRow:
    row = store.ask_one(IMPORT, number)
    if row is None:
        raise RefusedError(ErrorCode.CARD_UNKNOWN, f"There is no import {number}.")
    return row


def _how_far(store: Store, number: str) -> tuple[ImportRow, int]:
    """Return an import, and how many of its rows the till has gone through."""
    row = _import(store, number)
    first = [
        line.position
        for state in _TO_DO.get(row.state, ())
        for line in store.ask(LINES_IN_STATE, row.upload, state, 0, 1)
    ]
    return row, min(first, default=row.count)


def _shown(store: Store, terms: ImportStatusTerms) -> ImportShown:
    row, done = _how_far(store, terms.import_id)
    counts, told = dict[str, int](), list[ImportLineRow]()
    if row.state in (DONE, UNDONE):  # while it is under way all of them would be counted each time
        counts = dict(store.ask(LINES_BY_STATE, row.upload))
        state = LEFT if row.state == DONE else STAYS
        told = store.ask(LINES_IN_STATE, row.upload, state, terms.start, terms.limit)
    return ImportShown(
        import_id=row.number,
        made_at=row.made_at,
        by=row.by,
        file=row.file,
        sha256=row.sha256,
        count=row.count,
        new=row.new,
        changed=row.changed,
        skipped=row.skipped,
        state=row.state,
        done=done,
        **{state: counts.get(state, 0) for state in (ADDED, UPDATED, LEFT, UNDONE, STAYS)},
        rows=tuple(ToldRow(row=one.line, account=one.account, note=one.note) for one in told),
        next=_next(told, terms.limit),
    )


def _next(lines: list[ImportLineRow], limit: int) -> int:
    return lines[-1].position + 1 if lines and len(lines) == limit else -1


def _taken_back(store: Store, line: ImportLineRow, upload: Upload) -> Iterator[Change]:
    """Yield what takes a row back, or keeps it with why."""
    try:
        yield undone(store, line, upload)
    except StaysError as error:
        yield Change(rows=(replace(line, state=STAYS, before="", note=str(error)),))


def _gone_beside(store: Store, upload: str) -> list[Gone]:
    """Return the next of what was kept beside rows that waited: what stands once, and numbers."""
    return [
        *(Gone(StagedRow, (upload, one.position)) for one in store.ask(STAGED_OF, upload, 0)),
        *(
            Gone(ImportKeyRow, (upload, one.kind, one.value))
            for one in store.ask(KEYS_OF_UPLOAD, upload)
        ),
    ]


def _finish(store: Store, row: ImportRow, upload: Upload) -> None:
    """Take away what is not needed any more, some at a time; then say that it is done."""
    bad = store.ask(LINES_IN_STATE, row.upload, BAD, 0, FORGOTTEN_TOGETHER)
    gone = [Gone(ImportLineRow, (row.upload, line.position)) for line in bad]
    gone += _gone_beside(store, row.upload)
    if gone:
        store.write(Change(gone=tuple(gone)))
        return
    state = DONE if row.state == APPLYING else UNDONE
    counts = dict(store.ask(LINES_BY_STATE, row.upload))
    entry = _entry(upload.at, row.number, {"event": state, "by": upload.by, **counts})
    store.write(Change(entry=entry, rows=(replace(row, state=state),)))


def _entry(at: str, number: str, said: Mapping[str, object]) -> Entry:
    return Entry(at=at, kind="import", ref=number, detail=msgspec.Raw(msgspec.json.encode(said)))
