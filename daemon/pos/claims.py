"""Which client has a reader's input for itself, and until when."""

from dataclasses import dataclass

from daemon.base.clock import Clock
from daemon.base.refusals import ErrorCode, RefusedError

CLAIM_TTL_S_MAX = 24 * 3_600


@dataclass(eq=False, slots=True)
class Claim:
    """One reader in one client's hands. ``holder`` is the client's session.

    name: what the holder calls itself, or "".
    """

    reader: str
    holder: object
    name: str
    until_s: float
    clock: Clock
    released: bool = False

    @property
    def is_over(self) -> bool:
        """Whether the reader is free again: released, or its time has run out."""
        return self.released or self.clock.monotonic_s() >= self.until_s


class Claims:
    """The claims of one till, at most one for each reader."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_reader: dict[str, Claim] = {}

    def of(self, reader: str) -> Claim | None:
        """Return the claim on ``reader`` that holds now."""
        claim = self._by_reader.get(reader)
        return None if claim is None or claim.is_over else claim

    def check(self, reader: str, client: object) -> None:
        """Raise RefusedError CLAIMED when another client than ``client`` holds ``reader``."""
        claim = self.of(reader)
        if claim is not None and claim.holder is not client:
            holder = repr(claim.name) if claim.name else "another program"
            raise RefusedError(
                ErrorCode.CLAIMED, f"Reader {reader!r} is claimed by {holder}.", reader=reader
            )

    def claim(self, reader: str, client: object, name: str, ttl_s: float) -> None:
        """Give ``reader`` to ``client`` for ``ttl_s`` from now, or prolong what it has.

        Raises: RefusedError CLAIMED.
        """
        self.check(reader, client)
        until_s = self._clock.monotonic_s() + ttl_s
        claim = self.of(reader)
        if claim is None:
            self._by_reader[reader] = Claim(reader, client, name, until_s, self._clock)
        else:
            claim.until_s = until_s

    def release(self, reader: str, client: object) -> bool:
        """Free ``reader``; return False when ``client`` does not hold it."""
        claim = self.of(reader)
        if claim is None or claim.holder is not client:
            return False
        claim.released = True
        del self._by_reader[reader]
        return True

    def release_all(self, client: object) -> None:
        """Free every reader that ``client`` holds."""
        for reader in list(self._by_reader):
            self.release(reader, client)
