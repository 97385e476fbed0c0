"""How long a text of a client may be, and what may stand in it."""

from datetime import date
from typing import Any

import msgspec
import pytest

from daemon.base.refusals import ParamError
from daemon.base.text_limits import (
    CODE_CHARS_MAX,
    REQUEST_ID_CHARS_MAX,
    TEXT_CHARS_MAX,
    Code,
    RequestId,
    SaidText,
    SaleIdText,
    Text,
    read_day,
)

LIMITS = [
    (Text, TEXT_CHARS_MAX),
    (SaidText, TEXT_CHARS_MAX),
    (Code, CODE_CHARS_MAX),
    (RequestId, REQUEST_ID_CHARS_MAX),
    (SaleIdText, REQUEST_ID_CHARS_MAX),
]


def is_taken(kind: Any, text: str) -> bool:
    try:
        return bool(msgspec.convert(text, kind) == text)
    except msgspec.ValidationError:
        return False


@pytest.mark.parametrize(("kind", "chars_max"), LIMITS)
def test_a_text_at_its_limit_is_taken_and_one_letter_more_is_not(kind: Any, chars_max: int) -> None:
    assert is_taken(kind, "ї" * chars_max), "letters count, not bytes"
    assert not is_taken(kind, "ї" * (chars_max + 1))


def test_a_text_may_be_empty_and_one_that_must_say_something_may_not() -> None:
    assert is_taken(Text, "")
    for nothing in ("", " ", "\t\n"):
        assert not is_taken(SaidText, nothing)
    assert is_taken(SaidText, " lost ")


@pytest.mark.parametrize("kind", [Code, RequestId, SaleIdText])
@pytest.mark.parametrize("text", ["", "a\nb", "a\n", "\x00", "a\x1fb", "\x7f"])
def test_a_code_or_an_id_is_neither_empty_nor_holds_a_control_character(
    kind: Any, text: str
) -> None:
    assert not is_taken(kind, text)


@pytest.mark.parametrize("text", ["2026-11-22-0001", "знижка 10%", " ", "é", "🎁"])
def test_any_other_character_may_stand_in_a_code(text: str) -> None:
    assert is_taken(Code, text)


def test_a_day_is_read_and_one_that_does_not_exist_is_named_by_its_path() -> None:
    assert read_day("2028-02-29", "until") == date(2028, 2, 29)
    for text in ("2027-02-29", "tomorrow", "", "2027-12-31T00:00:00"):
        with pytest.raises(ParamError) as caught:
            read_day(text, "until")
        assert caught.value.path == "until"
        assert repr(text) in str(caught.value)
