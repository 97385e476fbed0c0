import pytest
from hypothesis import given
from hypothesis import strategies as st

from card_formats.check_digits import Check
from card_formats.credential import Medium, Shown, Trust
from card_formats.errors import CardFormatError
from card_formats.number_ranges import NumberRange
from card_formats.phone import static_number
from card_formats.phone.rotating import (
    GENERATION_MAX,
    PERIOD_S,
    REACH_STEPS,
    WINDOW_STEPS,
    Early,
    Live,
    NotValid,
    Old,
    Verdict,
    card_key,
    compose,
    compose_google,
    parse,
    verify,
)
from card_formats.phone.static_number import PREFIXES
from card_formats.registry import decode, recognise

KEY = card_key(bytes(range(32)), "1234567890", 1)
NOW = 56_666_666
PREFIX = st.sampled_from(sorted(PREFIXES))
NUMBER = st.text("0123456789", min_size=10, max_size=10)
STEP = st.integers(0, 10**8)
OFFSET = st.integers(-REACH_STEPS, REACH_STEPS - 1)


@given(PREFIX, NUMBER, STEP, OFFSET)
def test_any_code_within_reach_is_told_for_what_it_is(
    prefix: str, number: str, step: int, offset: int
) -> None:
    key = card_key(bytes(32), number, 7)
    code = parse(compose(prefix, number, key, step))
    assert code.number == number
    now = step - offset
    assert verify(code, key, now) == expected(step, offset)


@given(PREFIX, NUMBER, st.integers(0, 10**10 - 1), st.integers(-REACH_STEPS, REACH_STEPS))
def test_google_s_layout_is_held_to_the_same_rules(
    prefix: str, number: str, at_s: int, offset: int
) -> None:
    key = card_key(bytes(32), number, 7)
    code = parse(compose_google(prefix, number, key, at_s))
    assert code.number == number
    step = at_s // PERIOD_S
    assert verify(code, key, step - offset) == expected(step, offset)


def expected(step: int, offset: int) -> Verdict:
    if offset < -WINDOW_STEPS:
        return Old(step, -offset * PERIOD_S)
    if offset > WINDOW_STEPS:
        return Early(step, offset * PERIOD_S)
    return Live(step)


@given(NUMBER, STEP)
def test_every_wrong_digit_and_every_exchange_of_neighbours_is_a_misread(
    number: str, step: int
) -> None:
    text = compose("97", number, card_key(bytes(32), number, 1), step)
    wrong = {text[:at] + digit + text[at + 1 :] for at in range(2, 22) for digit in "0123456789"}
    wrong |= {text[:at] + text[at + 1] + text[at] + text[at + 2 :] for at in range(1, 21)}
    for misread in wrong - {text}:
        with pytest.raises(CardFormatError):
            parse(misread)


@given(st.text(max_size=40) | st.text("0123456789", min_size=22, max_size=28), STEP)
def test_any_text_is_a_verdict_or_our_own_error(text: str, now: int) -> None:
    try:
        code = parse(text)
    except CardFormatError:
        return
    assert isinstance(verify(code, KEY, now), Live | Old | Early | NotValid)


def test_a_code_beyond_the_reach_is_not_valid_in_either_layout() -> None:
    ours = parse(compose("97", "1234567890", KEY, NOW))
    google = parse(compose_google("96", "1234567890", KEY, NOW * PERIOD_S))
    for code in (ours, google):
        for off in (-REACH_STEPS - 1, REACH_STEPS + 1):
            assert verify(code, KEY, NOW + off) == NotValid()


def test_a_clock_at_the_beginning_of_time_is_no_crash() -> None:
    code = parse(compose("97", "1234567890", KEY, 99))
    assert verify(code, KEY, 0) == NotValid()


@given(NUMBER, st.integers(0, GENERATION_MAX - 1))
def test_another_shop_another_card_or_another_generation_is_another_key(
    number: str, generation: int
) -> None:
    other_number = f"{(int(number) + 1) % 10**10:010d}"
    keys = {
        card_key(bytes(32), number, generation),
        card_key(bytes(31) + b"\1", number, generation),
        card_key(bytes(32), other_number, generation),
        card_key(bytes(32), number, generation + 1),
    }
    assert len(keys) == 4
    assert {len(key) for key in keys} == {20}


@pytest.mark.parametrize(
    ("prefix", "number", "error"),
    [
        ("99", "1234567890", "rotating.bad-prefix"),
        ("89", "1234567890", "rotating.bad-prefix"),
        ("97", "123456789", "rotating.bad-number"),
        ("97", "12345x7890", "rotating.bad-number"),
        ("97", "\u0661" * 10, "rotating.bad-number"),
    ],
)
def test_what_cannot_be_a_code_is_not_composed(prefix: str, number: str, error: str) -> None:
    with pytest.raises(CardFormatError) as caught:
        compose(prefix, number, KEY, NOW)
    assert caught.value.code == error


def test_a_code_s_repr_keeps_its_value() -> None:
    code = parse(compose("97", "1234567890", KEY, NOW))
    assert code.value not in repr(code)


LIVE = (
    NumberRange(name="live", prefix="97", length=22, check=Check.MOD97, live=True),
    NumberRange(name="google", prefix="96", length=28, live=True),
    NumberRange(name="static", prefix="97", length=16, check=Check.MOD97),
)


@pytest.mark.parametrize("medium", [Medium.BARCODE, Medium.TYPED])
def test_the_till_knows_a_live_code_however_it_is_shown(medium: Medium) -> None:
    for text in (
        compose("97", "1234567890", KEY, NOW),
        compose_google("96", "1234567890", KEY, NOW * PERIOD_S),
    ):
        credential = recognise(decode(Shown(medium, text.encode())), LIVE)
        assert (credential.scheme, credential.value) == ("rotating", text)
        assert credential.trust is Trust.ROTATING


def test_a_misread_live_code_says_so_and_a_static_number_stays_static() -> None:
    text = compose("97", "1234567890", KEY, NOW)
    wrong = text[:-1] + str((int(text[-1]) + 1) % 10)
    with pytest.raises(CardFormatError) as caught:
        recognise(decode(Shown(Medium.BARCODE, wrong.encode())), LIVE)
    assert caught.value.code == "number.bad-check"
    static = static_number.compose("97", "0" * 12).encode()
    assert recognise(decode(Shown(Medium.BARCODE, static)), LIVE).trust is Trust.STATIC


@pytest.mark.parametrize(
    ("length", "check"), [(22, Check.NONE), (28, Check.MOD97), (16, Check.MOD97)]
)
def test_a_live_range_of_another_layout_is_refused(length: int, check: Check) -> None:
    with pytest.raises(ValueError, match="live code"):
        NumberRange(name="live", prefix="97", length=length, check=check, live=True)
