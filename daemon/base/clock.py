"""The only place that asks the machine for the time, and the time that the till goes by.

A machine's clock is wrong now and then: a dead battery, a setting mistyped, a virtual machine that
slept. Money must not hang on it. If the till simply believed it, one start two years ahead would
expire every point, forget every answered request, and stamp sales so that "time only moves
forward" holds the till in that year for good.

So the till has a time of its own, `SteadyClock`. It follows the machine's clock while that is
plausible, and runs on by the monotonic clock while it is not:

    machine's clock against the till's time   the till's time
    a little ahead (up to ``jump``)           follows it
    further ahead                             runs on as if nothing had happened, until the
                                              machine's clock is confirmed; then follows it
    behind                                    runs at half speed until it is caught up
    further behind than ``jump``, confirmed   follows it: what was stamped ahead was wrong

Many little jumps are no better than a large one: what was leaped over unconfirmed is given back by
running, hour for hour.

Confirmed means that a second clock agrees: the system's is synchronised (NTP), or customers' phones
show right codes, or the machine has run a day on end without another jump, or somebody has said so
by name (``tillcard clock``). Until then ``status`` and the log say what is wrong and by how much.
"""

import ctypes
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Protocol

CLOCK_BACK = timedelta(seconds=30)
"""How far the clock may stand off the till's time at any time: it is being adjusted, not unset."""
JUMP = timedelta(hours=48)
"""How far the clock may be ahead of the till's time unconfirmed: a weekend, in which a shop is
closed and nothing is written."""
CONFIRMED_BY_RUNNING_S = 24 * 3600.0
"""A clock that has run so long without another jump is believed: a mistake would be noticed."""
_TIMEX_BYTES = 512
"""More than ``struct timex`` has on any Linux."""
_TIME_ERROR = 5
"""What adjtimex answers while the clock is not synchronised. Source: adjtimex(2)."""


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)


class Clock(Protocol):
    """Wall time and monotonic time. Tests bring their own."""

    def now(self) -> datetime:
        """Return the time of day, aware, UTC."""
        ...

    def monotonic_s(self) -> float:
        """Return seconds that never go back, from an arbitrary start."""
        ...

    def synchronised(self) -> bool:
        """Whether a second clock, such as a time server, keeps this one right."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the machine's time of day, UTC."""
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        """Return the machine's monotonic seconds."""
        return time.monotonic()

    def synchronised(self) -> bool:
        """Whether the kernel says that a time service keeps its clock right."""
        # With no mode set the call only reads, which everybody may.
        state = _libc().adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
        return bool(0 <= state < _TIME_ERROR)


class SteadyClock:
    """The till's time: see the head of this module. ``start`` must have been called.

    phones_agree: whether right codes of customers' phones have been seen since a monotonic time.
    """

    def __init__(
        self,
        clock: Clock,
        jump: timedelta = JUMP,
        phones_agree: Callable[[float], bool] = lambda since_s: False,
    ) -> None:
        self._clock = clock
        self._jump = jump
        self._phones_agree = phones_agree
        self._time: datetime | None = None
        self._read_s = 0.0
        self._ahead_since: tuple[float, timedelta] | None = None
        self._leap = jump

    def start(self, newest: str, of_others: Iterable[str] = ()) -> None:
        """Begin at the time of the newest entry, or at the machine's where there is none.

        newest:    of this till's own ledger, RFC 3339, or "".
        of_others: of the other tills on its database. They are second clocks: what they have
                   written has been. One that is ahead of this machine too was wrong itself.
        """
        machine = self._clock.now()
        others = map(datetime.fromisoformat, of_others)
        begun = [moment for moment in others if moment <= machine + self._jump]
        if newest:
            begun.append(datetime.fromisoformat(newest))
        self._time = max(begun, default=machine)
        self._read_s = self._clock.monotonic_s()

    def now(self) -> datetime:
        """Return the till's time. It goes back only where it is known to have been wrong."""
        machine, read_s = self._clock.now(), self._clock.monotonic_s()
        if self._time is None:
            return machine
        passed = timedelta(seconds=max(0.0, read_s - self._read_s))
        expected = self._time + passed
        ahead = machine - expected
        self._leap = min(self._jump, self._leap + passed)
        is_far = ahead > max(self._leap, CLOCK_BACK)
        if is_far and not self._confirmed(ahead, read_s):
            self._time = expected
        elif machine >= self._time:
            left = max(timedelta(), self._leap - max(timedelta(), ahead))
            self._leap = self._jump if is_far else left
            self._time, self._ahead_since = machine, None
        elif self._time - machine > self._jump and self._clock.synchronised():
            self._time = machine
        else:
            self._time = max(machine, self._time + passed / 2)
        self._read_s = read_s
        return self._time

    def monotonic_s(self) -> float:
        """Return the machine's monotonic seconds."""
        return self._clock.monotonic_s()

    def synchronised(self) -> bool:
        """Whether the machine's clock is kept right."""
        return self._clock.synchronised()

    @property
    def offset(self) -> timedelta:
        """How far the machine's clock is ahead of the till's time; below 0 it is behind."""
        return self._clock.now() - self.now()

    @property
    def ahead(self) -> bool:
        """Whether the machine's clock is so far ahead that it is not believed."""
        return self.offset > timedelta() and self._ahead_since is not None

    @property
    def behind(self) -> bool:
        """Whether the machine's clock stands so far back that somebody should look at it."""
        return self.offset < -CLOCK_BACK

    def believe(self) -> None:
        """Follow the machine's clock from now on: somebody has said that it is right."""
        self._time, self._read_s = self._clock.now(), self._clock.monotonic_s()
        self._ahead_since = None

    def _confirmed(self, ahead: timedelta, read_s: float) -> bool:
        """Whether something besides the machine's clock says that so much time has passed."""
        since_s, first = self._ahead_since or (read_s, ahead)
        if abs(ahead - first) > self._jump:  # it jumped again: the day of running begins anew
            since_s, first = read_s, ahead
        self._ahead_since = since_s, first
        return (
            self._clock.synchronised()
            or read_s - since_s >= CONFIRMED_BY_RUNNING_S
            or self._phones_agree(since_s)
        )


def rfc3339(moment: datetime, precision: str = "microseconds") -> str:
    """Return ``moment`` in UTC with microseconds, always 27 characters, so that text sorts.

    precision: "seconds" for readers outside that take no fractions of them.
    """
    # Not by strftime: on Linux it writes the year 5 as "5".
    return moment.astimezone(UTC).isoformat(timespec=precision).removesuffix("+00:00") + "Z"
