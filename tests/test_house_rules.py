"""The house rules, as a test: which library is imported where, how long things may be."""

import ast
from pathlib import Path

import pytest

import daemon

ROOT = Path(__file__).parent.parent
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 500
ONLY_IN = {
    "smartcard": ["daemon/readers/pcsc.py"],
    "serial": ["daemon/readers/serial_port.py"],
    "sqlite3": ["daemon/ledger/storage/sqlite.py", "daemon/ledger/storage/sqlite_file.py"],
    "psycopg": ["daemon/ledger/storage/postgres.py"],
    "alembic": ["daemon/ledger/storage/migrations/"],
    "sqlalchemy": ["daemon/ledger/storage/migrations/"],
    "aiohttp": ["web/"],
    "barcode": ["web/phone/code_images.py"],
    "qrcode": ["web/phone/code_images.py"],
    "pkcs11": ["daemon/keys/pkcs11_token.py"],
    "jwt": ["web/phone/google_link.py"],
    "cryptography": [
        "card_formats/crypto.py",
        "daemon/readers/simulated/desfire/",
        "web/phone/pass_signing.py",
    ],
    "time": ["daemon/base/clock.py"],
    "random": [],
    "typer": ["daemon/cli/"],
    "rich": ["daemon/cli/"],
}
PRODUCT = [p for d in ("card_formats", "daemon", "web") for p in sorted((ROOT / d).rglob("*.py"))]
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def imported(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("path", PRODUCT + TESTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_nothing_is_too_long_to_read(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.count("\n") <= FILE_LINES_MAX
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            lines = node.end_lineno - node.lineno + 1
            assert lines <= FUNCTION_LINES_MAX, f"{node.name} is {lines} lines long"


@pytest.mark.parametrize("path", PRODUCT, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_library_is_imported_in_its_own_place(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    where = path.relative_to(ROOT).as_posix()
    assert ast.get_docstring(tree), "every module says what it is for"
    for name in imported(tree) & ONLY_IN.keys():
        assert any(where.startswith(place) for place in ONLY_IN[name]), f"{name} in {where}"


@pytest.mark.parametrize("path", TESTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_test_patches_or_sleeps(path: Path) -> None:
    if path == Path(__file__):
        return
    text = path.read_text("utf-8")
    assert "mock" + ".patch" not in text
    assert "time" + ".sleep(" not in text


def test_the_daemon_that_is_tested_is_this_project_s() -> None:
    assert daemon.__file__ is not None
    assert Path(daemon.__file__).is_relative_to(ROOT)
