"""Closings: the till sums a run of its ledger, signs it, and goes on. See their sums.

A hundred thousand entries take seconds to sum, and a sale waits for none of them: the run is gone
through beforehand by a reading connection, page by page. Only what came meanwhile is read in the
transaction that writes the closing, in which nothing else can come between.
"""

from collections.abc import Iterable
from functools import partial
from typing import Annotated, NamedTuple

import msgspec

from daemon.accounts.operators import Operator
from daemon.base.approval import UNSIGNED, Approvable, Signed
from daemon.base.ids import LedgerId
from daemon.base.params import Params
from daemon.base.permissions import Action, Sight, sight
from daemon.base.receipt_codes import TillNames
from daemon.base.refusals import ErrorCode, ParamError, RefusedError
from daemon.base.text_limits import IdText, RequestId, SaidText, Text
from daemon.keys.signing_keys import SigningKey
from daemon.ledger.closing_sums import (
    CLOSING,
    Closing,
    SignedClosing,
    Tally,
    closing_name,
    closing_of,
    number_of,
    signed_closing,
)
from daemon.ledger.entries import GENESIS_HASH, Entry, decode
from daemon.ledger.ledger import RequestKey
from daemon.ledger.posted_facts import facts_of
from daemon.ledger.storage import closing_queries
from daemon.ledger.storage.closing_queries import CLOSINGS_AFTER, LAST_CLOSING
from daemon.ledger.storage.closing_rows import ClosingRow
from daemon.ledger.storage.queries import ENTRIES_AFTER, HEAD, LEDGERS, ROWS_MAX
from daemon.ledger.storage.store import Change, Store, View
from daemon.shop.shop import Moment, Shop


class CloseTerms(Approvable, frozen=True, kw_only=True):
    """A run of this till's ledger ends here."""

    request_id: RequestId
    by: SaidText


class ClosingTerms(Params, frozen=True, kw_only=True):
    """A closing by its name, of this till or of another ``ledger`` of the database."""

    closing: IdText
    ledger: IdText = ""
    reader: Text = ""


class ClosingsTerms(Params, frozen=True, kw_only=True):
    """Closings of this till or of another ``ledger``, behind the one that is called ``after``."""

    ledger: IdText = ""
    after: IdText = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=ROWS_MAX)] = 100
    reader: Text = ""


class ClosingDone(SignedClosing, frozen=True, kw_only=True):
    """A closing that was made."""

    replayed: bool = False


class ClosingHead(msgspec.Struct, frozen=True, kw_only=True):
    """A closing in a list; amounts are in minor units, sales less what came back."""

    closing: str
    number: int
    store: str
    day: str
    at: str
    by: str
    first: int
    last: int
    sales: int
    returns: int
    list_total: int
    discount: int
    net: int


class ClosingList(msgspec.Struct, frozen=True, kw_only=True):
    """Some closings of a ledger. ``next``: what to ask for behind, or "" at their end.

    ledgers: those of the database, one a till.
    """

    ledger_id: LedgerId
    closings: tuple[ClosingHead, ...]
    next: str
    ledgers: tuple[LedgerId, ...]


class _Run(NamedTuple):
    """Entries that were summed: from ``first`` to ``last``, after closing ``number``."""

    number: int
    first: int
    last: int
    tally: Tally

    @classmethod
    def begun(cls, row: ClosingRow | None) -> "_Run":
        number, first = (row.number, row.seq) if row else (0, 1)
        return cls(number, first, first - 1, Tally())


def _next_page(store: Store, run: _Run, last: int) -> _Run:
    """Return a run with the next page of entries up to ``last``; the run before is used up."""
    entries = store.ask(ENTRIES_AFTER, store.ledger_id, run.last, last)
    for _, body in entries:
        entry = decode(body)
        run.tally.add(entry, facts_of(entry))
    return run._replace(last=entries[-1][0] if entries else last)


