"""``python -m daemon.shop.preview_process``: one preview in a process of its own.

Pricing 200,000 sales takes minutes of a processor. In the daemon's own process that would be time
that sales wait for; here it is not, and the system gives the till's process the first turn.
It is told on its standard input what to do (``PreviewJob``), and says, a line of JSON each, how far
it is (``{"done": 200, "of": 38112}``) and in the end what it found.
"""

import os
import sys
from contextlib import closing, suppress
from pathlib import Path

import msgspec

from daemon.ledger.storage.registry import open_store
from daemon.ledger.storage.store import StoreError
from daemon.programme.errors import ProgrammeError
from daemon.shop.preview_run import previewed
from daemon.shop.preview_sums import PreviewSums

JOB_BYTES_MAX = 8 * 1024 * 1024
NICE = 10


class PreviewJob(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be previewed. location, home: of the ledger. first, last: days (ordinals)."""

    location: str
    home: str
    text: str
    first: int
    last: int
    most: int


class PreviewLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far it is, what it found in the end, or why it found nothing."""

    done: int = 0
    of: int = 0
    sums: PreviewSums | None = None
    problem: str = ""


def main() -> int:
    """Do the job that stands on the standard input; return the exit status."""
    with suppress(OSError):  # systemd may forbid it; it is a favour to the checkout, no promise
        os.nice(NICE)
    job = msgspec.json.decode(sys.stdin.buffer.read(JOB_BYTES_MAX + 1), type=PreviewJob)
    try:
        with closing(open_store(job.location, Path(job.home), read_only=True)) as store:
            sums = previewed(store, job.text, job.first, job.last, job.most, _say)
    except (ProgrammeError, StoreError, msgspec.DecodeError) as error:
        _write(PreviewLine(problem=str(error)))
        return 1
    _write(PreviewLine(sums=sums))
    return 0


def _say(done: int, of: int) -> None:
    _write(PreviewLine(done=done, of=of))


def _write(line: PreviewLine) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main())
