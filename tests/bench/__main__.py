"""Every bench of this folder, one after the other, each in a process of its own; one table.

``python -m tests.bench [NAME…]``. Exit status 1 when one misses its limit or fails.
"""

import subprocess
import sys
from pathlib import Path

NAMES = sorted(path.stem for path in Path(__file__).parent.glob("[!_]*.py"))


def run(name: str, width: int) -> bool:
    """Print what the bench ``name`` says, a row a line; return whether it held."""
    ran = subprocess.run(
        [sys.executable, "-m", f"tests.bench.{name}"],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    held = ran.returncode == 0
    rows = [*ran.stdout.splitlines(), *([] if held else ["MISSED or failed"])]
    for row in rows:
        print(f"{name:{width}} | {row}", flush=True)
    return held


def main() -> int:
    """Run those that are named, or all; return the exit status."""
    names = sys.argv[1:] or NAMES
    width = max(map(len, names))
    return 0 if all([run(name, width) for name in names]) else 1


if __name__ == "__main__":
    sys.exit(main())