class Closings:
    """Closes this till's runs, and shows what was closed."""

    def __init__(self, shop: Shop, key: SigningKey, till: TillNames) -> None:
        self._shop = shop
        self._key = key
        self._till = till

    async def close(
        self, key: RequestKey, terms: CloseTerms, signed: Signed = UNSIGNED
    ) -> msgspec.Raw:
        """Close the run of entries since the last closing, once."""
        ledger = self._shop.ledger
        answer, _ = await ledger.stored_answer(key)
        if answer is not None:
            return answer
        summed = await self._summed()
        moment = self._shop.moment()

        def job(store: Store, view: View) -> tuple[Change, ClosingDone]:
            run, end = _up_to_now(store, summed)
            made = self._made(run, end, store.ledger_id, moment, terms.by, signed)
            entry = Entry(
                at=moment.at,
                kind=CLOSING,
                ref=made.closing,
                detail=msgspec.Raw(msgspec.json.encode(made)),
            )
            row = ClosingRow(store.ledger_id, made.number, made.closing)
            return Change(entry=entry, rows=(row,)), _done(made)

        return await ledger.once(key, moment.at, job)

    def _made(
        self,
        run: _Run,
        end: tuple[int, bytes],
        ledger_id: LedgerId,
        moment: Moment,
        by: str,
        signed: Signed,
    ) -> SignedClosing:
        number = run.number + 1
        closing = Closing(
            closing=closing_name(self._till.terminal, number),
            ledger_id=ledger_id,
            number=number,
            store=self._till.store,
            terminal=self._till.terminal,
            day=str(moment.today),
            at=moment.at,
            by=by,
            approved_by=signed.approved_by,
            first=run.first,
            last=end[0],
            head=end[1].hex(),
            sums=run.tally.sums(),
        )
        return signed_closing(closing, self._key)

    async def _summed(self) -> _Run:
        """Sum what there is, a page at a time: sales are read and written between."""
        ledger = self._shop.ledger

        def begin(store: Store) -> tuple[_Run, int]:
            last, _ = store.ask_one(HEAD, store.ledger_id) or (0, GENESIS_HASH)
            return _Run.begun(store.ask_one(LAST_CLOSING, store.ledger_id)), last

        run, last = await ledger.read(begin)
        while run.last < last:
            run = await ledger.read(partial(_next_page, run=run, last=last))
        return run

    async def show(self, terms: ClosingTerms, reader: Operator | None) -> SignedClosing:
        """Show a closing. Raises ParamError; RefusedError PERMISSION."""
        _check_reader(reader)

        def read(store: Store) -> list[bytes]:
            place = (terms.ledger or store.ledger_id, number_of(terms.closing))
            return store.ask(closing_queries.CLOSING, *place)

        found = [closing_of(decode(body)) for body in await self._shop.ledger.read(read)]
        closing = next((one for one in found if one.closing == terms.closing), None)
        if closing is None:
            example = closing_name(self._till.terminal, 42)
            raise ParamError("closing", f"{terms.closing!r} is none; write such as {example}")
        if not _sees(reader, closing):
            raise RefusedError(ErrorCode.PERMISSION, "This closing is of another store.")
        return closing

    async def list_closings(self, terms: ClosingsTerms, reader: Operator | None) -> ClosingList:
        """List closings, those of the reader's stores. Raises RefusedError PERMISSION."""
        _check_reader(reader)

        def read(store: Store) -> tuple[LedgerId, list[bytes], list[tuple[str, int]]]:
            ledger_id = LedgerId(terms.ledger or store.ledger_id)
            bodies = store.ask(CLOSINGS_AFTER, ledger_id, number_of(terms.after))
            return ledger_id, bodies[: terms.limit], store.ask(LEDGERS)

        ledger_id, bodies, ledgers = await self._shop.ledger.read(read)
        closings = [closing_of(decode(body)) for body in bodies]
        return ClosingList(
            ledger_id=ledger_id,
            closings=tuple(_heads(one for one in closings if _sees(reader, one))),
            next=closings[-1].closing if len(closings) == terms.limit else "",
            ledgers=tuple(sorted(LedgerId(name) for name, _ in ledgers)),
        )


def _up_to_now(store: Store, summed: _Run) -> tuple[_Run, tuple[int, bytes]]:
    """Return the run up to the newest entry, and that: (seq, hash). Within the writer."""
    row = store.ask_one(LAST_CLOSING, store.ledger_id)
    run = _Run.begun(row)
    if run.number == summed.number:  # else another closing came meanwhile; it is short now
        run = summed._replace(tally=summed.tally.copied())  # the job may have to run again
    end = store.ask_one(HEAD, store.ledger_id) or (0, GENESIS_HASH)
    while run.last < end[0]:
        run = _next_page(store, run, end[0])
    return run, end


def _done(made: SignedClosing) -> ClosingDone:
    return ClosingDone(**{name: getattr(made, name) for name in SignedClosing.__struct_fields__})


def _heads(closings: Iterable[SignedClosing]) -> Iterable[ClosingHead]:
    for one in closings:
        yield ClosingHead(
            closing=one.closing,
            number=one.number,
            store=one.store,
            day=one.day,
            at=one.at,
            by=one.by,
            first=one.first,
            last=one.last,
            sales=one.sums.sales,
            returns=one.sums.returns,
            list_total=one.sums.in_all.list_total,
            discount=one.sums.in_all.discount,
            net=one.sums.in_all.net,
        )


def _check_reader(reader: Operator | None) -> None:
    if reader is not None and sight(reader.role, Action.EXPORT_BOOKS) is Sight.NOTHING:
        raise RefusedError(ErrorCode.PERMISSION, "Managers, the owner and accountants read this.")


def _sees(reader: Operator | None, closing: Closing) -> bool:
    if reader is None or sight(reader.role, Action.EXPORT_BOOKS) is Sight.ALL:
        return True
    return reader.acts_in(closing.store)
