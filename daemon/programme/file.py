"""The programme file: TOML in, frozen tables out, every wrong key named by its path."""

from typing import Any, Literal

import msgspec

from daemon.base.schema_errors import explained
from daemon.programme.alliances import AllianceTable
from daemon.programme.benefits.registry import GiveTable
from daemon.programme.card_kinds import CardTable
from daemon.programme.cash_rounding import CashRoundingTable
from daemon.programme.errors import ProgrammeError, naming_table
from daemon.programme.limits import LimitTable
from daemon.programme.places import StoreTable
from daemon.programme.scope import GoodsTable, ScopeTable
from daemon.programme.staff_plans import PlanTable
from daemon.programme.state import MeterTable, PurseTable, StatusTable
from daemon.programme.syntax import (
    CurrencyCode,
    Dates,
    DayStart,
    FileTable,
    Id,
    LaneId,
    PercentNumber,
    PercentValue,
    TimeZone,
)
from daemon.programme.toml_text import TomlTextError, read_toml

PROGRAMME_BYTES_MAX = 128_000
"""In UTF-8. TOML has no character that JSON writes as more than two bytes, so that every file
fits a line of the POS socket."""
RULES_MAX = 2_000


class HeadTable(FileTable, frozen=True, kw_only=True):
    """``[programme]``. ``markup``: the shop's usual markup on cost in percent, for `check`.

    day_starts: when the books of a day are closed; the night before it is of the day before.
    """

    id: Id
    currency: CurrencyCode
    tz: TimeZone
    day_starts: DayStart = "00:00"
    round: Literal["basket", "line"] = "basket"
    return_policy: Literal["keep", "recompute"] = "keep"
    markup: PercentValue = None


class LaneTable(FileTable, frozen=True, kw_only=True):
    """``[[lane]]``: lanes run in file order, discounts compound from one to the next."""

    id: Id
    combine: Literal["best", "sum", "first"] = "best"
    base: Literal["net", "list"] = "net"


class RuleTable(FileTable, frozen=True, kw_only=True):
    """``[[rule]]``: when, which goods, what, in which lane."""

    id: Id
    give: GiveTable
    lane: LaneId | None = None
    text: str = ""
    when: dict[str, Any] = msgspec.field(default_factory=dict)
    scope: ScopeTable | None = None
    limit: LimitTable | None = None
    exclusive: bool | Literal["all"] = False
    priority: int = 0


class CapTable(FileTable, frozen=True, kw_only=True):
    """``[[cap]]``: the largest discount in percent of the shelf price."""

    percent: PercentNumber
    scope: GoodsTable | None = None


class CalendarTable(FileTable, frozen=True, kw_only=True):
    """``[[calendar]]``: days by name."""

    id: Id
    dates: list[Dates]


class ProgrammeFile(FileTable, frozen=True, kw_only=True):
    """The whole file."""

    programme: HeadTable
    lane: list[LaneTable] = msgspec.field(default_factory=list)
    meter: list[MeterTable] = msgspec.field(default_factory=list)
    status: list[StatusTable] = msgspec.field(default_factory=list)
    purse: list[PurseTable] = msgspec.field(default_factory=list)
    rule: list[RuleTable] = msgspec.field(default_factory=list)
    cap: list[CapTable] = msgspec.field(default_factory=list)
    cash_rounding: CashRoundingTable | None = None
    calendar: list[CalendarTable] = msgspec.field(default_factory=list)
    alliance: list[AllianceTable] = msgspec.field(default_factory=list)
    card: list[CardTable] = msgspec.field(default_factory=list)
    plan: list[PlanTable] = msgspec.field(default_factory=list)
    store: list[StoreTable] = msgspec.field(default_factory=list)


def read(text: str) -> tuple[ProgrammeFile, bytes]:
    """Return the tables of a programme file and its canonical content.

    The content is equal for two files that differ in comments, spaces or the order of keys.
    Raises: ProgrammeError.
    """
    try:
        raw = read_toml(text, PROGRAMME_BYTES_MAX)
    except TomlTextError as error:
        raise ProgrammeError("programme", str(error)) from error
    if isinstance(raw.get("programme"), str):
        problem = "this looks like the till's settings; name the programme file"
        raise ProgrammeError("programme", problem)
    try:
        tables = msgspec.convert(raw, ProgrammeFile)
    except msgspec.ValidationError as error:
        path, message = explained(str(error), ProgrammeFile)
        raise naming_table(ProgrammeError(path or "programme", message), raw) from error
    if len(tables.rule) > RULES_MAX:
        raise ProgrammeError("rule", f"more than {RULES_MAX} rules; remove those that are over")
    return tables, msgspec.json.encode(raw, order="deterministic")
