"""Drive dialogues over a blocking card link: never tear a write, never wait for ever."""

import asyncio
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Generic, Protocol, TypeVar

from card_formats.apdu import Dialogue, ResponseApdu
from card_formats.errors import CardFormatError
from daemon.readers.errors import CardSilentError, ReaderError
from daemon.readers.traffic import log_exchange

T = TypeVar("T")
ABANDONED_MAX = 4
CLOSE_TIMEOUT_S = 1.0


class Link(Protocol):
    """A powered card. Its calls block, and only one thread ever makes them."""

    def transmit(self, command: bytes) -> bytes:
        """Exchange one APDU. Raises CardLostError, ReaderLostError."""
        ...

    def close(self, *, has_left: bool = False) -> None:
        """Let go of the card, which may be out of the field by now. Raises nothing."""
        ...


Connect = Callable[[], Link]
"""Power the card that lies there. Blocks; raises a ReaderError."""


class _Job(Generic[T]):
    """One dialogue on its way through the worker thread.

    ``began_s`` is when the exchange that runs now began. Worker and waiter both decide under
    ``lock``: either the next exchange begins, or the job is abandoned and none ever does.
    """

    def __init__(self, dialogue: Dialogue[T], loop: asyncio.AbstractEventLoop) -> None:
        self.dialogue = dialogue
        self.loop = loop
        self.done: asyncio.Future[T] = loop.create_future()
        self.lock = threading.Lock()
        self.began_s = loop.time()
        self.abandoned = False
        self.finished = False

    def begin_exchange(self) -> None:
        with self.lock:
            if self.abandoned:
                raise _AbandonedError
            self.began_s = self.loop.time()

    def finish(self) -> None:
        with self.lock:
            if self.abandoned:
                raise _AbandonedError
            self.finished = True

    def give_up_after(self, timeout_s: float) -> bool:
        with self.lock:
            late = self.loop.time() >= self.began_s + timeout_s
            self.abandoned = late and not self.finished
            return self.abandoned

    def settle(self, value: T | None, error: BaseException | None) -> None:
        """Hand the outcome to the waiter; called on the loop."""
        if self.done.cancelled():
            return
        if error is None:
            self.done.set_result(value)  # type: ignore[arg-type]
        else:
            self.done.set_exception(error)


class _AbandonedError(Exception):
    """The waiter has given this dialogue up: the card's late answer must lead nowhere."""


def run_dialogue(
    dialogue: Dialogue[T], transmit: Callable[[bytes], bytes], *, reader: str = ""
) -> T:
    """Answer each command of ``dialogue`` with ``transmit`` and return what it returns.

    Raises: CardFormatError ``apdu.short`` for an answer without a status word, ``apdu.no-answer``
            for a reader's word that the card did not answer: neither is the card's, so no dialogue
            judges the card by it. Whatever ``transmit`` and the dialogue raise.
    """
    try:
        command = next(dialogue)
        while True:
            answer = ResponseApdu.decode(transmit(command.encode()))
            log_exchange(reader, command, answer)
            if answer.is_no_answer_to(command):
                raise CardFormatError(
                    "apdu.no-answer", f"only the reader answered: {answer.sw:04X}"
                )
            command = dialogue.send(answer)
    except StopIteration as end:
        value: T = end.value
        return value
    finally:
        dialogue.close()


class _Worker:
    """One thread with one link to the card. It ends by ``stop`` or by being abandoned.

    ``on_return`` is called in the thread when it was abandoned and the card let it go after all.
    """

    def __init__(self, connect: Connect, name: str, on_return: Callable[[], None]) -> None:
        self._connect = connect
        self._name = name
        self._on_return = on_return
        self._on_stop: Callable[[], None] = _end_thread
        self._link: Link | None = None
        self._has_left = False
        self._jobs: queue.SimpleQueue[_Job[Any] | Callable[[], None]] = queue.SimpleQueue()
        # A daemon thread: one that hangs in a driver must not keep the process from ending.
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def submit(self, job: _Job[Any]) -> None:
        self._jobs.put(job)

    def release(self) -> None:
        """Let go of the card, which has left, behind whatever is running."""
        self._jobs.put(lambda: self._close_link(has_left=True))

    def leave_alone(self) -> None:
        """Note that the card has left which an abandoned thread still holds."""
        self._has_left = True

    def stop(self, on_stop: Callable[[], None], *, has_left: bool) -> None:
        """End the thread behind whatever is running, then call ``on_stop`` in it."""
        self._on_stop = on_stop
        self._has_left = has_left
        self._jobs.put(_end_thread)

    def _work(self) -> None:
        try:
            while (job := self._jobs.get()) is not _end_thread:
                if isinstance(job, _Job):
                    self._run(job)
                else:
                    job()
            self._close_link(has_left=self._has_left)
            self._on_stop()
        except _AbandonedError:
            # Another card may lie there by now, which a reset would meet.
            self._close_link(has_left=self._has_left)
            self._on_return()

    def _run(self, job: _Job[Any]) -> None:
        value: Any = None
        error: BaseException | None = None
        try:
            value = run_dialogue(job.dialogue, self._transmitter(job), reader=self._name)
        except _AbandonedError:
            raise
        except ReaderError as lost:
            self._close_link()
            error = lost
        except Exception as failed:  # the dialogue's own: it belongs to whoever awaits it
            error = failed
        job.finish()
        _call_soon(job.loop, lambda: job.settle(value, error))

    def _transmitter(self, job: _Job[Any]) -> Callable[[bytes], bytes]:
        def transmit(command: bytes) -> bytes:
            job.begin_exchange()
            if self._link is None:
                self._link = self._connect()
            return self._link.transmit(command)

        return transmit

    def _close_link(self, *, has_left: bool = False) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.close(has_left=has_left)


