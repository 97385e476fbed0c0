"""Counts what each address sends, so that nobody fills the ledger with cards or guesses at one."""

from ipaddress import IPv6Address, ip_address

from daemon.base.clock import Clock

ADDRESSES_MAX = 10_000  # beyond it the address that was quiet longest is forgotten
IPV6_NETWORK_BITS = 64  # one household's; its holder has all the addresses in it


class AddressLimit:
    """At most ``most`` of something from an address in every window of ``per_s`` seconds."""

    def __init__(self, clock: Clock, most: int, per_s: float) -> None:
        self._clock = clock
        self._most = most
        self._per_s = per_s
        self._windows: dict[str, tuple[float, int]] = {}

    def wait_s(self, address: str) -> float:
        """Return 0, or the seconds until ``address`` may send another."""
        began_s, count = self._window(source_of(address))
        return 0 if count < self._most else began_s + self._per_s - self._clock.monotonic_s()

    def count(self, address: str) -> None:
        """Count one from ``address``."""
        source = source_of(address)
        began_s, count = self._window(source)
        self._windows.pop(source, None)
        self._windows[source] = began_s, count + 1
        if len(self._windows) > ADDRESSES_MAX:
            del self._windows[next(iter(self._windows))]

    def _window(self, source: str) -> tuple[float, int]:
        now_s = self._clock.monotonic_s()
        began_s, count = self._windows.get(source, (now_s, 0))
        return (now_s, 0) if now_s - began_s >= self._per_s else (began_s, count)


def without_port(hop: str) -> str:
    """Return the address in ``1.2.3.4:80`` or ``[2001:db8::1]:80``, or "" where there is none."""
    text = hop.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ip_address(text))
    except ValueError:
        return ""


def source_of(address: str) -> str:
    """Return what one household's addresses have in common, "unknown" for what is no address."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(int(parsed) >> (128 - IPV6_NETWORK_BITS))
    return str(parsed)
