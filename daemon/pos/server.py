"""The socket that every POS of this till connects to."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from daemon.pos.connection import Connection, Service
from daemon.pos.dispatch import Method
from daemon.pos.events import EventRing
from daemon.pos.peers import Role, peer_role
from daemon.pos.session_methods import Greeting
from daemon.pos.socket_file import claimed_socket

CONNECTIONS_MAX = 64
DRAIN_S_MAX = 30.0
STOP_S_MAX = 10.0


class Server:
    """Serves ``methods`` and ``events``. Over CONNECTIONS_MAX clients, one more hears ``busy``.

    drain_s: how long an answer may wait for a client that does not read, then it is cut off.
    stop_s:  how long requests in hand may take at the end, then they are cancelled.
    """

    def __init__(
        self,
        methods: Mapping[str, Method],
        events: EventRing,
        greeting: Greeting,
        *,
        drain_s: float = DRAIN_S_MAX,
        stop_s: float = STOP_S_MAX,
    ) -> None:
        self._service = Service(methods, events, greeting, _unix_role, drain_s)
        self._stop_s = stop_s
        self._connections: set[Connection] = set()
        self._empty = asyncio.Event()
        self._stopping = False

    @asynccontextmanager
    async def listening(self, path: Path) -> AsyncIterator[None]:
        """Serve the Unix socket ``path`` while the block runs; finish what is in hand after it.

        Raises: SocketTakenError, before anything is served.
        """
        loop = asyncio.get_running_loop()
        with claimed_socket(path) as listener:
            async with asyncio.TaskGroup() as tasks:
                connect = partial(Connection, self._service, tasks, self._admit, self._leave)
                acceptor = await loop.create_unix_server(connect, sock=listener)
                try:
                    yield
                finally:
                    acceptor.close()
                    await self._finish()

    def _admit(self, connection: Connection) -> bool:
        if self._stopping or len(self._connections) >= CONNECTIONS_MAX:
            return False
        self._connections.add(connection)
        return True

    def _leave(self, connection: Connection) -> None:
        self._connections.remove(connection)
        if not self._connections:
            self._empty.set()

    async def _finish(self) -> None:
        """Let every request in hand be answered, until the deadline."""
        self._stopping = True
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


def _unix_role(transport: asyncio.Transport) -> Role:
    return peer_role(transport.get_extra_info("socket"))
