"""How long a scan takes from the scanner's wire to the event on a POS's socket.

``python -m tests.bench.scan``: a whole daemon in a process of its own; its simulated scanner is a
pseudo-terminal that real bytes are written to. The time begins before the request that makes the
scan, so it holds that request too: what is measured is above what is promised.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import quantiles

from daemon.pos.client import Client
from tests.bench.idle import start
from tests.support.till import lay_out

WARM_UP, SCANS = 100, 2_000
P50_MS_MAX, P99_MS_MAX = 1.0, 5.0
PRODUCTS = ("]E04820000000017", "]E04820000000024")  # in turn: no scan repeats the one before


def measure(socket: Path) -> tuple[list[float], list[float]]:
    """Return the milliseconds of each scan, and of a call that does nothing after each."""
    taken_ms, idle_ms = [], []
    with Client(socket) as scanner, Client(socket) as pos:
        events = pos.events(from_seq=scanner.call("events.subscribe")["seq"] + 1)
        scanner.call("hello", {"client": "bench", "version": "1"})
        for n in range(WARM_UP + SCANS):
            code = PRODUCTS[n % 2]
            begun = time.perf_counter()
            scanner.call("input.simulate", {"reader": "scanner", "do": "scan", "data": code})
            while (event := next(events))["type"] != "scan":
                pass
            taken_ms.append((time.perf_counter() - begun) * 1e3)
            assert code.endswith(event["text"])
            begun = time.perf_counter()
            scanner.call("events.ack", {"event_id": ""})
            idle_ms.append((time.perf_counter() - begun) * 1e3)
    return taken_ms[WARM_UP:], idle_ms[WARM_UP:]


def stop(daemon: subprocess.Popen[bytes]) -> None:
    daemon.terminate()
    daemon.wait()


def main() -> int:
    """Measure and print; return the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        lay_out(Path(folder))
        daemon, _ = start(Path(folder))
        try:
            scans, calls = (quantiles(ms, n=100) for ms in measure(Path(folder) / "pos.sock"))
        finally:
            stop(daemon)
    p50_ms, p99_ms = scans[49], scans[98]
    print(f"scan to event: p50 {p50_ms:.2f} ms (limit {P50_MS_MAX}), ", end="")
    print(f"p99 {p99_ms:.2f} ms (limit {P99_MS_MAX})")
    print(f"  a call that does nothing, in between: p50 {calls[49]:.2f} ms, p99 {calls[98]:.2f} ms")
    return 0 if p50_ms <= P50_MS_MAX and p99_ms <= P99_MS_MAX else 1


if __name__ == "__main__":
    sys.exit(main())
