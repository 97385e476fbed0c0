"""A minute of four scanners at work, on a whole till."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.soak
def test_a_minute_of_four_scanners_loses_nothing_mixes_nothing_and_keeps_the_order() -> None:
    """The times that it prints are the bench's business: here the machine may be busy."""
    command = [sys.executable, "-m", "tests.bench.scan", "60"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "4800 scans, none lost, mixed or out of order" in done.stdout, done.stderr[-4000:]
