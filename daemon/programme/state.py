"""The three places where state lives: meters, statuses, purses, as the programme declares them."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

import msgspec

from daemon.base.currency import Currency
from daemon.programme.amounts import parse_whole
from daemon.programme.days import span_days
from daemon.programme.errors import ProgrammeError
from daemon.programme.scope import GoodsScope, GoodsTable, compile_goods
from daemon.programme.syntax import FileTable, Id, MeterId, PurseId, PurseUnit, Span, Whole, Window

MeterOf: TypeAlias = Literal["paid", "net", "visits", "units", "points", "stamps"]
WindowKind: TypeAlias = Literal["life", "days", "month", "prev_month", "since"]


class MeterTable(FileTable, frozen=True, kw_only=True):
    """``[[meter]]``: a windowed sum of committed sales."""

    id: Id
    of: Literal["paid", "net", "visits", "units", "points"]
    window: Window = "life"
    scope: GoodsTable | None = None
    purse: PurseId | None = None


class SpanTable(FileTable, frozen=True, kw_only=True):
    """``enter`` or ``keep`` of a status: a sum within a window of whole days."""

    at_least: Whole
    within: Span


class StatusTable(FileTable, frozen=True, kw_only=True):
    """``[[status]]``: a membership won and kept by a meter."""

    id: Id
    of: MeterId
    enter: SpanTable
    keep: SpanTable | None = None
    miss: Literal["reset"] = "reset"
    decide: Literal["owner", "auto"] = "owner"
    tick: Literal["daily"] = "daily"


ReturnedLapsed = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(gone|days:[1-9][0-9]{0,3})$(?!\n)",
        description="is neither gone nor days:N; write such as days:30",
        examples=["gone", "days:1", "days:30"],
    ),
]


class PurseTable(FileTable, frozen=True, kw_only=True):
    """``[[purse]]``: an account. ``worth``: minor units that one unit pays for.

    returned_lapsed: what a return gives back after its day is ``gone``, or good for ``days:N``.
    """

    id: Id
    unit: PurseUnit
    hold: Span = ""
    expire: Span = ""
    order: Literal["oldest_expiry"] = "oldest_expiry"
    may_go_negative: Literal["never", "on_return"] = "on_return"
    returned_lapsed: ReturnedLapsed = "days:30"
    credit_limit: Whole = 0
    where: Literal["ledger", "chip"] = "ledger"
    worth: Whole | None = None


class Meter(msgspec.Struct, frozen=True, kw_only=True):
    """A windowed sum of committed sales, summed by local day.

    window: ``life``, ``days`` (the last ``days`` including today), ``month``, ``prev_month``
            or ``since`` (the day on which ``status`` began).
    purse:  for ``points``, the purse whose accruals are counted; "" is every purse of the card.
    rule:   for ``stamps``, the rule of which one piece in ``every`` is free.
    """

    id: str
    of: MeterOf
    window: WindowKind
    days: int = 0
    status: str = ""
    goods: GoodsScope = GoodsScope()
    purse: str = ""
    rule: str = ""
    every: int = 0

    @property
    def counts_money(self) -> bool:
        """Whether it sums minor units."""
        return self.of in ("paid", "net")


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """A membership: won by ``enter`` of a meter within a window, kept by ``keep`` (0: for ever)."""

    id: str
    meter: str
    enter_at_least: int
    enter_days: int
    keep_at_least: int = 0
    keep_days: int = 0
    by_owner: bool = True


class Purse(msgspec.Struct, frozen=True, kw_only=True):
    """An account of the card.

    worth:        minor units that one unit pays for; 1 when it counts money; 0 when a unit pays
                  for a unit of goods.
    currency:     what it counts, or None where it counts points or goods.
    hold_days:    an accrual is usable from so many days after the sale's day.
    expire_days:  an accrual's last day, so many days after the sale's day; 0 is never.
    credit_limit: how far below 0 a sale may take it.
    lapsed_days:  what a return gives back after its last day is good for so many days more; 0 lets
                  it lapse.
    """

    id: str
    unit: str
    worth: int
    currency: Currency | None
    hold_days: int = 0
    expire_days: int = 0
    may_go_negative: Literal["never", "on_return"] = "on_return"
    lapsed_days: int = 30
    credit_limit: int = 0
    where: Literal["ledger", "chip"] = "ledger"

    @property
    def counts_money(self) -> bool:
        """Whether it counts minor units."""
        return self.currency is not None

    def text(self, amount: int) -> str:
        """Return an amount of it as people write it: ``7.70``, or ``77 star``."""
        return self.currency.text(amount) if self.currency else f"{amount} {self.unit}"


def compile_purse(table: PurseTable, path: str, currency: Currency) -> Purse:
    """Compile one ``[[purse]]``. Raises: ProgrammeError."""
    counts = currency if table.unit == currency.code else None
    worth = None if table.worth is None else parse_whole(table.worth, f"{path}.worth", currency)
    credit_limit = parse_whole(table.credit_limit, f"{path}.credit_limit", counts)
    if counts and worth not in (None, 1):
        raise ProgrammeError(f"{path}.worth", "a purse of money is worth itself; leave it out")
    if worth is not None and worth < 1:
        problem = "is below 1; leave it out where a unit pays for a unit of goods"
        raise ProgrammeError(f"{path}.worth", problem)
    if credit_limit < 0:
        raise ProgrammeError(f"{path}.credit_limit", "is below 0; write 0 or more")
    if table.where == "chip" and (table.hold or table.expire):
        key = "hold" if table.hold else "expire"
        raise ProgrammeError(f"{path}.{key}", "a purse on the chip has none; leave it out")
    return Purse(
        id=table.id,
        unit=table.unit,
        worth=1 if counts else worth or 0,
        currency=counts,
        hold_days=span_days(table.hold, f"{path}.hold") if table.hold else 0,
        expire_days=span_days(table.expire, f"{path}.expire") if table.expire else 0,
        may_go_negative=table.may_go_negative,
        # "days:N", or "gone", which has none.
        lapsed_days=int(table.returned_lapsed.partition(":")[2] or 0),
        credit_limit=credit_limit,
        where=table.where,
    )


def compile_meter(
    table: MeterTable,
    path: str,
    statuses: frozenset[str],
    purses: frozenset[str],
    currency: Currency,
) -> Meter:
    """Compile one ``[[meter]]``. Raises: ProgrammeError."""
    if table.purse is not None and (table.of != "points" or table.purse not in purses):
        problem = f"{table.purse!r} is no purse of points here; leave it out or name a purse"
        raise ProgrammeError(f"{path}.purse", problem)
    kind, days, status = _window(table.window, f"{path}.window", statuses)
    return Meter(
        id=table.id,
        of=table.of,
        window=kind,
        days=days,
        status=status,
        goods=compile_goods(table.scope, f"{path}.scope", currency),
        purse=table.purse or "",
    )


def _window(text: str, path: str, statuses: frozenset[str]) -> tuple[WindowKind, int, str]:
    """Return a window's kind, its days and its status."""
    match text.partition(":"):
        case ("life" | "month" | "prev_month" as kind, "", ""):
            return kind, 0, ""
        case ("since", ":", status):
            if status not in statuses:
                raise ProgrammeError(path, f"there is no status {status!r}; declare it")
            return "since", 0, status
        case _:
            if not re.fullmatch(r"[0-9]{1,5}d", text):
                forms = "life, 30d, month, prev_month or since:<status>"
                raise ProgrammeError(path, f"{text!r} is no window; write {forms}")
            return "days", span_days(text, path), ""


