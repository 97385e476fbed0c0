"""The ledger as the rest of the daemon sees it: idempotent requests, and reads beside them."""

import asyncio
import hashlib
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec

from daemon.base.clock import rfc3339
from daemon.base.ids import NO_SALE, LedgerId, PosSaleId, SaleId, scoped
from daemon.base.params import Params
from daemon.base.refusals import ErrorCode, ParamError, RefusedError
from daemon.ledger.erased import not_overwritten, note_overwritten
from daemon.ledger.readers import LedgerReaders, unreadable
from daemon.ledger.sale_rows import SaleRow
from daemon.ledger.sale_states import SaleEvent
from daemon.ledger.sales import release
from daemon.ledger.storage.packing import packed, unpacked
from daemon.ledger.storage.queries import EXPIRED_HOLDS, NEWEST_AT, NEWEST_OF_OTHERS
from daemon.ledger.storage.rows import RequestRow, too_new
from daemon.ledger.storage.store import (
    Change,
    Reads,
    Store,
    StoreError,
    View,
)
from daemon.ledger.writer import LedgerWriter

T = TypeVar("T")
Job = Callable[[Store, View], tuple[Change, msgspec.Struct]]
NOTHING = Reads()
OTHERS_HOLDS = timedelta(days=1)
"""How much longer another till's hold is left alone: its clock may be another."""
log = logging.getLogger(__name__)
_FIRST, _AGAIN = b'"replayed":false}', b'"replayed":true}'


class RequestKey(msgspec.Struct, frozen=True):
    """What makes a writing request the same again: method, the POS's id, a SHA-256 of content.

    scope: the ledger that it was made under; "" is the one that is asked.
    """

    method: str
    request_id: str
    content: bytes
    scope: LedgerId = LedgerId("")

    @classmethod
    def of(cls, method: str, request_id: str, params: msgspec.Struct) -> "RequestKey":
        """Make the key of a request whose known fields are ``params``, but for its secrets."""
        content = params.kept if isinstance(params, Params) else params
        canonical = msgspec.json.encode(content, order="sorted")
        return cls(method, request_id, hashlib.sha256(canonical).digest())

    def place(self, own: LedgerId) -> tuple[str, str]:
        """Return what its row is found by, in the ledger ``own``."""
        return self.method, scoped(self.scope or own, self.request_id)


