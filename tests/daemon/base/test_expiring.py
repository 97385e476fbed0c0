"""What waits is kept by client: nobody's values make room for another's."""

from daemon.base.caller import CALLER
from daemon.base.expiring import OWNERS_MAX, ExpiringMap
from tests.support.clock import HandClock

TTL_S, MOST = 60, 3


def shelf() -> tuple[ExpiringMap[int], HandClock]:
    clock = HandClock()
    return ExpiringMap(clock, ttl_s=TTL_S, size_max=MOST), clock


def put_as(client: str, kept: ExpiringMap[int], *keys: str) -> None:
    token = CALLER.set(client)
    for key in keys:
        kept.put(key, 1)
    CALLER.reset(token)


def test_a_client_s_own_oldest_makes_room() -> None:
    kept, _ = shelf()
    put_as("other", kept, "theirs")
    put_as("one", kept, "a", "b", "c", "a", "d")
    assert [key for key in ("theirs", "a", "b", "c", "d") if kept.get(key)] == [
        "theirs", "a", "c", "d",
    ]  # fmt: skip


def test_of_too_many_clients_the_one_with_most_makes_room() -> None:
    kept, _ = shelf()
    put_as("quiet", kept, "quiet")
    for n in range(OWNERS_MAX * MOST):
        put_as(f"client {n % 40}", kept, f"key {n}")
    assert len(kept.values()) == OWNERS_MAX * MOST
    assert kept.get("quiet")


def test_a_value_expires_and_is_dropped() -> None:
    kept, clock = shelf()
    kept.put("a", 1)
    clock.move(seconds=TTL_S)
    assert kept.get("a") is None
    kept.drop("a")
    kept.drop("a")
    assert kept.values() == []
