"""A gateway of text messages on this machine, which misbehaves as a test says."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from aiohttp import web


class Gateway:
    """What came, and what is answered.

    statuses: of the next answers, one each; then 200. drops: cut the line for the next so many,
    after the message was taken. bad: digits for which it has no id.
    """

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.statuses: list[int] = []
        self.drops = 0
        self.bad: set[str] = set()
        self.keys: set[str] | None = None
        self.on_message: Callable[[], None] = lambda: None

    @property
    def recipients(self) -> Counter[str]:
        """How often each number got one."""
        return Counter(one["recipients"][0] for one in self.taken)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        said = await request.json()
        status = self.statuses.pop(0) if self.statuses else HTTPStatus.OK
        if status != HTTPStatus.OK:
            return web.json_response({"response_status": "BUSY"}, status=status)
        digits = said["recipients"][0]
        if digits in self.bad:
            result = {"message_id": None, "response_status": "INVALID_PHONE"}
            return web.json_response({"response_result": [result]})
        if self.keys is None or said["sequence_id"] not in self.keys:
            self.taken.append(said)
            self.headers.append(dict(request.headers))
        if self.keys is not None:
            self.keys.add(said["sequence_id"])
        self.on_message()
        if self.drops:
            self.drops -= 1
            assert request.transport is not None
            request.transport.close()
        result = {"message_id": f"id-{digits}", "response_status": "OK"}
        return web.json_response({"response_result": [result]})


@asynccontextmanager
async def message_gateway(gateway: Gateway) -> AsyncIterator[int]:
    """Run a gateway; yield its port."""
    app = web.Application()
    app.router.add_post("/send", gateway.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    loop = asyncio.get_running_loop()
    assert runner.server is not None
    server = await loop.create_server(runner.server, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await runner.cleanup()
