"""One code has one normal form, however it is typed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from card_formats.code_text import is_number_text, normal_code, number_form

SPELLINGS = {
    "abcd2345": (
        "ABCD2345",
        " abcd2345 ",
        "ABCD 2345",
        "ab cd 23 45",
        "ABCD-2345",
        "ABCD \u2013 2345",
        "ABCD\u22122345",
        "ABCD\u00a02345",
        "ABCD\u20092345",
        "ABCD\u30002345",
        "\uff21\uff22\uff23\uff24\uff12\uff13\uff14\uff15",
        "ABCD\u00ad2345",
        "\ufeffABCD2345\u200f",
        "ABCD\t2345\n",
    ),
    "indirim": (
        "\u0130ND\u0130R\u0130M",
        "I\u0307ND\u0130RIM",
        "INDIRIM",
        "\u0131nd\u0131r\u0131m",
    ),
    "caf\u00e9": ("CAFE\u0301", "Caf\u00e9", "cafe\u200d\u0301"),
    "\u0441\u0432\u044f\u0442\u043e": ("\u0421\u0412\u042f\u0422\u041e",),
}


@pytest.mark.parametrize(
    ("normal", "typed"), [(key, each) for key, spelt in SPELLINGS.items() for each in spelt]
)
def test_a_code_is_a_code_however_it_is_typed(normal: str, typed: str) -> None:
    assert normal_code(typed) == normal


@pytest.mark.parametrize(
    ("one", "other"),
    [("abcd2345", "abcd2346"), ("K.1", "K1"), ("A/1", "A1"), ("10%", "10"), ("cafe", "caf\u00e9")],
)
def test_codes_that_differ_in_more_than_spelling_stay_two(one: str, other: str) -> None:
    assert normal_code(one) != normal_code(other)


@given(st.text(max_size=40))
def test_a_normal_form_is_its_own(text: str) -> None:
    normal = normal_code(text)
    assert normal_code(normal) == normal
    assert not any(char.isspace() or char in "-\u2212" for char in normal)


@given(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ .$/+%-", max_size=40))
def test_whatever_code_39_encodes_is_a_number_s_text(text: str) -> None:
    assert is_number_text(number_form(text))
