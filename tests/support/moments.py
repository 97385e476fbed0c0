"""Times of day that programs are wrong at, and how to run one as if it were then (libfaketime)."""

import sys
import time
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

LIBRARY = "*/faketime/libfaketime.so.1"
DAY_S = 24 * 3_600
KYIV = "Europe/Kyiv"


class Moment(NamedTuple):
    """A moment, ``seconds`` from now, on a machine that goes by ``zone``."""

    name: str
    seconds: int
    zone: str = "UTC"


def at(name: str, local_time: str, zone: str = "UTC") -> Moment:
    """Return the moment at which the clocks of ``zone`` show ``local_time``."""
    moment = datetime.fromisoformat(local_time).replace(tzinfo=ZoneInfo(zone))
    return Moment(name, int(moment.timestamp() - time.time()), zone)


LATER = Moment("400 days later", 400 * DAY_S)
MOMENTS = (
    LATER,
    at("on 29 February", "2028-02-29T12:00:00"),
    at("into the new year", "2026-12-31T23:59:50"),
    at("into the new year in Kyiv", "2026-12-31T23:59:50", KYIV),
    at("as summer time begins in Kyiv", "2027-03-28T02:59:50", KYIV),
    at("as summer time ends in Kyiv", "2027-10-31T03:59:50", KYIV),
)


def as_if_at(moment: Moment) -> list[str]:
    """Return the words before a command that make it, and all that it starts, believe the moment.

    The library itself, and not the program ``faketime``: that makes every look at the clock wait
    for a lock that all processes share.
    """
    library = next(Path("/usr/lib").glob(LIBRARY), None)
    if library is None:
        sys.exit("libfaketime is missing: packaging/system-packages.sh test")
    settings = {
        "LD_PRELOAD": str(library),
        "FAKETIME": f"{moment.seconds:+d}",
        "TZ": moment.zone,
        # It does not know every call that waits; a deadline on a faked monotonic clock hangs there.
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        # Its cure for old C libraries makes threads that wait for Python's lock spin.
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",
        # A file's times stay what they are, so that Python finds what it has compiled before.
        "NO_FAKE_STAT": "1",
    }
    return ["env", *(f"{name}={value}" for name, value in settings.items())]
