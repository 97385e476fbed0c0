"""Sentences for the cashier, translated from the English ones that the daemon makes.

The ledger keeps the English ones: a stored refusal can be repeated in another language.

Where a word goes by the number before it, the translation has its forms behind the value's name:
``{n:штука|штуки|штук}`` says 1 штука, 22 штуки, 5 штук; English sentences do without.
"""

import re
import string
import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import msgspec

from daemon.base.refusals import ErrorCode

ENGLISH = "en"
TRANSLATIONS = Path(__file__).parent / "translations"
LANGUAGES = (ENGLISH, *sorted(path.stem for path in TRANSLATIONS.glob("*.toml")))
SENTENCE_CHARS_MAX = 1_000
"""A longer sentence is not looked up: it quotes something very long that a client sent."""
_VALUE = re.compile(r"\\\{(\w+)\\\}")


class Catalogue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One language: English sentence to its own, and what each code says in general."""

    sentences: dict[str, str]
    codes: dict[str, str]


def known_language(asked: str, otherwise: str) -> str:
    """Return the one of LANGUAGES that a tag such as ``uk-UA`` asks for, or ``otherwise``."""
    code = asked.strip().lower().replace("_", "-").partition("-")[0]
    return code if code in LANGUAGES else otherwise


def say(language: str, sentence: str, code: ErrorCode | None = None) -> str:
    """Say an English sentence in ``language``; one that is not known there by its code, or as is.

    language: one of LANGUAGES.
    """
    if language == ENGLISH:
        return sentence
    for pattern, translation in _patterns(language) if len(sentence) <= SENTENCE_CHARS_MAX else ():
        if found := pattern.fullmatch(sentence):
            return Speaker(language).format(translation, **found.groupdict())
    return catalogue(language).codes[code.wire_name] if code else sentence


def _east_slavic(n: int) -> int:
    """Return which form goes with a number: as 1, as 2 to 4, as 5; 11 to 14 are as 5."""
    if n % 100 in range(11, 15):
        return 2
    return 0 if n % 10 == 1 else 1 if n % 10 in range(2, 5) else 2


FORMS: dict[str, Callable[[int], int]] = {"uk": _east_slavic}
"""By language, which of a word's forms goes with a number."""


class Speaker(string.Formatter):
    """Puts values into a language's sentences, with the form of a word that goes with a number."""

    def __init__(self, language: str) -> None:
        self._form = FORMS[language]

    def format_field(self, value: str, format_spec: str) -> str:
        """Return the value, with its word behind it where it is a whole number."""
        if not format_spec or not value.isdecimal():
            return value
        return f"{value} {format_spec.split('|')[self._form(int(value))]}"


@cache
def catalogue(language: str) -> Catalogue:
    """Read a language's file."""
    raw = tomllib.loads((TRANSLATIONS / f"{language}.toml").read_text("utf-8"))
    return msgspec.convert(raw, Catalogue)


@cache
def _patterns(language: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return what each sentence looks like with values in it, the most definite first."""
    sentences = catalogue(language).sentences
    by_plainness = sorted(sentences, key=lambda sentence: (sentence.count("{"), -len(sentence)))
    return tuple((_pattern(sentence), sentences[sentence]) for sentence in by_plainness)


def _pattern(sentence: str) -> re.Pattern[str]:
    return re.compile(_VALUE.sub(r"(?P<\1>.+?)", re.escape(sentence)), re.DOTALL)
