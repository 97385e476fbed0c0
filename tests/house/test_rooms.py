"""Where a module lies and what it is called."""

import ast
from collections import defaultdict

from tests.house.source import PRODUCT, place, tree_of

EVERY_ROOM_S = {"__init__.py", "errors.py", "registry.py"}
"""A room's own errors, and its table of kinds."""


def test_every_module_says_what_it_is_for() -> None:
    assert [place(path) for path in PRODUCT if not ast.get_docstring(tree_of(path))] == []


def test_every_module_of_the_daemon_lies_in_a_room() -> None:
    loose = {place(path) for path in PRODUCT if path.parent.name == "daemon"}
    assert loose == {"daemon/__init__.py", "daemon/__main__.py"}


def test_no_name_of_a_module_stands_twice() -> None:
    places = defaultdict(list)
    for path in PRODUCT:
        places[path.name].append(place(path))
    twice = {name: where for name, where in places.items() if len(where) > 1}
    assert {name: where for name, where in twice.items() if name not in EVERY_ROOM_S} == {}
