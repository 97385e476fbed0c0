"""What the cashier reads, in every language of the catalogue."""

import ast
import re
import string
from functools import cache
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

import daemon
from daemon.base.config import LanguageCode
from daemon.base.refusals import ErrorCode
from daemon.pos.cashier_language import (
    ENGLISH,
    FORMS,
    LANGUAGES,
    SENTENCE_CHARS_MAX,
    Speaker,
    catalogue,
    known_language,
    say,
)

OTHERS = [language for language in LANGUAGES if language != ENGLISH]
CYRILLIC = re.compile("[а-яіїєґ]", re.IGNORECASE)
NAMES = string.Formatter()
VALUE = "{}"


def names_in(sentence: str) -> list[str]:
    return sorted(name for _, name, _, _ in NAMES.parse(sentence) if name)


def end_mark(sentence: str) -> str:
    """The full stop or the like; nothing where a sentence ends with a word or a number."""
    return "" if sentence[-1].isalnum() else sentence[-1]


@cache
def texts_in_the_source() -> frozenset[str]:
    """Every text of ``daemon/``, with VALUE where a value of an f-string stands."""
    texts = set[str]()
    for path in Path(daemon.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = (
                    part.value if isinstance(part, ast.Constant) else VALUE for part in node.values
                )
                texts.add("".join(map(str, parts)))
    return frozenset(texts)


@cache
def composed_texts() -> tuple[re.Pattern[str], ...]:
    """Return what those texts look like that have values and words of their own."""
    texts = (
        text for text in texts_in_the_source() if VALUE in text and re.search("[a-z]{2}", text)
    )
    return tuple(re.compile("(.+?)".join(map(re.escape, text.split(VALUE)))) for text in texts)


def is_in_the_source(sentence: str) -> bool:
    """Whether the daemon has this sentence, perhaps with another of its texts as a value."""
    if sentence == VALUE or sentence in texts_in_the_source():
        return True
    found = (pattern.fullmatch(sentence) for pattern in composed_texts())
    return any(each and all(map(is_in_the_source, each.groups())) for each in found)


def test_english_and_ukrainian_are_spoken() -> None:
    assert LANGUAGES == ("en", "uk")


def test_the_configuration_takes_the_languages_of_the_catalogue() -> None:
    assert get_args(LanguageCode) == LANGUAGES


@pytest.mark.parametrize("language", OTHERS)
def test_every_translated_sentence_is_one_that_the_daemon_says(language: str) -> None:
    sentences = catalogue(language).sentences
    gone = [each for each in sentences if not is_in_the_source(re.sub(r"{\w+}", VALUE, each))]
    assert gone == []


@pytest.mark.parametrize(
    "sentence", ["Say which purse to burn from: {}.", "The code {} was good until {} or so."]
)
def test_a_sentence_that_the_daemon_does_not_say_is_found(sentence: str) -> None:
    assert not is_in_the_source(sentence)


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
        assert end_mark(english) == end_mark(other), english
        assert CYRILLIC.search(other), english


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_is_found_with_its_values(language: str) -> None:
    for english, other in catalogue(language).sentences.items():
        values = {name: f"«{name} 12.50»" for name in names_in(english)}
        assert say(language, english.format(**values)) == Speaker(language).format(other, **values)


@pytest.mark.parametrize(
    ("n", "said"),
    [
        (1, "ще 1 штука — і безкоштовна кава"),
        (2, "ще 2 штуки — і безкоштовна кава"),
        (4, "ще 4 штуки — і безкоштовна кава"),
        (5, "ще 5 штук — і безкоштовна кава"),
        (11, "ще 11 штук — і безкоштовна кава"),
        (12, "ще 12 штук — і безкоштовна кава"),
        (21, "ще 21 штука — і безкоштовна кава"),
        (102, "ще 102 штуки — і безкоштовна кава"),
        (112, "ще 112 штук — і безкоштовна кава"),
    ],
)
def test_a_word_goes_by_the_number_before_it(n: int, said: str) -> None:
    assert say("uk", f"{n} more for безкоштовна кава") == said


@pytest.mark.parametrize("language", OTHERS)
def test_a_word_has_a_form_for_every_number(language: str) -> None:
    forms = {FORMS[language](n) for n in range(1_000)}
    for other in catalogue(language).sentences.values():
        for words in (spec for _, _, spec, _ in NAMES.parse(other) if spec):
            assert set(range(words.count("|") + 1)) == forms, other


@given(st.sampled_from(LANGUAGES), st.text(), st.sampled_from(ErrorCode))
def test_anything_is_said(language: str, sentence: str, code: ErrorCode) -> None:
    assert say(language, sentence, code) or not sentence
    assert say(language, sentence) or not sentence


def test_a_page_to_quote_is_answered_by_its_code() -> None:
    sentence = f"Reader {' is claimed by ' * SENTENCE_CHARS_MAX}."
    assert say("uk", sentence, ErrorCode.CLAIMED) == catalogue("uk").codes["claimed"]
    assert say("uk", sentence) == sentence
    assert say("en", sentence, ErrorCode.CLAIMED) == sentence


def test_braces_in_a_value_stay_text() -> None:
    assert say("uk", "Good day, {name} {0} {}!") == "Вітаємо, {name} {0} {}!"


@pytest.mark.parametrize(
    ("asked", "known"),
    [("uk", "uk"), ("uk-UA", "uk"), ("UK_ua", "uk"), ("en-GB", "en"), ("de", "en"), ("", "en")],
)
def test_a_language_is_known_by_its_tag(asked: str, known: str) -> None:
    assert known_language(asked, "en") == known
