import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.mailing.sms_parts import GSM_PART, UTF16_PART, parts_of

ROSE = "\N{ROSE}"
"""Two units of UTF-16."""


@pytest.mark.parametrize(
    ("text", "alphabet", "units", "parts"),
    [
        ("", "gsm", 0, 0),
        ("a" * 160, "gsm", 160, 1),
        ("a" * 161, "gsm", 161, 2),
        ("a" * 300, "gsm", 300, 2),
        ("a" * 306, "gsm", 306, 2),
        ("a" * 307, "gsm", 307, 3),
        ("ж" * 70, "utf16", 70, 1),
        ("ж" * 71, "utf16", 71, 2),
        ("ж" * 140, "utf16", 140, 3),
        ("a" * 159 + "ж", "utf16", 160, 3),
        ("€" * 80, "gsm", 160, 1),
        ("a" * 152 + "€" + "a" * 10, "gsm", 164, 2),
        (ROSE * 35, "utf16", 70, 1),
        (ROSE * 36, "utf16", 72, 2),
    ],
)
def test_a_text_is_charged_as_so_many_parts(
    text: str, alphabet: str, units: int, parts: int
) -> None:
    counted = parts_of(text)
    assert (counted.alphabet, counted.units, counted.parts) == (alphabet, units, parts)


@pytest.mark.parametrize("char", "€^{}[]~|\\\f")
def test_an_extended_character_counts_two(char: str) -> None:
    assert parts_of(char).units == 2


def test_a_pair_at_the_end_of_a_part_goes_into_the_next() -> None:
    """306 and 134 units would be two parts, if the pairs were cut in half."""
    assert parts_of("a" * 152 + "€" + "a" * 152).parts == 3
    assert parts_of("a" * 153 + "€" + "a" * 151).parts == 2
    assert parts_of("ж" * 66 + ROSE + "ж" * 66).parts == 3
    assert parts_of("ж" * 67 + ROSE + "ж" * 65).parts == 2


@given(st.text())
def test_units_are_those_of_the_encodings(text: str) -> None:
    counted = parts_of(text)
    if counted.alphabet == "utf16":
        assert counted.units == len(text.encode("utf-16-le", "surrogatepass")) // 2
    part = GSM_PART if counted.alphabet == "gsm" else UTF16_PART
    assert -(-counted.units // part) <= max(counted.parts, 1) + (counted.units > part)
    assert counted.units <= max(160 if counted.alphabet == "gsm" else 70, counted.parts * part)


@given(st.text(), st.text())
def test_a_longer_text_is_never_cheaper(text: str, more: str) -> None:
    assert parts_of(text + more).parts >= parts_of(text).parts
