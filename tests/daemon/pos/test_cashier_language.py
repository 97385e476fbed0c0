"""What the cashier reads, in every language of the catalogue."""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.base.refusals import ErrorCode
from daemon.pos.cashier_language import (
    ENGLISH,
    LANGUAGES,
    SENTENCE_CHARS_MAX,
    catalogue,
    known_language,
    say,
)

OTHERS = [language for language in LANGUAGES if language != ENGLISH]
CYRILLIC = re.compile("[а-яіїєґ]", re.IGNORECASE)
NAMES = string.Formatter()


def names_in(sentence: str) -> list[str]:
    return sorted(name for _, name, _, _ in NAMES.parse(sentence) if name)


def test_english_and_ukrainian_are_spoken() -> None:
    assert LANGUAGES == ("en", "uk")


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("code", ErrorCode, ids=lambda code: code.wire_name)
def test_every_refusal_code_has_a_sentence_in_every_language(
    language: str, code: ErrorCode
) -> None:
    said = say(language, "A sentence that nobody has translated yet.", code)
    assert CYRILLIC.search(said)
    assert said.endswith(".")
    assert set(catalogue(language).codes) == {code.wire_name for code in ErrorCode}


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_says_the_same_values_and_ends_as_its_sentence(language: str) -> None:
    for english, other in catalogue(language).sentences.items():
        assert names_in(english) == names_in(other), english
        assert english[-1] == other[-1], english
        assert CYRILLIC.search(other), english


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_is_found_with_its_values(language: str) -> None:
    for english, other in catalogue(language).sentences.items():
        values = {name: f"«{name} 12.50»" for name in names_in(english)}
        assert say(language, english.format(**values)) == other.format(**values)


@given(st.sampled_from(LANGUAGES), st.text(), st.sampled_from(ErrorCode))
def test_anything_is_said(language: str, sentence: str, code: ErrorCode) -> None:
    assert say(language, sentence, code) or not sentence
    assert say(language, sentence) or not sentence


def test_a_page_to_quote_is_answered_by_its_code() -> None:
    sentence = f"There is no reader {'; configured: ' * SENTENCE_CHARS_MAX}."
    assert say("uk", sentence, ErrorCode.NO_HARDWARE) == catalogue("uk").codes["no_hardware"]
    assert say("uk", sentence) == sentence
    assert say("en", sentence, ErrorCode.NO_HARDWARE) == sentence


def test_braces_in_a_value_stay_text() -> None:
    assert say("uk", "Good day, {name} {0} {}!") == "Вітаємо, {name} {0} {}!"


@pytest.mark.parametrize(
    ("asked", "known"),
    [("uk", "uk"), ("uk-UA", "uk"), ("UK_ua", "uk"), ("en-GB", "en"), ("de", "en"), ("", "en")],
)
def test_a_language_is_known_by_its_tag(asked: str, known: str) -> None:
    assert known_language(asked, "en") == known
