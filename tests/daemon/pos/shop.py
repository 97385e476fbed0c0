"""A till to talk to: real server, real socket, methods small enough to see through."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from daemon.base.refusals import ErrorCode, RefusedError
from daemon.pos.dispatch import Method
from daemon.pos.events import EventRing
from daemon.pos.peers import Role
from daemon.pos.session import Session
from daemon.pos.session_methods import SESSION_METHODS, Greeting
from tests.support.clock import HandClock

WAIT_S, AT = 20.0, datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
GREETING = Greeting(server="tillcard 0", capabilities=["sale"], terminal="till-1", currency="EUR")


def new_ring(kept_max: int = 10_000) -> EventRing:
    return EventRing(HandClock(AT), "boot-1", kept_max=kept_max)


class Text(msgspec.Struct, frozen=True):
    text: str


class Size(msgspec.Struct, frozen=True):
    size: int


class Sale(msgspec.Struct, frozen=True):
    sale_id: str


class Shop:
    """Methods whose pace the test sets. ``posted`` is the ledger."""

    def __init__(self) -> None:
        self.begun = asyncio.Queue[str]()
        self.may_post = asyncio.Event()
        self.posted: list[str] = []
        self.left: list[str] = []
        self.all_posted = asyncio.Event()
        self.gone = asyncio.Event()

    async def say(self, session: Session, params: Text) -> Text:
        return params

    async def whoami(self, session: Session, params: dict[str, Any]) -> dict[str, Any]:
        return {"role": session.role.wire_name, "client": session.client, "till": session.terminal}

    async def commit(self, session: Session, params: Sale) -> dict[str, str]:
        self.begun.put_nowait(params.sale_id)
        await self.may_post.wait()
        self.posted.append(params.sale_id)
        self.all_posted.set()
        return {"state": "posted", "sale_id": params.sale_id}

    async def claim(self, session: Session, params: Text) -> dict[str, str]:
        session.exits.callback(self.gone.set)
        session.exits.callback(self.left.append, params.text)
        return {}

    async def refuse(self, session: Session, params: dict[str, Any]) -> dict[str, Any]:
        raise RefusedError(
            ErrorCode.TIMEOUT,
            "Tap the same card again.",
            reader="chip",
            state_unknown=True,
            extra={"age_s": 720, "name": "never overwritten"},
        )

    async def crash(self, session: Session, params: dict[str, Any]) -> dict[str, Any]:
        raise ZeroDivisionError("a bug")

    async def replay(self, session: Session, params: dict[str, Any]) -> msgspec.Raw:
        return msgspec.Raw(b'{"receipt" : "1.50",  "x":1e2}')

    async def blob(self, session: Session, params: Size) -> dict[str, str]:
        return {"blob": "x" * params.size}

    async def unencodable(self, session: Session, params: dict[str, Any]) -> dict[str, Any]:
        return {"what": object()}

    def methods(self) -> dict[str, Method]:
        return {
            **SESSION_METHODS,
            "say": Method(Text, self.say, Role.READ),
            "whoami": Method(dict, self.whoami, Role.READ),
            "sale.commit": Method(Sale, self.commit, Role.SALE),
            "reader.claim": Method(Text, self.claim, Role.SALE),
            "owner.only": Method(dict, self.whoami, Role.ADMIN),
            "refuse": Method(dict, self.refuse, Role.READ),
            "crash": Method(dict, self.crash, Role.READ),
            "replay": Method(dict, self.replay, Role.READ),
            "blob": Method(Size, self.blob, Role.READ),
            "unencodable": Method(dict, self.unencodable, Role.READ),
        }


def request(method: str, params: object = None, *, request_id: int | str | None = 1) -> bytes:
    message = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params or {}}
    return msgspec.json.encode(message) + b"\n"


class Pos:
    """The other end of the socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        async with asyncio.timeout(WAIT_S):
            self.writer.write(data)
            await self.writer.drain()

    async def line(self) -> bytes:
        async with asyncio.timeout(WAIT_S):
            return await self.reader.readline()

    async def read(self) -> dict[str, Any]:
        return msgspec.json.decode(await self.line(), type=dict[str, Any])

    async def call(self, method: str, params: object = None) -> Any:
        await self.send(request(method, params))
        return (await self.read())["result"]

    async def is_closed(self) -> bool:
        """Wait for the end; False when something else comes instead."""
        try:
            return await self.line() == b""
        except ConnectionError:
            return True


@asynccontextmanager
async def connected(path: Path, *, greeted: bool = True) -> AsyncIterator[Pos]:
    """Connect, take the greeting, and hang up at the end."""
    async with asyncio.timeout(WAIT_S):
        reader, writer = await asyncio.open_unix_connection(str(path), limit=4 * 1024 * 1024)
    pos = Pos(reader, writer)
    try:
        if greeted:
            assert (await pos.read())["method"] == "greeting"
        yield pos
    finally:
        writer.close()
        try:
            async with asyncio.timeout(WAIT_S):
                await writer.wait_closed()
        except ConnectionError:
            pass
