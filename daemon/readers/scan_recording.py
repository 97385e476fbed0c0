"""Records what a scanner sends, scan by scan, before anybody knows how it is set."""

import asyncio
from collections.abc import Callable

from daemon.readers.device_file import DeviceFile
from daemon.readers.ssi import SsiDecoder

SILENCE_S, PATIENCE_S = 0.5, 60.0
SCAN_BYTES_MAX = 1 << 20


async def record_scan(
    device: DeviceFile, *, silence_s: float = SILENCE_S, patience_s: float = PATIENCE_S
) -> list[bytes]:
    """Return all that comes until a silence, read by read: a raw HID device gives a report each.

    What is beyond SCAN_BYTES_MAX is left out.

    Raises: TimeoutError when nothing comes for ``patience_s``, OSError when the device is gone.
    """
    async with asyncio.timeout(patience_s):
        pieces = [await device.read()]
    left = SCAN_BYTES_MAX - len(pieces[0])
    try:
        while True:
            async with asyncio.timeout(silence_s):
                piece = await device.read()
            pieces += [piece[:left]] if left else []
            left -= min(left, len(piece))
    except TimeoutError:
        return pieces


async def record_sheet(
    device: DeviceFile, ask: Callable[[int], None], count: int, *, silence_s: float = SILENCE_S
) -> list[list[bytes]]:
    """Record ``count`` scans; ``ask`` is called with the number of each before it.

    A scanner in SSI mode is answered, or it would send each scan again. Raises as ``record_scan``.
    """
    scans = []
    for number in range(count):
        ask(number)
        scan = await record_scan(device, silence_s=silence_s)
        decoder = SsiDecoder()
        if any(isinstance(frame, bytes) for frame in decoder.receive(b"".join(scan))):
            device.write(decoder.take_replies())
        scans.append(scan)
    return scans
