import pytest

from tests.support.clock import HandClock
from web.rate import ADDRESSES_MAX, AddressLimit


def test_the_one_after_the_limit_waits_for_the_rest_of_the_window() -> None:
    clock = HandClock()
    limit = AddressLimit(clock, most=2, per_s=60)
    for _ in range(2):
        assert limit.wait_s("10.0.0.1") == 0
        limit.count("10.0.0.1")
    clock.move(seconds=20)
    assert limit.wait_s("10.0.0.1") == 40
    assert limit.wait_s("10.0.0.2") == 0, "another address is not concerned"
    clock.move(seconds=40)
    assert limit.wait_s("10.0.0.1") == 0


def test_trying_again_does_not_make_the_wait_longer() -> None:
    clock = HandClock()
    limit = AddressLimit(clock, most=1, per_s=60)
    for _ in range(6):
        limit.count("10.0.0.1")
        assert limit.wait_s("10.0.0.1") > 0
        clock.move(seconds=10)
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
    limit = AddressLimit(HandClock(), most=1, per_s=60)
    limit.count(first)
    assert limit.wait_s(second) > 0


def test_above_the_limit_of_addresses_the_quietest_is_forgotten() -> None:
    limit = AddressLimit(HandClock(), most=1, per_s=60)
    for address in ("10.0.0.1", "10.0.0.2", "10.0.0.1"):
        limit.count(address)
    for number in range(ADDRESSES_MAX - 1):
        limit.count(f"11.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert limit.wait_s("10.0.0.1") > 0
    assert limit.wait_s("10.0.0.2") == 0
