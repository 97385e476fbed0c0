"""Fixtures that more than one folder of tests needs, and the option for the long runs."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.support.pcscd import pcscd
from tests.support.processes import adopt_orphans, left_behind

__all__ = ["pcscd"]

# How long an example takes says how busy the machine is, and nothing about the product.
settings.register_profile(
    "tillcard", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("tillcard")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run-soak", action="store_true", help="run what takes minutes or hours too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the soak tests out unless they were asked for."""
    if config.getoption("--run-soak"):
        return
    soak = [item for item in items if item.get_closest_marker("soak")]
    items[:] = [item for item in items if item not in soak]
    config.hook.pytest_deselected(items=soak)


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    """Fail at the end of the run when a program that a test started still runs."""
    adopt_orphans()
    yield
    lines = left_behind()
    assert not lines, "a test left these running: " + "; ".join(lines)
