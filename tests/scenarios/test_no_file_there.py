"""A pipe, a device or a folder in the place of a file: it is said, and nothing waits for it."""

import os
from pathlib import Path

import pytest

from daemon.base.regular_files import read_file
from daemon.keys.chip_keys import make_chip_keys
from daemon.keys.hot_list_keys import make_hot_list_keys
from tests.support.clock import HandClock
from tests.support.processes import TILLCARD, output_of
from tests.support.till import lay_out, open_till

CHIP = {"[simulated]\n": '[chip]\nhot_list = "hot.txt"\n[simulated]\n'}
PATIENCE_S = 20
READ_AT_A_START = (
    *("tillcard.toml", "programme.toml", "chip.keys", "hot-list.pub", "phones.key", "forms.key"),
    *("tillcard.db", "tillcard.db.head", "head.key"),
)


@pytest.fixture
async def home(tmp_path: Path) -> Path:
    """Return the folder of a till that has run."""
    home = tmp_path / "till"
    lay_out(home, **CHIP)
    make_chip_keys(home / "chip.keys")
    make_hot_list_keys(home / "hot-list.key", home / "hot-list.pub")
    async with open_till(home, HandClock()):
        pass
    return home


@pytest.mark.parametrize("name", READ_AT_A_START)
async def test_a_pipe_in_the_place_of_a_file_is_said_at_the_start(name: str, home: Path) -> None:
    (home / name).unlink()
    os.mkfifo(home / name, 0o600)
    run = (*TILLCARD, "run", "--config", home / "tillcard.toml")
    status, said = await output_of(*run, patience_s=PATIENCE_S)
    assert status == 1
    assert str(home / name) in said
    assert "file" in said.rpartition(str(home / name))[2]
    assert "Traceback" not in said


async def test_a_pipe_in_the_place_of_a_hot_list_is_found_by_the_doctor(home: Path) -> None:
    os.mkfifo(home / "hot.txt")
    doctor = (*TILLCARD, "doctor", "--config", home / "tillcard.toml")
    _, said = await output_of(*doctor, patience_s=PATIENCE_S)
    assert "not a regular file" in said


@pytest.mark.parametrize(
    "words",
    [("check",), ("price", "--programme", "programme.toml", "--basket")],
    ids=lambda words: words[0],
)
async def test_a_command_does_not_wait_for_a_pipe(words: tuple[str, ...], home: Path) -> None:
    os.mkfifo(home / "pipe")
    status, said = await output_of(*TILLCARD, *words, "pipe", patience_s=PATIENCE_S, cwd=home)
    assert status == 1
    assert "not a regular file" in said


def test_only_a_regular_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"\xef\xbb\xbfx\r\n")
    (tmp_path / "link").symlink_to(path)
    assert read_file(tmp_path / "link") == path.read_bytes()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to("/dev/zero")
    for name in ("pipe", "device", "."):
        with pytest.raises(OSError, match="not a regular file"):
            read_file(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        read_file(tmp_path / "gone")
