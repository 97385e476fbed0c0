"""Cards by the thousand: made into stock from drawn numbers, or from those that a printer used.

A batch is begun in one transaction and made a thousand cards at a time, in jobs that sales pass
between. From its beginning on it is the till's own work: whatever ends the till or the command
meanwhile, the till goes on when it runs again, and nobody makes the rest by hand.

    batch.make     B-2026-0007, 3,000 cards           made 0
    1,000 cards    entry ``batch {from 0, count}``    made 1,000
    kill -9
    1,000 cards    entry ``batch {from 1000, count}`` made 2,000, after the next start

Numbers of a printer's come first, a thousand at a time (`CardBatches.stage`), and wait. Each is
checked as it comes: that it is the shop's, that no card has it and that it did not come before.
Nothing is made until all are there, and a number that waits is given to nobody else. A file with
a wrong number is forgotten at once; one that nobody went on with at the next start, or when the
next one comes.
"""

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Literal

import msgspec

from card_formats.credential import Medium
from card_formats.number_ranges import NumberRange
from daemon.accounts.act_contents import ActContents, ActNames, ActOffice, digest
from daemon.accounts.card_numbers import DRAWS_MAX, out_of_numbers
from daemon.accounts.cards import Cards, new_card
from daemon.accounts.long_work import LongWork
from daemon.base.approval import UNSIGNED, Approvable, Signed
from daemon.base.business_day import BusinessDays
from daemon.base.clock import Clock, rfc3339
from daemon.base.ids import NO_ACCOUNT, scoped
from daemon.base.params import Params
from daemon.base.refusals import ErrorCode, ParamError, RefusedError
from daemon.base.text_limits import IdText, RequestId, Text, read_day
from daemon.ledger.entries import CounterMove, Entry
from daemon.ledger.ledger import Ledger, RequestKey
from daemon.ledger.storage.card_queries import (
    BATCH,
    BATCH_OF_UPLOAD,
    BATCH_UNFINISHED,
    CARDS_OF_BATCH,
    NUMBERS_STAGED,
    NUMBERS_TAKEN,
    STAGED_COUNT,
    STAGED_OF,
    TOGETHER_MAX,
    UPLOAD_AFTER,
    filled_up,
)
from daemon.ledger.storage.card_rows import ActRow, BatchRow, StagedRow
from daemon.ledger.storage.rows import identified
from daemon.ledger.storage.store import Change, Gone, KeptRow, Reads, Store, View

COUNT_MAX = 1_000_000
COST_MAX = 10**15
DRAWN_FROM = "phone"
"""The range of the numbers that are drawn where none is named."""


class StageTerms(Params, frozen=True, kw_only=True):
    """A printer's numbers, the next ones of ``request_id``, with which `batch.make` comes.

    start: how many came before; with 0 what came under other ids and was not begun is forgotten.
    """

    request_id: RequestId
    start: Annotated[int, msgspec.Meta(ge=0, le=COUNT_MAX)]
    numbers: Annotated[tuple[IdText, ...], msgspec.Meta(min_length=1, max_length=TOGETHER_MAX)]


class Staged(msgspec.Struct, frozen=True):
    """How many numbers of the request wait."""

    count: int


class BatchTerms(Approvable, frozen=True, kw_only=True):
    """``count`` cards for the stock.

    staged:     of the numbers that came before under this id, ``count`` of them; else they are
                drawn from ``numbers``, the name of a ``[[number_range]]``, or as single cards are.
    until:      the last local day of all of them, or "".
    total_cost: in minor units; vat_bp: the tax on top of it; book: the account they are kept on.
    """

    request_id: RequestId
    count: Annotated[int, msgspec.Meta(ge=1, le=COUNT_MAX)]
    kind: Annotated[IdText, msgspec.Meta(min_length=1)]
    staged: bool = False
    numbers: Text = ""
    issuer: Text = ""
    until: Text = ""
    total_cost: Annotated[int, msgspec.Meta(ge=0, le=COST_MAX)] = 0
    vat_bp: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 0
    book: Literal["10", "41"] = "10"
    supplier: Text = ""
    document: Text = ""
    by: Text = ""


class BatchBegun(msgspec.Struct, frozen=True):
    """The batch that is being made."""

    batch: str
    count: int
    replayed: bool = False


