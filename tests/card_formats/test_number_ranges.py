from traceback import TracebackException

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from card_formats.bank_card import holds_bank_card, needs_longer_prefix
from card_formats.check_digits import (
    CHECK_CHARS,
    DIGITS_MAX,
    Check,
    append_check,
    has_valid_check,
)
from card_formats.credential import Medium, Reading, Shown
from card_formats.errors import BankCardError
from card_formats.number_ranges import NUMBER_CHARS_MAX, NumberRange
from card_formats.registry import decode, recognise

DIGITS = st.text("0123456789", min_size=1, max_size=30)
CHECKED = [check for check in Check if check is not Check.NONE]


@given(st.sampled_from(CHECKED), DIGITS, st.data())
def test_one_wrong_digit_is_always_noticed(check: Check, body: str, data: st.DataObject) -> None:
    number = append_check(check, body)
    assert has_valid_check(check, number)
    at = data.draw(st.integers(0, len(number) - 1))
    wrong = data.draw(st.sampled_from([d for d in "0123456789" if d != number[at]]))
    assert not has_valid_check(check, number[:at] + wrong + number[at + 1 :])


@given(st.sampled_from([Check.DAMM, Check.MOD97]), DIGITS, st.data())
def test_two_swapped_neighbours_are_always_noticed(
    check: Check, body: str, data: st.DataObject
) -> None:
    number = append_check(check, body)
    at = data.draw(st.integers(0, len(number) - 2))
    swapped = number[:at] + number[at + 1] + number[at] + number[at + 2 :]
    assert swapped == number or not has_valid_check(check, swapped)


@pytest.mark.parametrize("check", CHECKED)
@pytest.mark.parametrize("text", ["", "1", "12a4", "\u0661\u0662", "\u00b2\u00b3"])
def test_what_is_no_number_has_no_valid_check(check: Check, text: str) -> None:
    assert text == "1" or not has_valid_check(check, text)
    assert not has_valid_check(check, text[: CHECK_CHARS[check]])


@pytest.mark.parametrize("check", CHECKED)
def test_a_number_longer_than_the_limit_has_no_valid_check(check: Check) -> None:
    longest = "1" * (DIGITS_MAX - CHECK_CHARS[check])
    assert has_valid_check(check, append_check(check, longest))
    assert not has_valid_check(check, append_check(check, "1" + longest))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"prefix": "", "length": 10}, "prefix"),
        ({"prefix": "29_0", "length": 10}, "prefix"),
        ({"prefix": " - ", "length": 10}, "prefix"),
        ({"prefix": "K", "length": 10, "check": "luhn"}, "digits only"),
        ({"prefix": "29", "length": 9, "check": "luhn", "characters": "code39"}, "characters"),
        ({"prefix": "2900", "length": 4}, "length"),
        ({"prefix": "2900", "length": 5, "check": "ean"}, "length"),
        ({"prefix": "2900", "length": NUMBER_CHARS_MAX + 1}, "length"),
        ({"prefix": "2900", "length": 13, "colour": "red"}, "colour"),
    ],
)
def test_a_range_that_could_match_nothing_is_refused(fields: object, words: str) -> None:
    assert isinstance(fields, dict)
    with pytest.raises(msgspec.ValidationError, match=words):
        msgspec.convert({"name": "n", **fields}, NumberRange)


def test_a_range_that_collides_with_scale_labels_is_warned_of() -> None:
    assert "29" in NumberRange(name="n", prefix="2900", length=13, check=Check.EAN).warning
    assert not NumberRange(name="n", prefix="482", length=13, check=Check.EAN).warning


@given(DIGITS)
def test_a_number_within_a_range_is_found_again(body: str) -> None:
    number = append_check(Check.DAMM, "9" + body)
    own = NumberRange(name="n", prefix="9", length=len(number), check=Check.DAMM)
    credential = recognise(Reading(Medium.TYPED, "typed", number), (own,))
    assert credential.value == number


@given(st.sampled_from(["4", "51", "2221", "34", "36", "6011", "62"]), st.randoms())
def test_no_trace_of_a_payment_number_is_left_in_the_refusal(prefix: str, chance: object) -> None:
    length = 15 if prefix == "34" else 16
    body = prefix + "".join(str(chance.randrange(10)) for _ in range(length - 1 - len(prefix)))  # type: ignore[attr-defined]
    number = append_check(Check.LUHN, body)
    reading = Reading(Medium.STRIPE, "track2", f"{number}=2912101")
    with pytest.raises(BankCardError) as caught:
        recognise(reading, ())
    assert not any(run in str(caught.value) for run in (number, number[:4], number[-4:]))
    assert number not in repr(reading)


@pytest.mark.parametrize(
    "shown",
    [
        Shown(Medium.STRIPE, b"%B4111111111111111^SAMPLE/CARD^2912101?;4111111111111111=2912101?"),
        Shown(Medium.BARCODE, b"]C04111111111111111"),
        Shown(Medium.BARCODE, b";4111111111111111=2912101?"),
        Shown(Medium.TYPED, b"4111 1111 1111 1111"),
    ],
)
def test_a_dump_of_the_frames_shows_no_payment_number(shown: Shown) -> None:
    with pytest.raises(BankCardError) as caught:
        recognise(decode(shown), ())
    dump = TracebackException.from_exception(caught.value, capture_locals=True)
    frames = [f"{frame.name} {frame.locals}" for frame in dump.stack[1:]]  # the test's is the first
    assert any(frame.startswith("refuse_bank_card") for frame in frames)
    assert not any("4111" in frame for frame in frames)


@given(
    st.sampled_from(["4111", "5555", "34", "6011", "62", "2200"]), st.integers(13, 32), st.data()
)
def test_a_registered_range_wins_for_the_whole_field_however_long_it_is(
    begins: str, length: int, data: st.DataObject
) -> None:
    prefix = begins.ljust(6, "7")
    digits = st.text("0123456789", min_size=length - 6, max_size=length - 6)
    number = prefix + data.draw(digits)
    own = (NumberRange(name="own", prefix=prefix, length=length),)
    shown = [
        Shown(Medium.STRIPE, f";{number}=4912?".encode()),
        Shown(Medium.STRIPE, f"%B{number}^OWN^4912?".encode()),
        Shown(Medium.STRIPE, f"%B{number}^OWN^4912?;{number}=4912?".encode()),
        Shown(Medium.TYPED, number.encode()),
        Shown(Medium.BARCODE, f"]C0{number}".encode()),
    ]
    assert [recognise(decode(one), own).value for one in shown] == [number] * len(shown)
    for text in (number, f";{number}=4912?", f"%B{number}^OWN^4912?"):
        assert not holds_bank_card(text, own), "nor as a text that a till sends"


def test_a_long_number_that_is_swiped_without_a_check_needs_six_digits_of_its_own() -> None:
    unchecked = NumberRange(name="n", prefix="41", length=22)
    assert needs_longer_prefix(unchecked)
    assert not needs_longer_prefix(msgspec.structs.replace(unchecked, prefix="411111"))
    assert not needs_longer_prefix(msgspec.structs.replace(unchecked, check=Check.MOD97))
    assert not needs_longer_prefix(msgspec.structs.replace(unchecked, media=(Medium.TYPED,)))
    assert not needs_longer_prefix(msgspec.structs.replace(unchecked, prefix="29"))
