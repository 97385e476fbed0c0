"""The documents: their paths and links exist, their examples are real, their lines are short."""

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

from daemon.app.running import SOCKET_FD_NAME
from daemon.base.chip_section import ChipSection
from daemon.base.config import SocketSection
from daemon.keys.phone_keys import PHONE_KEYS_FILE
from daemon.pos.socket_file import SERVICE_FOLDER, SOCKET_NAME

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES += sorted((ROOT / "docs").glob("*.md"))
PROSE_CHARS_MAX = 100
ROW_CHARS_MAX = 150
"""A longer row of a table is read by nobody: write a list."""
FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
FOLDERS = "daemon|card_formats|web|tests|docs|packaging"
PATH = re.compile(rf"(?<![\w/.-])((?:{FOLDERS})/[\w./-]*\w)")
NAMED = re.compile(r"`([\w/]+\.py)`\s+`([\w.]+)`")
"""A file, and a function or method of it."""
PROMISING = ["chip.md", "threats.md"]
"""The pages whose promises name the tests that hold them."""
TEST = re.compile(r"`(test_\w+)`")
EXAMPLE = re.compile(r"```(?:python|toml)\n(.*?)```", re.DOTALL)

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


def text_of(page: Path) -> str:
    return page.read_text("utf-8")


@every_page
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    for target in LINK.findall(FENCE.sub("", text_of(page))):
        path = target.partition("#")[0]
        if path and "://" not in path:
            assert (page.parent / path).exists(), target


@every_page
def test_every_path_that_is_named_exists(page: Path) -> None:
    for path in PATH.findall(text_of(page)):
        assert (ROOT / path).exists(), path


def test_every_promise_about_a_threat_names_its_test() -> None:
    promised, _, _ = text_of(ROOT / "docs" / "threats.md").partition("## Not protected")
    bullets = re.findall(r"^- .*?(?=^- |^\n|^\*\*|\Z)", promised, re.MULTILINE | re.DOTALL)
    assert len(bullets) > 40
    without = [bullet for bullet in bullets if not re.search(r"`(test_\w+|tests/\S+)`", bullet)]
    assert without == []


@pytest.mark.parametrize("name", PROMISING)
def test_every_test_that_a_promise_names_is_there(name: str) -> None:
    named = set(TEST.findall(text_of(ROOT / "docs" / name)))
    assert named, "its promises name their tests"
    assert sorted(named - names_of_tests()) == []


@cache
def names_of_tests() -> set[str]:
    """Return the names of all tests."""
    return {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(text_of(path)))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if node.name.startswith("test_")
    }


@cache
def functions_of(path: str) -> set[str]:
    """Return the functions of a file, a method as ``Class.method``, and the classes."""
    names = set[str]()
    for node in ast.parse(text_of(ROOT / path)).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            methods = (each for each in node.body if isinstance(each, FUNCTIONS))
            names |= {f"{node.name}.{each.name}" for each in methods}
    return names


@every_page
def test_every_function_that_is_named_stands_in_its_file(page: Path) -> None:
    for path, name in NAMED.findall(text_of(page)):
        assert name in functions_of(path), f"{path} {name}"


def test_the_architecture_names_every_room_and_layer_in_order() -> None:
    page = text_of(ROOT / "docs/architecture.md")
    rooms = {path.parent.relative_to(ROOT) for path in (ROOT / "daemon").glob("*/__init__.py")}
    for room in rooms:
        assert f"| `{room}/` |" in page, room
    contracts = tomllib.loads(text_of(ROOT / "pyproject.toml"))["tool"]["importlinter"]["contracts"]
    layers = [re.sub(r"daemon\.|\(.*?\)", "", layer) for layer in contracts[0]["layers"]]
    (drawn,) = re.findall(r"^cli\n.*?(?=^```)", page, re.DOTALL | re.MULTILINE)
    shown = [re.sub(r"\(.*?\)", "", line) for line in drawn.splitlines()]
    assert [line.split() for line in shown] == [layer.strip(" |").split() for layer in layers]


def test_the_walk_names_at_least_a_dozen_stages() -> None:
    assert len(set(NAMED.findall(text_of(ROOT / "docs/architecture.md")))) >= 12


@every_page
def test_a_list_stands_apart_or_the_site_shows_it_as_prose(page: Path) -> None:
    text = FENCE.sub("", text_of(page))
    assert re.findall(r"^[^\n\s|#-][^\n]*\n- .*", text, re.MULTILINE) == []


@every_page
def test_no_line_of_prose_is_longer_than_a_line_of_code(page: Path) -> None:
    for line in FENCE.sub("", text_of(page)).splitlines():
        limit = ROW_CHARS_MAX if line.startswith("|") else PROSE_CHARS_MAX
        if "<img" not in line:
            assert len(LINK.sub("]", line)) <= limit, line


def test_the_index_of_the_decisions_has_each_of_them_once() -> None:
    page = text_of(ROOT / "docs/decisions.md")
    titles = re.findall(r"^## (\d+)\. ", page, re.MULTILINE)
    assert titles == [str(number) for number in range(1, len(titles) + 1)]
    indexed = re.findall(r"^- \[(\d+)\. ", page, re.MULTILINE)
    assert sorted(indexed, key=int) == titles, "a new decision goes into the index too"


def test_the_examples_of_style_are_the_code_s_own() -> None:
    page = text_of(ROOT / "CONTRIBUTING.md")
    sources = {path: text_of(ROOT / path) for path in PATH.findall(page) if Path(path).suffix}
    examples = EXAMPLE.findall(page)
    assert len(examples) >= 8
    for example in examples:
        assert any(example in source for source in sources.values()), example


def test_the_page_for_installers_names_the_files_that_there_are() -> None:
    page = text_of(ROOT / "docs/install.md")
    assert f"`{SERVICE_FOLDER}/{SOCKET_NAME}`" in page
    assert SOCKET_FD_NAME in page
    for name in (PHONE_KEYS_FILE, ChipSection().keys, SocketSection().token_file, "ledger.id"):
        assert f"`{name}`" in page, name
    packed = text_of(ROOT / "packaging/build-deb.sh") + text_of(
        ROOT / "packaging/systemd/tillcard.service"
    )
    for path in re.findall(r"^\| `(/(?:etc|lib|usr/share|var)/[^`]+)`", page, re.MULTILINE):
        assert path in packed, path
