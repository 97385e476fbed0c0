"""The file of the shop's keys for phones, and the command that turns its pages."""

from pathlib import Path

import pytest

from card_formats.phone.rotating import card_key
from daemon.keys.key_files import KeyFileError
from daemon.keys.phone_keys import (
    PHONE_KEYS_FILE,
    PHONE_KEYS_MAX,
    add_phone_key,
    load_phone_keys,
    retire_phone_keys,
)
from tests.support.commands import tillcard

KEY = "ab" * 32


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / PHONE_KEYS_FILE


def written(path: Path, text: str) -> Path:
    path.touch(0o600)
    path.write_text(text)
    return path


def test_the_first_key_is_made_for_its_owner_alone_and_found_again(path: Path) -> None:
    keys = load_phone_keys(path)
    assert (keys.ids, keys.newest) == ((1,), 1)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_phone_keys(path).card_key(1, "1234567890", 2) == keys.card_key(1, "1234567890", 2)


def test_a_file_of_before_the_ids_is_key_one(path: Path) -> None:
    keys = load_phone_keys(written(path, KEY + "\n"))
    assert keys.ids == (1,)
    assert keys.card_key(1, "1234567890", 2) == card_key(bytes.fromhex(KEY), "1234567890", 2)
    assert add_phone_key(path).card_key(1, "1234567890", 2) == keys.card_key(1, "1234567890", 2)


def test_a_key_is_added_and_the_old_one_accepted_until_it_is_retired(path: Path) -> None:
    first = load_phone_keys(path)
    both = add_phone_key(path)
    assert both.ids == (1, 2)
    assert both.card_key(1, "1234567890", 1) == first.card_key(1, "1234567890", 1)
    assert both.card_key(2, "1234567890", 1) != first.card_key(1, "1234567890", 1)
    newest = retire_phone_keys(path)
    assert newest.ids == (2,)
    assert newest.card_key(1, "1234567890", 1) is None
    assert newest.card_key(2, "1234567890", 1) == both.card_key(2, "1234567890", 1)
    assert add_phone_key(path).ids == (2, 3), "an id is never used for another key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_the_key_above_the_limit_is_refused_and_nothing_is_written(path: Path) -> None:
    for _ in range(PHONE_KEYS_MAX):
        load_phone_keys(path) if not path.exists() else add_phone_key(path)
    before = path.read_text()
    with pytest.raises(KeyFileError, match="retire"):
        add_phone_key(path)
    assert path.read_text() == before


def test_a_power_cut_while_a_key_is_added_leaves_no_hindrance(path: Path) -> None:
    load_phone_keys(path)
    written(path.with_suffix(".new"), "half a li")
    assert add_phone_key(path).ids == (1, 2)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "1 abc\n",
        f"x {KEY}\n",
        f"1 {KEY}00\n",
        f"2 {KEY}\n1 {KEY}\n",
        f"1 {KEY} 2\n",
        "é",
        "".join(f"{n} {KEY}\n" for n in range(1, PHONE_KEYS_MAX + 2)),
    ],
)
def test_a_file_that_holds_something_else_is_named_and_left_alone(path: Path, text: str) -> None:
    written(path, text)
    with pytest.raises(KeyFileError, match=r"phones\.key does not hold keys"):
        load_phone_keys(path)
    assert path.read_text() == text


def test_a_file_that_others_can_read_is_refused(path: Path) -> None:
    load_phone_keys(path)
    path.chmod(0o640)
    with pytest.raises(KeyFileError, match="chmod 600"):
        load_phone_keys(path)


def test_the_command_says_what_is_given_and_what_is_accepted(path: Path) -> None:
    def said(*words: str) -> str:
        done = tillcard("cards", "phone-keys", "--home", str(path.parent), *words)
        assert done.exit_code == 0, done.output
        return done.output

    load_phone_keys(path)
    assert said() == "phones are given key 1\n"
    again = "Restart the daemon: it takes them at its start.\n"
    assert said("--add") == f"phones are given key 2; still accepted: 1\n{again}"
    assert said("--add") == f"phones are given key 3; still accepted: 1, 2\n{again}"
    assert said("--retire") == f"phones are given key 3\n{again}"
    assert KEY not in said()
    path.chmod(0o640)
    done = tillcard("cards", "phone-keys", "--home", str(path.parent))
    assert (done.exit_code, "chmod 600" in done.output) == (1, True)


@pytest.mark.parametrize("words", [[], ["--add"], ["--retire"]])
def test_a_folder_that_is_no_daemon_s_gets_no_keys(path: Path, words: list[str]) -> None:
    command = ["cards", "phone-keys", "--home", str(path.parent), *words]
    done = tillcard(*command)
    assert done.exit_code == 1
    assert "say --home" in " ".join(done.output.split())
    assert not path.exists()
    (path.parent / "tillcard.toml").touch()
    assert tillcard(*command).exit_code == 0, "before the daemon's first start"


def test_the_old_key_is_not_retired_in_the_breath_that_adds_the_new_one(path: Path) -> None:
    load_phone_keys(path)
    before = path.read_text()
    command = ["cards", "phone-keys", "--home", str(path.parent), "--add", "--retire"]
    assert tillcard(*command).exit_code == 2
    assert path.read_text() == before
