"""The gate: format, lint, types, import contracts, tests, in that order. ``make test`` runs it.

The tests run in network and mount namespaces of their own where the kernel allows it, so that
their pcscd and their ports meet nobody else's.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ["card_formats", "daemon", "web", "tests"]
IN_NAMESPACES = """
mkdir -p /run/pcscd && mount -t tmpfs tmpfs /run/pcscd && ip link set lo up && exec "$@"
"""


def namespaces() -> list[str]:
    """Return the words that put a command into its own namespaces, or none where refused."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return []
    words = [unshare, "-mn", "sh", "-c", IN_NAMESPACES, "sh"]
    allowed = subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0
    return words if allowed else []


def step(name: str, command: list[str]) -> bool:
    """Run one check, say how it went and how long it took."""
    print(f"== {name}", flush=True)
    begun = time.monotonic()
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    failed = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode != 0
    verdict = "FAILED" if failed else "ok"
    print(f"== {name}: {verdict} in {time.monotonic() - begun:.1f} s", flush=True)
    return not failed


def main() -> int:
    """Run every check, or those named; return the exit status."""
    parser = argparse.ArgumentParser(prog="make test", description=__doc__)
    parser.add_argument("--soak", action="store_true", help="long fuzzing instead of the checks")
    parser.add_argument("--only", default="", help="some of format,lint,types,imports,tests")
    arguments, pytest_words = parser.parse_known_args()
    python = [sys.executable, "-m"]
    lint_imports = str(Path(sys.executable).parent / "lint-imports")
    steps = {
        "format": [*python, "ruff", "format", "--check", "--quiet", *PACKAGES],
        "lint": [*python, "ruff", "check", "--quiet", *PACKAGES],
        "types": [*python, "mypy", *PACKAGES],
        "imports": [lint_imports, "--no-cache"],
        "tests": [*namespaces(), *python, "pytest", *pytest_words],
    }
    if arguments.soak:
        soak = [*steps["tests"], "-m", "soak", "--run-soak"]
        return 0 if step("soak", soak) else 1
    names = arguments.only.split(",") if arguments.only else list(steps)
    results = [step(name, steps[name]) for name in names]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