def _end_thread() -> None:
    """Stand in the queue of jobs for "there are no more"."""


def _call_soon(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    with suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(call)


class CardChannel:
    """One reader's card channel, owned by one worker thread.

    Calls to a card block and must not interleave, so all go through the one thread. Cancelling
    ``converse`` lets the card finish its dialogue first. A card that lets a deadline pass makes
    the channel ``stuck``: its thread is abandoned (a late answer is thrown away) and replaced
    when ``renew`` is called for the next card. ``on_recovered`` is called on the loop when the
    last abandoned thread has come back.
    """

    def __init__(
        self, connect: Connect, *, name: str, on_recovered: Callable[[], None] = lambda: None
    ) -> None:
        self._connect = connect
        self._name = name
        self._on_recovered = on_recovered
        self._loop = asyncio.get_running_loop()
        self._turn = asyncio.Lock()
        self._worker: _Worker | None = None
        self._closed = asyncio.Event()
        self._abandoned: list[_Worker] = []
        self.stuck = False

    async def converse(self, dialogue: Dialogue[T], *, timeout_s: float) -> T:
        """Run ``dialogue``; ``timeout_s`` is how long each exchange may take.

        Raises: CardSilentError at the deadline or while the channel is stuck, what the dialogue
                raises, and the link's ReaderErrors.
        """
        async with self._turn:
            if self.stuck:
                raise CardSilentError("the card reader hangs: take the card away")
            if self._worker is None:
                self._worker = self._new_worker()
            job = _Job(dialogue, self._loop)
            self._worker.submit(job)
            return await self._outcome(job, timeout_s)

    async def _outcome(self, job: _Job[T], timeout_s: float) -> T:
        cancelled: asyncio.CancelledError | None = None
        while not job.done.done():
            if job.give_up_after(timeout_s):
                self._abandon()
                raise cancelled or CardSilentError("the card does not answer")
            try:
                remaining_s = max(job.began_s + timeout_s - self._loop.time(), 0)
                await asyncio.wait([job.done], timeout=remaining_s)
            except asyncio.CancelledError as error:
                cancelled = error  # the card is mid-dialogue: let it end, then be cancelled
        if cancelled is None:
            return job.done.result()
        job.done.exception()  # seen, so that nothing complains; whoever asked has left
        raise cancelled

    def _abandon(self) -> None:
        assert self._worker is not None
        self._abandoned.append(self._worker)
        self._worker = None
        self.stuck = True

    def _new_worker(self) -> _Worker:
        def on_return() -> None:
            _call_soon(self._loop, lambda: self._take_back(worker))

        worker = _Worker(self._connect, self._name, on_return)
        return worker

    def _take_back(self, worker: _Worker) -> None:
        self._abandoned.remove(worker)
        if not self._abandoned and self.stuck:
            self.stuck = False
            self._on_recovered()

    def renew(self) -> bool:
        """Begin afresh with another card, beside threads that still hang.

        Returns: False when ABANDONED_MAX threads hang already; the channel stays stuck until
                 one comes back, so that a broken reader cannot eat threads without end.
        """
        if len(self._abandoned) < ABANDONED_MAX:
            self.stuck = False
        return not self.stuck

    def release(self) -> None:
        """Let go of the card, which has left: none of the threads resets what lies there now."""
        for worker in self._abandoned:
            worker.leave_alone()
        if self._worker is not None:
            self._worker.release()

    async def close(self, *, has_left: bool = False) -> None:
        """End the worker behind whatever it is doing; wait CLOSE_TIMEOUT_S for it at most.

        has_left: the card is not there any more, and is left alone.
        The next ``connect`` to an exclusive device needs this one to have let go.
        """
        worker, self._worker = self._worker, None
        if worker is None:
            return
        worker.stop(lambda: _call_soon(self._loop, self._closed.set), has_left=has_left)
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._closed.wait()
