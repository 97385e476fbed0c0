"""A number that goes up or down with time.

    percent = { from = 30, step = -1, every = "day", since = "2026-12-01", min = 10 }

30 % on 1 December, 29 % on the 2nd, 10 % from the 21st on. Before 1 December it gives nothing.
"""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

import msgspec

from daemon.programme.errors import ProgrammeError
from daemon.programme.numbers.number import AMOUNT_MAX, Number, NumberPlace, NumberTable
from daemon.programme.situation import Situation
from daemon.programme.syntax import Day

EVERY_DAYS = {"day": 1, "week": 7}
RampValue = Annotated[Any, msgspec.Meta(description="a constant in the number's unit")]
RampStep = Annotated[Any, msgspec.Meta(description="the same, or below 0")]


class Ramp(NumberTable, frozen=True, kw_only=True):
    """``from`` on the day ``since``, then ``step`` more every day, week or month."""

    mark: ClassVar[str] = "step"

    from_: RampValue = msgspec.field(name="from")
    step: RampStep
    since: Day
    every: Literal["day", "week", "month"] = "day"
    min: RampValue = 0
    max: RampValue = None

    def compiled(self, place: NumberPlace) -> Number:
        """Return the number; None before ``since``."""
        start = place.value(self.from_, "from")
        # By its sign: a NaN cannot be compared, and is refused below.
        down = isinstance(self.step, int | Decimal) and Decimal(self.step).is_signed()
        step = place.value(-self.step if down else self.step, "step") * (-1 if down else 1)
        if self.every not in ("day", "week", "month"):
            problem = f"{self.every!r} is not one of day, week, month"
            raise ProgrammeError(f"{place.path}.every", problem)
        since = _since(self.since, f"{place.path}.since")
        least = place.value(self.min, "min")
        most = self._most(place, start if down else None)
        if least > most:
            raise ProgrammeError(f"{place.path}.min", "is above the most; write a smaller one")
        every = self.every

        def at(situation: Situation) -> int | None:
            day = situation.day
            if day < since:
                return None
            return min(max(start + step * _turns(since, day, every), least), most)

        highest = max(min(start, most), least) if down else most
        return Number(at, place.unit, highest, "date")

    def _most(self, place: NumberPlace, start: int | None) -> int:
        """Return the most it may be: ``max``, else its ``start`` when it goes down."""
        if self.max is not None:
            return place.value(self.max, "max")
        if start is not None:
            return start
        return 100_00 if place.unit == "percent" else AMOUNT_MAX


def _turns(since: date, day: date, every: str) -> int:
    """Return how many whole days, weeks or months lie between two days.

    A month is over when its day comes back: from 31 January to 28 February none is.
    """
    if every == "month":
        months = (day.year - since.year) * 12 + day.month - since.month
        return months - (day.day < since.day)
    return (day - since).days // EVERY_DAYS[every]


def _since(raw: Any, path: str) -> date:
    if type(raw) is date:
        return raw
    try:
        return date.fromisoformat(raw)
    except (TypeError, ValueError) as error:
        raise ProgrammeError(path, f"{raw!r} is no day; write such as 2026-12-01") from error
