"""Files of secret keys: made once, for their owner alone, and replaced whole."""

from pathlib import Path

import pytest

from daemon.keys.key_files import (
    KEY_BYTES,
    KeyFileError,
    check_mode,
    load_or_make,
    replace_key_file,
    write_key_file,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "secret.key"


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_key_is_made_at_first_use_and_the_same_one_is_found_after(path: Path) -> None:
    key = load_or_make(path)
    assert (len(key), mode(path)) == (KEY_BYTES, 0o600)
    assert load_or_make(path) == key
    assert load_or_make(path.with_name("other.key")) != key


@pytest.mark.parametrize("text", ["", "abc", "zz" * KEY_BYTES, "ab" * (KEY_BYTES + 1), "é"])
def test_a_file_that_holds_no_key_is_named_and_left_alone(path: Path, text: str) -> None:
    write_key_file(path, text)
    with pytest.raises(KeyFileError, match=r"secret\.key does not hold 32 bytes in hex; restore"):
        load_or_make(path)
    assert path.read_text() == text


@pytest.mark.parametrize("open_to", [0o040, 0o004, 0o020, 0o001])
def test_a_file_that_others_can_read_is_refused_with_the_mend(path: Path, open_to: int) -> None:
    load_or_make(path)
    path.chmod(0o600 | open_to)
    with pytest.raises(KeyFileError, match="chmod 600"):
        check_mode(path)
    with pytest.raises(KeyFileError, match=f"mode {0o600 | open_to:04o}"):
        load_or_make(path)


def test_a_file_that_is_there_is_never_written_over(path: Path) -> None:
    write_key_file(path, "mine")
    with pytest.raises(FileExistsError):
        write_key_file(path, "yours")
    assert path.read_text() == "mine"


def test_a_file_is_replaced_whole_and_stays_its_owner_s(path: Path) -> None:
    write_key_file(path, "old")
    path.with_suffix(".new").write_text("half of what a power cut left")
    replace_key_file(path, "new")
    assert (path.read_text(), mode(path)) == ("new", 0o600)
    assert list(path.parent.iterdir()) == [path]