def compile_status(
    table: StatusTable, path: str, meters: Mapping[str, Meter], currency: Currency
) -> Status:
    """Compile one ``[[status]]``. Raises: ProgrammeError."""
    if table.of not in meters:
        raise ProgrammeError(f"{path}.of", f"there is no meter {table.of!r}; declare it")
    unit = currency if meters[table.of].counts_money else None
    sums = {"enter": 0, "keep": 0}
    for key, span in (("enter", table.enter), ("keep", table.keep)):
        if span is not None:
            where = f"{path}.{key}.at_least"
            sums[key] = parse_whole(span.at_least, where, unit)
            if sums[key] < 1:
                raise ProgrammeError(where, "is below 1; write the sum to reach")
    return Status(
        id=table.id,
        meter=table.of,
        enter_at_least=sums["enter"],
        enter_days=span_days(table.enter.within, f"{path}.enter.within"),
        keep_at_least=sums["keep"],
        keep_days=span_days(table.keep.within, f"{path}.keep.within") if table.keep else 0,
        by_owner=table.decide == "owner",
    )


def refuse_loops(meters: dict[str, Meter], statuses: dict[str, Status]) -> None:
    """Refuse a status whose meter counts since a status that hangs on it."""
    for i, status in enumerate(statuses.values()):
        seen: list[str] = []
        turn = status.id
        while turn and turn not in seen:
            seen.append(turn)
            turn = meters[statuses[turn].meter].status
        if turn == status.id:
            round_trip = " -> ".join([*seen, turn])
            problem = f"the status hangs on itself ({round_trip}); use a meter with another window"
            raise ProgrammeError(f"status[{i}].of", problem)
