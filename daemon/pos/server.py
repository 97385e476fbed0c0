"""The listeners for POS programs: the Unix socket, and the same protocol on a loopback port."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import msgspec

from card_formats.number_ranges import NumberRange
from daemon.pos.connection import Connection, Service
from daemon.pos.dispatch import Method
from daemon.pos.events import EventRing
from daemon.pos.peers import TILL_GROUP, Role, peer_name, peer_role
from daemon.pos.session_methods import Greeting
from daemon.pos.socket_file import claimed_socket

CONNECTIONS_MAX = 64
TCP_CONNECTIONS_MAX = 16
HELLO_S_MAX = 10.0
LOOPBACK = "127.0.0.1"
DRAIN_S_MAX = 30.0
STOP_S_MAX = 10.0


class ServerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Who may connect, and for how long a client may keep the server waiting.

    group:   whose members may connect to the socket and sell.
    token:   what a client on the port must bring, within ``hello_s``.
    drain_s: how long an answer may wait for a client that does not read, then it is cut off.
    stop_s:  how long requests in hand may take at the end, then they are cancelled.
    own:     the shop's card numbers, which a request may hold although a bank card's it may not.
    """

    group: str = TILL_GROUP
    token: str = ""
    hello_s: float = HELLO_S_MAX
    drain_s: float = DRAIN_S_MAX
    stop_s: float = STOP_S_MAX
    own: tuple[NumberRange, ...] = ()


DEFAULTS = ServerSettings()


class Server:
    """Serves ``methods`` and ``events``. One client more than the limit hears ``busy``.

    The limits are CONNECTIONS_MAX on the socket and TCP_CONNECTIONS_MAX on the port. Strangers, who
    have shown no token yet, have as many places of their own on the port: there the newest comes
    in and the oldest goes, so that they never keep out a POS that says hello at once.
    """

    def __init__(
        self,
        methods: Mapping[str, Method],
        events: EventRing,
        greeting: Greeting,
        settings: ServerSettings = DEFAULTS,
    ) -> None:
        self._group = settings.group
        self._unix = Service(
            methods,
            events,
            greeting,
            self._role_of,
            settings.drain_s,
            CONNECTIONS_MAX,
            peer_of=lambda transport: peer_name(transport.get_extra_info("socket")),
            own=settings.own,
        )
        self._tcp = self._unix._replace(
            role_of=lambda transport: Role.NOBODY,
            peer_of=lambda transport: "tcp",
            connections_max=TCP_CONNECTIONS_MAX,
            token=settings.token,
            hello_s=settings.hello_s,
        )
        self._stop_s = settings.stop_s
        self._connections: dict[Connection, None] = {}  # the oldest first
        self._empty = asyncio.Event()
        self._stopping = False

    @asynccontextmanager
    async def listening(
        self,
        path: Path,
        *,
        inherited: socket.socket | None = None,
        tcp_port: int | None = None,
    ) -> AsyncIterator[int | None]:
        """Serve while the block runs; finish what is in hand after it.

        path:      of the Unix socket, made here,
        inherited: unless whoever started the daemon has made one that listens already.
        tcp_port:  on the loopback interface; 0 takes any that is free, None opens none.
        Yields:    the port that was opened.
        Raises:    SocketTakenError, OSError for the port, before anything is served.
        """
        loop = asyncio.get_running_loop()
        async with AsyncExitStack() as stack:
            listener = inherited or stack.enter_context(claimed_socket(path, self._group))
            listeners = [(self._unix, listener)]
            if tcp_port is not None:
                assert self._tcp.token, "a port needs a token"
                listeners.append((self._tcp, stack.enter_context(_loopback(tcp_port))))
            tasks = await stack.enter_async_context(asyncio.TaskGroup())
            servers: list[asyncio.Server] = []
            stack.push_async_callback(self._finish, servers)
            for service, listener in listeners:
                connect = partial(Connection, service, tasks, self._admit, self._leave)
                servers.append(await loop.create_server(connect, sock=listener))
            yield None if tcp_port is None else listener.getsockname()[1]

    def _role_of(self, transport: asyncio.Transport) -> Role:
        return peer_role(transport.get_extra_info("socket"), self._group)

    def _admit(self, connection: Connection) -> bool:
        service = connection.service
        here = [each for each in self._connections if each.service is service]
        sellers = [each for each in here if not each.is_stranger]
        if self._stopping or len(sellers) >= service.connections_max:
            return False
        strangers = [each for each in here if each.is_stranger and not each.is_leaving]
        if len(strangers) >= service.connections_max:
            strangers[0].turn_away()
        self._connections[connection] = None
        return True

    def _leave(self, connection: Connection) -> None:
        del self._connections[connection]
        if not self._connections:
            self._empty.set()

    async def _finish(self, servers: list[asyncio.Server]) -> None:
        """Let nobody in, and every request in hand be answered, until the deadline."""
        self._stopping = True
        for server in servers:
            server.close()
        if not self._connections:
            return
        self._empty.clear()
        for connection in list(self._connections):
            connection.finish()
        try:
            async with asyncio.timeout(self._stop_s):
                await self._empty.wait()
        except TimeoutError:
            for connection in list(self._connections):
                connection.abort()
            await self._empty.wait()


def _loopback(port: int) -> socket.socket:
    """Bind ``port``. Raises OSError that names it."""
    try:
        return socket.create_server((LOOPBACK, port))
    except OSError as error:
        detail = f"The port {port} of {LOOPBACK} cannot be opened: {os.strerror(error.errno or 0)}"
        raise OSError(error.errno, detail) from error
