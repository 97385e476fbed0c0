"""Which library is imported where, and who imports whom."""

import ast
import graphlib
from pathlib import Path

import pytest

import daemon
from tests.house.source import PRODUCT, ROOT, TESTS, place, text_of, tree_of

ONLY_IN = {
    "smartcard": ["daemon/readers/pcsc.py"],
    "serial": ["daemon/readers/serial_port.py"],
    "sqlite3": ["daemon/ledger/storage/sqlite.py", "daemon/ledger/storage/sqlite_file.py"],
    "psycopg": [
        "daemon/ledger/storage/postgres.py",
        "daemon/ledger/storage/postgres_line.py",
    ],
    "alembic": ["daemon/ledger/storage/migrations/"],
    "sqlalchemy": ["daemon/ledger/storage/migrations/"],
    "aiohttp": ["daemon/mailing/http_gateway.py", "web/"],
    "aiosmtplib": ["daemon/mailing/smtp.py"],
    "babel": [
        "daemon/base/currency.py",
        "daemon/shop/club_letter.py",
        "web/page_language.py",
    ],
    "barcode": ["web/phone/code_images.py"],
    "argon2": ["daemon/accounts/secret_hashes.py"],
    "pyotp": ["daemon/accounts/operator_changes.py"],
    "zxcvbn": ["daemon/accounts/operator_changes.py"],
    "qrcode": ["web/phone/code_images.py"],
    "email_validator": ["daemon/base/emails.py"],
    "phonenumbers": ["daemon/base/telephones.py"],
    "reportlab": ["daemon/base/paper.py"],
    "num2words": ["daemon/accounts/act_paper.py"],
    "pkcs11": ["daemon/keys/pkcs11_token.py"],
    "tomlkit": ["daemon/programme/club_settings.py"],
    "python_calamine": ["daemon/base/spreadsheets.py"],
    "jwt": ["web/phone/google_link.py"],
    "cryptography": [
        "card_formats/crypto.py",
        "daemon/keys/signing_keys.py",
        "daemon/readers/simulated/desfire/",
        "web/phone/pass_signing.py",
    ],
    "PIL": [
        "daemon/customers/picture_process.py",
        "daemon/customers/pictures.py",
        "web/phone/code_images.py",
        "web/phone/wallets.py",
    ],
    "time": ["daemon/base/clock.py"],
    "random": ["daemon/sample_year/"],
    "typer": ["daemon/cli/"],
    "rich": ["daemon/cli/"],
}
HOUSE = Path(__file__).parent


def imported(tree: ast.AST) -> set[str]:
    """Return the dotted names of what is imported; of ``from a import b`` ``a`` and ``a.b``."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None, "imports are absolute here"
            assert node.level == 0, "imports are absolute here"
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def test_every_library_is_imported_in_its_own_place() -> None:
    astray = [
        f"{name} in {place(path)}"
        for path in PRODUCT
        for name in {name.partition(".")[0] for name in imported(tree_of(path))} & ONLY_IN.keys()
        if not place(path).startswith(tuple(ONLY_IN[name]))
    ]
    assert astray == []


def test_no_circle_of_modules_imports_itself() -> None:
    modules = {
        place(path).removesuffix(".py").removesuffix("/__init__").replace("/", "."): path
        for path in PRODUCT
    }
    arrows = {
        name: (imported(tree_of(path)) & modules.keys()) - {name} for name, path in modules.items()
    }
    try:
        graphlib.TopologicalSorter(arrows).prepare()
    except graphlib.CycleError as error:
        pytest.fail(" <- ".join(error.args[1]))


def test_no_test_patches_or_sleeps() -> None:
    for path in TESTS:
        if not path.is_relative_to(HOUSE):
            assert "mock.patch" not in text_of(path), place(path)
            assert "time.sleep(" not in text_of(path), place(path)


def test_the_daemon_that_is_tested_is_this_project_s() -> None:
    assert daemon.__file__ is not None
    assert Path(daemon.__file__).is_relative_to(ROOT)
