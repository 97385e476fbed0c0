"""Contactless readers behind pcscd (PC/SC). The only file that imports ``smartcard``."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from smartcard import scard

from daemon.base.clock import Clock
from daemon.readers.chip import OpenChipReader, Slot
from daemon.readers.errors import CardLostError, ReaderDeniedError, ReaderError, ReaderLostError
from daemon.readers.reader_settings import PcscSettings

# How long one wait lasts: then a reader that was plugged in between listing and waiting is found,
# and a thread that is to stop stops. SCardCancel would do the latter, if pyscard survived a
# context that has just died.
LOOK_AGAIN_MS = 1000
RETRY_S = 0.25
_PNP = "\\\\?PnP?\\Notification"
_NOT_THERE = scard.SCARD_STATE_UNKNOWN | scard.SCARD_STATE_UNAVAILABLE | scard.SCARD_STATE_IGNORE
_SAM_MARK = "SAM"  # slots for the shop's own key cards show up as readers too
_NO_SERVICE = "pcscd is not running"
_UNPLUGGED = "the reader was unplugged"
_WENT_AWAY = "pcscd went away"
_DENIED = {
    scard.SCARD_W_SECURITY_VIOLATION: "this user may not use card readers: see the polkit rule",
    scard.SCARD_E_SHARING_VIOLATION: "another program holds the card",
}
_LOST = {
    scard.SCARD_E_NO_SERVICE: _NO_SERVICE,
    scard.SCARD_E_SERVICE_STOPPED: _NO_SERVICE,
    scard.SCARD_F_COMM_ERROR: _WENT_AWAY,
    scard.SCARD_E_INVALID_HANDLE: "pcscd was restarted",
    scard.SCARD_E_READER_UNAVAILABLE: _UNPLUGGED,
    scard.SCARD_E_UNKNOWN_READER: _UNPLUGGED,
    scard.SCARD_E_NO_READERS_AVAILABLE: _UNPLUGGED,
}


def _translated(code: int) -> ReaderError:
    """Say whose fault a PC/SC error is; what is not the reader's is the card's."""
    if code in _DENIED:
        return ReaderDeniedError(_DENIED[code])
    if code in _LOST:
        return ReaderLostError(_LOST[code])
    return CardLostError(f"the card was lost ({code & 0xFFFFFFFF:08X})")


def _establish(calls: Any) -> int:
    code, context = calls.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
    if code != scard.SCARD_S_SUCCESS:
        raise _translated(code)
    return int(context)


class PcscLink:
    """A card that is connected for this process alone, in a context of its own."""

    def __init__(self, reader: str, calls: Any = scard) -> None:
        """Power the card. Raises CardLostError, ReaderLostError, ReaderDeniedError."""
        self._calls = calls
        self._lost = False
        self._context = _establish(calls)
        any_protocol = scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1
        code, self._card, protocol = calls.SCardConnect(
            self._context, reader, scard.SCARD_SHARE_EXCLUSIVE, any_protocol
        )
        if code == scard.SCARD_S_SUCCESS:
            code = calls.SCardBeginTransaction(self._card)
            if code != scard.SCARD_S_SUCCESS:  # or the context would reset what it leaves behind
                calls.SCardDisconnect(self._card, scard.SCARD_LEAVE_CARD)
        if code != scard.SCARD_S_SUCCESS:
            calls.SCardReleaseContext(self._context)
            raise _translated(code)
        is_t0 = protocol == scard.SCARD_PROTOCOL_T0
        self._pci = scard.SCARD_PCI_T0 if is_t0 else scard.SCARD_PCI_T1

    def transmit(self, command: bytes) -> bytes:
        """Exchange one APDU. Raises CardLostError, ReaderLostError."""
        code, answer = self._calls.SCardTransmit(self._card, self._pci, list(command))
        # A driver may call a card that was torn out a success.
        self._lost = code != scard.SCARD_S_SUCCESS or not answer
        if code != scard.SCARD_S_SUCCESS:
            raise _translated(code)
        if not answer:
            raise CardLostError("the card was lost")
        return bytes(answer)

    def close(self, *, has_left: bool = False) -> None:
        """Let go of the card, reset: no authentication outlives us. Errors no longer matter.

        One that was lost or has left is left alone. pcscd looks at the reader every 400 ms. A
        reset that fails makes it call the reader empty, and the card that is laid down before it
        looks again is then never seen; a reset that meets the next customer's card, which pcscd
        has not seen come, makes it overlook that this one leaves.
        """
        left_alone = has_left or self._lost
        end = scard.SCARD_LEAVE_CARD if left_alone else scard.SCARD_RESET_CARD
        self._calls.SCardEndTransaction(self._card, scard.SCARD_LEAVE_CARD)
        self._calls.SCardDisconnect(self._card, end)
        self._calls.SCardReleaseContext(self._context)


def _ignore(slot: Slot) -> None:
    """Stand for a reader that is bound and not yet listened to."""


class PcscWatch:
    """The one thread of this process that watches pcscd, and who listens to which reader.

    It runs while at least one reader uses it, and outlives pcscd. Everything but the thread
    itself is called on the loop. ``calls`` is ``smartcard.scard``, or what stands in for it.
    """

    def __init__(self, calls: Any = scard) -> None:
        self.calls = calls
        self._users = 0
        self._patterns: list[str] = []
        self._listeners: dict[str, Callable[[Slot], None]] = {}
        self._slots: dict[str, Slot] = {}
        self._fault: ReaderError | None = None
        self._seen = asyncio.Event()
        self._stop = threading.Event()

    def expect(self, pattern: str) -> None:
        """Keep readers whose name contains ``pattern`` for whoever asks for it."""
        self._patterns += [pattern] if pattern else []

    @asynccontextmanager
    async def bind(self, pattern: str) -> AsyncIterator[str]:
        """Bind the first free reader that ``pattern`` fits and yield its name.

        Raises: ReaderLostError when there is none or no pcscd, ReaderDeniedError.
        """
        self._start()
        try:
            await self._seen.wait()
            name = self._free_reader(pattern)
            self._listeners[name] = _ignore
            try:
                yield name
            finally:
                del self._listeners[name]
        finally:
            self._release()

    def listen(self, name: str, listener: Callable[[Slot], None]) -> None:
        """Tell ``listener`` what lies on the bound reader ``name`` now and from now on."""
        self._listeners[name] = listener
        listener(self._slots.get(name, Slot(gone=_UNPLUGGED)))

    def _free_reader(self, pattern: str) -> str:
        if self._fault is not None:
            raise type(self._fault)(str(self._fault))
        for name in sorted(self._slots.keys() - self._listeners.keys()):
            elses = _SAM_MARK in name or any(other in name for other in self._patterns)
            if pattern in name and (pattern or not elses):
                return name
        raise ReaderLostError(f"no reader named like {pattern!r}" if pattern else "no card reader")

    def _start(self) -> None:
        self._users += 1
        if self._users == 1:
            self._seen.clear()
            self._stop = threading.Event()
            loop, stop = asyncio.get_running_loop(), self._stop
            threading.Thread(
                target=self._watch, args=(loop, stop), name="pcsc-watch", daemon=True
            ).start()

    def _release(self) -> None:
        self._users -= 1
        if self._users == 0:
            self._stop.set()  # the thread sees it within LOOK_AGAIN_MS

    def _take_in(
        self, stopped: threading.Event, slots: dict[str, Slot], fault: ReaderError | None
    ) -> None:
        if stopped.is_set():  # posted by a thread that has been replaced since
            return
        self._slots, self._fault = slots, fault
        self._seen.set()
        gone = Slot(gone=str(fault) if fault else _UNPLUGGED)
        for name, listener in list(self._listeners.items()):
            listener(slots.get(name, gone))

    def _watch(self, loop: asyncio.AbstractEventLoop, stop: threading.Event) -> None:
        """Run in the thread: follow pcscd, and look for it again when it is not there."""

        def post(slots: dict[str, Slot], fault: ReaderError | None = None) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody listens any more
                loop.call_soon_threadsafe(self._take_in, stop, slots, fault)

        while not stop.is_set():
            try:
                context = _establish(self.calls)
                try:
                    _follow(self.calls, context, stop, post)
                except ReaderDeniedError:  # it had let us in: so its end looks to a client
                    raise ReaderLostError(_WENT_AWAY) from None
                finally:
                    self.calls.SCardReleaseContext(context)
            except ReaderDeniedError as fault:
                post({}, fault)
                stop.wait(RETRY_S)
            except ReaderError as fault:
                post({}, ReaderLostError(str(fault)))
                stop.wait(RETRY_S)


def _follow(
    calls: Any, context: int, stop: threading.Event, post: Callable[[dict[str, Slot]], None]
) -> None:
    """Post what lies on each reader, at once and at every change. Raises a ReaderError."""
    known: dict[str, int] = {}
    listed: list[str] | None = None
    posted: dict[str, Slot] | None = None
    while not stop.is_set():
        before, names = listed, _reader_names(calls, context)
        listed = names
        asked = [(name, known.get(name, scard.SCARD_STATE_UNAWARE)) for name in names]
        # One that came or went since the last look is told at once, not after the wait.
        wait_ms = LOOK_AGAIN_MS if names == before else 0
        code, states = calls.SCardGetStatusChange(
            context, wait_ms, [*asked, (_PNP, len(names) << 16)]
        )
        if code == scard.SCARD_E_UNKNOWN_READER:  # unplugged since it was listed
            continue
        if code not in (scard.SCARD_S_SUCCESS, scard.SCARD_E_TIMEOUT):
            raise _translated(code)
        known = {name: state for name, state, _ in states if not state & _NOT_THERE}
        known.pop(_PNP, None)
        slots = {n: _slot(state, atr) for n, state, atr in states if n in known}
        if slots != posted:
            post(slots)
            posted = slots


def _reader_names(calls: Any, context: int) -> list[str]:
    code, names = calls.SCardListReaders(context, [])
    if code == scard.SCARD_E_NO_READERS_AVAILABLE:
        return []
    if code != scard.SCARD_S_SUCCESS:
        raise _translated(code)
    return list(names)


def _slot(state: int, atr: list[int]) -> Slot:
    """Return what ``state`` says; its upper half counts cards that came and went."""
    present = bool(state & scard.SCARD_STATE_PRESENT)
    return Slot(present=present, atr=bytes(atr) if present else b"", moves=state >> 16)


class PcscReader:
    """One contactless reader, bound by a part of its name."""

    def __init__(self, settings: PcscSettings, clock: Clock, watch: PcscWatch) -> None:
        self.name = settings.name
        self._pattern = settings.device
        self._clock = clock
        self._watch = watch
        watch.expect(settings.device)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[OpenChipReader]:
        """Bind the reader. Raises ReaderLostError, ReaderDeniedError."""
        async with self._watch.bind(self._pattern) as bound:
            open_reader = OpenChipReader(
                self.name, self._clock, lambda: PcscLink(bound, self._watch.calls)
            )
            self._watch.listen(bound, open_reader.update)
            try:
                yield open_reader
            finally:
                await open_reader.close()


def attached() -> list[str]:
    """Return the names of the readers that pcscd shows now.

    Raises: ReaderLostError when pcscd does not answer, ReaderDeniedError when it refuses us.
    """
    context = _establish(scard)
    try:
        return _reader_names(scard, context)
    finally:
        scard.SCardReleaseContext(context)
