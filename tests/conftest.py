"""What every run of the tests has: options, markers, seeds, and that nothing is left behind."""

import secrets
from collections.abc import Generator, Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.support.browser import browser
from tests.support.pcscd import no_pcscd, pcscd
from tests.support.processes import adopt_orphans, left_behind

__all__ = ["browser", "no_pcscd", "pcscd"]

# How long an example takes says how busy the machine is, and nothing about the product.
settings.register_profile(
    "tillcard", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("tillcard")
SEED = "hypothesis_seed"
MARKERS = {
    "pcscd": "pcsc",
    "no_pcscd": "pcsc",
    "browser": "browser",
    "postgres": "cluster",
    "own_postgres": "cluster",
}
"""What a test is marked with for a fixture that it uses, directly or through another."""
STARTERS = {"started", "output_of", "daemon_of", "subprocess"}
"""Names in a module by which its tests start programs: they are marked ``program``."""
SLOW = ("fuzz", "program", "kill", "cluster", "browser")
"""The markers of what takes long, the longest last."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run-soak", action="store_true", help="run what takes minutes or hours too")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Choose one seed for all drawn examples, unless one was given: it is told at the end."""
    if config.getoption(SEED) is None:
        setattr(config.option, SEED, str(secrets.randbits(32)))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say the seed, whatever the outcome; every other random source of the tests has its own."""
    terminalreporter.write_line(f"drawn with --hypothesis-seed={config.getoption(SEED)}")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark a test by what it uses, and say which others must have the same worker."""
    for marker in markers_of(item):
        item.add_marker(marker)
    if together := group_of(item):
        item.add_marker(pytest.mark.xdist_group(together))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the slow tests last, and leave the soak tests out unless asked for."""
    items.sort(key=rank)
    if not config.getoption("--run-soak"):
        soak = [item for item in items if item.get_closest_marker("soak")]
        items[:] = [item for item in items if not item.get_closest_marker("soak")]
        config.hook.pytest_deselected(items=soak)


def markers_of(item: pytest.Item) -> Iterator[str]:
    """Give a test's markers by its fixtures, its module and its place."""
    assert isinstance(item, pytest.Function)
    yield from {MARKERS[fixture] for fixture in item.fixturenames if fixture in MARKERS}
    if STARTERS & vars(item.module).keys():
        yield "program"
    if "fuzz" in item.nodeid.partition("::")[0]:
        yield "fuzz"


def group_of(item: pytest.Item) -> str:
    """Return what a test shares a worker with, one after the other; "" for nothing.

    There is one pcscd, and one set of virtual readers. Quick tests go by files, because a file may
    have fixtures that take longer than its tests.
    """
    if item.get_closest_marker("pcsc"):
        return "pcsc"
    return "" if rank(item) else item.nodeid.partition("::")[0]


def rank(item: pytest.Item) -> int:
    """Return how late a test comes.

    Those on pcscd come first: together they take longest, they mostly wait, and one worker has
    them while the others do the rest. The quick ones follow, so that what is wrong in many places
    shows at once.
    """
    if item.get_closest_marker("pcsc"):
        return -1
    return max([0, *(1 + SLOW.index(name) for name in SLOW if item.get_closest_marker(name))])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Make what was logged fit to be sent to another process: a test may log lone surrogates."""
    report = yield
    report.sections = [
        (title, text.encode("utf-8", "backslashreplace").decode("utf-8"))
        for title, text in report.sections
    ]
    return report


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    """Fail at the end of the run when a program that a test started still runs."""
    adopt_orphans()
    yield
    lines = left_behind()
    assert not lines, "a test left these running: " + "; ".join(lines)
