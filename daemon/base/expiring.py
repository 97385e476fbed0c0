"""A bounded map whose entries expire: presentations, quotes, links that wait."""

from collections import Counter, OrderedDict
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


class ExpiringMap(Generic[T]):
    """Keeps values for ``ttl_s``: at most ``size_max`` of each client, whose oldest makes room.

    So nobody's values make room for another client's; in all there are OWNERS_MAX times as many.
    Time is the monotonic one: a wall clock that is put right neither ends nor prolongs an entry.
    """

    def __init__(self, clock: Clock, *, ttl_s: float, size_max: int) -> None:
        self._clock = clock
        self._ttl_s = ttl_s
        self._size_max = size_max
        self._entries: OrderedDict[str, _Kept[T]] = OrderedDict()
        self._counts: Counter[str] = Counter()

    def put(self, key: str, value: T) -> None:
        """Keep ``value`` under ``key``, for a new ``ttl_s``, as one of the client that calls."""
        self.drop(key)
        owner = caller()
        if self._counts[owner] >= self._size_max:
            self._make_room(owner)
        elif len(self._entries) >= self._size_max * OWNERS_MAX:
            self._make_room(self._counts.most_common(1)[0][0])
        self._entries[key] = _Kept(self._clock.monotonic_s() + self._ttl_s, owner, value)
        self._counts[owner] += 1

    def get(self, key: str) -> T | None:
        """Return the value under ``key``, or None when it is unknown or has expired."""
        kept = self._entries.get(key)
        return kept.value if kept and kept.until_s > self._clock.monotonic_s() else None

    def values(self) -> list[T]:
        """Return every value that is kept, expired ones too, oldest first."""
        return [kept.value for kept in self._entries.values()]

    def drop(self, key: str) -> None:
        """Forget ``key``, if it is known."""
        kept = self._entries.pop(key, None)
        if kept is not None:
            self._counts[kept.owner] -= 1
            if not self._counts[kept.owner]:
                del self._counts[kept.owner]

    def _make_room(self, owner: str) -> None:
        # From the oldest on: a client that has filled its part is found soon, at its own cost.
        oldest = next(key for key, kept in self._entries.items() if kept.owner == owner)
        self.drop(oldest)
