"""The cable of a simulated HID device: whole messages arrive, as the kernel gives HID reports."""

import os
import socket
from errno import ENOENT

from daemon.base.refusals import ErrorCode, RefusedError


class Cable:
    """The device's end; ``open`` is what the reader opens in place of a file in /dev."""

    def __init__(self) -> None:
        self._ends: tuple[socket.socket, socket.socket] | None = None

    def plug(self) -> None:
        """Appear."""
        if self._ends is None:
            self._ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self._ends[0].setblocking(False)

    def unplug(self) -> None:
        """Vanish; whoever has it open sees the end of it."""
        ends, self._ends = self._ends, None
        for end in ends or ():
            end.close()

    def open(self, path: str) -> int:
        """Return a file descriptor of the host's end. Raises OSError while unplugged."""
        if self._ends is None:
            raise OSError(ENOENT, "The simulated reader is unplugged.", path)
        return os.dup(self._ends[1].fileno())

    def send(self, data: bytes) -> None:
        """Write one message. Raises RefusedError when unplugged, or when nobody reads any more."""
        if self._ends is None:
            raise RefusedError(ErrorCode.NO_HARDWARE, "The simulated reader is unplugged.")
        try:
            self._ends[0].send(data)
        except BlockingIOError:
            raise RefusedError(ErrorCode.BUSY, "Nobody reads from the simulated reader.") from None
