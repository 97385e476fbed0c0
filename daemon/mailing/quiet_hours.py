"""The hours in which nobody is written to: ``20:00..09:00`` of the shop's clock. Pure."""

from datetime import time

import msgspec


class QuietHours(msgspec.Struct, frozen=True):
    """From ``first`` to before ``end``, over midnight where the end is not later."""

    first: time
    end: time

    def hold(self, at: time) -> bool:
        """Whether a local time is among them; two equal ones are none."""
        if self.first <= self.end:
            return self.first <= at < self.end
        return at >= self.first or at < self.end


def quiet_hours(said: str) -> QuietHours | None:
    """Read ``20:00..09:00``; "" is none. Raises ValueError."""
    if not said:
        return None
    first, _, end = said.partition("..")
    return QuietHours(time.fromisoformat(first), time.fromisoformat(end))
