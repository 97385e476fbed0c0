"""How many connections the phone pages have, from where, and how long one may say nothing.

A visitor's connection takes one of the till's open files, and the till's own come first. So a
listener has places, in all and for each address; who finds none is let go at once, by the accepting
socket itself, before anything is made for it, TLS included. Then time counts:

    connected ── head_s ──> first byte ── head_s ──> whole head ──> handler ──> answer
                                 ^                                                 |
                                 └───────── the next request, or KEEPALIVE_S ──────┘
"""

import asyncio
import os
import socket
from collections import Counter
from collections.abc import Callable, Collection
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from web.rate import source_of

TURNED_AWAY_AT_ONCE_MAX = 64
"""Connections that are let go in one turn of the event loop; the others wait for the next."""


class Places:
    """The places of one server: ``most`` in all, ``by_address`` for each but ``proxies``."""

    def __init__(self, most: int, by_address: int, proxies: Collection[str] = ()) -> None:
        self._most = most
        self._by_address = by_address
        self._proxies = {source_of(proxy) for proxy in proxies}
        self._taken: Counter[str] = Counter()

    def take(self, address: str) -> bool:
        """Take a place for ``address``; False when there is none."""
        source = source_of(address)
        full = self._taken[source] >= self._by_address and source not in self._proxies
        if full or self._taken.total() >= self._most:
            return False
        self._taken[source] += 1
        return True

    def leave(self, address: str) -> None:
        """Give a place back."""
        source = source_of(address)
        self._taken[source] -= 1
        if not self._taken[source]:
            del self._taken[source]


class Listener(socket.socket):
    """A listening socket that accepts only whom ``places`` have room for.

    fileno: of a socket that listens; it belongs to this one from now on.
    """

    def __init__(self, fileno: int, places: Places) -> None:
        super().__init__(fileno=fileno)
        self._places = places

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept the next connection that has a place. Raises: OSError, BlockingIOError."""
        for _ in range(TURNED_AWAY_AT_ONCE_MAX):
            connection, address = super().accept()
            if self._places.take(address[0]):
                return _Admitted(connection.detach(), self._places, address[0]), address
            connection.close()
        raise BlockingIOError


class _Admitted(socket.socket):
    """A connection that gives its place back when it is closed."""

    def __init__(self, fileno: int, places: Places, address: str) -> None:
        super().__init__(fileno=fileno)
        self._place: tuple[Places, str] | None = (places, address)

    def close(self) -> None:
        super().close()
        if self._place is not None:
            places, address = self._place
            self._place = None
            places.leave(address)


class Visit(asyncio.Protocol):
    """One connection: passes everything to ``inner``, and is cut when it keeps a place for nothing.

    head_s: how long it may take to the first byte, and from there to the end of the head.
    ended:  called once, at its end.
    """

    def __init__(
        self, inner: asyncio.Protocol, head_s: float, ended: Callable[[asyncio.Protocol], object]
    ) -> None:
        self._inner = inner
        self._head_s = head_s
        self._ended = ended
        self._deadline: asyncio.TimerHandle | None = None
        self._began = False  # something of the next request has come

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the first byte."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._inner.connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Pass it on; with the first byte the head has begun."""
        if not self._began:
            self._began = True
            self._wait()
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass it on."""
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        """Pass it on."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._stop_waiting()
        self._ended(self._inner)
        self._inner.connection_lost(exc)

    def asked(self) -> None:
        """Note that a whole head has come: from here on the request has limits of its own."""
        self._began = True
        self._stop_waiting()

    def answered(self) -> None:
        """Note that the next request may begin."""
        self._began = False

    def _wait(self) -> None:
        self._stop_waiting()
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(self._head_s, self._transport.abort)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


VISITS = web.AppKey("visits", dict[object, Visit])


@web.middleware
async def attend(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Tell a request's connection that its head has come, and that it was answered."""
    visit = request.app[VISITS].get(request.protocol)
    if visit is None:  # not of a ``WebServer``
        return await handler(request)
    visit.asked()
    try:
        return await handler(request)
    finally:
        visit.answered()


async def listeners(host: str, port: int, places: Places) -> list[Listener]:
    """Listen on every address that ``host`` names. Raises OSError."""
    loop = asyncio.get_running_loop()
    known = await loop.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    made: list[Listener] = []
    try:
        for family, _, _, _, address in dict.fromkeys(known):
            listening = socket.create_server(address[:2], family=family)
            made.append(Listener(listening.detach(), places))
    except OSError as error:
        for listener in made:
            listener.close()
        why = os.strerror(error.errno or 0).lower()
        raise OSError(error.errno, f"port {port} of {host or 'this machine'}: {why}") from error
    return made
