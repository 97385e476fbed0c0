import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from card_formats.chip.sun import (
    URL_CHARS_MAX,
    Tap,
    decrypt_data,
    decrypt_tap,
    parse_link,
    verify_tap,
)
from card_formats.errors import CardFormatError
from tests.card_formats.chip.vectors import load, unhex

ZERO_KEY = bytes(16)
VECTORS = load("sun")
GOOD = [param for param in VECTORS if "uid" in param.values[0]]


def read(link: str, last_count: int = -1) -> tuple[Tap, bytes]:
    parts = parse_link(link)
    tap = parts.tap or decrypt_tap(ZERO_KEY, parts.picc)
    verify_tap(ZERO_KEY, tap, parts.mac, covered=parts.covered, last_count=last_count)
    return tap, decrypt_data(ZERO_KEY, tap, parts.data)


@pytest.mark.parametrize("vector", VECTORS)
def test_vector(vector: dict[str, Any]) -> None:
    if "error" in vector:
        with pytest.raises(CardFormatError) as caught:
            read(vector["link"])
        assert caught.value.code == vector["error"]
        return
    tap = Tap(unhex(vector["uid"]), vector["read_count"])
    assert read(vector["link"]) == (tap, unhex(vector.get("data", "")))


@pytest.mark.parametrize("vector", GOOD)
def test_every_changed_digit_of_a_link_is_refused(vector: dict[str, Any]) -> None:
    link = vector["link"]
    begin = link.index("?") + 1
    for at in range(begin, len(link)):
        if link[at] not in "0123456789ABCDEF" or link[at + 1 : at + 2] == "=":
            continue
        other = format(int(link[at], 16) ^ 1, "X")
        with pytest.raises(CardFormatError):
            read(link[:at] + other + link[at + 1 :])


@pytest.mark.parametrize("vector", GOOD)
def test_a_link_counts_once(vector: dict[str, Any]) -> None:
    read(vector["link"], vector["read_count"] - 1)
    with pytest.raises(CardFormatError) as caught:
        read(vector["link"], vector["read_count"])
    assert caught.value.code == "sun.replayed"


@pytest.mark.parametrize("vector", GOOD)
def test_a_link_is_the_same_in_lower_case_and_in_capitals(vector: dict[str, Any]) -> None:
    host, _, parameters = vector["link"].partition("?")
    assert read(f"{host}?{parameters.lower()}") == read(vector["link"])
    digits = re.sub(r"(?<==)[0-9A-Fa-f]+", lambda found: found[0].lower(), vector["link"])
    assert read(digits) == read(vector["link"])
    names = re.sub(r"(?<=[?&])(e|c|uid|ctr)(?==)", lambda found: found[0].upper(), vector["link"])
    assert read(names) == read(vector["link"])


def test_a_link_that_is_too_long_is_refused() -> None:
    link = GOOD[0].values[0]["link"]
    padded = "https://" + "x" * (URL_CHARS_MAX - len(link)) + link[8:]
    assert len(padded) == URL_CHARS_MAX
    read(padded)
    with pytest.raises(CardFormatError) as caught:
        read("https://x" + padded[8:])
    assert caught.value.code == "sun.bad-link"


@given(st.binary(max_size=40))
def test_file_data_that_is_no_whole_block_is_refused(data: bytes) -> None:
    tap = Tap(bytes(7), 1)
    if len(data) % 16:
        with pytest.raises(CardFormatError) as caught:
            decrypt_data(ZERO_KEY, tap, data)
        assert caught.value.code == "sun.bad-data"
    else:
        assert len(decrypt_data(ZERO_KEY, tap, data)) == len(data)


NAMES = ["?", "&", "=", "#", "e=", "c=", "enc=", "cmac=", "uid=", "ctr="]
VALUES = ["00", "041E3C8A2D6B80", "000006", "94EED9EE65337086", "é", "٣", "EF96" * 8]
PIECES = st.sampled_from(NAMES + VALUES)


@given(st.text(max_size=60) | st.lists(PIECES, max_size=14).map("".join))
def test_any_text_is_a_tap_or_our_own_error(link: str) -> None:
    try:
        read(link)
    except CardFormatError as error:
        assert error.code.startswith("sun.")  # noqa: PT017 - either outcome is right
