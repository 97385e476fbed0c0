"""One suite, every store."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daemon.ledger.store import Store
from daemon.ledger.stores import STORES, open_store

LOCATIONS: dict[str, Callable[[Path], str]] = {"": lambda home: "ledger.db"}


def test_every_store_is_in_the_suite() -> None:
    assert LOCATIONS.keys() == STORES.keys()


@pytest.fixture(params=LOCATIONS, ids=lambda scheme: scheme or "sqlite")
def location(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return LOCATIONS[request.param](tmp_path)


OpenHere = Callable[..., Store]


@pytest.fixture
def open_here(location: str, tmp_path: Path) -> Iterator[OpenHere]:
    """Open connections to one ledger; they are closed at the end of the test."""
    opened: list[Store] = []

    def open_one(*, read_only: bool = False) -> Store:
        store = open_store(location, tmp_path, read_only=read_only)
        opened.append(store)
        return store

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def store(open_here: OpenHere) -> Store:
    return open_here()
