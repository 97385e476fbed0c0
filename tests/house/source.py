"""The project's own source, parsed once for all house rules."""

import ast
import tokenize
from collections.abc import Iterator, Mapping
from functools import cache
from io import StringIO
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("card_formats", "daemon", "web")
PRODUCT = tuple(p for name in PACKAGES for p in sorted((ROOT / name).rglob("*.py")))
TESTS = tuple(sorted((ROOT / "tests").rglob("*.py")))
Function = ast.FunctionDef | ast.AsyncFunctionDef


def place(path: Path) -> str:
    """Return the path from the project's root, as ``daemon/sale/checkout.py``."""
    return path.relative_to(ROOT).as_posix()


@cache
def text_of(path: Path) -> str:
    return path.read_text("utf-8")


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(text_of(path), str(path))


@cache
def comment_lines(path: Path) -> frozenset[int]:
    """Return the numbers of the lines that are a comment and nothing else."""
    tokens = tokenize.generate_tokens(StringIO(text_of(path)).readline)
    return frozenset(
        token.start[0]
        for token in tokens
        if token.type == tokenize.COMMENT and not token.line[: token.start[1]].strip()
    )


def definitions(path: Path) -> Iterator[tuple[str, tuple[ast.AST, ...]]]:
    """Give every class and function with its own name last: ``daemon/x.py Checkout.commit``.

    The tuple holds the nodes of that name, from the outermost class or function to its own.
    """

    def below(
        node: ast.AST, above: tuple[ast.AST, ...], names: str
    ) -> Iterator[tuple[str, tuple[ast.AST, ...]]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, Function | ast.ClassDef):
                nodes, name = (*above, child), f"{names}.{child.name}".lstrip(".")
                yield f"{place(path)} {name}", nodes
                yield from below(child, nodes, name)
            else:
                yield from below(child, above, names)

    yield from below(tree_of(path), (), "")


def hold(found: Mapping[str, object], exceptions: Mapping[str, str]) -> None:
    """Fail for what breaks a rule and is no named exception, and for an exception without need.

    found:      what breaks the rule: where, and how.
    exceptions: where it may, and why.
    """
    broken = {where: how for where, how in found.items() if where not in exceptions}
    assert broken == {}
    assert exceptions.keys() - found.keys() == set(), "these keep the rule now: take them out"
