import pytest
from babel.core import get_global
from hypothesis import given
from hypothesis import strategies as st

from daemon.base.currency import Currency, MoneyTextError, currency_of

CODES = sorted(get_global("all_currencies"))


def known(code: str) -> Currency:
    currency = currency_of(code)
    assert currency is not None
    return currency


@pytest.mark.parametrize(
    ("code", "minor", "text"),
    [
        ("UAH", 0, "0.00"),
        ("UAH", 5, "0.05"),
        ("UAH", 1_800, "18.00"),
        ("UAH", -250, "-2.50"),
        ("JPY", 0, "0"),
        ("JPY", 1_800, "1800"),
        ("JPY", -5, "-5"),
        ("KWD", 5, "0.005"),
        ("KWD", 1_800, "1.800"),
        ("KWD", -12_345, "-12.345"),
        ("RSD", 1_800, "1800"),
        ("UYW", 18_001, "1.8001"),
    ],
)
def test_money_is_written_and_read_with_the_digits_of_its_currency(
    code: str, minor: int, text: str
) -> None:
    assert known(code).text(minor) == text
    assert known(code).minor(text) == minor


@given(st.sampled_from(CODES), st.integers(-(10**15), 10**15))
def test_every_amount_of_every_currency_is_read_back_as_it_was_written(
    code: str, minor: int
) -> None:
    currency = known(code)
    assert currency.minor(currency.text(minor)) == minor
    assert currency.major(minor) * 10**currency.digits == minor


@given(st.sampled_from(CODES), st.text() | st.from_regex(r"-?[0-9]+(\.[0-9]*)?", fullmatch=True))
def test_any_text_is_an_amount_that_is_written_so_or_an_error_of_ours(code: str, text: str) -> None:
    currency = known(code)
    try:
        minor = currency.minor(text)
    except MoneyTextError:
        return
    assert currency.minor(currency.text(minor)) == minor
    assert len(text.partition(".")[2]) == currency.digits


@pytest.mark.parametrize(
    ("code", "text", "says"),
    [
        ("JPY", "25.00", "is no amount in JPY, which has no digits behind the point; write"),
        ("UAH", "25.000", "which has 2 digits behind the point; write such as 25.00"),
        ("UAH", "25", "write such as 25.00"),
        ("KWD", "2.50", "which has 3 digits behind the point; write such as 2.500"),
        ("UAH", "25,00", "write such as 25.00"),
        ("UAH", "", "write such as 25.00"),
        ("UAH", "1.5e3", "write such as 25.00"),
        ("UAH", "\N{ARABIC-INDIC DIGIT TWO}5.00", "write such as 25.00"),
    ],
)
def test_an_amount_with_other_digits_is_refused_with_what_to_write(
    code: str, text: str, says: str
) -> None:
    with pytest.raises(MoneyTextError, match=says):
        known(code).minor(text)


@pytest.mark.parametrize("code", ["", "UHA", "uah", "UAH ", "hryvnia", "₴", "ABC"])
def test_what_cldr_does_not_list_is_no_currency(code: str) -> None:
    assert currency_of(code) is None
