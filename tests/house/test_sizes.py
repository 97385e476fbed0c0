"""How long, deep, wide and tangled things may be. Each list of exceptions only gets shorter."""

import ast

from tests.house.source import (
    PRODUCT,
    TESTS,
    Function,
    comment_lines,
    definitions,
    hold,
    place,
    text_of,
)

FILE_LINES_MAX, FUNCTION_LINES_MAX = 500, 70
NESTING_MAX, PARAMETERS_MAX, METHODS_MAX = 2, 7, 20
WAYS_MIN = 15
"""Ways through a function from which on it has at least one comment."""
NESTED: dict[str, str] = {}
CONSTRUCTORS: dict[str, str] = {}
CLASSES = {
    "daemon/pos/connection.py Connection": "seven of them are asyncio's callbacks",
}
UNEXPLAINED: dict[str, str] = {}


def lines_of(node: ast.AST) -> int:
    assert isinstance(node, Function | ast.ClassDef)
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1


def test_no_file_is_too_long_to_read() -> None:
    lengths = {place(path): text_of(path).count("\n") for path in PRODUCT + TESTS}
    assert {name: count for name, count in lengths.items() if count > FILE_LINES_MAX} == {}


def test_no_function_is_too_long_to_read() -> None:
    lengths = {
        name: lines_of(nodes[-1])
        for path in PRODUCT + TESTS
        for name, nodes in definitions(path)
        if isinstance(nodes[-1], Function)
    }
    assert {name: count for name, count in lengths.items() if count > FUNCTION_LINES_MAX} == {}


def test_no_function_is_nested_deeper_than_two() -> None:
    depths = {
        name: sum(isinstance(node, Function) for node in nodes)
        for path in PRODUCT
        for name, nodes in definitions(path)
        if isinstance(nodes[-1], Function)
    }
    hold({name: depth for name, depth in depths.items() if depth > NESTING_MAX}, NESTED)


def test_no_constructor_takes_more_than_seven() -> None:
    counts = {}
    for path in PRODUCT:
        for name, nodes in definitions(path):
            node = nodes[-1]
            if isinstance(node, Function) and node.name == "__init__":
                said = node.args
                counts[name] = len(said.posonlyargs + said.args + said.kwonlyargs) - 1
    hold({name: n for name, n in counts.items() if n > PARAMETERS_MAX}, CONSTRUCTORS)


def test_no_class_has_more_than_twenty_methods() -> None:
    counts = {
        name: sum(isinstance(child, Function) for child in nodes[-1].body)
        for path in PRODUCT
        for name, nodes in definitions(path)
        if isinstance(nodes[-1], ast.ClassDef)
    }
    hold({name: n for name, n in counts.items() if n > METHODS_MAX}, CLASSES)


def test_a_function_of_many_ways_has_a_comment_that_says_why() -> None:
    found = {}
    for path in PRODUCT:
        for name, nodes in definitions(path):
            node = nodes[-1]
            if isinstance(node, Function) and (ways := ways_through(node)) >= WAYS_MIN:
                assert node.end_lineno is not None
                if not comment_lines(path) & set(range(node.lineno, node.end_lineno + 1)):
                    found[name] = ways
    hold(found, UNEXPLAINED)


def ways_through(function: Function) -> int:
    """Count McCabe's ways through a function, with those inside its expressions.

    ruff's C901 counts statements alone; here ``a and b``, ``a if b else c`` and a comprehension
    are read as the branches that they are. A function inside is counted by itself.
    """
    count, waiting = 1, list(ast.iter_child_nodes(function))
    while waiting:
        node = waiting.pop()
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                continue
            case ast.If() | ast.IfExp() | ast.For() | ast.AsyncFor() | ast.While():
                count += 1
            case ast.ExceptHandler() | ast.match_case():
                count += 1
            case ast.BoolOp(values=values):
                count += len(values) - 1
            case ast.comprehension(ifs=conditions):
                count += 1 + len(conditions)
            case _:
                pass
        waiting += ast.iter_child_nodes(node)
    return count