class Ledger:
    """One ledger, one writer. ``writing`` and ``reading`` are two connections to one database.

    open_reading: opens more of the second kind, for questions that are asked at the same time.
    """

    def __init__(
        self, writing: Store, reading: Store, open_reading: Callable[[], Store] | None = None
    ) -> None:
        self.ledger_id = writing.ledger_id
        self._writing = writing
        self._writer = LedgerWriter(writing)
        self._readers = LedgerReaders(reading, open_reading)

    def sale_id(self, given: PosSaleId) -> SaleId:
        """Return the id of a sale that this till's POS has named."""
        return SaleId(scoped(self.ledger_id, given))

    async def newest_time(self) -> str:
        """Return when this ledger's newest entry was made, RFC 3339, or "" before the first."""
        return await self.read(lambda store: store.ask_one(NEWEST_AT, store.ledger_id)) or ""

    async def newest_of_others(self) -> list[str]:
        """Return when each other till of this database made its newest entry, RFC 3339."""
        times = await self.read(lambda store: store.ask(NEWEST_OF_OTHERS, store.ledger_id))
        return [time for time in times if time]

    @property
    def head(self) -> str:
        """The newest entry that was answered, as ``entry N, head HASH``, to be kept elsewhere."""
        answered = self._writing.answered
        return f"entry {answered.seq}, head {answered.hash.hex()}" if answered else "no entry"

    async def close(self) -> None:
        """Finish what is queued and close every connection."""
        await self._writer.close()
        # The writer goes last: SQLite's last connection folds the log into the file, if it may
        # write. After a clean stop the file alone is whole.
        await self._readers.close()
        self._writing.close()

    async def read(self, question: Callable[[Store], T]) -> T:
        """Ask a reading connection.

        While it is not known what became of a group, the writer finds out first: what a POS is
        told is not there must never be there later.
        Raises: RefusedError BUSY or LEDGER_DAMAGED when the database fails, TOO_NEW.
        """
        if self._writing.in_doubt:
            await self._writer.submit(lambda store: None)
        try:
            return await self._readers.ask(question)
        except TimeoutError as error:  # those who still wait for the thread are not asked at all
            raise RefusedError(ErrorCode.BUSY, "The ledger takes too long to read.") from error
        except (msgspec.DecodeError, StoreError) as error:
            raise unreadable(error) from error

    async def write(
        self, change: Change, *, unless: Callable[[Store], bool] = lambda store: False
    ) -> bool:
        """Write a change that no request asked for; return whether it was written.

        unless: asked in the same transaction; where it says yes, nothing is written.
        """

        def job(store: Store) -> bool:
            if unless(store):
                return False
            store.write(change)
            return True

        return await self._writer.submit(job)

    async def update(self, job: Callable[[Store], T]) -> T:
        """Run ``job`` in the writer: what it reads cannot change before what it writes is durable.

        Raises: RefusedError BUSY, STORAGE_FULL, and whatever the job raises, with nothing written.
        """
        return await self._writer.submit(job)

    async def overwrite(self, at: str, bytes_max: int) -> int:
        """Leave nothing in the files of people who were erased; return how many it was done for.

        at: of the entry that says so. bytes_max: see `Store.overwrite`.
        Twice is harmless, and what a cut has left out is due still.
        Raises: RefusedError BUSY, STORAGE_FULL; it is due as before then.
        """
        due = await self.read(not_overwritten)
        if not due:
            return 0
        if not self._writing.overwrites_beside:
            done = await self._writer.submit(lambda store: store.overwrite(bytes_max), alone=True)
        else:
            try:
                done = await asyncio.to_thread(self._writing.overwrite, bytes_max)
            except StoreError as error:
                raise unreadable(error) from error
        if not done:
            return 0
        await self._writer.submit(lambda store: note_overwritten(store, at, due))
        return due

    async def stored_answer(
        self, key: RequestKey, sale_id: SaleId = NO_SALE
    ) -> tuple[msgspec.Raw | None, SaleRow | None]:
        """Return the answer to this very request, if it was answered before, and the sale's row.

        Raises: RefusedError ID_REUSED for other content.
        """
        place = key.place(self.ledger_id)
        view = await self.read(lambda store: store.view(Reads(sale_id=sale_id), place))
        return repeated(key, view), view.sale

    async def once(
        self,
        key: RequestKey,
        at: str,
        job: Job,
        reads: Reads = NOTHING,
        *,
        answer_bytes_max: int | None = None,
    ) -> msgspec.Raw:
        """Do what a request asks for, exactly once; return its answer as JSON.

        job:    is given the writer's store and what ``reads`` names. It gives what to write and the
                answer, whose last field is ``replayed = False``; a repeated request gets the same
                bytes with ``true``.
                Of a job that writes nothing no answer is kept: sent again, it is judged anew.
        at:     when the request was answered, RFC 3339.
        answer_bytes_max: of an answer that can be sent; one that cannot is not written.
        Raises: ParamError for such; RefusedError ID_REUSED for other content under this id, BUSY,
                STORAGE_FULL, and what the job raises. Nothing is written then, and the id is as
                free as it was before.
        """
        place = key.place(self.ledger_id)

        def run(store: Store) -> msgspec.Raw:
            view = store.view(reads, place)
            if (stored := repeated(key, view)) is not None:
                return stored
            change, answer = job(store, view)
            text = msgspec.json.encode(answer)
            assert text.endswith(_FIRST)
            if answer_bytes_max is not None and len(text) > answer_bytes_max:
                raise ParamError(
                    "lines",
                    f"the answer would have {len(text)} bytes, at most {answer_bytes_max} are sent;"
                    " nothing was written; send fewer lines at once",
                )
            if change == Change():
                return msgspec.Raw(text)  # nothing is done, and no entry could prove an answer
            request = RequestRow(*place, key.content, packed(text), at)
            store.write(msgspec.structs.replace(change, rows=(*change.rows, request)))
            return msgspec.Raw(text)

        return await self._writer.submit(run)

    async def expire_holds(self, passed: str, at: str) -> int:
        """Release holds whose time has passed; return how many. at: the time of the entries.

        Another till's hold is its own to release, by its own clock, for OTHERS_HOLDS more.
        """
        others = rfc3339(datetime.fromisoformat(passed) - OTHERS_HOLDS)
        rows = await self.read(
            lambda store: store.ask(EXPIRED_HOLDS, passed, store.ledger_id, others)
        )
        for row in rows:
            await self._writer.submit(_expiry(row, passed, at))
        return len(rows)


def _expiry(row: SaleRow, passed: str, at: str) -> Callable[[Store], None]:
    def job(store: Store) -> None:
        view = store.view(Reads(sale_id=row.sale_id, accounts=row.accounts))
        if view.sale is None or not view.sale.until or view.sale.until > passed:
            return  # resolved between the look and the job
        store.write(release(view, at, SaleEvent.TIME, "its time ran out").change)

    return job


def repeated(key: RequestKey, view: View) -> msgspec.Raw | None:
    """Return the answer of a request that is sent again. Raises RefusedError ID_REUSED."""
    row = view.request
    if row is None:
        return None
    if row.content != key.content:
        raise RefusedError(
            ErrorCode.ID_REUSED,
            f"The id {key.request_id!r} was used before with other content; use a new one.",
        )
    answer = unpacked(row.answer)
    if not (answer.startswith(b"{") and answer.endswith(_FIRST)):
        raise too_new(ValueError(f"the answer of {key.request_id!r} is none of ours"))
    return msgspec.Raw(answer.removesuffix(_FIRST) + _AGAIN)
