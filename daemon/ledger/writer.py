"""The single writer: every change passes through one thread, in order, many to a sync.

Jobs queued together share one transaction and one sync (group commit). Each has a savepoint of its
own, so that one that fails takes nothing along. No answer leaves before the group is durable.
"""

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import msgspec

from daemon.base.refusals import ErrorCode, ParamError, RefusedError
from daemon.ledger.storage.rows import damaged, too_new
from daemon.ledger.storage.store import (
    LedgerDamagedError,
    OutcomeUnknownError,
    StorageFullError,
    Store,
    StoreConflictError,
    StoreError,
)

T = TypeVar("T")
Job = Callable[[Store], T]

QUEUE_JOBS_MAX = 1_024
"""Jobs waiting. One more is refused at once with ``busy``; nothing was written."""
GROUP_JOBS_MAX = 128
"""Jobs that share one sync. More wait for the next."""
GROUP_ATTEMPTS_MAX = 3
"""Runs of a group that another writer came before. After them its jobs run one by one, as often
each; one that still cannot be written is refused with ``busy``.
"""
QUEUE_WAIT_S = 12.0
"""How long a job waits for those before it, whatever the database does; then ``busy``."""

log = logging.getLogger(__name__)


class _Queued(NamedTuple):
    """``taken``: acquired once, by the thread that runs the job or by whoever gives it up.

    alone: it runs outside a group, after the one that it came with.
    """

    job: Job[Any]
    done: asyncio.Future[Any]
    taken: threading.Lock
    alone: bool = False


class _Outcome(NamedTuple):
    done: asyncio.Future[Any]
    result: Any
    error: BaseException | None


class LedgerWriter:
    """Owns the store's writing connection and the thread that uses it."""

    def __init__(self, store: Store, wait_s: float = QUEUE_WAIT_S) -> None:
        self._store, self._wait_s = store, wait_s
        self._queue: queue.SimpleQueue[_Queued | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._waiting = 0
        self._thread = threading.Thread(target=self._run, name="ledger-writer", daemon=True)
        self._thread.start()

    async def submit(self, job: Job[T], *, alone: bool = False) -> T:
        """Run ``job`` in the writer and return its result once it is durable.

        alone: outside a transaction, for what the database itself does with its files.
        A job that was queued is finished even when its caller gives up.
        Raises: RefusedError BUSY, STORAGE_FULL, LEDGER_DAMAGED, and whatever the job raises.
                Nothing was written then, unless it says ``state_unknown``.
        """
        if self._waiting >= QUEUE_JOBS_MAX:
            raise RefusedError(ErrorCode.BUSY, "The ledger has too much to do; try again.")
        done: asyncio.Future[T] = self._loop.create_future()
        self._waiting += 1
        queued = _Queued(job, done, threading.Lock(), alone)
        waited = self._loop.call_later(self._wait_s, self._give_up, queued)
        self._queue.put(queued)
        try:
            return await done
        finally:
            waited.cancel()

    async def close(self) -> None:
        """Finish what is queued, then stop the thread."""
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        while True:
            group, more = self._next_group()
            group = [queued for queued in group if queued.taken.acquire(blocking=False)]
            together = [queued for queued in group if not queued.alone]
            if together:
                self._loop.call_soon_threadsafe(self._deliver, self._perform(together))
            for queued in group:
                if queued.alone:
                    self._loop.call_soon_threadsafe(self._deliver, self._perform_alone(queued))
            if not more:
                return

    def _next_group(self) -> tuple[list[_Queued], bool]:
        first = self._queue.get()
        if first is None:
            return [], False
        group = [first]
        while len(group) < GROUP_JOBS_MAX:
            try:
                queued = self._queue.get_nowait()
            except queue.Empty:
                break
            if queued is None:
                return group, False
            group.append(queued)
        return group, True

    def _perform(self, group: list[_Queued]) -> list[_Outcome]:
        failure = StoreError()
        for _ in range(GROUP_ATTEMPTS_MAX):
            try:
                return self._attempt(group)
            except StoreConflictError as error:
                log.info("a group of %d came second: %s", len(group), error)
                failure = error
                self._abandon()
            except StoreError as error:
                unknown = isinstance(error, OutcomeUnknownError)
                outcome = "may be written or not" if unknown else "was rolled back"
                log.error("a group of %d %s: %s", len(group), outcome, error)
                self._abandon()
                return _refused(group, error)
            except Exception:  # the edge: no job may take the writer, and all sales, along
                log.exception("a group of %d could not be written", len(group))
                self._abandon()
                break
        if len(group) > 1:  # one job stands in the way of all; the others must not suffer
            return [outcome for queued in group for outcome in self._perform([queued])]
        return _refused(group, failure)

    def _attempt(self, group: list[_Queued]) -> list[_Outcome]:
        self._store.begin()
        outcomes = [self._perform_one(queued) for queued in group]
        self._store.commit()
        return outcomes

    def _perform_one(self, queued: _Queued) -> _Outcome:
        self._store.savepoint()
        try:
            result = queued.job(self._store)
        except StoreError:
            raise  # the connection, not the job: the whole group goes
        except msgspec.DecodeError as error:
            self._store.rollback_to()
            return _Outcome(queued.done, None, too_new(error))
        except Exception as error:
            if not isinstance(error, RefusedError | ParamError):  # the POS hears of those
                log.exception("a ledger job failed")
            self._store.rollback_to()
            return _Outcome(queued.done, None, error)
        self._store.release()
        return _Outcome(queued.done, result, None)

    def _perform_alone(self, queued: _Queued) -> list[_Outcome]:
        try:
            return [_Outcome(queued.done, queued.job(self._store), None)]
        except StoreError as error:
            log.warning("what was to be done outside a group was not: %s", error)
            return _refused([queued], error)
        except Exception as error:
            log.exception("a ledger job outside a group failed")
            return [_Outcome(queued.done, None, error)]

    def _abandon(self) -> None:
        try:
            self._store.rollback()
        except StoreError as error:
            log.error("the rollback failed too: %s", error)

    def _give_up(self, queued: _Queued) -> None:
        """Refuse a job that has not begun, so that it never will."""
        if queued.taken.acquire(blocking=False):
            self._waiting -= 1
            busy = RefusedError(ErrorCode.BUSY, "The ledger has too much to do; try again.")
            queued.done.set_exception(busy)
            queued.done.exception()  # the caller may be gone

    def _deliver(self, outcomes: list[_Outcome]) -> None:
        self._waiting -= len(outcomes)
        for outcome in outcomes:
            if outcome.done.cancelled():
                continue
            if outcome.error is None:
                outcome.done.set_result(outcome.result)
            else:
                outcome.done.set_exception(outcome.error)
                # The caller may be gone; the failure was answered for either way.
                outcome.done.exception()


def _refused(group: list[_Queued], error: StoreError) -> list[_Outcome]:
    return [_Outcome(queued.done, None, _refusal(error)) for queued in group]


def _refusal(error: StoreError) -> RefusedError:
    match error:
        case StorageFullError():
            return RefusedError(
                ErrorCode.STORAGE_FULL,
                "The disk is full; nothing was written. Make room and try again.",
            )
        case OutcomeUnknownError():
            return RefusedError(
                ErrorCode.BUSY,
                "The ledger failed while it was written; try again, to hear what became of it.",
                state_unknown=True,
            )
        case LedgerDamagedError():
            return damaged()
        case _:
            return RefusedError(ErrorCode.BUSY, "The ledger could not be written; try again.")
