"""However a name is written, it is found by the beginnings of its words."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.accounts.cards import Profile
from daemon.customers.search_keys import digits_of, keys_of, words


@pytest.mark.parametrize("mark", ["'", "\u2019", "\u02bc", "`", "\u00b4", "\u2032", ""])
def test_every_apostrophe_is_none(mark: str) -> None:
    assert list(words(f"Дем{mark}янчук")) == list(words(f"ДЕМ{mark}ЯНЧУК")) == ["демянчук"]


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("Łukasz WIŚNIEWSKI", ["lukasz", "wisniewski"]),
        ("Straße", ["strasse"]),
        ("Ivanová-Nováková", ["ivanova", "novakova"]),
        ("  O'Brien,\tJr. ", ["obrien", "jr"]),
        ("李 小龍", ["李", "小龍"]),
        ("…", []),
    ],
)
def test_a_name_is_its_words_without_case_and_accents(name: str, plain: list[str]) -> None:
    assert list(words(name)) == plain


@given(st.text(max_size=80))
def test_however_its_accents_are_written_a_name_has_the_same_words(name: str) -> None:
    expected = set(words(name))
    assert set(words(unicodedata.normalize("NFD", name))) == expected
    assert all(word and word == next(words(word)) for word in expected)


@pytest.mark.parametrize(
    ("text", "digits"),
    [("067 123-45", "06712345"), ("+380 (67)", "38067"), ("olha 67", ""), ("x1", ""), (".", "")],
)
def test_digits_are_a_telephone_s_where_no_letter_is_among_them(text: str, digits: str) -> None:
    assert digits_of(text) == digits


def test_a_profile_is_found_by_its_name_its_telephone_and_its_e_mail() -> None:
    known = Profile(name="Olha K", phone="+380671234567", email="Olha.K@example.ua")
    assert keys_of(known) == {
        ("word", "olha"),
        ("word", "k"),
        ("phone", "765432176083"),
        ("email", "olha.k@example.ua"),
    }
    assert keys_of(Profile(birthday="1990-05-17")) == frozenset()
