"""Days years before others, and places of a list: any text is a place or refused."""

from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.base.refusals import ParamError
from daemon.customers.erasing import years_before
from daemon.customers.retention import Place


@pytest.mark.parametrize(
    ("day", "years", "before"),
    [
        ("2026-11-23", 3, "2023-11-23"),
        ("2028-02-29", 3, "2025-02-28"),
        ("2028-02-29", 4, "2024-02-29"),
        ("2026-11-23", -3, "2029-11-23"),
        ("2028-02-29", -3, "2031-02-28"),
        ("2026-11-23", 0, "2026-11-23"),
    ],
)
def test_years_are_those_of_the_calendar(day: str, years: int, before: str) -> None:
    assert str(years_before(date.fromisoformat(day), years)) == before


@given(st.booleans(), st.integers(0, 9_999_999), st.text())
def test_a_place_is_read_as_it_was_written(never: bool, day: int, account: str) -> None:
    assert Place.of(str(Place(never, day, account))) == Place(never, day, account)


@given(st.text() | st.text(alphabet="bought never0123456789٣ ").map("bought ".__add__))
def test_any_text_is_a_place_or_refused(text: str) -> None:
    with suppress(ParamError):
        assert Place.of(text).day >= -1
