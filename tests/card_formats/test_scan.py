"""Whatever a scanner sends becomes a value or our own error, and nothing of it is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from card_formats.credential import Medium, Reading, Shown
from card_formats.errors import CardFormatError
from card_formats.number_ranges import NumberRange
from card_formats.registry import decode, recognise
from card_formats.symbology.aim import is_interpreted, split_identifier
from card_formats.symbology.eci import ENCODINGS, text_of_interpreted

OWN = (NumberRange(name="plastic", prefix="29", length=14),)
HEADS = st.sampled_from(
    [b"", b"]E0", b"]E4", b"]C0", b"]C1", b"]A1", b"]F0", b"]I0", b"]Q1", b"]Q2", b"]d5", b"]zB"]
)
PIECES = st.one_of(
    st.binary(max_size=12),
    st.sampled_from([b"\\000026", b"\\000020", b"\\999999", b"\\\\", b"\\", b"|]e0", b"\x1d"]),
    st.sampled_from([b"4006381333931", b"29000000001791", "Картка".encode(), b"Caf\xe9"]),
)
SCANS = st.builds(lambda head, pieces: head + b"".join(pieces), HEADS, st.lists(PIECES, max_size=6))
ENCODED = st.sampled_from(ENCODINGS)


def scanned(raw: bytes, encoding: str = "utf-8") -> Reading:
    return decode(Shown(Medium.BARCODE, raw, encoding=encoding))


@given(SCANS, ENCODED)
def test_any_bytes_from_a_scanner_give_a_value_or_our_own_error(raw: bytes, encoding: str) -> None:
    try:
        recognise(scanned(raw, encoding), OWN)
    except CardFormatError:
        return


# In other sets two codes of bytes are one character.
@given(SCANS, st.sampled_from(["utf-8", "ascii", "cp437", "cp1251", "iso8859-5"]))
def test_nothing_of_what_was_scanned_is_lost(raw: bytes, encoding: str) -> None:
    try:
        reading = scanned(raw, encoding)
    except CardFormatError:
        return
    content = raw.removeprefix(reading.aim.encode())
    assert bool(reading.text) != bool(reading.undecoded)
    if reading.undecoded:
        assert reading.undecoded == content
    elif not is_interpreted(reading.aim):
        whole = reading.text + ("|" + reading.composite if reading.composite else "")
        in_one_code = [_encoded(whole, codec) for codec in (encoding, "iso8859-1")]
        assert content.replace(b"|]e0", b"|", 1 if reading.composite else 0) in in_one_code


def _encoded(text: str, codec: str) -> bytes | None:
    try:
        return text.encode(codec)
    except UnicodeEncodeError:
        return None


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1), ENCODED)
def test_a_text_in_a_named_character_set_comes_back_whole(text: str, encoding: str) -> None:
    written = b"\\000026" + text.encode().replace(b"\\", b"\\\\")
    assert text_of_interpreted(written, encoding) == text
    assert scanned(b"]Q2" + written, encoding).text == text
    assert scanned(b"]Q1" + text.encode()).text == text


@pytest.mark.parametrize(
    ("encoding", "raw", "text"),
    [
        ("utf-8", "Київ".encode(), "Київ"),
        ("utf-8", "Köln".encode("latin-1"), "Köln"),
        ("cp1251", "Київ".encode("cp1251"), "Київ"),
        ("gb18030", "北京".encode("gb18030"), "北京"),
        ("cp1251", b"\x98\xe9", ""),  # 98 is nothing in Windows-1251, and a control in Latin-1
        ("ascii", "Köln".encode("latin-1"), "Köln"),
    ],
)
def test_the_reader_s_encoding_is_tried_first_and_latin_1_then(
    encoding: str, raw: bytes, text: str
) -> None:
    reading = scanned(raw, encoding)
    assert (reading.text, reading.undecoded) == (text, b"" if text else raw)


@pytest.mark.parametrize("head", ["]C1", "]e0", "]d2", "]d5", "]Q3", "]Q4", "]z1", "]L3", "]J1"])
def test_content_under_a_gs1_identifier_is_element_strings_and_never_a_bare_number(
    head: str,
) -> None:
    ranges = (NumberRange(name="n", prefix="91", length=16),)
    number = "91" + "0" * 14
    assert recognise(scanned(f"]C0{number}".encode()), ranges).value == number
    assert split_identifier(head + number)[1].startswith("gs1-")
    with pytest.raises(CardFormatError) as caught:
        recognise(scanned((head + number).encode()), ranges)
    assert caught.value.code == "card.unknown"
