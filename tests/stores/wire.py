"""The line between a till and its PostgreSQL server, with somebody who cuts it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import Enum
from pathlib import Path

SOCKET = ".s.PGSQL.5432"
SYNC = b"S\x00\x00\x00\x04"
READY_FOR_QUERY = b"Z\x00\x00\x00\x05"
CHUNK_BYTES = 65_536


class Lost(Enum):
    """What a cut takes: the till's message on its way there, or the server's answer to it."""

    REQUEST = "request"
    ANSWER = "answer"


class Wire:
    """Forwards to the server. Counts the till's ``messages``, and those from ``arm`` on."""

    def __init__(self, server: Path) -> None:
        self._server = server
        self._left = 0
        self._lost: Lost | None = None
        self.cut = False
        self.messages = 0
        self._lines: set[asyncio.Task[None]] = set()

    def arm(self, message: int, lost: Lost) -> None:
        """Cut the line once, at the till's ``message``-th message from now."""
        self._left, self._lost, self.cut = message, lost, False

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until an end closes or the line is cut."""
        this = asyncio.current_task()
        assert this is not None
        self._lines.add(this)
        there, here = await asyncio.open_unix_connection(str(self._server))
        answers = asyncio.create_task(self._carry_answers(there, writer))
        with suppress(ConnectionError):
            while (chunk := await reader.read(CHUNK_BYTES)) and not self._is_cut_at(chunk):
                here.write(chunk)
            if chunk and self._lost is Lost.ANSWER:
                answers.cancel()
                await asyncio.wait([answers])
                here.write(chunk)
                await self._answered_or_over(there, reader)
        self._lost = None if self.cut else self._lost
        answers.cancel()
        await asyncio.wait([answers])
        for end in (here, writer):
            end.close()
            with suppress(ConnectionError):
                await end.wait_closed()

    def _is_cut_at(self, chunk: bytes) -> bool:
        # A query, or the Sync that ends what was sent; a Flush that trails alone is not a message.
        is_message = SYNC in chunk or chunk.startswith(b"Q")
        self.messages += is_message
        self._left -= is_message
        self.cut = self.cut or (self._lost is not None and self._left == 0)
        return self._lost is not None and self._left == 0

    async def ended(self) -> None:
        """Wait until every connection has ended."""
        if self._lines:
            await asyncio.wait(self._lines)

    async def _carry_answers(
        self, there: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(ConnectionError):
            while chunk := await there.read(CHUNK_BYTES):
                writer.write(chunk)
            writer.close()

    async def _answered_or_over(
        self, there: asyncio.StreamReader, reader: asyncio.StreamReader
    ) -> None:
        # What was sent may be a part of a message, which is not answered; the till gives up then.
        ends = [
            asyncio.create_task(self._whole_answer(there)),
            asyncio.create_task(self._till_s_end(reader)),
        ]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for end in ends:
            end.cancel()
        await asyncio.wait(ends)

    async def _till_s_end(self, reader: asyncio.StreamReader) -> None:
        with suppress(ConnectionError):
            while await reader.read(CHUNK_BYTES):
                pass

    async def _whole_answer(self, there: asyncio.StreamReader) -> None:
        answer = b""
        while chunk := await there.read(CHUNK_BYTES):  # or until the server has ended too
            answer += chunk
            if READY_FOR_QUERY in answer[-6:]:
                return


@asynccontextmanager
async def carried(server: Path, folder: Path) -> AsyncIterator[Wire]:
    """Offer the server's socket in ``folder``, by way of a Wire."""
    wire = Wire(server / SOCKET)
    async with await asyncio.start_unix_server(wire.carry, str(folder / SOCKET)):
        yield wire
        await wire.ended()
