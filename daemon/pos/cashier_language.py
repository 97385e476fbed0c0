"""Sentences for the cashier, translated from the English ones that the daemon makes.

The ledger keeps the English ones: a stored refusal can be repeated in another language.
"""

import re
import tomllib
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
            return translation.format(**found.groupdict())
    return catalogue(language).codes[code.wire_name] if code else sentence


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
