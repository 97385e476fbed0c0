"""A bounded memory of things that are good for a while: presentations and quotes."""

from collections import OrderedDict
from typing import Generic, TypeVar

from daemon.base.clock import Clock

T = TypeVar("T")


class Shelf(Generic[T]):
    """Keeps at most ``size_max`` things, each for ``ttl_s``; the oldest makes room."""

    def __init__(self, clock: Clock, *, ttl_s: float, size_max: int) -> None:
        self._clock = clock
        self._ttl_s = ttl_s
        self._size_max = size_max
        self._things: OrderedDict[str, tuple[float, T]] = OrderedDict()

    def put(self, key: str, thing: T) -> None:
        """Keep ``thing`` from now on, in place of what had this key."""
        self._things.pop(key, None)
        if len(self._things) >= self._size_max:
            self._things.popitem(last=False)
        self._things[key] = (self._clock.monotonic_s() + self._ttl_s, thing)

    def get(self, key: str) -> T | None:
        """Return what has this key and is still good."""
        until_s, thing = self._things.get(key, (0.0, None))
        return thing if until_s > self._clock.monotonic_s() else None

    def things(self) -> list[T]:
        """Return all that is kept, the oldest first."""
        return [thing for _, thing in self._things.values()]

    def drop(self, key: str) -> None:
        """Forget what has this key, if anything has."""
        self._things.pop(key, None)
