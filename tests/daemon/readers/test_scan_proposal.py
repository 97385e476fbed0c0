from typing import Literal

import pytest

from daemon.readers.hid_descriptor import scan_layout
from daemon.readers.keyboard_layouts import LAYOUTS
from daemon.readers.reader_settings import HidrawSettings, KeyboardSettings, SerialSettings
from daemon.readers.scan_proposal import (
    ELEMENTS,
    NOT_THE_SHEET,
    PRODUCT,
    SHEET,
    SIGNS,
    TURN_ON_AIM,
    TURN_ON_GS,
    propose_hidraw,
    propose_keyboard,
    propose_serial,
)
from daemon.readers.simulated.wires import POS_LAYOUT, as_keys, as_pos_reports, as_ssi

SERIAL = SerialSettings(name="scanner", device="/dev/serial/by-id/x")
KEYBOARD = KeyboardSettings(name="scanner", device="/dev/input/by-id/x-event-kbd")
HIDRAW = HidrawSettings(name="scanner", device="/dev/tillcard/scanner")
AIMS = ("]E0", "]C0", "]C1")
IDENTIFIED = [f"{aim}{code}" for aim, code in zip(AIMS, SHEET, strict=True)]


def sent(wrap: str, codes: list[str] | tuple[str, ...] = SHEET) -> list[bytes]:
    return [wrap.format(code).encode() for code in codes]


@pytest.mark.parametrize(
    ("wrap", "suffix", "prefix"),
    [
        ("{}\r", "line", ""),
        ("{}\n", "line", ""),
        ("{}\r\n", "line", ""),
        ("{}\t", "tab", ""),
        ("{}\t\r", "tab", ""),
        ("\x02{}\x03", "stx-etx", ""),
        ("{}", "gap", ""),
        ("S:{}\r", "line", "S:"),
    ],
)
@pytest.mark.parametrize("has_aim", [True, False])
def test_the_suffix_the_prefix_and_identifiers_are_found(
    wrap: str, suffix: str, prefix: str, has_aim: bool
) -> None:
    proposal = propose_serial(SERIAL, sent(wrap, IDENTIFIED if has_aim else SHEET))
    assert isinstance(proposal.settings, SerialSettings)
    assert (proposal.settings.suffix, proposal.settings.prefix) == (suffix, prefix)
    assert (proposal.settings.protocol, proposal.settings.gs_text) == ("lines", "")
    assert proposal.advice == (() if has_aim else (TURN_ON_AIM,))


def test_a_text_in_the_separator_s_place_is_found() -> None:
    codes = [code.replace("\x1d", "<GS>") for code in IDENTIFIED]
    proposal = propose_serial(SERIAL, sent("{}\r", codes))
    assert proposal.settings is not None
    assert (proposal.settings.gs_text, proposal.advice) == ("<GS>", ())


def test_a_separator_that_is_left_out_is_to_be_switched_on() -> None:
    codes = [code.replace("\x1d", "") for code in IDENTIFIED]
    proposal = propose_serial(SERIAL, sent("{}\r", codes))
    assert proposal.settings is not None
    assert proposal.advice == (TURN_ON_GS,)


def test_a_scanner_that_speaks_ssi_is_noticed() -> None:
    scans = [b"".join(as_ssi(code.encode())) for code in IDENTIFIED]
    proposal = propose_serial(SERIAL, scans)
    assert isinstance(proposal.settings, SerialSettings)
    assert (proposal.settings.protocol, proposal.advice) == ("ssi", ())


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name != "ua"])
def test_the_layout_of_a_scanner_that_types_is_found(
    layout: Literal["us", "de", "fr", "be", "gb"],
) -> None:
    scans = [b"".join(as_keys(code.encode(), layout)) for code in IDENTIFIED]
    proposal = propose_keyboard(KEYBOARD, scans)
    assert isinstance(proposal.settings, KeyboardSettings)
    assert (proposal.settings.layout, proposal.settings.suffix) == (layout, "line")
    assert proposal.advice == ()


def test_a_scanner_in_hid_pos_mode_is_recognised() -> None:
    scans = [as_pos_reports(code.encode()) for code in IDENTIFIED]
    assert propose_hidraw(HIDRAW, POS_LAYOUT, scans) == (HIDRAW, ())


def test_one_whose_reports_are_of_another_size_is_recognised_and_told_what_it_lacks() -> None:
    descriptor = "058C0902A1018502 75089538 09FE820201 75019501 09FF8102 C0"
    layout = scan_layout(bytes.fromhex(descriptor))
    scans = [as_pos_reports(code.encode(), layout) for code in SHEET]
    assert {len(report) for scan in scans for report in scan} == {58}
    assert propose_hidraw(HIDRAW, layout, scans) == (HIDRAW, (TURN_ON_AIM,))


@pytest.mark.parametrize(
    "scans",
    [
        [],
        [b"", b"", b""],
        sent("{}\r", [PRODUCT, PRODUCT, PRODUCT]),
        sent("{}\r", [SIGNS, PRODUCT, ELEMENTS]),
        sent("{}\r")[:2],
        [b"4006381333931\r", b'Zy-=/@#;:"\t', b"10AB\x1d211\r"],
        [b"A4006381333931\r", b'BZy-=/@#;:"\r', b"10AB\x1d211\r"],
        [b"\xff" * 99, b"\x06", b"\x00"],
    ],
)
def test_what_is_not_the_sheet_gives_no_settings(scans: list[bytes]) -> None:
    assert propose_serial(SERIAL, scans) == (None, (NOT_THE_SHEET,))
    assert propose_keyboard(KEYBOARD, scans) == (None, (NOT_THE_SHEET,))
    pieces = [[scan] for scan in scans]
    assert propose_hidraw(HIDRAW, POS_LAYOUT, pieces) == (None, (NOT_THE_SHEET,))
