"""Counts the forms of each address, so that nobody fills the ledger with cards."""

from ipaddress import IPv6Address, ip_address

from daemon.clock import Clock

ADDRESSES_MAX = 10_000  # beyond it the address that was quiet longest is forgotten
IPV6_NETWORK_BITS = 64  # one household's; its holder has all the addresses in it


class JoinLimit:
    """At most ``joins_max`` forms an address in every window of ``per_s`` seconds."""

    def __init__(self, clock: Clock, joins_max: int, per_s: float) -> None:
        self._clock = clock
        self._joins_max = joins_max
        self._per_s = per_s
        self._windows: dict[str, tuple[float, int]] = {}

    def wait_s(self, address: str) -> float:
        """Count one form from ``address``; return 0, or the seconds it has to wait."""
        now_s = self._clock.monotonic_s()
        source = _source(address)
        began_s, count = self._windows.pop(source, (now_s, 0))
        if now_s - began_s >= self._per_s:
            began_s, count = now_s, 0
        self._windows[source] = began_s, count + 1
        if len(self._windows) > ADDRESSES_MAX:
            del self._windows[next(iter(self._windows))]
        return 0 if count < self._joins_max else began_s + self._per_s - now_s


def _source(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(int(parsed) >> (128 - IPV6_NETWORK_BITS))
    return str(parsed)
