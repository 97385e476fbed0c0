import re
from datetime import date
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.base.config import LanguageCode
from daemon.shop.phone_card_views import CardState, HistoryKind
from tests.web.conftest import TEMPLATES
from web.page_language import (
    ACCEPT_LANGUAGE_CHARS_MAX,
    LANGUAGES,
    LOCALES,
    Language,
    accepted_language,
)
from web.web_settings import Words

SAID = re.compile(r"""say\(["']([a-z_0-9.]+)["'](?! ~)""")


def test_every_language_of_the_configuration_has_a_catalogue_a_locale_and_words() -> None:
    codes = get_args(LanguageCode)
    assert tuple(LANGUAGES) == tuple(LOCALES) == Words.__struct_fields__ == codes


def test_every_language_has_the_same_sentences_with_the_same_braces() -> None:
    english = Language("en").sentences
    for code in LANGUAGES:
        sentences = Language(code).sentences
        assert sentences.keys() == english.keys()
        for key, sentence in sentences.items():
            assert sentence
            braces = [sorted(re.findall("{.*?}", text)) for text in (sentence, english[key])]
            assert braces[0] == braces[1], key


def test_every_sentence_that_a_page_says_exists() -> None:
    sentences = Language("en").sentences
    for template in TEMPLATES.glob("*.html"):
        for key in SAID.findall(template.read_text("utf-8")):
            assert key in sentences, template.name
    for state in set(CardState) - {CardState.ACTIVE}:
        assert f"card.state.{state}" in sentences
    for kind in HistoryKind:
        assert f"history.{kind}" in sentences


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "en"),
        ("uk", "uk"),
        ("uk-UA,uk;q=0.9,en;q=0.8", "uk"),
        ("en-GB, uk;q=0.9", "en"),
        ("en;q=0.3, uk;q=0.4", "uk"),
        ("de, UK ; q=0.5", "uk"),
        ("uk;q=0", "en"),
        ("uk;q=x", "en"),
        ("uk;level=1", "en"),
        ("*", "en"),
        ("," * ACCEPT_LANGUAGE_CHARS_MAX + "uk", "en"),
    ],
)
def test_the_browser_s_best_language_is_taken(header: str, code: str) -> None:
    assert accepted_language(header, "en") == code


@given(st.text())
def test_any_accept_language_header_is_a_language(header: str) -> None:
    assert accepted_language(header, "uk") in LANGUAGES


@pytest.mark.parametrize(
    ("code", "amount", "currency", "text"),
    [
        ("en", 124_050, "UAH", "1,240.50 UAH"),
        ("uk", 124_050, "UAH", "1 240,50 ₴"),
        ("en", 0, "EUR", "0.00 €"),
        ("en", 500, "JPY", "500 JP¥"),
        ("uk", 12_345, "JPY", "12 345 ¥"),
        ("en", 1_234_567, "KWD", "1,234.567 KWD"),
        ("uk", 1_234_567, "KWD", "1 234,567 KWD"),
        ("en", 1_234, "", "1,234"),
        ("uk", -1_234, "", "-1 234"),
        ("en", 9_007_199_254_740_993, "UAH", "90,071,992,547,409.93 UAH"),
    ],
)
def test_money_is_written_as_people_write_it(
    code: str, amount: int, currency: str, text: str
) -> None:
    assert Language(code).amount(amount, currency).replace("\xa0", " ") == text


def test_a_gain_has_a_plus_and_a_day_its_month_s_name() -> None:
    english = Language("en")
    assert [english.change(n, "") for n in (5, 0, -5)] == ["+5", "0", "-5"]
    assert english.day(date(2026, 11, 3)) == "3 Nov 2026"
    assert Language("uk").day(date(2026, 11, 3)).startswith("3 лист. 2026")


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_shop_s_name_gets_no_quotation_marks_beside_its_own(code: str) -> None:
    for sentence in Language(code).sentences.values():
        for mark in "«»„“”\"'":
            assert mark + "{shop}" not in sentence
            assert "{shop}" + mark not in sentence
