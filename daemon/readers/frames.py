"""What every reader does that sends frames: scanners, stripe readers, keypads."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Protocol, TypeVar

from card_formats.apdu import Dialogue
from card_formats.credential import Shown
from daemon.base.clock import Clock
from daemon.readers import Presented, ReaderEvent, Unreadable
from daemon.readers.device_file import DeviceFile
from daemon.readers.errors import NoCardError, ReaderLostError
from daemon.readers.framing import Frames, Garbage
from daemon.readers.reader_settings import FrameSettings
from daemon.readers.traffic import log_frame

T = TypeVar("T")
_GS = b"\x1d"


class FrameDecoder(Protocol):
    """Turns what a device sends into frames. Pure; the result does not depend on the chunks."""

    @property
    def pending(self) -> bool:
        """Whether a frame has begun and not ended."""
        ...

    def receive(self, data: bytes) -> Frames:
        """Return what ``data`` completes."""
        ...

    def gap(self) -> Frames:
        """Return what a long silence ends."""
        ...


class OpenFrameReader:
    """A reader of frames whose device is open. ``replies`` returns what the device waits for."""

    def __init__(
        self,
        settings: FrameSettings,
        clock: Clock,
        device: DeviceFile,
        decoder: FrameDecoder,
        replies: Callable[[], bytes] = lambda: b"",
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._device = device
        self._decoder = decoder
        self._replies = replies
        self._last: Presented | None = None

    async def events(self) -> AsyncIterator[ReaderEvent]:
        """Yield Presented and Unreadable until the device is lost: then ReaderLostError."""
        self._reply()
        while True:
            for frame in await self._receive():
                yield self._event(frame)

    async def _receive(self) -> Frames:
        try:
            async with asyncio.timeout(self._settings.silence_s if self._decoder.pending else None):
                data = await self._device.read()
            frames = self._decoder.receive(data)
        except TimeoutError:
            frames = self._decoder.gap()
        except OSError as error:
            raise ReaderLostError(f"{self._settings.device} was unplugged") from error
        self._reply()
        return frames

    def _reply(self) -> None:
        if reply := self._replies():
            try:
                self._device.write(reply)
            except OSError as error:
                raise ReaderLostError(f"{self._settings.device} was unplugged") from error

    def _event(self, frame: bytes | Garbage) -> ReaderEvent:
        name, gs_text = self._settings.name, self._settings.gs_text.encode()
        if isinstance(frame, Garbage):
            return Unreadable(name, frame.reason)
        log_frame(name, frame)
        content = frame.replace(gs_text, _GS) if gs_text else frame
        shown = Shown(self._settings.medium, content, encoding=self._settings.encoding)
        return self._marked(Presented(name, shown, self._clock.monotonic_s()))

    def _marked(self, event: Presented) -> Presented:
        """Mark a code that came a moment ago too. Each repetition counts anew."""
        last, self._last = self._last, event
        if last is None or last.shown != event.shown:
            return event
        age_s = event.presented_at_s - last.presented_at_s
        is_duplicate = age_s < self._settings.duplicate_window_s
        return Presented(event.reader, event.shown, event.presented_at_s, is_duplicate)

    async def converse(self, dialogue: Dialogue[T], *, timeout_s: float) -> T:
        """Refuse: no chip lies on a scanner. Raises NoCardError."""
        dialogue.close()
        raise NoCardError(f"{self._settings.name} reads no chips")
