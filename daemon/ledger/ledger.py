"""The ledger as the rest of the daemon sees it: idempotent requests, and reads beside them."""

import asyncio
import hashlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import msgspec

from daemon.base.refusals import ErrorCode, RefusedError
from daemon.ledger.sale_states import SaleEvent
from daemon.ledger.sales import accounts_of, release
from daemon.ledger.storage.store import Change, RequestRow, SaleRow, Store, StoreError, View
from daemon.ledger.writer import LedgerWriter

T = TypeVar("T")
_FIRST, _AGAIN = b'"replayed":false}', b'"replayed":true}'


class RequestKey(msgspec.Struct, frozen=True):
    """What makes a writing request the same again: method, the POS's id, a SHA-256 of content."""

    method: str
    request_id: str
    content: bytes

    @classmethod
    def of(cls, method: str, request_id: str, params: msgspec.Struct) -> "RequestKey":
        """Make the key of a request whose known fields are ``params``."""
        canonical = msgspec.json.encode(params, order="sorted")
        return cls(method, request_id, hashlib.sha256(canonical).digest())


class _Refusal(msgspec.Struct, frozen=True):
    """A final refusal, as stored in place of an answer."""

    refused: int
    detail: str
    extra: dict[str, int | str] = {}


def nothing_more(store: Store, view: View) -> View:
    """Leave a view as it was read: the decision needs nothing besides."""
    return view


class Ledger:
    """One ledger, one writer. ``writing`` and ``reading`` are two connections to one database.

    newest_at: when the newest entry was made, RFC 3339; "" before the first, and before
               ``look_back`` or the first write.
    """

    def __init__(self, writing: Store, reading: Store) -> None:
        self.ledger_id = writing.ledger_id
        self.newest_at = ""
        self._writing, self._reading = writing, reading
        self._writer = LedgerWriter(writing)
        self._readers = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger-reader")

    async def look_back(self) -> None:
        """Find out when the newest entry of earlier runs was made."""
        self.newest_at = max(self.newest_at, await self.read(lambda store: store.newest_at()))

    async def close(self) -> None:
        """Finish what is queued and close both connections."""
        await self._writer.close()
        await asyncio.to_thread(self._readers.shutdown)
        self._writing.close()
        self._reading.close()

    async def read(self, question: Callable[[Store], T]) -> T:
        """Ask the reading connection. Raises RefusedError BUSY when the database fails."""
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._readers, question, self._reading
            )
        except StoreError as error:
            raise RefusedError(ErrorCode.BUSY, f"The ledger cannot be read: {error}") from error

    async def write(
        self, change: Change, *, unless: Callable[[Store], bool] = lambda store: False
    ) -> bool:
        """Write a change that no request asked for; return whether it was written.

        unless: asked in the same transaction; where it says yes, nothing is written.
        """

        def job(store: Store) -> bool:
            if unless(store):
                return False
            self._write(store, change)
            return True

        return await self._writer.submit(job)

    async def update(self, job: Callable[[Store], T]) -> T:
        """Run ``job`` in the writer: what it reads cannot change before what it writes is durable.

        Raises: RefusedError BUSY, STORAGE_FULL, and whatever the job raises, with nothing written.
        """
        return await self._writer.submit(job)

    async def look(
        self, key: RequestKey, sale_id: str
    ) -> tuple[msgspec.Raw | None, SaleRow | None]:
        """Return the stored answer to this very request, if it was finished, and the sale's row.

        Raises: RefusedError ID_REUSED for other content, or the refusal that was given before.
        """
        view = await self.read(
            lambda store: store.view(
                method=key.method,
                request_id=key.request_id,
                sale_id=sale_id,
                accounts=(),
                counters=(),
            )
        )
        return _replay(key, view.request), view.sale

    async def refuse(self, key: RequestKey, at: str, refusal: RefusedError) -> msgspec.Raw:
        """Store a final refusal, so that a retry can never become a silent success; raise it.

        Returns: the answer, where the same request was answered meanwhile.
        """

        def job(store: Store) -> RequestRow:
            row = store.request(key.method, key.request_id)
            if row is None:
                row = _refused(key, at, refusal)
                store.write(Change(request=row))
            return row

        replayed = _replay(key, await self._writer.submit(job))
        assert replayed is not None
        return replayed

    async def perform(
        self,
        key: RequestKey,
        *,
        at: str,
        accounts: Iterable[str],
        decide: Callable[[View], tuple[Change, msgspec.Struct]],
        sale_id: str = "",
        counters: Iterable[str] = (),
        also: Callable[[Store, View], View] = nothing_more,
    ) -> msgspec.Raw:
        """Decide and write one request, exactly once; return its answer as JSON.

        decide: gives what to write and the answer, whose last field is ``replayed = False``; a
        repeated request gets the same bytes with ``true``. Raises whatever it raises, with nothing
        written.
        also:   reads what the decision needs besides, in the same transaction.
        """

        def job(store: Store) -> msgspec.Raw:
            view = store.view(
                method=key.method,
                request_id=key.request_id,
                sale_id=sale_id,
                accounts=accounts,
                counters=counters,
            )
            replayed = _replay(key, view.request)
            if replayed is not None:
                return replayed
            change, answer = decide(also(store, view))
            text = msgspec.json.encode(answer)
            assert text.endswith(_FIRST)
            request = RequestRow(key.method, key.request_id, key.content, text, at)
            self._write(store, msgspec.structs.replace(change, request=request))
            return msgspec.Raw(text)

        return await self._writer.submit(job)

    async def carry_out(
        self,
        key: RequestKey,
        at: str,
        job: Callable[[Store], tuple[Change, msgspec.Struct]],
    ) -> msgspec.Raw:
        """Do what no sale is concerned in, exactly once; return its answer as JSON.

        job:    reads first, then gives what to write and the answer, as ``decide`` of `perform`.
        Raises: RefusedError, with nothing written but a final refusal under the request's id.
        """

        def once(store: Store) -> msgspec.Raw:
            replayed = _replay(key, store.request(key.method, key.request_id))
            if replayed is not None:
                return replayed
            change, answer = job(store)
            text = msgspec.json.encode(answer)
            assert text.endswith(_FIRST)
            request = RequestRow(key.method, key.request_id, key.content, text, at)
            self._write(store, msgspec.structs.replace(change, request=request))
            return msgspec.Raw(text)

        try:
            return await self._writer.submit(once)
        except RefusedError as refusal:
            if refusal.code.retryable or refusal.code is ErrorCode.ID_REUSED:
                raise
            return await self.refuse(key, at, refusal)

    def _write(self, store: Store, change: Change) -> None:
        store.write(change)
        if change.entry is not None:
            self.newest_at = max(self.newest_at, change.entry.at)

    async def expire_holds(self, now: str) -> int:
        """Release holds whose time has run out by ``now``; return how many."""
        rows = await self.read(lambda store: store.expired_holds(now))
        for row in rows:
            await self._writer.submit(_expiry(row, now))
        return len(rows)


