"""Readers on a serial port: scanners, stripe readers, keypads."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import serial
from serial.tools.list_ports import comports

from daemon.base.clock import Clock
from daemon.readers.device_file import DeviceFile, why_not_open
from daemon.readers.frames import OpenFrameReader
from daemon.readers.msr605 import Msr605Decoder
from daemon.readers.reader_settings import SerialSettings
from daemon.readers.ssi import SsiDecoder


class SerialReader:
    """A device that sends what it takes in, one frame a card or code."""

    def __init__(self, settings: SerialSettings, clock: Clock) -> None:
        self.name = settings.name
        self._settings = settings
        self._clock = clock

    @asynccontextmanager
    async def open(self) -> AsyncIterator[OpenFrameReader]:
        """Open the port. Raises ReaderLostError, or ReaderDeniedError for want of rights."""
        port = open_port(self._settings)
        try:
            yield self._read(DeviceFile(port.fileno()))
        finally:
            port.close()

    def _read(self, device: DeviceFile) -> OpenFrameReader:
        settings, clock = self._settings, self._clock
        match settings.protocol:
            case "lines":
                return OpenFrameReader(settings, clock, device, settings.framer())
            case "ssi":
                ssi = SsiDecoder()
                return OpenFrameReader(settings, clock, device, ssi, ssi.take_replies)
            case "msr605":
                msr605 = Msr605Decoder()
                return OpenFrameReader(settings, clock, device, msr605, msr605.take_replies)


def open_port(settings: SerialSettings) -> serial.Serial:
    """Open a port for us alone. Raises ReaderLostError, ReaderDeniedError."""
    try:
        return serial.Serial(
            settings.device,
            baudrate=settings.baud,
            bytesize=settings.byte_bits,
            parity=settings.parity[0].upper(),
            stopbits=settings.stop_bits,
            rtscts=settings.flow == "rtscts",
            xonxoff=settings.flow == "xonxoff",
            exclusive=True,
        )
    except OSError as error:  # a SerialException is one
        raise why_not_open(error, settings.device, "dialout") from error


def attached() -> list[str]:
    """Return the stable paths of the serial devices on this machine, or plain ones without."""
    by_id = sorted(str(path) for path in Path("/dev/serial/by-id").glob("*"))
    return by_id or sorted(str(port.device) for port in comports())
