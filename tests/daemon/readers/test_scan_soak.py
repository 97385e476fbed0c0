"""Four scanners at work for minutes, on a whole till."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.pos.events import EVENTS_KEPT_MAX

ROOT = Path(__file__).parents[3]


# More than waits there, in the socket and in the POS besides: the slow one loses some.
SCANS_A_SECOND, SECONDS = 80, 240


@pytest.mark.soak
def test_four_scanners_lose_nothing_mix_nothing_and_a_slow_pos_is_told_what_it_lost() -> None:
    """The times that it prints are the bench's business: here the machine may be busy."""
    assert SCANS_A_SECOND * SECONDS > 1.8 * EVENTS_KEPT_MAX
    command = [sys.executable, "-m", "tests.bench.scan", str(SECONDS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    scans = SCANS_A_SECOND * SECONDS
    assert f"{scans} scans, none lost, mixed or out of order" in done.stdout, done.stderr[-4000:]
    overflow = re.search(r"(\d+) told as overflow", done.stdout)
    assert overflow is not None
    assert int(overflow[1]) > 0
