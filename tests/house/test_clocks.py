"""Who may ask the machine for the time of day: what fixes a day beside it is wrong on the next."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.house.source import PRODUCT, TESTS, hold, place, tree_of

CLOCKS = {
    "date": {"today"},
    "datetime": {"now", "today", "utcnow"},
    "time": {"time", "time_ns", "localtime", "gmtime"},
}
PRODUCT_EXCEPTIONS = {
    "daemon/base/clock.py": "is the clock",
    "daemon/cli/__init__.py": "makes the one clock that everything else is handed",
}
TEST_EXCEPTIONS = {
    "tests/bench/chip.py": "a bench measures by the machine's clock, as the shop's till runs",
    "tests/bench/recovery.py": "a bench",
    "tests/bench/socket.py": "a bench",
    "tests/bench/web.py": "a bench",
    "tests/browser/conftest.py": "a browser goes by the machine's clock, so its till must too",
    "tests/browser/test_live_card.py": "a browser",
    "tests/faults/test_killed_live_code.py": "kills a daemon in a process of its own, which takes a"
    " live code only while it is fresh",
    "tests/support/moments.py": "reckons how far a moment is from now",
    "tests/web/test_tls.py": "a client's TLS library looks whether the certificate is valid now",
}


def asked(path: Path) -> Iterator[str]:
    """Give each way in which a module asks the machine for the time of day."""
    for node in ast.walk(tree_of(path)):
        match node:
            case ast.Attribute(attr="SystemClock") | ast.Name(id="SystemClock"):
                yield "SystemClock"
            case ast.Attribute(value=ast.Name(id=owner) | ast.Attribute(attr=owner), attr=name):
                if name in CLOCKS.get(owner, ()):
                    yield f"{owner}.{name}"
            case ast.ImportFrom(module="time", names=names):
                yield from (a.name for a in names if a.name in CLOCKS["time"])
            case ast.ClassDef(name="SystemClock"):
                yield "class SystemClock"
            case _:
                pass


def in_all(paths: tuple[Path, ...]) -> dict[str, set[str]]:
    return {place(path): found for path in paths if (found := set(asked(path)))}


def test_one_clock_is_made_and_handed_to_every_part() -> None:
    hold(in_all(PRODUCT), PRODUCT_EXCEPTIONS)
    made = [
        place(path)
        for path in PRODUCT
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "SystemClock"
    ]
    assert made == ["daemon/cli/__init__.py"]


def test_a_test_goes_by_the_machine_s_clock_only_where_something_else_does() -> None:
    hold(in_all(TESTS), TEST_EXCEPTIONS)
