"""What limits of a day add to a whole sale: two daemons, one without any and one with all five.

``python -m tests.bench.limits [SALES]``. The processor time of each daemon, read from outside while
one POS sells by turns to both, so that whatever else the machine does meets them alike; the ratio
counts, not the figures. Exit status 1 when the limit is missed.
"""

import statistics
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from daemon.pos.client import Client
from tests.bench.commit import judge
from tests.bench.idle import started
from tests.bench.sale import WARM_UP, processor_s, sell
from tests.support.till import PLASTIC, lay_out

SALES, A_ROUND = 2_000, 200
RATIO_MAX = 1.15
"""Of the median of the rounds: five counters are read and moved with what a sale writes."""
LIMITS = "[limits]\n" + "".join(
    f"{name} = 1000000000\n"
    for name in (
        "card_day_sales",
        "card_day_discount",
        "cashier_day_asked",
        "cashier_day_overrides",
        "till_day_discount",
    )
)


def main() -> int:
    """Sell by turns, look what it cost; return the exit status."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else SALES
    with ExitStack() as stack:
        tills = []
        for settings in ("", LIMITS):
            home = Path(stack.enter_context(TemporaryDirectory()))
            lay_out(home, **{"[simulated]": f"{settings}\n[simulated]"})
            daemon, _ = stack.enter_context(started(home))
            client = stack.enter_context(Client(home / "pos.sock"))
            client.call("card.issue", {"request_id": "i", "number": PLASTIC, "by": "anna"})
            sell(client, 0, WARM_UP)
            tills.append((psutil.Process(daemon.pid), client))
        rounds = []
        for first in range(WARM_UP, WARM_UP + wanted, A_ROUND):
            costs = []
            for process, client in tills:
                before_s = processor_s(process)
                sell(client, first, A_ROUND)
                costs.append(1_000 * (processor_s(process) - before_s) / A_ROUND)
            rounds.append(costs)
    without, limited = (statistics.median(costs) for costs in zip(*rounds, strict=True))
    ratio = statistics.median(limited / without for without, limited in rounds)
    print(
        f"a whole sale {without:.2f} ms processor time, with five limits {limited:.2f} ms:", end=" "
    )
    return 0 if judge(f"{ratio:.2f} of it", ratio <= RATIO_MAX) else 1


if __name__ == "__main__":
    sys.exit(main())
