"""What every run of the tests has: options, markers, seeds, and that nothing is left behind."""

import gc
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
STARTERS = {
    "cluster": {"running_server"},
    "program": {"started", "output_of", "daemon_of", "subprocess"},
}
"""What the tests of a module are marked with for a name in it, by which they start programs."""
PLACES = {
    "tests/faults/": "kill",
    "fuzz": "fuzz",
    "test_of_a_hundred_thousand_cards": "fuzz",
    "tests/daemon/programme/test_any_facts.py": "fuzz",
    "tests/card_formats/chip/test_identify.py::test_whatever": "fuzz",
    "tests/daemon/readers/test_framing.py::test_any_bytes": "fuzz",
    "tests/web/phone/test_join_form.py::test_anything": "fuzz",
    "tests/daemon/programme/test_against_the_model.py": "fuzz",
    "tests/daemon/programme/test_drawn_programmes.py": "fuzz",
    "tests/daemon/programme/test_toml_keys.py": "fuzz",
    "tests/daemon/programme/test_shares_back.py::test_any": "fuzz",
    "tests/daemon/readers/simulated/desfire/test_transactions.py": "fuzz",
    "tests/web/phone/test_code_images.py": "fuzz",
    "tests/web/phone/test_link_pictures.py::test_any": "fuzz",
    "tests/stores/test_under_fire.py": "fuzz",
    "tests/stores/test_file_and_head.py::test_a_look_through": "fuzz",
    "tests/daemon/sale/test_interleaved_tills.py": "fuzz",
    "tests/daemon/cli/test_card_making.py::test_torn": "kill",
    "tests/scenarios/test_error_table.py::test_the_till_refuses_with": "waits",
    "tests/scenarios/test_chip.py::test_a_chip_that_hangs": "waits",
    "tests/scenarios/test_simulated_readers.py::test_bytes_that_cause": "waits",
    "tests/scenarios/test_inputs.py::test_input_that_nobody_asks": "waits",
    "tests/daemon/readers/test_channel.py::test_the_deadline": "waits",
    "tests/daemon/readers/test_chip.py": "waits",
}
"""What a test is marked with for where it stands: a part of its name with its file's path."""
SLOW = ("waits", "fuzz", "program", "kill", "cluster", "pcsc", "browser")
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
    """Mark a test by what it uses and where it stands."""
    for marker in markers_of(item):
        item.add_marker(marker)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the slow tests last: what is wrong in many places shows at once. Leave soak out."""
    items.sort(key=rank)
    if not config.getoption("--run-soak"):
        soak = [item for item in items if item.get_closest_marker("soak")]
        items[:] = [item for item in items if not item.get_closest_marker("soak")]
        config.hook.pytest_deselected(items=soak)


def pytest_collection_finish() -> None:
    """Take what was collected out of every later search for garbage: it is much, and it stays."""
    gc.collect()
    gc.freeze()


def markers_of(item: pytest.Item) -> Iterator[str]:
    """Give a test's markers by its fixtures, its module and its place."""
    assert isinstance(item, pytest.Function)
    yield from {MARKERS[fixture] for fixture in item.fixturenames if fixture in MARKERS}
    names = vars(item.module).keys()
    yield from {marker for marker, starters in STARTERS.items() if starters & names}
    where = item.nodeid.partition("[")[0]
    yield from {marker for place, marker in PLACES.items() if place in where}


def rank(item: pytest.Item) -> int:
    """Return how late a test comes."""
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
