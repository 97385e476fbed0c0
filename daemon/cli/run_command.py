"""``tillcard run``: the daemon itself. It imports neither typer nor rich, to be ready sooner."""

import argparse
import asyncio
import logging
import os
import resource
import sys
from datetime import datetime
from pathlib import Path

from daemon.app.running import run
from daemon.app.startup import STARTUP_ERRORS, in_words, leaves
from daemon.base.clock import Clock
from daemon.base.set_clock import SetClock
from daemon.keys.key_files import OWN_FILES_UMASK

HELP = "Run the daemon: readers, ledger, POS socket and phone pages, until SIGTERM."


def main(words: list[str], clock: Clock) -> int:
    """Run until SIGTERM; return the exit status: 0, or 1 when it could not start."""
    parser = argparse.ArgumentParser(prog="tillcard run", description=HELP)
    parser.add_argument(
        "--config",
        type=Path,
        default=Path("tillcard.toml"),
        help="the configuration file (default: tillcard.toml here)",
    )
    parser.add_argument(
        "--home",
        type=Path,
        help="where the ledger and keys lie and relative paths start "
        "(default: the configuration's folder)",
    )
    parser.add_argument(
        "--now",
        type=datetime.fromisoformat,
        help="for simulated readers only: the clock starts at this time, such as"
        " 2026-09-01T09:00+03:00, and clock.set moves it on",
    )
    parser.add_argument("--verbose", "-v", action="store_true", help="log more")
    arguments = parser.parse_args(words)
    if arguments.now is not None:
        if arguments.now.tzinfo is None:
            parser.error("argument --now: needs an offset, such as 2026-09-01T09:00+03:00")
        clock = SetClock(clock, arguments.now)
    level = logging.DEBUG if arguments.verbose else logging.INFO
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of every step it takes
    os.umask(OWN_FILES_UMASK)
    # Memory holds keys, and for a moment the number of a bank card: a crash writes none of it.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    failures: list[BaseException] = []
    try:
        asyncio.run(run(arguments.config, clock, arguments.home))
    except* STARTUP_ERRORS as group:
        failures += leaves(group)
    for error in failures:
        sys.stderr.write(f"tillcard: {in_words(error)}\n")
    return 1 if failures else 0
