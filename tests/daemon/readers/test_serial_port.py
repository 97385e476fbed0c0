"""The serial reader on real pseudo-terminals."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from card_formats.credential import Medium
from card_formats.registry import decode
from daemon.clock import SystemClock
from daemon.readers import Presented, ReaderState, StateChanged, Unreadable
from daemon.readers.framing import FRAME_BYTES_MAX
from daemon.readers.serial_port import SerialReader
from daemon.readers.settings import SerialSettings
from daemon.readers.simulated.terminal import Terminal
from daemon.readers.supervisor import Supervisor
from daemon.readers.traffic import TRAFFIC
from tests.support.events import next_event, running, until_state


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path / "scanner")
    terminal.plug()
    yield terminal
    terminal.unplug()


def supervised(*settings: SerialSettings) -> Supervisor:
    return Supervisor([SerialReader(one, SystemClock()) for one in settings], SystemClock())


@pytest.fixture
async def till(terminal: Terminal) -> AsyncIterator[Supervisor]:
    async with running(supervised(SerialSettings(name="s", device=str(terminal.path)))) as till:
        await until_state(till, "s", ReaderState.READY)
        yield till


@pytest.mark.parametrize(
    ("sent", "symbology", "text"),
    [
        (b"]E04006381333931\r", "ean13", "4006381333931"),
        (b"4006381333931\r\n", "ean13", "4006381333931"),
        (b"]C0K-12345\r", "code128", "K-12345"),
        (b"K-12345\n", "unknown", "K-12345"),
        (b"]C1011234567890123110ABC\x1d17261231\r", "gs1-128", "011234567890123110ABC\x1d17261231"),
        ("]Q1https://example.org/\u0457\r".encode(), "qr", "https://example.org/\u0457"),
        (b"https://example.org/a?b=c\r", "unknown", "https://example.org/a?b=c"),
    ],
)
async def test_a_scan_arrives_as_it_was_sent(
    terminal: Terminal, till: Supervisor, sent: bytes, symbology: str, text: str
) -> None:
    terminal.send(sent)
    reading = decode((await next_event(till, Presented)).shown)
    assert (reading.symbology, reading.text) == (symbology, text)


async def test_a_scan_in_single_bytes_is_one_scan(terminal: Terminal, till: Supervisor) -> None:
    for byte in b"4006381333931\r\n5901234123457\r":
        terminal.send(bytes((byte,)))
        await asyncio.sleep(0)
    assert (await next_event(till, Presented)).shown.raw == b"4006381333931"
    assert (await next_event(till, Presented)).shown.raw == b"5901234123457"


async def test_an_endless_scan_is_reported_and_the_next_one_read(
    terminal: Terminal, till: Supervisor
) -> None:
    terminal.send(b"x" * FRAME_BYTES_MAX + b"y\r590\r")
    assert "longer than" in (await next_event(till, Unreadable)).reason
    assert (await next_event(till, Presented)).shown.raw == b"590"


async def test_half_a_scan_is_reported_after_the_gap(terminal: Terminal) -> None:
    settings = SerialSettings(name="s", device=str(terminal.path), gap_s=0.02)
    async with running(supervised(settings)) as till:
        await until_state(till, "s", ReaderState.READY)
        terminal.send(b"40063")
        await next_event(till, Unreadable)
        terminal.send(b"590\r")
        assert (await next_event(till, Presented)).shown.raw == b"590"


async def test_silence_ends_a_scan_that_has_no_suffix(terminal: Terminal) -> None:
    settings = SerialSettings(
        name="s", device=str(terminal.path), medium=Medium.STRIPE, suffix="gap", gap_s=0.02
    )
    async with running(supervised(settings)) as till:
        await until_state(till, "s", ReaderState.READY)
        terminal.send(b";7700000018?")
        assert (await next_event(till, Presented)).shown.raw == b";7700000018?"


async def test_a_scanner_that_is_unplugged_is_absent_and_works_when_it_is_back(
    terminal: Terminal, till: Supervisor
) -> None:
    for _ in range(3):
        terminal.unplug()
        await until_state(till, "s", ReaderState.ABSENT)
        terminal.plug()
        await until_state(till, "s", ReaderState.READY)
        terminal.send(b"590\r")
        assert (await next_event(till, Presented)).shown.raw == b"590"


async def test_a_port_that_is_not_there_is_named(tmp_path: Path) -> None:
    settings = SerialSettings(name="s", device=str(tmp_path / "nothing"))
    async with running(supervised(settings)) as till:
        event = await next_event(till, StateChanged)
        assert event.state is ReaderState.ABSENT
        assert event.detail == f"{tmp_path}/nothing is not there"


async def test_a_port_that_another_program_holds_is_denied(terminal: Terminal) -> None:
    both = [SerialSettings(name=name, device=str(terminal.path)) for name in ("a", "b")]
    async with running(supervised(*both)) as till:
        event = await next_event(till, StateChanged)
        while event.state is ReaderState.READY:
            event = await next_event(till, StateChanged)
        assert event.state is ReaderState.DENIED
        assert "another program" in event.detail


async def test_a_scan_is_logged_with_its_number_masked(
    terminal: Terminal, till: Supervisor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(TRAFFIC, "tillcard.traffic")
    terminal.send(b"4111111111111111\r")
    await next_event(till, Presented)
    assert caplog.messages == ["s < 16 bytes 4111…1111"]
