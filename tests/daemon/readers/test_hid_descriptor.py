"""Report descriptors: scanners in HID POS mode are known by their usages, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.readers.errors import ReaderDeniedError
from daemon.readers.hid_descriptor import (
    DESCRIPTOR_BYTES_MAX,
    DescriptorError,
    Field,
    ScanLayout,
    scan_layout,
)
from daemon.readers.hid_reports import PosDecoder
from daemon.readers.simulated.wires import POS_DESCRIPTOR, as_pos_reports

SCANNER, END = "058C 0902 A101 1500 26FF00 7508", "C0"
COUNT, AIM, DATA = "0501 093B 9501 8102 058C", "9503 09FB09FC09FD 8102", "9538 09FE 820201"
GOES_ON = "7501 9501 09FF 8102 9507 8103"
# What has no scan in it, though the bytes 05 8C do stand there.
GAMEPAD = (
    "0501 0905 A101 8501 0930 0931 1500 26058C 7510 9502 8102 0509 1901 2908 7501 9508 8102 C0"
)
KEYBOARD = "0501 0906 A101 0507 19E0 29E7 1500 2501 7501 9508 8102 058C 9508 7508 8103 C0"
BYTES = st.integers(1, 120)


def layout(*parts: str) -> ScanLayout:
    return scan_layout(bytes.fromhex("".join(parts)))


def test_the_example_of_the_module_is_read_as_it_says() -> None:
    found = layout(
        "058C 0902 A101 8502 7508 9503 09FB09FC09FD 8102 9538 09FE 820201 7501 9501 09FF 8102 C0"
    )
    identifiers = (Field(8, 8, 1), Field(16, 8, 1), Field(24, 8, 1))
    assert found == ScanLayout(2, 61, Field(32, 8, 56), identifiers, None, Field(480, 1, 1))


@pytest.mark.parametrize(
    ("what", "parts", "size", "data_at"),
    [
        ("Access-IS", (SCANNER, "8502", COUNT, AIM, DATA, "9502 8103", GOES_ON), 64, 5),
        ("Newland", (SCANNER, "8502", COUNT, DATA, "9504 8103 9501 09FB 8102", GOES_ON), 64, 2),
        ("62 bytes", (SCANNER, "8502", COUNT, AIM, DATA, GOES_ON), 62, 5),
        ("61 bytes", (SCANNER, "8502", AIM, DATA, GOES_ON), 61, 4),
        ("without numbers", (SCANNER, COUNT, AIM, DATA, GOES_ON), 61, 4),
        ("the identifier last", (SCANNER, "8507", DATA, AIM, COUNT, GOES_ON), 62, 1),
    ],
)
def test_a_scan_comes_whole_out_of_every_maker_s_layout(
    what: str, parts: tuple[str, ...], size: int, data_at: int
) -> None:
    found = layout(*parts, END)
    assert (found.size, found.data) == (size, Field(data_at * 8, 8, 56))
    aim = b"]Q1" if found.identifiers else b""
    for text in (b"4006381333931", b"x" * 56, b"y" * 150):
        decoder = PosDecoder(found)
        reports = as_pos_reports(aim + text, found)
        assert {len(report) for report in reports} == {size}
        frames = [frame for report in reports for frame in decoder.receive(report + b"\xff\xff")]
        assert frames == [aim + text], "what a device sends beyond its report says nothing"


@pytest.mark.parametrize(
    ("what", "parts"),
    [
        ("usages as a range", (SCANNER, "9504 19FB 29FE 8102", END)),
        ("usages with their own page", ("0501 0B02008C00 A101 7508 9504 0BFE008C00 8102", END)),
        ("a page that is set behind the usage", (SCANNER, "0501 09FE 058C 9504 8102", END)),
        ("a page that is put away meanwhile", (SCANNER, "A4 0501 B4 9504 09FE 8102", END)),
        ("a set of alternatives", (SCANNER, "9504 A901 09FE 09FB A900 8102", END)),
        ("an item of a long kind before it", ("FE0311058C09", SCANNER, "9504 09FE 8102", END)),
        ("inside a collection of its own", (SCANNER, "0912 A102 9504 09FE 8102 C0", END)),
        ("one value of 32 bits", (SCANNER, "7520 9501 09FE 8102", END)),
        ("behind a keyboard's collection", (KEYBOARD, SCANNER, "8503 9504 09FE 8102", END)),
        ("with an output before it", (SCANNER, "9508 09FE 9102 09FE B102 9504 09FE 8102", END)),
    ],
)
def test_a_field_is_found_however_its_usage_is_said(what: str, parts: tuple[str, ...]) -> None:
    data = layout(*parts).data
    assert data.bits * data.values in (32, 8), what
    assert (data.at, data.bits * data.values) == {
        "usages as a range": (24, 8),
        "behind a keyboard's collection": (8, 32),
    }.get(what, (0, 32))


@pytest.mark.parametrize(
    ("what", "parts"),
    [
        ("a gamepad", (GAMEPAD,)),
        ("a keyboard", (KEYBOARD,)),
        ("a scanner's field in a keyboard", ("0501 0906 A101 058C 7508 9504 09FE 8102", END)),
        ("a scanner's collection in a keyboard's", ("0501 0906 A101", SCANNER, DATA, END, END)),
        ("data behind the scanner's collection", (SCANNER, END, "058C 7508 9504 09FE 8102")),
        ("a collection that is no application", ("058C 0902 A102 7508", DATA, END)),
        ("a scanner that only takes settings", (SCANNER, "9504 09FE 9102 09FE B102", END)),
        ("padding that is called data", (SCANNER, "9504 09FE 8103", END)),
        ("values of five bits", (SCANNER, "7505 9508 09FE 8102", END)),
        ("no value at all", (SCANNER, "9500 09FE 8102", END)),
        ("values of no bits", (SCANNER, "7500 9504 09FE 8102", END)),
        ("the start of one", ("058C 0902 A101",)),
        ("nothing", ()),
        ("an item that is cut short", (SCANNER, DATA, "26FF")),
        ("an end without a beginning", ("C0",)),
        ("a state that was never put away", (SCANNER, DATA, "B4")),
        ("reports of gigabytes", (SCANNER, "97FFFFFFFF 77FFFFFFFF 09FE 8102", END)),
        ("more than the kernel takes", (SCANNER, DATA, END, "00" * DESCRIPTOR_BYTES_MAX)),
    ],
)
def test_what_is_no_scanner_is_called_so(what: str, parts: tuple[str, ...]) -> None:
    with pytest.raises(DescriptorError, match="the device") as caught:
        layout(*parts)
    assert isinstance(caught.value, ReaderDeniedError), "who installs it has to act"


def test_the_simulated_scanner_s_own_descriptor_is_one() -> None:
    assert scan_layout(POS_DESCRIPTOR).size == 64


@given(BYTES, st.integers(0, 3), st.booleans(), st.binary(max_size=300), st.integers(0, 255))
def test_whatever_order_and_size_the_fields_have_the_scan_is_the_same(
    data_bytes: int, order: int, has_count: bool, content: bytes, number: int
) -> None:
    fields = [f"95{data_bytes:02X} 09FE 820201", AIM, "9502 8103", COUNT if has_count else ""]
    moved = fields[order:] + fields[:order]
    found = layout(SCANNER, f"85{number:02X}" if number else "", *moved, GOES_ON, END)
    text = b"]C1" + (content if has_count else content.replace(b"\0", b"0")) + b"x"
    decoder = PosDecoder(found)
    reports = as_pos_reports(text, found)
    assert [frame for report in reports for frame in decoder.receive(report)] == [text]
