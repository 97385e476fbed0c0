import pytest
from hypothesis import given
from hypothesis import strategies as st

from card_formats.errors import CardFormatError
from card_formats.phone.static_number import (
    PREFIXES,
    compose,
    compose_ean13,
    parse,
    parse_ean13,
)

PREFIX = st.sampled_from(sorted(PREFIXES))
BODY = st.text("0123456789", min_size=12, max_size=12)
ANY_TEXT = st.text(max_size=40) | st.text("0123456789", max_size=20)


@given(PREFIX, BODY)
def test_what_is_composed_parses_to_its_parts(prefix: str, body: str) -> None:
    number = parse(compose(prefix, body))
    assert (number.prefix, number.body) == (prefix, body)


@given(PREFIX, BODY)
def test_every_wrong_digit_and_every_exchange_of_neighbours_is_caught(
    prefix: str, body: str
) -> None:
    number = compose(prefix, body)
    wrong_digit = {
        number[:at] + digit + number[at + 1 :] for at in range(16) for digit in "0123456789"
    }
    exchanged = {number[:at] + number[at + 1] + number[at] + number[at + 2 :] for at in range(15)}
    for wrong in wrong_digit | exchanged - {number}:
        if wrong != number:
            with pytest.raises(CardFormatError):
                parse(wrong)


@given(ANY_TEXT)
def test_any_text_is_a_number_or_our_own_error(text: str) -> None:
    try:
        number = parse(text)
    except CardFormatError:
        return
    assert compose(number.prefix, number.body) == text


@given(ANY_TEXT)
def test_any_text_is_an_ean13_or_our_own_error(text: str) -> None:
    try:
        assert parse_ean13(text) == text
    except CardFormatError as error:
        assert error.code.startswith("ean13.")  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize("prefix", ["99", "89", "00", "9", "911", "", "9x", "\u0669\u0661"])
def test_a_prefix_outside_90_to_98_is_refused(prefix: str) -> None:
    with pytest.raises(CardFormatError) as caught:
        compose(prefix, "123456789012")
    assert caught.value.code == "static.bad-prefix"


@pytest.mark.parametrize("body", ["", "1" * 11, "1" * 13, "12345678901x", "\u0661" * 12])
def test_a_body_that_is_not_twelve_digits_is_refused(body: str) -> None:
    with pytest.raises(CardFormatError) as caught:
        compose("91", body)
    assert caught.value.code == "static.bad-body"


@given(st.sampled_from(["04", "044", "482000"]), st.data())
def test_a_composed_ean13_parses(prefix: str, data: st.DataObject) -> None:
    digits = 12 - len(prefix)
    body = data.draw(st.text("0123456789", min_size=digits, max_size=digits))
    number = compose_ean13(prefix, body)
    assert parse_ean13(number) == number == prefix + body + number[-1]


@pytest.mark.parametrize(
    ("prefix", "body", "code"),
    [
        ("02", "1" * 10, "ean13.scale-label"),
        *((str(prefix), "1" * 10, "ean13.scale-label") for prefix in range(20, 30)),
        ("0", "1" * 11, "ean13.bad-prefix"),
        ("0412345", "1" * 5, "ean13.bad-prefix"),
        ("0x", "1" * 10, "ean13.bad-prefix"),
        ("04", "1" * 9, "ean13.bad-body"),
        ("04", "1" * 11, "ean13.bad-body"),
        ("04", "12345x7890", "ean13.bad-body"),
    ],
)
def test_an_ean13_that_a_till_would_misread_is_refused(prefix: str, body: str, code: str) -> None:
    with pytest.raises(CardFormatError) as caught:
        compose_ean13(prefix, body)
    assert caught.value.code == code