class ShowBatchTerms(Params, frozen=True):
    """A batch. ``beyond``: answer when more cards are made than these, or after some seconds."""

    batch: IdText
    beyond: int = -1


class BatchShown(msgspec.Struct, frozen=True, kw_only=True):
    """A batch: ``made`` of its ``count`` cards are there. ``until``: RFC 3339, or ""."""

    batch: str
    made_at: str
    by: str
    kind: str
    issuer: str
    count: int
    made: int
    total_cost: int
    vat_bp: int
    book: str
    supplier: str
    document: str
    until: str


class BatchCardsTerms(Params, frozen=True, kw_only=True):
    """Cards of a batch, from the one with this index on."""

    batch: IdText
    start: Annotated[int, msgspec.Meta(ge=0)] = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=TOGETHER_MAX)] = TOGETHER_MAX


class BatchCard(msgspec.Struct, frozen=True):
    """A card of a batch; ``cost`` in minor units."""

    index: int
    number: str
    state: str
    cost: int


class BatchCards(msgspec.Struct, frozen=True):
    """Some cards of a batch, in order."""

    cards: tuple[BatchCard, ...]


class CardBatches:
    """Begins batches, and makes them while `run` runs. ``days`` says the shop's."""

    def __init__(
        self,
        ledger: Ledger,
        cards: Cards,
        clock: Clock,
        days: Callable[[], BusinessDays],
        office: Callable[[], ActOffice],
    ) -> None:
        self._ledger = ledger
        self._cards = cards
        self._clock = clock
        self._days = days
        self._office = office
        self.work = LongWork(
            ledger,
            "a batch of cards",
            lambda store: _unfinished(store) is not None,
            self._make_some,
            self._forget,
        )

    # What a client asks for.

    async def stage(self, terms: StageTerms) -> Staged:
        """Keep a printer's numbers until their batch is begun.

        Raises: RefusedError MISREAD, CARD_UNKNOWN, NUMBER_TAKEN, whose ``extra`` has the number's
                ``line`` in the file, from 1; ParamError where others must come before.
        """
        await self.work.tidied()  # what is left of the last run goes before anything new comes
        if terms.start == 0:
            await self._forget(but=scoped(self._ledger.ledger_id, terms.request_id))

        def job(store: Store) -> Staged:
            upload = scoped(store.ledger_id, terms.request_id)
            known = store.ask_one(STAGED_COUNT, upload) or 0
            if known != terms.start:
                raise ParamError("start", f"{known} numbers came before")
            rows = self._staged(store, upload, terms)
            store.write(Change(rows=rows))
            return Staged(known + len(rows))

        try:
            return await self._ledger.update(job)
        except RefusedError as refusal:
            if "line" in refusal.extra:  # the file is no good: none of its numbers waits any more
                await self._forget()
            raise

    async def make(
        self, key: RequestKey, terms: BatchTerms, signed: Signed = UNSIGNED
    ) -> msgspec.Raw:
        """Begin a batch, once.

        Raises: RefusedError LIMIT_REACHED where the range has too few free numbers; ParamError.
        """
        now = self._clock.now()
        at, year = rfc3339(now), self._days().day_of(now).year
        counter = f"@batch:{year}"
        drawn_from = "" if terms.staged else terms.numbers or DRAWN_FROM

        def job(store: Store, view: View) -> tuple[Change, BatchBegun]:
            upload = scoped(store.ledger_id, terms.request_id) if terms.staged else ""
            came = store.ask_one(STAGED_COUNT, upload)
            if terms.staged and came != terms.count:
                raise ParamError("count", f"{came} numbers came before")
            if drawn_from:
                self._check_room(store, drawn_from, terms.count)
            batch = f"B-{year}-{view.counters.get(counter, 0) + 1:04d}"
            row = BatchRow(
                *(batch, at, terms.by, terms.kind, terms.issuer, terms.count, terms.total_cost),
                *(terms.vat_bp, terms.book, terms.supplier, terms.document),
                *(self._end_of(terms.until), drawn_from, upload, store.ledger_id),
            )
            said = {
                "batch": batch,
                "event": "begun",
                "by": terms.by,
                "kind": terms.kind,
                "issuer": terms.issuer,
                "count": terms.count,
                "total_cost": terms.total_cost,
                "vat_bp": terms.vat_bp,
                "book": terms.book,
            }
            entry = _entry(at, batch, said | signed.approved)
            entry = msgspec.structs.replace(entry, counters=(CounterMove(counter, 1),))
            return Change(entry=entry, rows=(row,)), BatchBegun(batch, terms.count)

        answer = await self._ledger.once(key, at, job, Reads(counters=(counter,)))
        self.work.begin()
        return answer

    async def show(self, terms: ShowBatchTerms) -> BatchShown:
        """Show a batch. Raises RefusedError CARD_UNKNOWN."""

        async def is_there() -> bool:
            row = await self._batch(terms.batch)
            return not row.made <= terms.beyond < row.count

        await self.work.follow(is_there)
        row = await self._batch(terms.batch)
        return BatchShown(**{name: getattr(row, name) for name in BatchShown.__struct_fields__})

    async def cards(self, terms: BatchCardsTerms) -> BatchCards:
        """Return cards of a batch. Raises RefusedError CARD_UNKNOWN."""
        row = await self._batch(terms.batch)
        found = await self._ledger.read(
            lambda store: store.ask(CARDS_OF_BATCH, terms.batch, terms.start, terms.limit)
        )
        return BatchCards(
            tuple(
                BatchCard(one.batch_index, one.number, one.state, row.cost_of(one.batch_index))
                for one in found
            )
        )

    # What the till does by itself.

    def _make_some(self, store: Store) -> None:
        """Make the next cards of a batch that was begun."""
        row = _unfinished(store)
        if row is None:
            return
        count = min(TOGETHER_MAX, row.count - row.made)
        if row.upload:
            staged = tuple(store.ask(STAGED_OF, row.upload, row.made))[:count]
            numbers = tuple(one.number for one in staged)
            gone = tuple(Gone(StagedRow, (one.upload, one.position)) for one in staged)
            if store.ask(NUMBERS_TAKEN, *filled_up(numbers)):
                raise RefusedError(ErrorCode.NUMBER_TAKEN, f"A number of {row.batch} is taken.")
        else:
            numbers, gone = self._drawn(store, row.numbers, count), ()
        assert len(numbers) == count
        rows: list[KeptRow] = [msgspec.structs.replace(row, made=row.made + count)]
        for index, number in enumerate(numbers, start=row.made):
            card = new_card(
                NO_ACCOUNT, kind=row.kind, number=number, until=row.until, issuer=row.issuer
            )
            place = {"state": "stock", "batch": row.batch, "batch_index": index}
            rows += identified(msgspec.structs.replace(card, **place), [("number", number)])
        now = self._clock.now()
        said: dict[str, object] = {"batch": row.batch}
        said |= {"from": row.made, "count": count, "sha256": digest(numbers)}
        moves: tuple[CounterMove, ...] = ()
        if row.made + count == row.count:
            receipt, counted = self._receipt(store, row, now)
            rows.append(receipt)
            said["act"] = receipt.act
            moves = (counted,)
        entry = msgspec.structs.replace(_entry(rfc3339(now), row.batch, said), counters=moves)
        store.write(Change(entry=entry, rows=tuple(rows), gone=gone))

    def _receipt(self, store: Store, row: BatchRow, now: datetime) -> tuple[ActRow, CounterMove]:
        """Return the act of a whole batch's receipt."""
        contents = ActContents(
            batch=row.batch, supplier=row.supplier, document=row.document, vat_bp=row.vat_bp
        )
        act, number = self._office().drawn_up(
            store, "R", now, self._days(), row.by, contents, ActNames()
        )
        return msgspec.structs.replace(act, count=row.count, total=row.total_cost), number

    # Numbers.

    def _staged(self, store: Store, upload: str, terms: StageTerms) -> tuple[StagedRow, ...]:
        rows: list[StagedRow] = []
        lines: dict[str, int] = {}
        for position, text in enumerate(terms.numbers, start=terms.start):
            number = self._own(text, position + 1)
            if number in lines:
                raise _at_line(position + 1, text, f"stands in line {lines[number]} already")
            lines[number] = position + 1
            rows.append(StagedRow(upload, position, number))
        several = filled_up(tuple(lines))
        if taken := store.ask(NUMBERS_TAKEN, *several):
            first = min(taken, key=lines.__getitem__)
            raise _at_line(lines[first], first, "is on a card already")
        for other in store.ask(NUMBERS_STAGED, *several):
            where = f"stands in line {other.position + 1} already"
            if other.upload != upload:
                where = "waits for another batch"
            raise _at_line(lines[other.number], other.number, where)
        return tuple(rows)

    def _own(self, text: str, line: int) -> str:
        try:
            return self._cards.identifier(text)[1]
        except RefusedError as refusal:
            detail = f"Line {line}: {refusal.detail}"
            raise RefusedError(refusal.code, detail, extra={"line": line}) from None

    def _range(self, name: str) -> NumberRange:
        for one in self._cards.ranges:
            if one.name == name and not one.live:
                return one
        known = ", ".join(one.name for one in self._cards.ranges if not one.live)
        raise ParamError("numbers", f"{name!r} is no number range; there are: {known}")

    def _check_room(self, store: Store, name: str, count: int) -> None:
        """Refuse a batch that would fill its range to more than a half: draws would take long."""
        one = self._range(name)
        free = int(10**one.body_chars * self._free_share(store, one))
        if count > free // 2:
            raise out_of_numbers()

    def _free_share(self, store: Store, one: NumberRange) -> float:
        sample = {self._draw(one) for _ in range(TOGETHER_MAX)}
        taken = store.ask(NUMBERS_TAKEN, *filled_up(tuple(sample)))
        return 1 - len(taken) / len(sample)

    def _drawn(self, store: Store, name: str, count: int) -> tuple[str, ...]:
        one, drawn = self._range(name), dict[str, None]()
        for _ in range(DRAWS_MAX):
            new = {self._draw(one): None for _ in range(count - len(drawn))}
            several = filled_up(tuple(new))
            taken = {*store.ask(NUMBERS_TAKEN, *several)}
            taken |= {row.number for row in store.ask(NUMBERS_STAGED, *several)}
            drawn |= {number: None for number in new if number not in taken}
            if len(drawn) == count:
                return tuple(drawn)
        raise out_of_numbers()

    def _draw(self, one: NumberRange) -> str:
        body = str(secrets.randbelow(10**one.body_chars)).zfill(one.body_chars)
        number = one.compose(body)
        return one.claim(number, (one.media or (Medium.TYPED,))[0]) or number

    async def _forget(self, but: str = "") -> None:
        """Forget numbers of this till that wait for a batch that nobody began."""
        upload, end = scoped(self._ledger.ledger_id, ""), f"{self._ledger.ledger_id}0"
        while found := await self._next_upload(upload, end):
            upload = found
            if upload == but:
                continue
            while await self._ledger.update(partial(_forget_some, upload)):
                pass

    async def _next_upload(self, after: str, end: str) -> str:
        found = await self._ledger.read(lambda store: store.ask_one(UPLOAD_AFTER, after, end))
        return found or ""

    async def _batch(self, batch: str) -> BatchRow:
        row = await self._ledger.read(lambda store: store.ask_one(BATCH, batch))
        if row is None:
            raise RefusedError(ErrorCode.CARD_UNKNOWN, f"There is no batch {batch}.")
        return row

    def _end_of(self, day: str) -> str:
        """Return the moment after a local day, RFC 3339, or ""."""
        if not day:
            return ""
        last, today = read_day(day, "until"), self._days().day_of(self._clock.now())
        if last < today:
            raise ParamError("until", f"{day} is not a day to come")
        return rfc3339(self._days().start_of(last + timedelta(days=1)))


def _unfinished(store: Store) -> BatchRow | None:
    return store.ask_one(BATCH_UNFINISHED, store.ledger_id)


def _forget_some(upload: str, store: Store) -> bool:
    """Forget numbers that no batch is made of; say whether there were any."""
    if store.ask_one(BATCH_OF_UPLOAD, store.ledger_id, upload) is not None:
        return False
    rows = store.ask(STAGED_OF, upload, 0)
    store.write(Change(gone=tuple(Gone(StagedRow, (upload, row.position)) for row in rows)))
    return bool(rows)


def _at_line(line: int, number: str, what: str) -> RefusedError:
    detail = f"Line {line}: {number} {what}."
    return RefusedError(ErrorCode.NUMBER_TAKEN, detail, extra={"line": line})


def _entry(at: str, batch: str, said: Mapping[str, object]) -> Entry:
    detail = msgspec.Raw(msgspec.json.encode(said))
    return Entry(at=at, kind="batch", ref=batch, detail=detail)
