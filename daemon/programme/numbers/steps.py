"""A number that rises with what is counted.

    percent = { by = "meter.spend", steps = [[30000, 2], [70000, 5]] }

A card that has spent 299.99 gets nothing, one with 300.00 gets 2 %, one with 700.00 gets 5 %.
"""

from bisect import bisect_right
from typing import Annotated, Any, ClassVar

import msgspec

from daemon.programme.errors import ProgrammeError
from daemon.programme.numbers.number import (
    Number,
    NumberPlace,
    NumberTable,
    Steps,
    Unit,
    parse_value,
)
from daemon.programme.situation import Situation, counter_of
from daemon.programme.syntax import CountedFact

STEPS_MAX = 100
StepRows = Annotated[Any, msgspec.Meta(description="1 to 100 steps [[from, value], ...]")]


class StepTable(NumberTable, frozen=True, kw_only=True):
    """``steps`` rise: from ``[30000, 2]`` on, of what ``by`` counts, the number is 2."""

    mark: ClassVar[str] = "steps"

    by: CountedFact
    steps: StepRows

    def compiled(self, place: NumberPlace) -> Number:
        """Return the number; it is 0 below the first step, None while nothing is counted."""
        by = place.vocabulary.check_counted(self.by, f"{place.path}.by")
        bounds, values = self._rows(place)
        counter = counter_of(by)
        ladder = (0, *values)

        def at(situation: Situation) -> int | None:
            counted = counter(situation)
            return None if counted is None else ladder[bisect_right(bounds, counted)]

        steps = Steps(by, counter, bounds, values)
        return Number(at, place.unit, max(values), by, steps)

    def _rows(self, place: NumberPlace) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return where the steps begin, and their values."""
        rows, path = self.steps, f"{place.path}.steps"
        if not isinstance(rows, list) or not 0 < len(rows) <= STEPS_MAX:
            raise ProgrammeError(path, f"write 1 to {STEPS_MAX} steps [[from, value], ...]")
        counted: Unit = "minor" if place.vocabulary.counts_money(self.by) else "count"
        bounds: list[int] = []
        values: list[int] = []
        for i, row in enumerate(rows):
            if not isinstance(row, list) or len(row) != 2:
                raise ProgrammeError(f"{path}[{i}]", "write [from, value]")
            bound = parse_value(row[0], f"{path}[{i}][0]", counted, place.vocabulary.currency)
            if bounds and bound <= bounds[-1]:
                problem = f"{bound} is not above {bounds[-1]}"
                raise ProgrammeError(
                    f"{path}[{i}]", f"{problem}; write the steps from small to large"
                )
            bounds.append(bound)
            values.append(place.value(row[1], f"steps[{i}][1]"))
        return tuple(bounds), tuple(values)
