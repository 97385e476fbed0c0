from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

from daemon.app.running import App
from daemon.base.clock import SystemClock
from tests.support.till import Pos, audited, lay_out, open_till
from tests.web.conftest import BROWSER_FLAGS

# A shop's address that is no secure context, as plain HTTP in a shop's own network is none.
PLAIN_HOST = "shop.test"


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            headless=True,
            args=[*BROWSER_FLAGS, f"--host-resolver-rules=MAP {PLAIN_HOST} 127.0.0.1"],
        )
        yield chromium
        await chromium.close()


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[App]:
    """A whole till by the real clock, because the browser's clock is real, too."""
    lay_out(tmp_path)
    async with open_till(tmp_path, SystemClock()) as app:
        yield app
    assert audited(tmp_path).findings == ()


@pytest.fixture
async def pos(till: App) -> AsyncIterator[Pos]:
    async with Pos.connect(till.socket) as connected:
        yield connected
