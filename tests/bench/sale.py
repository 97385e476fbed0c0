"""What a whole sale costs the machine: the card identified, then three lines committed.

``python -m tests.bench.sale [SALES]``. The processor time of the daemon, all of its threads, read
from outside while one POS sells; the sample programme, one sale after the other, so that none
shares its transaction with another. Exit status 1 when the limit is missed.
"""

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from daemon.pos.client import Client
from tests.bench.commit import judge
from tests.bench.idle import started
from tests.support.till import PLASTIC, lay_out

SALES, WARM_UP, LINES = 1_000, 100, 3
SALE_MS_MAX = 1.2


def basket() -> list[dict[str, Any]]:
    return [
        {"line": n, "sku": f"48200000000{n}", "name": "rye bread", "qty": 1, "unit_price": 1_000}
        for n in range(1, LINES + 1)
    ]


def sell(client: Client, first: int, wanted: int) -> None:
    """Sell that many times, each sale with an id of its own."""
    lines = basket()
    for n in range(first, first + wanted):
        shown = client.call("card.identify", {"scan": PLASTIC})["presentation"]
        client.call("sale.commit", {"sale_id": f"b{n}", "presentation": shown, "lines": lines})


def processor_s(process: psutil.Process) -> float:
    used = process.cpu_times()
    return float(used.user + used.system)


def main() -> int:
    """Sell, look what it cost; return the exit status."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else SALES
    with TemporaryDirectory() as folder:
        home = Path(folder)
        lay_out(home)
        with started(home) as (daemon, _), Client(home / "pos.sock") as client:
            process = psutil.Process(daemon.pid)
            client.call("card.issue", {"request_id": "i", "number": PLASTIC, "by": "anna"})
            sell(client, 0, WARM_UP)
            before_s, begun = processor_s(process), time.perf_counter()
            sell(client, WARM_UP, wanted)
            cost_ms = 1_000 * (processor_s(process) - before_s) / wanted
            sale_ms = 1_000 * (time.perf_counter() - begun) / wanted
    print(f"a whole sale of {LINES} lines, one after the other: {sale_ms:.2f} ms:", end=" ")
    return 0 if judge(f"{cost_ms:.2f} ms processor time", cost_ms <= SALE_MS_MAX) else 1


if __name__ == "__main__":
    sys.exit(main())
