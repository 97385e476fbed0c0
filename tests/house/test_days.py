"""A day is the shop's: one place makes it from a moment, and no text is cut down to its day."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.house.source import PRODUCT, hold, place, tree_of

EXCEPTIONS = {
    "daemon/base/business_day.py": "is the place",
    "web/phone/pass_signing.py": "a certificate's days are nobody's local ones",
}
DAY_CHARS = 10
"""Of ``2026-11-22T10:00:00Z``."""


def made(path: Path) -> Iterator[str]:
    """Give each way in which a module makes a day of a moment by itself."""
    for node in ast.walk(tree_of(path)):
        match node:
            case ast.Call(func=ast.Attribute(attr="date"), args=[], keywords=[]):
                yield ".date()"
            case ast.Slice(lower=None, upper=ast.Constant(value=end)) if end == DAY_CHARS:
                yield f"[:{DAY_CHARS}]"
            case _:
                pass


def test_a_day_is_made_of_a_moment_in_one_place() -> None:
    hold({place(p): found for p in PRODUCT if (found := set(made(p)))}, EXCEPTIONS)
