"""One suite, every store."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from daemon.ledger.storage.registry import open_store
from daemon.ledger.storage.store import Store
from tests.support.postgres import PostgresServer, running_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One server for the whole session; each test makes its own databases."""
    with running_server() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Name a migrated, empty database to make others from."""
    url = postgres.new_database()
    store = open_store(url, tmp_path_factory.mktemp("template"))
    store.close()
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("DELETE FROM ledger")
    return url.partition("?")[0].rpartition("/")[2]


def _sqlite(request: pytest.FixtureRequest) -> str:
    return "ledger.db"


def _postgresql(request: pytest.FixtureRequest) -> str:
    postgres: PostgresServer = request.getfixturevalue("postgres")
    return postgres.new_database(request.getfixturevalue("postgres_template"))


LOCATIONS = {"": _sqlite, "postgresql": _postgresql}


@pytest.fixture(
    params=[
        pytest.param("", id="sqlite"),
        pytest.param("postgresql", marks=pytest.mark.cluster),
    ]
)
def location(request: pytest.FixtureRequest) -> str:
    """Return the address of a new ledger, once for each kind of store."""
    return LOCATIONS[request.param](request)


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
