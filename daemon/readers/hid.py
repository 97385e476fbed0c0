"""HID devices: scanners that type, scanners in POS mode, MagTek stripe readers.

The kernel's own files are read: ``/dev/input/event*`` of a keyboard is grabbed, so that no scan
leaks into the window that has the focus; ``/dev/hidraw*`` gives reports as they come.
"""

import fcntl
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from daemon.clock import Clock
from daemon.readers.device_file import DeviceFile, why_not_open
from daemon.readers.frames import FrameDecoder, OpenFrameReader
from daemon.readers.hid_reports import MagtekDecoder, PosDecoder
from daemon.readers.keyboard import KeyDecoder
from daemon.readers.settings import FrameSettings, HidrawSettings, KeyboardSettings

EVIOCGRAB = 0x40044590  # _IOW('E', 0x90, int), linux/input.h
Opener = Callable[[str], int]
"""Open the device at a path and return its file descriptor. Raises OSError."""


def open_keyboard(path: str) -> int:
    """Open a keyboard for us alone; whoever else listens hears nothing until it is closed."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.ioctl(fd, EVIOCGRAB, 1)
    except OSError:
        os.close(fd)
        raise
    return fd


def open_hidraw(path: str) -> int:
    """Open a raw HID device."""
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)


class HidReader:
    """A HID device; ``decoder`` makes what turns its input into frames."""

    def __init__(
        self,
        settings: FrameSettings,
        clock: Clock,
        decoder: Callable[[], FrameDecoder],
        open_device: Opener,
    ) -> None:
        self.name = settings.name
        self._settings = settings
        self._clock = clock
        self._decoder = decoder
        self._open_device = open_device

    @asynccontextmanager
    async def open(self) -> AsyncIterator[OpenFrameReader]:
        """Open the device. Raises ReaderLostError, or ReaderDeniedError for want of rights."""
        device = self._settings.device
        try:
            fd = self._open_device(device)
        except OSError as error:
            raise why_not_open(error, device, "input") from error
        try:
            yield OpenFrameReader(self._settings, self._clock, DeviceFile(fd), self._decoder())
        finally:
            os.close(fd)


def keyboard_reader(
    settings: KeyboardSettings, clock: Clock, open_device: Opener = open_keyboard
) -> HidReader:
    """Return the reader of a device that types."""
    return HidReader(
        settings, clock, lambda: KeyDecoder(settings.layout, settings.framer()), open_device
    )


def hidraw_reader(
    settings: HidrawSettings, clock: Clock, open_device: Opener = open_hidraw
) -> HidReader:
    """Return the reader of a device that sends reports."""
    decoders: dict[str, Callable[[], FrameDecoder]] = {"pos": PosDecoder, "magtek": MagtekDecoder}
    return HidReader(settings, clock, decoders[settings.report], open_device)


def attached_keyboards() -> list[str]:
    """Return the stable paths of the keyboards on this machine: a scanner may be among them."""
    return sorted(str(path) for path in Path("/dev/input/by-id").glob("*-event-kbd"))
