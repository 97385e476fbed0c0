"""A bounded map whose entries expire: presentations, quotes, links that wait."""

from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from daemon.base.caller import caller
from daemon.base.clock import Clock

T = TypeVar("T")
OWNERS_MAX = 16
"""Clients that may each fill their part; beyond as much, the fullest makes room."""


class _Kept(NamedTuple, Generic[T]):
    until_s: float
    owner: str
    value: T
    weight: int


class ExpiringMap(Generic[T]):
    """Keeps values for ``ttl_s``: at most ``size_max`` of each client, whose oldest makes room.

    So nobody's values make room for another client's; in all there are OWNERS_MAX times as many.
    weight_max bounds in the same way what the values weigh together, where they differ in size.
    Time is the monotonic one: a wall clock that is put right neither ends nor prolongs an entry.
    """

    def __init__(self, clock: Clock, *, ttl_s: float, size_max: int, weight_max: int = 0) -> None:
        self._clock = clock
        self._ttl_s = ttl_s
        self._size_max = size_max
        self._entries: OrderedDict[str, _Kept[T]] = OrderedDict()
        self._weight_max = weight_max
        self._counts: Counter[str] = Counter()
        self._weights: Counter[str] = Counter()

    def put(self, key: str, value: T, weight: int = 0) -> None:
        """Keep ``value`` under ``key``, for a new ``ttl_s``, as one of the client that calls.

        weight: of the value, in the unit of ``weight_max``. One that weighs more is kept alone.
        """
        self.drop(key)
        self._drop_expired()
        owner = caller()
        while self._counts[owner] and self._is_full(
            self._counts[owner], self._weights[owner], weight
        ):
            self._make_room(owner)
        while self._entries and self._is_full(
            len(self._entries), self._weights.total(), weight, owners=OWNERS_MAX
        ):
            fullest = self._weights if self._weights.total() else self._counts
            self._make_room(fullest.most_common(1)[0][0])
        until_s = self._clock.monotonic_s() + self._ttl_s
        self._entries[key] = _Kept(until_s, owner, value, weight)
        self._counts[owner] += 1
        self._weights[owner] += weight

    def _is_full(self, count: int, weight: int, more: int, owners: int = 1) -> bool:
        too_heavy = self._weight_max and weight + more > self._weight_max * owners
        return count >= self._size_max * owners or bool(too_heavy)

    def _drop_expired(self) -> None:
        # All live equally long, so that they expire in their order.
        while self._entries:
            oldest, kept = next(iter(self._entries.items()))
            if kept.until_s > self._clock.monotonic_s():
                return
            self.drop(oldest)

    def get(self, key: str) -> T | None:
        """Return the value under ``key``, or None when it is unknown or has expired."""
        kept = self._entries.get(key)
        return kept.value if kept and kept.until_s > self._clock.monotonic_s() else None

    def values(self) -> list[T]:
        """Return every value that is kept, oldest first; expired ones until the next is put."""
        return [kept.value for kept in self._entries.values()]

    def drop(self, key: str) -> None:
        """Forget ``key``, if it is known."""
        kept = self._entries.pop(key, None)
        if kept is not None:
            self._counts[kept.owner] -= 1
            self._weights[kept.owner] -= kept.weight
            if not self._counts[kept.owner]:
                del self._counts[kept.owner], self._weights[kept.owner]

    def drop_where(self, is_meant: Callable[[T], bool]) -> None:
        """Forget every value that is meant."""
        for key in [key for key, kept in self._entries.items() if is_meant(kept.value)]:
            self.drop(key)

    def _make_room(self, owner: str) -> None:
        # From the oldest on: a client that has filled its part is found soon, at its own cost.
        oldest = next(key for key, kept in self._entries.items() if kept.owner == owner)
        self.drop(oldest)
