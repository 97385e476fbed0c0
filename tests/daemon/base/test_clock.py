from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from daemon.base.clock import rfc3339

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(timezones=ZONES).filter(lambda moment: 1 < moment.year < 9999)


@given(MOMENTS, MOMENTS)
def test_moments_sort_as_their_texts_do(one: datetime, other: datetime) -> None:
    first, second = rfc3339(one), rfc3339(other)
    assert len(first) == len(second) == len("2026-11-22T10:00:00.000000Z")
    assert (first < second) == (one < other)
    assert datetime.fromisoformat(first) == one


def test_an_early_year_has_four_digits() -> None:
    assert rfc3339(datetime(5, 1, 1, tzinfo=UTC)) == "0005-01-01T00:00:00.000000Z"
