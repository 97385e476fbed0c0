"""HID readers on a simulated cable, and what a real file says when it cannot be opened."""

import errno
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from daemon.readers import Presented, ReaderState, StateChanged, Unreadable
from daemon.readers.framing import Framer, Terminator
from daemon.readers.hid import (
    DescriptorOf,
    hidraw_reader,
    keyboard_reader,
    layout_of,
    open_hidraw,
    open_keyboard,
)
from daemon.readers.hid_descriptor import DescriptorError
from daemon.readers.keyboard import KeyDecoder
from daemon.readers.keyboard_layouts import LAYOUTS
from daemon.readers.reader_settings import HidrawSettings, KeyboardSettings
from daemon.readers.simulated.cable import Cable
from daemon.readers.simulated.wires import POS_DESCRIPTOR, as_keys, as_pos_reports
from daemon.readers.supervisor import Supervisor
from tests.support.clock import HandClock
from tests.support.events import next_event, running, until_state
from tests.support.keys import keys

KEYBOARD = KeyboardSettings(name="k", device="/dev/input/by-id/x", gap_s=0.02)
TYPED = st.text(st.characters(exclude_categories=["Cc", "Cs", "Mn"]), min_size=1, max_size=30)


@pytest.fixture
def cable() -> Iterator[Cable]:
    cable = Cable()
    cable.plug()
    yield cable
    cable.unplug()


@pytest.fixture
async def till(cable: Cable) -> AsyncIterator[Supervisor]:
    clock = HandClock()
    async with running(Supervisor([keyboard_reader(KEYBOARD, clock, cable.open)], clock)) as till:
        await until_state(till, "k", ReaderState.READY)
        yield till


@given(st.sampled_from(list(LAYOUTS)), TYPED)
def test_what_a_scanner_types_on_any_layout_is_read_back(layout: str, text: str) -> None:
    decoder = KeyDecoder(layout, Framer(Terminator.LINE))
    page = LAYOUTS[layout].ansi
    assume(all(ord(char) > 255 or char.encode(page, "ignore") for char in text))
    typed = b"".join(as_keys(text.encode(), layout))
    assert decoder.receive(typed) == [text.rstrip("\r\n").encode()]


def test_a_character_without_an_alt_code_is_not_typed() -> None:
    with pytest.raises(ValueError, match="cannot type"):
        as_keys("\u00af".encode(), "ua")


async def test_a_keyboard_that_is_unplugged_is_absent_and_works_when_it_is_back(
    cable: Cable, till: Supervisor
) -> None:
    for _ in range(3):
        cable.unplug()
        await until_state(till, "k", ReaderState.ABSENT)
        assert till.details["k"] in (
            "/dev/input/by-id/x was unplugged",
            "/dev/input/by-id/x is not there",
        )
        cable.plug()
        await until_state(till, "k", ReaderState.READY)
        cable.send(keys("6 10 11 28"))
        assert (await next_event(till, Presented)).shown.raw == b"590"


async def test_lost_key_presses_spoil_their_scan_and_not_the_next(
    cable: Cable, till: Supervisor
) -> None:
    cable.send(keys("6 dropped 11 28"))
    assert "lost key presses" in (await next_event(till, Unreadable)).reason
    cable.send(keys("6 10 11 28"))
    assert (await next_event(till, Presented)).shown.raw == b"590"


async def test_half_a_scan_that_was_lost_is_reported_after_a_silence(
    cable: Cable, till: Supervisor
) -> None:
    cable.send(keys("6 dropped"))
    assert "lost key presses" in (await next_event(till, Unreadable)).reason
    cable.send(keys("6 10 11 28"))
    assert (await next_event(till, Presented)).shown.raw == b"590"


async def test_half_a_code_in_reports_is_dropped_after_a_silence(cable: Cable) -> None:
    settings = HidrawSettings(name="p", device="/dev/hidraw0", gap_s=0.02)
    clock = HandClock()
    reader = hidraw_reader(settings, clock, cable.open, lambda fd: POS_DESCRIPTOR)
    async with running(Supervisor([reader], clock)) as till:
        await until_state(till, "p", ReaderState.READY)
        first, second = as_pos_reports(b"]C0" + b"x" * 60)
        cable.send(first)
        await next_event(till, Unreadable)
        cable.send(first)
        cable.send(second)
        assert (await next_event(till, Presented)).shown.raw == b"]C0" + b"x" * 60


def no_such_call(fd: int) -> bytes:
    raise OSError(errno.ENOTTY, "ioctl")


@pytest.mark.parametrize(
    ("descriptor_of", "words"),
    [
        (lambda fd: bytes.fromhex("05010906A101C0"), "the device is no scanner in HID POS mode"),
        (lambda fd: b"", "the device is no scanner in HID POS mode"),
        (no_such_call, "this is no raw HID device"),
    ],
)
async def test_a_device_whose_reports_hold_no_scan_is_denied_and_says_so(
    cable: Cable, descriptor_of: DescriptorOf, words: str
) -> None:
    settings, clock = HidrawSettings(name="p", device="/dev/hidraw0"), HandClock()
    reader = hidraw_reader(settings, clock, cable.open, descriptor_of)
    async with running(Supervisor([reader], clock)) as till:
        await until_state(till, "p", ReaderState.DENIED)
        assert till.details["p"].startswith(words)


@pytest.mark.parametrize(
    ("number", "state", "words"),
    [
        (errno.EACCES, ReaderState.DENIED, "no right to open /dev/x: add the user to group input"),
        (errno.EBUSY, ReaderState.DENIED, "another program holds /dev/x"),
        (errno.ENOENT, ReaderState.ABSENT, "/dev/x is not there"),
    ],
)
async def test_a_keyboard_that_cannot_be_had_says_why(
    number: int, state: ReaderState, words: str
) -> None:
    def refuse(path: str) -> int:
        raise OSError(number, path)

    settings, clock = KeyboardSettings(name="k", device="/dev/x"), HandClock()
    async with running(Supervisor([keyboard_reader(settings, clock, refuse)], clock)) as till:
        while (event := await next_event(till, StateChanged)).state is ReaderState.ABSENT != state:
            pass
        assert (event.state, event.detail) == (state, words)


def test_what_is_no_keyboard_cannot_be_grabbed_and_is_closed_again(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="Inappropriate ioctl"):
        open_keyboard(str(tmp_path / "file"))
    with pytest.raises(FileNotFoundError):
        open_hidraw(str(tmp_path / "nothing"))
    fd = open_hidraw(str(tmp_path / "file"))
    with pytest.raises(DescriptorError, match="no raw HID device"):
        layout_of(fd)
    os.close(fd)
