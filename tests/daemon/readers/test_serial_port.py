"""The serial reader on real pseudo-terminals."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest

from card_formats.credential import Medium
from card_formats.registry import decode
from daemon.readers import Presented, ReaderState, StateChanged, Unreadable
from daemon.readers.framing import FRAME_BYTES_MAX
from daemon.readers.reader_settings import SerialSettings
from daemon.readers.serial_port import SerialReader
from daemon.readers.simulated.pseudo_terminal import Terminal
from daemon.readers.simulated.wires import as_resent, as_ssi
from daemon.readers.ssi import ACK, NAK_RESEND
from daemon.readers.supervisor import Supervisor
from daemon.readers.traffic import TRAFFIC
from tests.support.clock import HandClock
from tests.support.events import next_event, running, until_state


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path / "scanner")
    terminal.plug()
    yield terminal
    terminal.unplug()


def supervised(*settings: SerialSettings) -> Supervisor:
    return Supervisor([SerialReader(one, HandClock()) for one in settings], HandClock())


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


async def test_a_scanner_s_codes_are_read_in_the_encoding_that_it_is_set_to(
    terminal: Terminal,
) -> None:
    settings = SerialSettings(name="s", device=str(terminal.path), encoding="cp1251")
    async with running(supervised(settings)) as till:
        await until_state(till, "s", ReaderState.READY)
        terminal.send(b"]Q1" + "Київ\r".encode("cp1251"))
        assert decode((await next_event(till, Presented)).shown).text == "Київ"


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
    terminal.send(b"]C0K-4111111111111111\r")
    await next_event(till, Presented)
    assert caplog.messages == ["s < 21 bytes ]C0A-9999999999999999"]


async def test_the_tracks_of_a_swipe_are_one_swipe_on_however_many_lines(
    terminal: Terminal,
) -> None:
    settings = SerialSettings(name="s", device=str(terminal.path), medium=Medium.STRIPE)
    async with running(supervised(settings)) as till:
        await until_state(till, "s", ReaderState.READY)
        for tracks in (b"%B77^CLUB^?;77=1?+0177?\r", b"%B77^CLUB^?\r\n;77=1?\r\n+0177?\r\n"):
            terminal.send(tracks)
            reading = decode((await next_event(till, Presented)).shown)
            assert (reading.text, reading.also) == ("77=1", ("B77^CLUB^", "0177"))


async def test_the_text_that_stands_for_the_separator_becomes_it(terminal: Terminal) -> None:
    settings = SerialSettings(name="s", device=str(terminal.path), gs_text="<GS>")
    async with running(supervised(settings)) as till:
        await until_state(till, "s", ReaderState.READY)
        terminal.send(b"]C110ABC<GS>8018000000000000000000\r")
        shown = (await next_event(till, Presented)).shown
        assert shown.raw == b"]C110ABC\x1d8018000000000000000000"


@pytest.mark.parametrize(("window_s", "expected"), [(10.0, True), (0.0, False)])
async def test_the_same_code_at_once_is_marked_and_never_swallowed(
    terminal: Terminal, window_s: float, expected: bool
) -> None:
    settings = SerialSettings(name="s", device=str(terminal.path), duplicate_window_s=window_s)
    async with running(supervised(settings)) as till:
        await until_state(till, "s", ReaderState.READY)
        terminal.send(b"590\r590\r591\r590\r")
        marks = [(await next_event(till, Presented)).duplicate for _ in range(4)]
    assert marks == [False, expected, False, False]


async def test_a_deliberate_second_scan_is_no_duplicate(terminal: Terminal) -> None:
    clock = HandClock()
    settings = SerialSettings(name="s", device=str(terminal.path))
    async with running(Supervisor([SerialReader(settings, clock)], HandClock())) as till:
        await until_state(till, "s", ReaderState.READY)
        for pause_s, is_duplicate in ((0.0, False), (0.4, True), (0.4, True), (0.5, False)):
            clock.move(seconds=pause_s)
            terminal.send(b"590\r")
            assert (await next_event(till, Presented)).duplicate is is_duplicate


async def test_an_ssi_scanner_is_answered_and_what_it_sends_again_counts_once(
    terminal: Terminal,
) -> None:
    settings = SerialSettings(name="s", device=str(terminal.path), protocol="ssi")
    async with running(supervised(settings)) as till:
        await until_state(till, "s", ReaderState.READY)
        (packet,) = as_ssi(b"]E04006381333931")
        terminal.send(packet)
        assert (await next_event(till, Presented)).shown.raw == b"]E04006381333931"
        terminal.send(as_resent(packet) + packet[:-1] + b"\x00" + as_ssi(b"]C0K-1")[0])
        assert "send it again" in (await next_event(till, Unreadable)).reason
        assert (await next_event(till, Presented)).shown.raw == b"]C0K-1"
    assert terminal.received() == ACK + ACK + NAK_RESEND + ACK


@pytest.mark.parametrize(
    "wrong", [{"medium": "chip"}, {"gap_s": 0}, {"duplicate_window_s": -1}, {"suffix": "crlf"}]
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(
            {"kind": "serial", "name": "s", "device": "/dev/x", **wrong}, SerialSettings
        )
