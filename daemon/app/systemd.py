"""What systemd gives a service, and what it wants to hear. Without systemd all of it is nothing.

Source: sd_listen_fds(3), sd_notify(3), sd_watchdog_enabled(3).
"""

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing

LISTEN_FDS_START = 3
BEATS_PER_TIMEOUT = 3
"""Signs of life within the time after which systemd takes the daemon for dead."""

_log = logging.getLogger(__name__)


def inherited_sockets(environ: Mapping[str, str]) -> dict[str, socket.socket]:
    """Return the listening sockets this process was started with, by ``FileDescriptorName=``.

    To be called once: the sockets are the caller's to close.
    """
    if environ.get("LISTEN_PID") != str(os.getpid()):
        return {}
    count = int(environ.get("LISTEN_FDS", "0"))
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    sockets = {}
    for number, name in zip(range(count), names, strict=False):
        os.set_inheritable(LISTEN_FDS_START + number, False)
        sockets[name] = socket.socket(fileno=LISTEN_FDS_START + number)
    return sockets


class Notifier:
    """Tells the service manager how the daemon is: ``say("READY=1", "STATUS=Two readers")``.

    watchdog_s: within which ``WATCHDOG=1`` must be said again and again; 0 when not asked for.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        for_us = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self.watchdog_s = int(environ.get("WATCHDOG_USEC", "0")) / 1e6 if for_us else 0.0

    def say(self, *lines: str) -> None:
        """Send ``lines`` in one message; a manager that does not listen is no reason to stop."""
        if not self._address:
            return
        address = self._address.replace("@", "\0", 1)  # the abstract namespace, unix(7)
        try:
            with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as to_manager:
                to_manager.setblocking(False)
                to_manager.sendto("\n".join(lines).encode(), address)
        except OSError as error:
            _log.warning("systemd does not hear %s: %s", lines[0], error)

    async def keep_alive(
        self,
        beat: Callable[[], Awaitable[str]],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Give a sign of life after each ``beat``, until cancelled. A beat that hangs gives none.

        beat: returns once every part that must not hang has moved, with a sentence for STATUS=.
        """
        while self.watchdog_s > 0:
            status = await beat()
            self.say("WATCHDOG=1", f"STATUS={status}")
            await sleep(self.watchdog_s / BEATS_PER_TIMEOUT)