def _expiry(row: SaleRow, now: str) -> Callable[[Store], None]:
    def job(store: Store) -> None:
        sale = store.sale(row.sale_id)
        if sale is None or not sale.until or sale.until > now:
            return  # resolved between the look and the job
        purses = {account: store.purses(account) for account in accounts_of(sale)}
        view = View(request=None, sale=sale, purses=purses, counters={})
        decision = release(view, now, SaleEvent.TIME, "its time ran out")
        store.write(decision.change)

    return job


def refusal_in(row: RequestRow) -> RefusedError | None:
    """Return the final refusal that a request was answered with, or None for an answer."""
    if not row.answer.startswith(b'{"refused":'):
        return None
    refusal = msgspec.json.decode(row.answer, type=_Refusal)
    return RefusedError(ErrorCode(refusal.refused), refusal.detail, extra=refusal.extra)


def _replay(key: RequestKey, row: RequestRow | None) -> msgspec.Raw | None:
    if row is None:
        return None
    if row.content != key.content:
        raise RefusedError(
            ErrorCode.ID_REUSED,
            f"The id {key.request_id!r} was used before with other content; use a new one.",
        )
    if refusal := refusal_in(row):
        raise refusal
    return msgspec.Raw(row.answer.removesuffix(_FIRST) + _AGAIN)


def _refused(key: RequestKey, at: str, refusal: RefusedError) -> RequestRow:
    stored = _Refusal(refusal.code.value, refusal.detail, refusal.extra)
    answer = msgspec.json.encode(stored)
    return RequestRow(key.method, key.request_id, key.content, answer, at)
