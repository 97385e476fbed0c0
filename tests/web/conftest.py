import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from aiohttp import ClientResponse, ClientSession, CookieJar
from multidict import CIMultiDictProxy

import web.web_server
from tests.support.clock import HandClock
from tests.web.memory_desk import MemoryDesk
from web.web_server import WebServer, make_app
from web.web_settings import WebSettings

TEMPLATES = Path(web.web_server.__file__).parent / "templates"
SUNDAY = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
HIDDEN = re.compile(r'name="(form_id|proof)" value="([^"]*)"')


class Answer(msgspec.Struct, frozen=True):
    """A response that has arrived whole."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


async def answer_of(response: ClientResponse) -> Answer:
    return Answer(response.status, response.headers, await response.read())


class Shop:
    """A running server, its desk and its clock, and a customer's client with cookies."""

    def __init__(
        self, desk: MemoryDesk, clock: HandClock, server: WebServer, client: ClientSession
    ) -> None:
        self.desk = desk
        self.clock = clock
        self.server = server
        self.client = client

    @property
    def url(self) -> str:
        return self.server.url

    async def form(self) -> dict[str, str]:
        """Open the form and return its hidden fields."""
        async with self.client.get(f"{self.url}/join") as response:
            return dict(HIDDEN.findall(await response.text()))

    async def join(self, **typed: str) -> Answer:
        """Open the form, fill it in, send it; the redirection is not followed."""
        return await self.send(await self.form() | typed)

    async def send(self, fields: dict[str, str]) -> Answer:
        url = f"{self.url}/join"
        async with self.client.post(url, data=fields, allow_redirects=False) as response:
            return await answer_of(response)

    async def get(self, path: str, **headers: str) -> Answer:
        async with self.client.get(self.url + path, headers=headers) as response:
            return await answer_of(response)


OpenShop = Callable[[WebSettings], AbstractAsyncContextManager[Shop]]


@asynccontextmanager
async def open_a_shop(settings: WebSettings) -> AsyncIterator[Shop]:
    desk, clock = MemoryDesk(), HandClock(SUNDAY)
    settings = msgspec.structs.replace(settings, port=0)
    server = WebServer(make_app(desk, settings, clock, country="UA"), settings)
    await server.start()
    try:
        # "unsafe" is aiohttp's word for a jar that keeps cookies of an IP address.
        async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as client:
            yield Shop(desk, clock, server, client)
    finally:
        await server.stop()


@pytest.fixture
def open_shop() -> OpenShop:
    return open_a_shop


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with open_a_shop(WebSettings(shop_name="Bakery on the Corner")) as shop:
        yield shop
