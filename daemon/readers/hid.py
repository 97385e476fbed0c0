"""HID devices: scanners that type, scanners in POS mode, MagTek stripe readers.

The kernel's own files are read: ``/dev/input/event*`` of a keyboard is grabbed, so that no scan
leaks into the window that has the focus; ``/dev/hidraw*`` gives reports as they come.
"""

import errno
import fcntl
import os
import re
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Literal, NamedTuple

from daemon.base.clock import Clock
from daemon.readers.device_file import DeviceFile, why_not_open
from daemon.readers.errors import ReaderLostError
from daemon.readers.frames import FrameDecoder, OpenFrameReader
from daemon.readers.hid_descriptor import (
    DESCRIPTOR_BYTES_MAX,
    DescriptorError,
    ScanLayout,
    scan_layout,
)
from daemon.readers.hid_reports import MagtekDecoder, PosDecoder
from daemon.readers.keyboard import KeyDecoder
from daemon.readers.reader_settings import FrameSettings, HidrawSettings, KeyboardSettings

_MAGTEK = ":00000801:"  # the vendor, as HID_ID of the kernel's uevent has it
EVIOCGRAB = 0x40044590  # _IOW('E', 0x90, int), linux/input.h
# _IOR('H', 0x01, int) and _IOR('H', 0x02, struct hidraw_report_descriptor), linux/hidraw.h: the
# size, and behind it up to DESCRIPTOR_BYTES_MAX bytes.
HIDIOCGRDESCSIZE, HIDIOCGRDESC = 0x80044801, 0x90044802
_SIZE = struct.Struct("=I")
Opener = Callable[[str], int]
"""Open the device at a path and return its file descriptor. Raises OSError."""
DescriptorOf = Callable[[int], bytes]
"""Return the report descriptor of an open raw HID device. Raises OSError."""


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


def report_descriptor(fd: int) -> bytes:
    """Ask the kernel for the report descriptor of an open raw HID device. Raises OSError."""
    told = bytearray(_SIZE.size + DESCRIPTOR_BYTES_MAX)
    size = bytearray(_SIZE.size)
    fcntl.ioctl(fd, HIDIOCGRDESCSIZE, size)
    told[: _SIZE.size] = size
    fcntl.ioctl(fd, HIDIOCGRDESC, told)
    (length,) = _SIZE.unpack(size)
    return bytes(told[_SIZE.size : _SIZE.size + length])


class HidReader:
    """A HID device; ``decoder`` makes what turns the input of the open one into frames."""

    def __init__(
        self,
        settings: FrameSettings,
        clock: Clock,
        decoder: Callable[[int], FrameDecoder],
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
        with opened(self._settings.device, self._open_device) as fd:
            decoder = self._decoder(fd)
            yield OpenFrameReader(self._settings, self._clock, DeviceFile(fd), decoder)


@contextmanager
def opened(path: str, open_device: Opener) -> Iterator[int]:
    """Open a HID device and close it again. Raises as `HidReader.open`."""
    try:
        fd = open_device(path)
    except OSError as error:
        raise why_not_open(error, path, "input") from error
    try:
        yield fd
    finally:
        os.close(fd)


def layout_of(fd: int, descriptor_of: DescriptorOf = report_descriptor) -> ScanLayout:
    """Ask an open device where its reports keep a scan.

    Raises: ReaderDeniedError for what is no scanner in HID POS mode, ReaderLostError.
    """
    try:
        return scan_layout(descriptor_of(fd))
    except OSError as error:
        if error.errno in (errno.ENOTTY, errno.EINVAL):
            raise DescriptorError("this is no raw HID device") from error
        raise ReaderLostError("the device was unplugged") from error


def keyboard_reader(
    settings: KeyboardSettings, clock: Clock, open_device: Opener = open_keyboard
) -> HidReader:
    """Return the reader of a device that types."""
    return HidReader(
        settings, clock, lambda fd: KeyDecoder(settings.layout, settings.framer()), open_device
    )


def hidraw_reader(
    settings: HidrawSettings,
    clock: Clock,
    open_device: Opener = open_hidraw,
    descriptor_of: DescriptorOf = report_descriptor,
) -> HidReader:
    """Return the reader of a device that sends reports."""
    decoders: dict[str, Callable[[int], FrameDecoder]] = {
        "pos": lambda fd: PosDecoder(layout_of(fd, descriptor_of)),
        "magtek": lambda fd: MagtekDecoder(),
    }
    return HidReader(settings, clock, decoders[settings.report], open_device)


class AttachedHidraw(NamedTuple):
    """A raw HID device that is a reader: where it is, what it sends, what it calls itself."""

    device: str
    report: Literal["pos", "magtek"]
    product: str


def attached_keyboards(root: Path = Path("/")) -> list[str]:
    """Return the stable paths of the keyboards on this machine: a scanner may be among them."""
    return sorted(str(path) for path in (root / "dev/input/by-id").glob("*-event-kbd"))


def attached_hidraw(root: Path = Path("/")) -> list[AttachedHidraw]:
    """Return the scanners in HID POS mode and the MagTek readers on this machine.

    Each by the name that our udev rule gives it, or by the kernel's where the rule is missing.
    """
    stable = {path.resolve(): path for path in sorted((root / "dev/tillcard").glob("*"))}
    found = []
    for node in sorted((root / "sys/class/hidraw").glob("*")):
        uevent = _text(node / "device/uevent")
        descriptor = _bytes(node / "device/report_descriptor")
        device = root / "dev" / node.name
        path = str(stable.get(device.resolve(), device))
        product = "".join(re.findall(r"^HID_NAME=(.*)$", uevent, re.MULTILINE))
        if _MAGTEK in uevent:
            found.append(AttachedHidraw(path, "magtek", product))
        elif _is_scanner(descriptor):
            found.append(AttachedHidraw(path, "pos", product))
    return found


def _is_scanner(descriptor: bytes) -> bool:
    try:
        scan_layout(descriptor)
    except DescriptorError:
        return False
    return True


def _bytes(path: Path) -> bytes:
    with suppress(OSError):  # unplugged since it was listed
        return path.read_bytes()
    return b""


def _text(path: Path) -> str:
    return _bytes(path).decode("utf-8", "replace")
