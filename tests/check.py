"""The gate: format, lint, import contracts, types, tests. ``make test`` runs all of it.

The types are checked, and the tests on pcscd run, beside the other tests. At the end the quick
tests run once more on a later day: what fixes a day in one place and asks the machine for it in
another is right only for a while.

The tests run in network and mount namespaces of their own where the kernel allows it, so that
their pcscd and their ports meet nobody else's, and their files lie in memory: they sync the same
calls, and wait for no disk.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.support.moments import LATER, MOMENTS, Moment, as_if_at

ROOT = Path(__file__).parent.parent
PACKAGES = ("card_formats", "daemon", "web", "tests")
NAMES = ("format", "lint", "imports", "types", "pcsc", "tests", "later")
SOAK = ("moments", "long")
BESIDE = ("types", "pcsc")
"""The steps that run beside the others."""
PYTHON = (sys.executable, "-m")
IN_NAMESPACES = """
mkdir -p /run/pcscd /run/tillcard-tests && mount -t tmpfs tmpfs /run/pcscd &&
mount -t tmpfs tmpfs /run/tillcard-tests && ip link set lo up &&
TMPDIR=/run/tillcard-tests exec "$@"
"""
TWO_WORKERS = ("-n", "2", "-m")
QUICK = (
    *TWO_WORKERS,
    "not (pcsc or browser or cluster or kill or program or fuzz or waits or slow)",
)
ALL_BUT_PCSC = (*TWO_WORKERS, "not (pcsc or slow)")
PCSC = ("-m", "pcsc")
"""One after the other: in one network namespace there is one pcscd. They mostly wait for it."""


def namespaces() -> list[str]:
    """Return the words that put a command into its own namespaces, or none where refused."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return []
    words = [unshare, "-mn", "sh", "-c", IN_NAMESPACES, "sh"]
    allowed = subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0
    return words if allowed else []


class Step(NamedTuple):
    """One check."""

    name: str
    command: tuple[str, ...]

    def run(self) -> bool:
        """Run it, say how it went and how long it took."""
        print(f"== {self.name}", flush=True)
        begun = time.monotonic()
        done = subprocess.run(self.command, cwd=ROOT, env=environment(), check=False)
        return self._told(done.returncode, begun)

    @contextmanager
    def beside(self) -> Iterator[Callable[[], bool]]:
        """Run it beside the block; what is given waits for its end and says how it went."""
        begun = time.monotonic()
        with tempfile.TemporaryFile() as said:
            running = subprocess.Popen(
                self.command, cwd=ROOT, env=environment(), stdout=said, stderr=subprocess.STDOUT
            )

            def finish() -> bool:
                status = running.wait()
                said.seek(0)
                print(f"== {self.name}\n{said.read().decode()}", end="", flush=True)
                return self._told(status, begun)

            try:
                yield finish
            finally:
                running.kill()
                running.wait()

    def _told(self, status: int, begun: float) -> bool:
        verdict = "FAILED" if status else "ok"
        print(f"== {self.name}: {verdict} in {time.monotonic() - begun:.1f} s", flush=True)
        return not status


def environment() -> dict[str, str]:
    # To compile all tests anew takes each worker as long as a tenth of the tests.
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPATH": str(ROOT)}


def pytest(*words: str) -> tuple[str, ...]:
    return (*namespaces(), *PYTHON, "pytest", *words)


def pytest_at(moment: Moment, *words: str) -> tuple[str, ...]:
    # Somebody else's folder for temporary files would look old enough to be removed.
    keep = ("-o", "tmp_path_retention_count=1000")
    return (*namespaces(), *as_if_at(moment), *PYTHON, "pytest", *keep, *words)


def step(name: str, pytest_words: list[str], *, quick: bool) -> Step:
    """Return a step of the gate. Somebody who gives words for pytest has it run as they say."""
    command: tuple[str, ...]
    match name:
        case "format":
            command = (*PYTHON, "ruff", "format", "--check", "--quiet", *PACKAGES)
        case "lint":
            command = (*PYTHON, "ruff", "check", "--quiet", *PACKAGES)
        case "imports":
            command = (str(Path(sys.executable).parent / "lint-imports"), "--no-cache")
        case "types":
            command = (*PYTHON, "mypy", *PACKAGES)
        case "pcsc":
            command = pytest(*PCSC)
        case "tests":
            command = pytest(*(pytest_words or (QUICK if quick else ALL_BUT_PCSC)))
        case "later":
            name = f"tests {LATER.name}"
            command = pytest_at(LATER, *(pytest_words or QUICK))
        case _:
            sys.exit(f"there is no step {name!r}")
    return Step(name, command)


def gate(steps: list[Step]) -> list[bool]:
    """Run the steps, some of them beside the others; return how each went."""
    with ExitStack() as stack:
        ends = [stack.enter_context(step.beside()) for step in steps if step.name in BESIDE]
        others = [step.run() for step in steps if step.name not in BESIDE]
        return [*others, *[end() for end in ends]]


def soak(names: Sequence[str]) -> list[bool]:
    """Run what takes hours: the tests at moments that are hard for programs, and long tests."""
    results = []
    for moment in MOMENTS if "moments" in names else ():
        alone = Step("pcsc", pytest_at(moment, *PCSC))
        others = Step(f"tests {moment.name}", pytest_at(moment, *ALL_BUT_PCSC))
        results += gate([alone, others])
    if "long" in names:
        results += gate([Step("long", pytest("-n", "2", "-m", "soak", "--run-soak"))])
    return results


def main() -> int:
    """Run every check, or those named; return the exit status."""
    parser = argparse.ArgumentParser(prog="make test", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only what takes no minute")
    parser.add_argument("--soak", action="store_true", help="fuzzing and hard moments instead")
    of_soak = f"; of the soak: {','.join(SOAK)}"
    parser.add_argument("--only", default="", help=f"some of {','.join(NAMES)}{of_soak}")
    arguments, pytest_words = parser.parse_known_args()
    if arguments.soak:
        return 0 if all(soak(arguments.only.split(",") if arguments.only else SOAK)) else 1
    names = arguments.only.split(",") if arguments.only else list(NAMES)
    if not arguments.only and (arguments.quick or pytest_words):
        names = [name for name in names if name not in ("pcsc", "later")]
    steps = [step(name, pytest_words, quick=arguments.quick) for name in names]
    return 0 if all(gate(steps)) else 1


if __name__ == "__main__":
    sys.exit(main())
