"""A telephone number however it is written: one number, or our own error."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.base.telephones import TelephoneError, e164, is_country

GERMAN = "+4915123456789"
# DIN 5008 (blanks, hyphen), the older slash, and E.123 of the ITU (plus, brackets); the rest is
# what word processors and phones' address books put in.
WAYS = (
    "0151/23456789",
    "0151 23456789",
    "0151-23456789",
    "(0151) 234 567 89",
    "+49 151 23456789",
    "+49 (0) 151 23456789",
    "+49(0)151/234-567-89",
    "0049 151 23456789",
    "0049 (0)151 23456789",
    "0151 \u2013 234 \u2013 567 \u2013 89",
    "0151\u2014234\u201156789",
    "0151\u2212234.567.89",
    "+49\u00a0151\u202f23456789",
    "\u202a+49 151 23456789\u202c",
    "\u2066015123456789\u2069",
    "\ufeff0151\u200b234\u00ad56789",
    "0151\t23456789",
    "\uff0b\uff14\uff19\uff08\uff10\uff09151\u300023456789",
    "\u0660\u0661\u0665\u0661 \u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669",
)
LATIN_AND_DIGITS = st.text("+0123456789 ()/-.\u2013\u200babc", max_size=40)


@pytest.mark.parametrize("written", WAYS)
def test_one_number_in_e164_however_it_is_written(written: str) -> None:
    assert e164(written, "DE") == GERMAN


@pytest.mark.parametrize(
    ("written", "country", "kept"),
    [
        ("050 123 45 67", "UA", "+380501234567"),
        ("380501234567", "UA", "+380501234567"),
        ("(202) 555-0123", "US", "+12025550123"),
        ("011 49 151 23456789", "US", GERMAN),
        ("0049 151 23456789", "US", GERMAN),
        ("020 7946 0958", "GB", "+442079460958"),
        ("+44 (0)20 7946 0958", "UA", "+442079460958"),
        ("06 698 12345", "IT", "+390669812345"),  # the zero stays: E.164 of Italy has it
        ("+49 151 23456789", "", GERMAN),
        ("0049 151 23456789", "", GERMAN),
    ],
)
def test_a_number_without_a_country_code_is_of_the_shop_s_country(
    written: str, country: str, kept: str
) -> None:
    assert e164(written, country) == kept


@pytest.mark.parametrize(
    ("written", "country"),
    [
        ("", "DE"),
        ("+", "DE"),
        ("12", "DE"),
        ("0151 23456789", ""),  # of which country?
        ("0151 23456789", "UA"),
        ("+49 151 23456789 ext. 5", "DE"),
        ("0151 23456789 #5", "DE"),
        ("0151 23456789, 0160 1234567", "DE"),
        ("0151 23456789 or 0160", "DE"),
        ("+1 800 FLOWERS", "US"),
        ("*31#0151 23456789", "DE"),
        ("0151 + 23456789", "DE"),
        ("+49 151 234567890123456", "DE"),
        ("+999 123456789", "DE"),
        ("4111 1111 1111 1111", "DE"),
        ("+4111 1111 1111 1111", "DE"),
    ],
)
def test_what_is_no_number_or_two_is_refused_and_not_quoted(written: str, country: str) -> None:
    with pytest.raises(TelephoneError) as caught:
        e164(written, country)
    assert not re.search(r"\d", str(caught.value))
    assert caught.value.__cause__ is None


@given(st.one_of(st.text(max_size=300), LATIN_AND_DIGITS), st.sampled_from(["", "DE", "UA", "US"]))
def test_any_text_is_a_number_in_e164_or_our_own_error(text: str, country: str) -> None:
    try:
        number = e164(text, country)
    except TelephoneError:
        return
    assert re.fullmatch(r"\+[1-9][0-9]{6,14}", number, re.ASCII)
    assert e164(number, "") == number


def test_a_country_is_two_capital_letters_of_iso_3166() -> None:
    assert all(map(is_country, ("UA", "DE", "US", "GB")))
    assert not any(map(is_country, ("", "de", "UK", "XX", "UKR", "001")))
