"""A simulated serial device: a pseudo-terminal behind a stable path, as udev makes one by id."""

import os
import tty
from contextlib import suppress
from pathlib import Path

from daemon.base.refusals import ErrorCode, RefusedError


class Terminal:
    """The device's end of a pseudo-terminal; the real serial reader opens ``path``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ends: tuple[int, int] | None = None

    @property
    def plugged(self) -> bool:
        """Whether the device is there."""
        return self._ends is not None

    def plug(self) -> None:
        """Appear under ``path``, as another terminal than before."""
        if self._ends is not None:
            return
        self._ends = device, host = os.openpty()
        os.set_blocking(device, False)
        tty.setraw(host)  # until the reader opens it: nothing must be echoed back
        self.path.symlink_to(os.ttyname(host))

    def unplug(self) -> None:
        """Vanish; whoever has ``path`` open sees it hung up."""
        if self._ends is None:
            return
        self.path.unlink()
        for end in self._ends:
            os.close(end)
        self._ends = None

    def send(self, data: bytes) -> None:
        """Write ``data``. Raises RefusedError when unplugged, or when nobody reads any more."""
        if self._ends is None:
            raise RefusedError(ErrorCode.NO_HARDWARE, "The simulated reader is unplugged.")
        try:
            sent = os.write(self._ends[0], data)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            raise RefusedError(ErrorCode.BUSY, "Nobody reads from the simulated reader.")

    def received(self) -> bytes:
        """Return what the reader has written to the device since it was asked last."""
        assert self._ends is not None
        received = b""
        with suppress(BlockingIOError):
            while True:
                received += os.read(self._ends[0], 4096)
        return received
