"""A programme: one file, checked and compiled when it is loaded."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import msgspec

from daemon.base.business_day import BusinessDays
from daemon.base.currency import Currency, currency_of
from daemon.programme.alliances import Alliance, compile_alliance
from daemon.programme.card_kinds import CardKind, compile_card
from daemon.programme.cash_rounding import compile_cash_rounding
from daemon.programme.conditions.registry import KINDS
from daemon.programme.days import Days, parse_dates
from daemon.programme.errors import ProgrammeError, naming_table
from daemon.programme.file import (
    CalendarTable,
    HeadTable,
    LaneTable,
    ProgrammeFile,
    read,
)
from daemon.programme.lanes import Lane
from daemon.programme.names import meter_fact, purse_fact
from daemon.programme.numbers.number import Number, parse_percent
from daemon.programme.numbers.registry import parse_number
from daemon.programme.places import REGION, STORE, ShopStore, compile_store
from daemon.programme.rule import Rule, compile_rule
from daemon.programme.rulebook import Rulebook
from daemon.programme.scope import GoodsScope, compile_goods
from daemon.programme.staff_plans import compile_plans
from daemon.programme.state import (
    Meter,
    Purse,
    PurseTable,
    Status,
    compile_meter,
    compile_purse,
    compile_status,
    refuse_loops,
)
from daemon.programme.vocabulary import Vocabulary

VERSION_HEX = 16
ID_CHARS_MAX = 64
RULEBOOKS_KEPT = 8
DEFAULT_LANE = Lane("default", "best", on_list=False)


class Cap(msgspec.Struct, frozen=True):
    """The largest discount of some goods, in percent of the shelf price."""

    goods: GoodsScope
    percent: Number


class Programme:
    """A compiled programme. ``version`` changes with what the file says, not with how.

    ordinals: whether a price may hang on being the first or the 1000th buyer.
    facts:    every fact that a price may hang on.
    standing_rules: those that a card's standing discount comes from.
    """

    def __init__(
        self, text: str, version: str, currency: Currency, zone: ZoneInfo, file: ProgrammeFile
    ) -> None:
        head = file.programme
        self.text = text
        self.version = version
        self.id = head.id
        self.currency = currency
        self.tz = head.tz
        self.days = BusinessDays(zone, time.fromisoformat(head.day_starts))
        self.cash_rounding = compile_cash_rounding(file.cash_rounding, currency)
        self.by_line = head.round == "line"
        self.recomputes = head.return_policy == "recompute"
        self.markup_bp = _markup_bp(head)
        # Tables that others name come before those: purses and statuses before meters and rules.
        self.stores: Mapping[str, ShopStore] = {
            t.id: compile_store(t, f"store[{i}]") for i, t in enumerate(file.store)
        }
        self.alliances: Mapping[str, Alliance] = {
            t.issuer: compile_alliance(t, f"alliance[{i}]") for i, t in enumerate(file.alliance)
        }
        self.cards: Mapping[str, CardKind] = {
            t.kind: compile_card(t, f"card[{i}]", currency) for i, t in enumerate(file.card)
        }
        self.plans = compile_plans(file.plan, currency)
        statuses = frozenset(table.id for table in file.status)
        self.purses: Mapping[str, Purse] = {
            t.id: compile_purse(t, f"purse[{i}]", currency) for i, t in enumerate(file.purse)
        }
        self.meters: dict[str, Meter] = {
            t.id: compile_meter(t, f"meter[{i}]", statuses, frozenset(self.purses), currency)
            for i, t in enumerate(file.meter)
        }
        self.statuses: Mapping[str, Status] = {
            t.id: compile_status(t, f"status[{i}]", self.meters, currency)
            for i, t in enumerate(file.status)
        }
        refuse_loops(self.meters, self.statuses)
        _refuse_two_chips(file.purse)
        self.vocabulary = self._vocabulary(_calendars(file.calendar))
        self.lanes = tuple(_lane(table) for table in file.lane) or (DEFAULT_LANE,)
        lanes = {lane.id: i for i, lane in enumerate(self.lanes)}
        self.rules: tuple[Rule, ...] = tuple(
            compile_rule(table, i, lanes, self.vocabulary) for i, table in enumerate(file.rule)
        )
        self.meters |= _stamps(self.rules)
        self.standing_rules = tuple(rule for rule in self.rules if rule.stands)
        self.caps = tuple(
            Cap(
                compile_goods(table.scope, f"cap[{i}].scope", currency),
                parse_number(table.percent, f"cap[{i}].percent", "percent", self.vocabulary),
            )
            for i, table in enumerate(file.cap)
        )
        self.ordinals = any(rule.provisional for rule in self.rules)
        self.facts = frozenset(cap.percent.needs for cap in self.caps).union(
            *(rule.facts for rule in self.rules)
        )
        self._rulebooks: dict[date, Rulebook] = {}

    @property
    def purse_units(self) -> dict[str, str]:
        """What each purse counts, by its id: the currency's code, or a word."""
        return {purse.id: purse.unit for purse in self.purses.values()}

    @property
    def zone(self) -> ZoneInfo:
        """Return the time zone of its days."""
        return self.days.zone

    def place_facts(self, store: str) -> dict[str, str]:
        """Return the facts that say where a sale is made, if a rule asks."""
        place = self.stores.get(store)
        facts = {STORE: store, REGION: place.region if place else ""}
        return {name: fact for name, fact in facts.items() if name in self.facts}

    def rulebook(self, day: date) -> Rulebook:
        """Return the rules of a local day; the last ``RULEBOOKS_KEPT`` days are kept ready."""
        book = self._rulebooks.get(day)
        if book is None:
            if len(self._rulebooks) >= RULEBOOKS_KEPT:
                self._rulebooks.pop(next(iter(self._rulebooks)), None)
            book = self._rulebooks[day] = Rulebook(self.rules, day)
        return book

    def _vocabulary(self, calendars: Mapping[str, Days]) -> Vocabulary:
        money = {meter_fact(m.id) for m in self.meters.values() if m.counts_money}
        money |= {purse_fact(p.id) for p in self.purses.values() if p.counts_money}
        return Vocabulary(
            self.currency,
            frozenset(self.meters),
            self.purses,
            frozenset(self.statuses),
            calendars,
            frozenset(money),
            tuple(KINDS),
        )


