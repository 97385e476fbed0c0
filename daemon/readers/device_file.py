"""A device that is open as a file: serial port, keyboard, raw HID. Read when it has something."""

import asyncio
import errno
import os
from contextlib import suppress

from daemon.readers.errors import ReaderDeniedError, ReaderError, ReaderLostError

CHUNK_BYTES_MAX = 4096


class DeviceFile:
    """``fd``, already open; whoever opened it closes it.

    What arrives stays with the kernel until it is read, so that a cancelled ``read`` loses nothing.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._loop = asyncio.get_running_loop()
        os.set_blocking(fd, False)

    async def read(self) -> bytes:
        """Return what arrived: from a raw HID device one report, else CHUNK_BYTES_MAX at most.

        Raises: OSError when the device is gone.
        """
        while True:
            await self._until_readable()
            with suppress(BlockingIOError):
                data = os.read(self._fd, CHUNK_BYTES_MAX)
                if not data:
                    raise OSError(errno.ENODEV, "end of file")
                return data

    async def _until_readable(self) -> None:
        readable: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_reader(self._fd, _settle, readable)
        try:
            await readable
        finally:
            self._loop.remove_reader(self._fd)

    def write(self, data: bytes) -> None:
        """Send an answer of a few bytes; one that finds no room is lost, as on the wire."""
        with suppress(BlockingIOError):
            os.write(self._fd, data)


def _settle(readable: asyncio.Future[None]) -> None:
    if not readable.done():
        readable.set_result(None)


def why_not_open(error: OSError, device: str, group: str) -> ReaderError:
    """Say in our words why ``device`` could not be opened; ``group`` is who may."""
    if error.errno in (errno.EACCES, errno.EPERM):
        return ReaderDeniedError(f"no right to open {device}: add the user to group {group}")
    if error.errno in (errno.EBUSY, errno.EAGAIN):
        return ReaderDeniedError(f"another program holds {device}")
    return ReaderLostError(f"{device} is not there")
