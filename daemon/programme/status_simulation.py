"""What a status would do: days of purchases, returns and decisions, played without a ledger. Pure.

It is read from JSON, amounts in minor units:

    {"status": {"enter": {"at_least": 500000, "within": "30d"},
                "keep": {"at_least": 300000, "within": "60d"}, "decide": "owner"},
     "events": [{"at": "2026-09-01", "sale": 600000}, {"at": "2026-09-02", "grant": true},
                {"at": "2026-10-01", "return": 20000, "of": "2026-09-01"}],
     "ask": ["2026-11-01"]}

The decisions are those of `daemon.programme.status`, as at a till.
"""

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Literal

import msgspec

from daemon.programme.days import span_days
from daemon.programme.errors import ProgrammeError
from daemon.programme.state import Status
from daemon.programme.status import (
    OUTSIDE,
    StatusState,
    decide,
    listed,
    record,
    take_back,
    tick,
    window_to,
)

EVENTS_MAX = 100_000
Amount = Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]


class Span(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sum within so many whole days, such as ``"30d"``."""

    at_least: Amount
    within: str


class SimulatedStatus(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The settings, as ``[[status]]`` has them."""

    enter: Span
    keep: Span | None = None
    decide: Literal["owner", "auto"] = "owner"

    def compiled(self) -> Status:
        """Return the status. Raises ProgrammeError."""
        keep = self.keep
        return Status(
            id="status",
            meter="",
            enter_at_least=self.enter.at_least,
            enter_days=span_days(self.enter.within, "status.enter.within"),
            keep_at_least=keep.at_least if keep else 0,
            keep_days=span_days(keep.within, "status.keep.within") if keep else 0,
            by_owner=self.decide == "owner",
        )


class SimulatedEvent(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True
):
    """One of: a sale; a return of what was bought on the day ``of``; a decision, yes or no."""

    at: date
    sale: Amount | None = None
    back: Amount | None = msgspec.field(name="return", default=None)
    of: date | None = None
    grant: bool | None = None

    def __post_init__(self) -> None:
        if sum(one is not None for one in (self.sale, self.back, self.grant)) != 1:
            raise ValueError("an event is one of sale, return and grant")
        if (self.back is None) != (self.of is None):
            raise ValueError("a return says of which day's purchase it is, and nothing else does")
        if self.of is not None and self.of > self.at:
            raise ValueError("what comes back was bought before")


class Simulation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is played, in the order of days; ``ask`` is answered as of a day's end."""

    status: SimulatedStatus
    events: Annotated[tuple[SimulatedEvent, ...], msgspec.Meta(max_length=EVENTS_MAX)] = ()
    ask: Annotated[tuple[date, ...], msgspec.Meta(max_length=EVENTS_MAX)] = ()


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """Where the status stands after an event (None: on a day that was asked for)."""

    at: date
    event: SimulatedEvent | None
    state: str
    window_from: date | None
    window_to: date | None
    total: int
    list: str


def simulate(simulation: Simulation) -> Iterator[Step]:
    """Yield a step after each event, and on each day that is asked for. Raises ProgrammeError."""
    status, state = simulation.status.compiled(), OUTSIDE
    _check_order(simulation.events)
    # Those that are asked for on the day of an event come after it.
    days = [(event.at, 0, event) for event in simulation.events]
    asked = [(day, 1, None) for day in simulation.ask]
    for day, _, event in sorted([*days, *asked], key=lambda one: one[:2]):
        state = tick(status, state, day) if event is None else _after(status, state, event)
        yield Step(
            at=day,
            event=event,
            state=state.stage,
            window_from=state.window_from,
            window_to=window_to(status, state),
            total=state.total,
            list=listed(status, state) or "",
        )


def _check_order(events: tuple[SimulatedEvent, ...]) -> None:
    for n, event in enumerate(events[1:], start=1):
        if event.at < events[n - 1].at:
            problem = f"{event.at} is before {events[n - 1].at}; write the earlier one first"
            raise ProgrammeError(f"events[{n}].at", problem)


def _after(status: Status, state: StatusState, event: SimulatedEvent) -> StatusState:
    if event.sale is not None:
        return record(status, state, event.at, event.sale)
    if event.back is not None:
        assert event.of is not None
        return take_back(status, state, event.of, event.back, event.at)
    return decide(status, state, event.at, granted=bool(event.grant))