def load(text: str) -> Programme:
    """Compile a programme file. Raises: ProgrammeError, with the path of the wrong key."""
    file, content = read(text)
    version = hashlib.sha256(content).hexdigest()[:VERSION_HEX]
    try:
        return _compile(text, version, file)
    except ProgrammeError as error:
        raise naming_table(error, msgspec.json.decode(content)) from error


def _compile(text: str, version: str, file: ProgrammeFile) -> Programme:
    head = file.programme
    currency = currency_of(head.currency)
    if currency is None:
        problem = f"{head.currency!r} is no currency; write its three letters, as UAH"
        raise ProgrammeError("programme.currency", problem)
    try:
        zone = ZoneInfo(head.tz)
    except (KeyError, ValueError, OSError) as error:
        problem = f"{head.tz!r} is no time zone; write such as Europe/Kyiv"
        raise ProgrammeError("programme.tz", problem) from error
    _check_id(head.id, "programme.id")
    for name in ("lane", "meter", "status", "purse", "rule", "calendar", "store"):
        _check_ids(getattr(file, name), name)
    return Programme(text, version, currency, zone, file)


def check_store(programme: Programme, store: str) -> None:
    """Raise ProgrammeError where the programme knows its stores, and this is none of them."""
    if programme.stores and store not in programme.stores:
        known = ", ".join(programme.stores)
        problem = f"has no {store!r}, where this till is; it has: {known}"
        raise ProgrammeError("store", problem)


def local_day(programme: Programme, now: datetime) -> date:
    """Return the programme's business day at an aware moment."""
    return programme.days.day_of(now)


def _check_ids(tables: Sequence[object], name: str) -> None:
    seen: set[str] = set()
    for i, table in enumerate(tables):
        table_id = str(getattr(table, "id", ""))
        _check_id(table_id, f"{name}[{i}].id")
        if table_id in seen:
            raise ProgrammeError(f"{name}[{i}].id", f"{table_id!r} is taken; give it another name")
        seen.add(table_id)


def _check_id(table_id: str, path: str) -> None:
    plain = table_id.replace("-", "").replace("_", "")
    if not plain.isalnum() or len(table_id) > ID_CHARS_MAX:
        problem = f"write 1 to {ID_CHARS_MAX} letters, digits, - and _"
        raise ProgrammeError(path, f"{table_id!r} is no name; {problem}")


def _stamps(rules: Iterable[Rule]) -> dict[str, Meter]:
    """Return the meters that rules bring with them."""
    return {rule.stamps.id: rule.stamps for rule in rules if rule.stamps}


def _refuse_two_chips(tables: Sequence[PurseTable]) -> None:
    chips = [i for i, table in enumerate(tables) if table.where == "chip"]
    if len(chips) > 1:
        problem = "a card has room for one purse on its chip; keep the others in the ledger"
        raise ProgrammeError(f"purse[{chips[1]}].where", problem)


def _lane(table: LaneTable) -> Lane:
    return Lane(table.id, table.combine, table.base == "list")


def _markup_bp(head: HeadTable) -> int | None:
    """Return the usual markup on cost in basis points; it may be above 100 %."""
    if head.markup is None:
        return None
    return parse_percent(head.markup, "programme.markup", most_percent=10_000)


def _calendars(tables: Iterable[CalendarTable]) -> dict[str, Days]:
    """Compile the calendars; one may name those above it."""
    calendars: dict[str, Days] = {}
    for i, table in enumerate(tables):
        calendars[table.id] = parse_dates(table.dates, f"calendar[{i}].dates", calendars)
    return calendars
