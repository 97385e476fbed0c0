import pytest

from tests.web.conftest import HandClock
from web.rate import ADDRESSES_MAX, JoinLimit


def test_the_form_after_the_limit_waits_for_the_rest_of_the_window() -> None:
    clock = HandClock()
    limit = JoinLimit(clock, joins_max=2, per_s=60)
    assert [limit.wait_s("10.0.0.1") for _ in range(2)] == [0, 0]
    clock.move(20)
    assert limit.wait_s("10.0.0.1") == 40
    assert limit.wait_s("10.0.0.2") == 0, "another address is not concerned"
    clock.move(40)
    assert limit.wait_s("10.0.0.1") == 0


def test_trying_again_does_not_make_the_wait_longer() -> None:
    clock = HandClock()
    limit = JoinLimit(clock, joins_max=1, per_s=60)
    limit.wait_s("10.0.0.1")
    for _ in range(5):
        clock.move(10)
        assert limit.wait_s("10.0.0.1") > 0
    clock.move(10)
    assert limit.wait_s("10.0.0.1") == 0


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("2001:db8::1", "2001:db8::ffff:2"),
        ("10.0.0.1", "::ffff:10.0.0.1"),
        ("not an address", ""),
    ],
)
def test_addresses_of_one_household_count_as_one(first: str, second: str) -> None:
    limit = JoinLimit(HandClock(), joins_max=1, per_s=60)
    assert limit.wait_s(first) == 0
    assert limit.wait_s(second) > 0


def test_above_the_limit_of_addresses_the_quietest_is_forgotten() -> None:
    limit = JoinLimit(HandClock(), joins_max=1, per_s=60)
    limit.wait_s("10.0.0.1")
    limit.wait_s("10.0.0.2")
    limit.wait_s("10.0.0.1")
    for number in range(ADDRESSES_MAX - 1):
        limit.wait_s(f"11.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert limit.wait_s("10.0.0.1") > 0
    assert limit.wait_s("10.0.0.2") == 0
