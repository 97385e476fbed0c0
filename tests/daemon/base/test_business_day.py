"""A day starts at the shop's hour, also in the nights in which clocks are moved."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.base.business_day import BusinessDays

KYIV = ZoneInfo("Europe/Kyiv")
ZONES = ["Europe/Kyiv", "Pacific/Auckland", "America/New_York", "Africa/Cairo", "Asia/Beirut"]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("starts", "moment", "day"),
    [
        ("05:00", "2026-11-22T02:59", "2026-11-21"),
        ("05:00", "2026-11-22T03:00", "2026-11-22"),
        ("00:00", "2026-11-21T22:00", "2026-11-22"),
        ("05:00", "2027-01-01T02:59", "2026-12-31"),
        ("03:30", "2026-10-25T00:29", "2026-10-24"),
        ("03:30", "2026-10-25T00:30", "2026-10-25"),
        ("03:30", "2026-10-25T01:10", "2026-10-25"),  # 03:10, the second time
        ("03:30", "2027-03-28T00:59", "2027-03-27"),
        ("03:30", "2027-03-28T01:00", "2027-03-28"),  # 04:00, after 02:59
    ],
)
def test_the_night_belongs_to_the_day_before(starts: str, moment: str, day: str) -> None:
    days = BusinessDays(KYIV, time.fromisoformat(starts))
    assert days.day_of(utc(moment)) == date.fromisoformat(day)


@given(
    st.sampled_from(ZONES),
    st.integers(0, 12 * 60 - 1),
    st.integers(0, 5 * 366 * 24 * 60).map(lambda n: utc("2024-01-01") + timedelta(minutes=n)),
)
def test_days_follow_each_other_without_a_gap(zone: str, minute: int, moment: datetime) -> None:
    days = BusinessDays(ZoneInfo(zone), time(minute // 60, minute % 60))
    day = days.day_of(moment)
    start, end = days.start_of(day), days.start_of(day + timedelta(days=1))
    assert start <= moment < end
    assert days.day_of(start - timedelta(microseconds=1)) == day - timedelta(days=1)
    assert timedelta(hours=20) < end - start < timedelta(hours=28)
