from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daemon.app.running import App
from tests.scenarios.staff import shop
from tests.support.clock import HandClock
from tests.support.till import Pos, audited, lay_out, open_till


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def programme() -> str:
    """Give the till's programme; a module that needs another one overrides this."""
    return ""


@pytest.fixture
async def till(tmp_path: Path, clock: HandClock, programme: str) -> AsyncIterator[App]:
    """A whole till; its ledger is audited at the end of every test."""
    lay_out(tmp_path, programme)
    async with open_till(tmp_path, clock) as app:
        yield app
    assert audited(tmp_path).findings == ()


@pytest.fixture
async def pos(till: App) -> AsyncIterator[Pos]:
    async with Pos.connect(till.socket) as connected:
        yield connected


@pytest.fixture
async def strict(tmp_path: Path, clock: HandClock) -> AsyncIterator[Pos]:
    """A till where every name must be an operator's."""
    async with shop(tmp_path, clock) as (_, pos):
        yield pos


@pytest.fixture
async def lax(tmp_path: Path, clock: HandClock) -> AsyncIterator[Pos]:
    """A till where any name will do."""
    async with shop(tmp_path, clock, {}) as (_, pos):
        yield pos
