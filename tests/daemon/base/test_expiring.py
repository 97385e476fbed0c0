"""The bounded map whose entries expire: time, room, order; nobody makes room for another."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.base.caller import CALLER
from daemon.base.expiring import OWNERS_MAX, ExpiringMap
from tests.support.clock import HandClock

TTL_S, MOST = 60.0, 3


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def kept(clock: HandClock) -> ExpiringMap[str]:
    return ExpiringMap(clock, ttl_s=TTL_S, size_max=MOST)


def test_a_value_is_found_until_its_time_is_over(clock: HandClock, kept: ExpiringMap[str]) -> None:
    kept.put("a", "first")
    clock.move(seconds=TTL_S - 0.001)
    assert kept.get("a") == "first"
    clock.move(seconds=0.001)
    assert kept.get("a") is None
    assert kept.get("never") is None


def test_putting_a_value_again_starts_its_time_anew(
    clock: HandClock, kept: ExpiringMap[str]
) -> None:
    kept.put("a", "first")
    clock.move(seconds=TTL_S - 1)
    kept.put("a", "second")
    clock.move(seconds=TTL_S - 1)
    assert kept.get("a") == "second"


def test_the_oldest_makes_room_and_one_that_was_put_again_is_not_the_oldest(
    kept: ExpiringMap[str],
) -> None:
    for key in ("a", "b", "c", "a", "d"):
        kept.put(key, key.upper())
    assert kept.values() == ["C", "A", "D"]
    assert kept.get("b") is None


def test_what_expired_is_still_among_the_values_until_the_next_is_put(
    clock: HandClock, kept: ExpiringMap[str]
) -> None:
    kept.put("a", "A")
    clock.move(seconds=2 * TTL_S)
    assert (kept.get("a"), kept.values()) == (None, ["A"])
    kept.put("b", "B")
    assert kept.values() == ["B"]


def test_a_dropped_key_is_forgotten_and_an_unknown_one_may_be_dropped_too(
    kept: ExpiringMap[str],
) -> None:
    kept.put("a", "A")
    kept.drop("a")
    kept.drop("a")
    assert (kept.get("a"), kept.values()) == (None, [])


class SetBackClock(HandClock):
    """A wall clock that somebody has put back, while the monotonic one went on."""

    def now(self) -> datetime:
        return datetime(2020, 1, 1, tzinfo=UTC)


def test_a_wall_clock_that_is_put_right_neither_ends_nor_prolongs_an_entry() -> None:
    clock = SetBackClock()
    kept: ExpiringMap[int] = ExpiringMap(clock, ttl_s=TTL_S, size_max=MOST)
    kept.put("a", 1)
    clock.move(seconds=TTL_S)
    assert kept.get("a") is None


def put_as(client: str, kept: ExpiringMap[str], *keys: str) -> None:
    token = CALLER.set(client)
    for key in keys:
        kept.put(key, key)
    CALLER.reset(token)


def test_a_client_s_own_oldest_makes_room(kept: ExpiringMap[str]) -> None:
    put_as("other", kept, "theirs")
    put_as("one", kept, "a", "b", "c", "a", "d")
    assert [key for key in ("theirs", "a", "b", "c", "d") if kept.get(key)] == [
        "theirs", "a", "c", "d",
    ]  # fmt: skip


def test_of_too_many_clients_the_one_with_most_makes_room(kept: ExpiringMap[str]) -> None:
    put_as("quiet", kept, "quiet")
    for n in range(OWNERS_MAX * MOST):
        put_as(f"client {n % 40}", kept, f"key {n}")
    assert len(kept.values()) == OWNERS_MAX * MOST
    assert kept.get("quiet")


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 90))))
def test_never_more_than_the_limit_and_nothing_older_than_the_time(
    steps: list[tuple[str, int]],
) -> None:
    clock = HandClock()
    kept: ExpiringMap[float] = ExpiringMap(clock, ttl_s=TTL_S, size_max=MOST)
    for key, pause_s in steps:
        kept.put(key, clock.monotonic_s())
        clock.move(seconds=pause_s)
        assert len(kept.values()) <= MOST
        for known in "abcdef":
            put_at_s = kept.get(known)
            assert put_at_s is None or clock.monotonic_s() - put_at_s < TTL_S


def test_heavy_values_make_room_of_their_client_s_own(clock: HandClock) -> None:
    kept: ExpiringMap[str] = ExpiringMap(clock, ttl_s=TTL_S, size_max=100, weight_max=10)
    CALLER.set("quiet")
    kept.put("quiet", "quiet", 10)
    CALLER.set("loud")
    for n in range(5):
        kept.put(f"loud {n}", str(n), 4)
    assert kept.values() == ["quiet", "3", "4"]
    kept.put("heavy", "heavy", 11)
    assert kept.values() == ["quiet", "heavy"]


def test_the_heaviest_client_makes_room_when_all_together_are_too_heavy(clock: HandClock) -> None:
    kept: ExpiringMap[str] = ExpiringMap(clock, ttl_s=TTL_S, size_max=100, weight_max=10)
    for n in range(OWNERS_MAX):
        CALLER.set(f"client {n}")
        kept.put(f"{n} light", "light", 4)
        kept.put(f"{n} heavy", "heavy", 6)
    CALLER.set("late")
    kept.put("late", "late", 4)
    assert kept.get("late")
    assert len(kept.values()) == 2 * OWNERS_MAX
