"""Readers on a serial port: scanners, stripe readers, keypads."""

import asyncio
import errno
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import serial
import serial_asyncio_fast
from serial.tools.list_ports import comports

from card_formats.apdu import Dialogue
from card_formats.credential import Shown
from daemon.clock import Clock
from daemon.readers import Presented, ReaderEvent, Unreadable
from daemon.readers.errors import NoCardError, ReaderDeniedError, ReaderError, ReaderLostError
from daemon.readers.framing import Framer, Garbage, Terminator
from daemon.readers.settings import SerialSettings
from daemon.readers.traffic import log_frame

T = TypeVar("T")
CHUNK_BYTES_MAX = 4096


class SerialReader:
    """A device that sends what it takes in, one frame a card or code."""

    def __init__(self, settings: SerialSettings, clock: Clock) -> None:
        self.name = settings.name
        self._settings = settings
        self._clock = clock

    @asynccontextmanager
    async def open(self) -> AsyncIterator["OpenSerialReader"]:
        """Open the port. Raises ReaderLostError, or ReaderDeniedError for want of rights."""
        stream, writer = await _open_port(self._settings)
        try:
            yield OpenSerialReader(self._settings, self._clock, stream)
        finally:
            writer.transport.abort()


async def _open_port(settings: SerialSettings) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    try:
        return await serial_asyncio_fast.open_serial_connection(
            url=settings.device,
            baudrate=settings.baud,
            bytesize=settings.byte_bits,
            parity=settings.parity[0].upper(),
            stopbits=settings.stop_bits,
            rtscts=settings.flow == "rtscts",
            xonxoff=settings.flow == "xonxoff",
            exclusive=True,
        )
    except (serial.SerialException, OSError) as error:
        raise _translated(error, settings.device) from error


def _translated(error: OSError, device: str) -> ReaderError:
    """Say in our words why the port could not be opened. A SerialException is an OSError."""
    if error.errno in (errno.EACCES, errno.EPERM):
        return ReaderDeniedError(f"no right to open {device}: add the user to group dialout")
    if error.errno in (errno.EBUSY, errno.EAGAIN):
        return ReaderDeniedError(f"another program holds {device}")
    return ReaderLostError(f"{device} is not there")


class OpenSerialReader:
    """A serial reader whose port is open."""

    def __init__(
        self, settings: SerialSettings, clock: Clock, stream: asyncio.StreamReader
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._stream = stream
        self._framer = Framer(Terminator(settings.suffix), prefix=settings.prefix.encode())

    async def events(self) -> AsyncIterator[ReaderEvent]:
        """Yield Presented and Unreadable until the device is lost: then ReaderLostError."""
        while True:
            for frame in await self._receive():
                yield self._event(frame)

    async def _receive(self) -> list[bytes | Garbage]:
        try:
            async with asyncio.timeout(self._settings.gap_s if self._framer.pending else None):
                data = await self._stream.read(CHUNK_BYTES_MAX)
        except TimeoutError:
            return self._framer.gap()
        except (serial.SerialException, OSError) as error:
            raise ReaderLostError(f"{self._settings.device} was unplugged") from error
        if not data:
            raise ReaderLostError(f"{self._settings.device} was unplugged")
        return self._framer.receive(data)

    def _event(self, frame: bytes | Garbage) -> ReaderEvent:
        if isinstance(frame, Garbage):
            return Unreadable(self._settings.name, frame.reason)
        log_frame(self._settings.name, frame)
        shown = Shown(self._settings.medium, frame)
        return Presented(self._settings.name, shown, self._clock.monotonic_s())

    async def converse(self, dialogue: Dialogue[T], *, timeout_s: float) -> T:
        """Refuse: no chip lies on a scanner. Raises NoCardError."""
        dialogue.close()
        raise NoCardError(f"{self._settings.name} reads no chips")


def attached() -> list[str]:
    """Return the stable paths of the serial devices on this machine, or plain ones without."""
    by_id = sorted(str(path) for path in Path("/dev/serial/by-id").glob("*"))
    return by_id or sorted(str(port.device) for port in comports())
