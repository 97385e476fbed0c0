from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daemon.app.running import App
from daemon.base.clock import SystemClock
from tests.support.till import Pos, audited, lay_out, open_till


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
