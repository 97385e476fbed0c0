"""A bounded map whose entries expire: presentations, quotes, links that wait."""

from collections import OrderedDict
from typing import Generic, TypeVar

from daemon.base.clock import Clock

T = TypeVar("T")


class ExpiringMap(Generic[T]):
    """Keeps at most ``size_max`` values, each for ``ttl_s``; the oldest makes room for a new one.

    Time is the monotonic one: a wall clock that is put right neither ends nor prolongs an entry.
    """

    def __init__(self, clock: Clock, *, ttl_s: float, size_max: int) -> None:
        self._clock = clock
        self._ttl_s = ttl_s
        self._size_max = size_max
        self._entries: OrderedDict[str, tuple[float, T]] = OrderedDict()

    def put(self, key: str, value: T) -> None:
        """Keep ``value`` under ``key``, for a new ``ttl_s``."""
        self._entries.pop(key, None)
        if len(self._entries) >= self._size_max:
            self._entries.popitem(last=False)
        self._entries[key] = (self._clock.monotonic_s() + self._ttl_s, value)

    def get(self, key: str) -> T | None:
        """Return the value under ``key``, or None when it is unknown or has expired."""
        until_s, value = self._entries.get(key, (0.0, None))
        return value if until_s > self._clock.monotonic_s() else None

    def values(self) -> list[T]:
        """Return every value that is kept, expired ones too, oldest first."""
        return [value for _, value in self._entries.values()]

    def drop(self, key: str) -> None:
        """Forget ``key``, if it is known."""
        self._entries.pop(key, None)
