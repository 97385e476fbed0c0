from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession, CookieJar

from daemon.app.running import App
from tests.support.clock import HandClock
from tests.support.till import open_till
from tests.web.authority import Authority, Party
from tests.web.wallets.iphone import Phone, lay_out_wallets


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="session")
def pass_party(authority: Authority) -> Party:
    return authority.pass_party()


@pytest.fixture
def home(tmp_path: Path, authority: Authority, pass_party: Party) -> Path:
    lay_out_wallets(tmp_path, authority, pass_party)
    return tmp_path


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def till(home: Path, clock: HandClock) -> AsyncIterator[App]:
    async with open_till(home, clock) as app:
        yield app


@pytest.fixture
async def phone(till: App) -> AsyncIterator[Phone]:
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as client:
        phone = Phone(till, client)
        await phone.join()
        yield phone
