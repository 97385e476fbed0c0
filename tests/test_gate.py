"""What the gate itself promises of a run of the tests."""

import sys
from pathlib import Path

from tests.support.processes import output_of

ROOT = Path(__file__).parent.parent
ORPHANS = """
import subprocess, sys
from tests.support.processes import adopt_orphans, left_behind
adopt_orphans()
# Popen returns when the program has begun; a shell's "&" returns while it is still the shell.
leave_one = "import subprocess; subprocess.Popen(['sleep', '60'])"
subprocess.run([sys.executable, "-c", leave_one])
assert left_behind() == ["sleep 60"]
assert left_behind() == []
"""


async def test_a_program_that_outlives_its_parent_is_found_and_ended() -> None:
    assert await output_of(sys.executable, "-c", ORPHANS, cwd=ROOT) == (0, "")
