"""The programme file: TOML in, frozen tables out, every wrong key named by its path."""

import tomllib
from decimal import Decimal
from typing import Any, Literal, TypeAlias

import msgspec

from daemon.base.schema_errors import explained
from daemon.programme.errors import ProgrammeError, naming_table

PROGRAMME_BYTES_MAX = 128_000
"""In UTF-8. TOML has no character that JSON writes as more than two bytes, so that every file
fits a line of the POS socket."""
RULES_MAX = 2_000

Names: TypeAlias = str | list[str]
# Any: a number is one of four shapes and a date one of three; numbers.py and days.py read them.
RawNumber: TypeAlias = Any


class FileTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One TOML table; a key it does not have is an error."""


class HeadTable(FileTable, frozen=True, kw_only=True):
    """``[programme]``. ``markup``: the shop's usual markup on cost in percent, for `check`."""

    id: str
    currency: str
    tz: str
    round: Literal["basket", "line"] = "basket"
    return_policy: Literal["keep", "recompute"] = "keep"
    markup: RawNumber = None


class LaneTable(FileTable, frozen=True, kw_only=True):
    """``[[lane]]``: lanes run in file order, discounts compound from one to the next."""

    id: str
    combine: Literal["best", "sum", "first"] = "best"
    base: Literal["net", "list"] = "net"


class BoundsTable(FileTable, frozen=True, kw_only=True):
    """Bounds of a unit price, in minor units."""

    at_least: int | None = None
    at_most: int | None = None
    above: int | None = None
    below: int | None = None


class GoodsTable(FileTable, frozen=True, kw_only=True):
    """Which goods: every key must hold; a list means any of it."""

    sku: Names | None = None
    category: Names | None = None
    brand: Names | None = None
    kind: Names | None = None
    season: Names | None = None
    price: int | BoundsTable | None = None
    on_sale: bool | None = None
    launched: str | None = None
    not_: "GoodsTable | None" = msgspec.field(default=None, name="not")


class PerTable(FileTable, frozen=True, kw_only=True):
    """``per``: one pick for each ``units`` units of other goods."""

    of: GoodsTable
    units: int = 1


class ScopeTable(GoodsTable, frozen=True, kw_only=True):
    """``scope`` of a rule: goods, and how many units of them."""

    pick: Literal["cheapest", "dearest"] | None = None
    n: int | None = None
    group: int | None = None
    per: PerTable | None = None


class MeterTable(FileTable, frozen=True, kw_only=True):
    """``[[meter]]``: a windowed sum of committed sales."""

    id: str
    of: Literal["paid", "net", "visits", "units", "points"]
    window: str = "life"
    scope: GoodsTable | None = None
    purse: str | None = None


class SpanTable(FileTable, frozen=True, kw_only=True):
    """``enter`` or ``keep`` of a status: a sum within a window of whole days."""

    at_least: int
    within: str


class StatusTable(FileTable, frozen=True, kw_only=True):
    """``[[status]]``: a membership won and kept by a meter."""

    id: str
    of: str
    enter: SpanTable
    keep: SpanTable | None = None
    miss: Literal["reset"] = "reset"
    decide: Literal["owner", "auto"] = "owner"
    tick: Literal["daily"] = "daily"


class PurseTable(FileTable, frozen=True, kw_only=True):
    """``[[purse]]``: an account. ``worth``: minor units that one unit pays for."""

    id: str
    unit: str
    hold: str = ""
    expire: str = ""
    order: Literal["oldest_expiry"] = "oldest_expiry"
    may_go_negative: Literal["never", "on_return"] = "on_return"
    credit_limit: int = 0
    where: Literal["ledger", "chip"] = "ledger"
    worth: int | None = None


class GiveTable(FileTable, frozen=True, kw_only=True):
    """``give`` of a rule: one discount, or one of earn, burn, issue with its size."""

    percent: RawNumber = None
    amount: RawNumber = None
    each: RawNumber = None
    price: RawNumber = None
    earn: str | None = None
    burn: str | None = None
    issue: str | None = None
    max: RawNumber = None
    max_percent: RawNumber = None
    of: Literal["paid", "net", "list"] | None = None
    every: int | None = None
    to: Literal["card", "referrer", "partner", "employee"] | None = None
    hold: str | None = None
    expire: str | None = None


class LimitTable(FileTable, frozen=True, kw_only=True):
    """``limit`` of a rule, in sales. ``per`` is the period of ``per_card``."""

    per_card: int | None = None
    per: Literal["day", "week", "month", "year", "life"] = "life"
    per_code: int | None = None
    total: int | None = None
    returnable: bool = False


class RuleTable(FileTable, frozen=True, kw_only=True):
    """``[[rule]]``: when, which goods, what, in which lane."""

    id: str
    give: GiveTable
    lane: str | None = None
    text: str = ""
    when: dict[str, Any] = {}
    scope: ScopeTable | None = None
    limit: LimitTable | None = None
    exclusive: bool | Literal["all"] = False
    priority: int = 0


class CapTable(FileTable, frozen=True, kw_only=True):
    """``[[cap]]``: the largest discount in percent of the shelf price."""

    percent: RawNumber
    scope: GoodsTable | None = None


class CalendarTable(FileTable, frozen=True, kw_only=True):
    """``[[calendar]]``: days by name."""

    id: str
    dates: list[Any]


class ProgrammeFile(FileTable, frozen=True, kw_only=True):
    """The whole file."""

    programme: HeadTable
    lane: list[LaneTable] = []
    meter: list[MeterTable] = []
    status: list[StatusTable] = []
    purse: list[PurseTable] = []
    rule: list[RuleTable] = []
    cap: list[CapTable] = []
    calendar: list[CalendarTable] = []


def read(text: str) -> tuple[ProgrammeFile, bytes]:
    """Return the tables of a programme file and its canonical content.

    The content is equal for two files that differ in comments, spaces or the order of keys.
    Raises: ProgrammeError.
    """
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > PROGRAMME_BYTES_MAX:
        what = f"the file has {size} bytes, at most {PROGRAMME_BYTES_MAX} are read; make it shorter"
        raise ProgrammeError("programme", what)
    try:
        raw = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise ProgrammeError("programme", f"not TOML: {error}") from error
    except ValueError as error:
        raise ProgrammeError("programme", f"a value that does not exist: {error}") from error
    except RecursionError as error:
        raise ProgrammeError("programme", "tables are nested too deeply") from error
    try:
        tables = msgspec.convert(raw, ProgrammeFile)
    except msgspec.ValidationError as error:
        path, message = explained(str(error), ProgrammeFile)
        raise naming_table(ProgrammeError(path or "programme", message), raw) from error
    if len(tables.rule) > RULES_MAX:
        raise ProgrammeError("rule", f"more than {RULES_MAX} rules; remove those that are over")
    return tables, msgspec.json.encode(raw, order="deterministic")
