"""Programme files drawn from their own tables: whatever the file may say is tried.

Nothing here knows a key. A table's fields are read from its struct, and a field's values from its
type, so a new key, or a new kind of benefit, condition or number, is drawn as soon as it is there.
A type that says too little (``daemon.programme.syntax`` has better ones) is an error here.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from decimal import Decimal
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin

import msgspec
from hypothesis import strategies as st

from daemon.programme.benefits.benefit import Benefit
from daemon.programme.benefits.registry import KINDS as BENEFITS
from daemon.programme.benefits.registry import GiveTable
from daemon.programme.conditions.bounds import Bounds, FactBounds
from daemon.programme.conditions.condition import ConditionTable
from daemon.programme.conditions.fact import FactIs, FactName
from daemon.programme.conditions.registry import KINDS as CONDITIONS
from daemon.programme.errors import ProgrammeError
from daemon.programme.file import ProgrammeFile
from daemon.programme.numbers.ask import AskedMost, RoleMosts
from daemon.programme.numbers.ramp import RampStep, RampValue
from daemon.programme.numbers.registry import KINDS as NUMBERS
from daemon.programme.numbers.steps import StepRows
from daemon.programme.programme import Programme, load
from daemon.programme.syntax import (
    AmountNumber,
    BoundsTable,
    CountedFact,
    CurrencyCode,
    Dates,
    FileTable,
    Id,
    LaneId,
    MeterId,
    PercentNumber,
    PercentValue,
    PurseId,
    PurseUnit,
    TimeZone,
    Whole,
    Window,
)
from daemon.programme.vocabulary import BASKET_FACTS, ORDINALS, SINGLE_FACTS

Table = type[FileTable]
Draw = st.DrawFn
T = TypeVar("T", bound=FileTable)
Field = tuple[str, str]
"""The name of a table of the file, and a key of it."""
FIELDS_SKIPPED = {GiveTable}  # its fields are those of the benefits
PERCENTS = st.sampled_from([0, 1, 5, 10, 33, 50, 100]) | st.decimals(0, 100, places=2).map(str)
AMOUNTS = st.sampled_from([0, 1, 7, 100, 333, 5_000]) | st.integers(0, 20_000)
DAYS = [date(2026, 11, 22), "2026-11-20..", "11-22", "12-24..01-06", ["01-01", "11-22"]]
WHOLE = st.sampled_from([1, 1, 2, 3, 7, 100, 5_000]) | st.integers(-1, 20)


@cache
def fields_of(table: Table) -> tuple[msgspec.structs.FieldInfo, ...]:
    return msgspec.structs.fields(table)


def tables(root: Table = FileTable) -> Iterator[Table]:
    """Every table of the file that has keys of its own."""
    for table in root.__subclasses__():
        if table.__struct_fields__ and table not in (Benefit, *FIELDS_SKIPPED):
            yield table
        yield from tables(table)


def keys_of(table: Table) -> set[Field]:
    return {(table.__name__, field.encode_name) for field in fields_of(table)}


class Drawn(NamedTuple):
    """A valid programme, its file, and the fields of tables that the file has."""

    programme: Programme
    file: dict[str, Any]
    fields: frozenset[Field]


class Drawing:
    """One file being drawn. ``ids``: what it has declared, by table.

    skip:      keys that are left out, by table; under "when" kinds of conditions.
    constants: numbers are constants.
    towards:   the field of a table that should be in the file, if chance allows.
    """

    def __init__(
        self,
        draw: Draw,
        *,
        skip: dict[str, set[str]] | None = None,
        constants: bool = False,
        towards: Field = ("", ""),
    ) -> None:
        self.draw = draw
        self.skip = skip or {}
        self.constants = constants
        self.towards = towards
        self.ids: dict[str, list[str]] = {}
        self.made: list[dict[str, Any]] = []
        self.fields: dict[tuple[int, str], set[Field]] = {}

    def below(self, count: int) -> int:
        return self.draw(st.integers(0, count - 1))

    def one_of(self, words: Any) -> Any:
        words = list(words)
        return words[self.below(len(words))]

    def optional(self, table: Table, keys: list[str]) -> set[str]:
        """Choose from keys that may be left out, in one draw."""
        bits = self.below(2 ** len(keys))
        wanted = {self.towards[1]} if self.towards[0] == table.__name__ else set()
        wanted -= self.skip.get(table.__name__, set())
        return {key for i, key in enumerate(keys) if bits >> i & 1} | wanted

    def kind(self, kinds: Iterable[type[T]]) -> type[T]:
        """Choose a kind of table."""
        kinds = list(kinds)
        wanted = [kind for kind in kinds if kind.__name__ == self.towards[0]]
        kinds = wanted if wanted and self.below(2) else kinds
        return kinds[self.below(len(kinds))]

    def file(self) -> dict[str, Any]:
        """Draw how many tables there are, and then the tables, which name each other."""
        fields = {field.encode_name: field.type for field in fields_of(ProgrammeFile)}
        file: dict[str, Any] = {"programme": self.table(fields.pop("programme"), "drawn")}
        self.note(file, "programme", ProgrammeFile)
        names = [name for name in fields if name not in self.skip.get("ProgrammeFile", ())]
        single = {name for name in names if get_origin(fields[name]) is not list}
        for name in names:
            if name in single:
                continue
            counts = [1, 2, 3, 4] if name == "rule" else [1, 1, 2, 0]
            self.ids[name] = [f"{name[0]}{i}" for i in range(self.one_of(counts))]
        for name in names:
            table = get_args(fields[name])[0]
            if name in single:
                if self.below(2) or self.towards[0] in (table.__name__, "ProgrammeFile"):
                    file[name] = self.table(table)
                    self.note(file, name, ProgrammeFile)
                continue
            file[name] = [self.table(table, given_id) for given_id in self.ids[name]]
            self.note(file, name, ProgrammeFile)
        return file

    def note(self, made: dict[str, Any], key: str, table: Table) -> None:
        """Remember whose field stands at a key of what was made."""
        self.made.append(made)  # kept alive, so that no other gets its id
        self.fields.setdefault((id(made), key), set()).add((table.__name__, key))

    def drawn(self, made: Any) -> set[Field]:
        """Return the fields of all tables that are in what was made."""
        if isinstance(made, list):
            return {field for inner in made for field in self.drawn(inner)}
        if not isinstance(made, dict):
            return set()
        inner = {field for value in made.values() for field in self.drawn(value)}
        here = {f for key in made if made[key] != [] for f in self.fields.get((id(made), key), ())}
        return inner | here

    def table(self, table: Table, given_id: str = "", depth: int = 0) -> dict[str, Any]:
        """Draw the keys of a table."""
        made: dict[str, Any] = {}
        skipped = self.skip.get(table.__name__, set())
        fields = fields_of(table)
        optional = self.optional(table, [f.encode_name for f in fields if not f.required])
        for field in fields:
            if field.encode_name in skipped or not (
                field.required or field.encode_name in optional
            ):
                continue
            value = given_id if field.type is Id else self.value(field.type, depth)
            if value is not None:
                made[field.encode_name] = value
                self.note(made, field.encode_name, table)
        return made

    def value(self, kind: Any, depth: int = 0) -> Any:
        """Draw a value of a type; None where the file has nothing of the kind to name."""
        if kind is GiveTable:
            return self.give()
        if kind in FORMS:
            return FORMS[kind](self, depth)
        origin, args = get_origin(kind), get_args(kind)
        if origin is Annotated:
            return self.annotated(kind.__metadata__[0], args[0])
        if origin in (Union, UnionType):
            return self.value(self.one_of([arg for arg in args if arg is not type(None)]), depth)
        if origin is Literal:
            return self.one_of(args)
        if origin is list:
            return [self.value(args[0], depth) for _ in range(1 + self.below(3))]
        if isinstance(kind, type) and issubclass(kind, FileTable):
            return self.table(kind, depth=depth + 1) if depth < 3 else None
        raise TypeError(f"{kind} says too little to draw it; see daemon.programme.syntax")

    def annotated(self, meta: msgspec.Meta, kind: Any) -> Any:
        if meta.examples:
            return self.one_of(meta.examples)
        if kind is int and meta.ge is not None and meta.le is not None:
            return self.draw(st.integers(int(meta.ge), int(meta.le)))
        raise TypeError(f"{meta.description} has neither examples nor bounds to draw it by")

    def named(self, table: str) -> str | None:
        """The id of a table of the file."""
        ids = self.ids.get(table)
        return self.one_of(ids) if ids else None

    def give(self) -> dict[str, Any]:
        """Draw a benefit with one of its sizes, or without one where it needs none."""
        kind = self.kind(BENEFITS)
        fields = {field.encode_name: field for field in fields_of(kind)}
        sizes = set(kind.sizes) - {kind.name}
        optional = self.optional(kind, [key for key in fields if key not in sizes])
        chosen = self.one_of(sorted(sizes & optional) or [*sorted(sizes), None])
        made: dict[str, Any] = {}
        for key, field in fields.items():
            skipped = key in self.skip.get(kind.__name__, ()) or (key in sizes and key != chosen)
            wanted = field.required or key == chosen or key in optional
            value = None if skipped or not wanted else self.value(field.type)
            if value is not None:
                made[key] = value
                self.note(made, key, kind)
        return made

    def when(self, depth: int) -> dict[str, Any]:
        """Draw conditions; those that nest become rarer with depth."""
        made: dict[str, Any] = {}
        for _ in range(1 + self.below(2)):
            kinds: list[type[ConditionTable]] = [*CONDITIONS.values(), FactIs, FactBounds]
            kinds = [kind for kind in kinds if kind.__name__ not in self.skip.get("when", ())]
            kind = self.kind(kinds if depth < 2 else [k for k in kinds if not nests(k)])
            self.condition(kind, depth + 1, made)
        return made

    def condition(self, kind: type[ConditionTable], depth: int, made: dict[str, Any]) -> None:
        """Add a condition to the table of conditions that is being made."""
        table = self.table(kind, depth=depth)
        if issubclass(kind, FactIs | FactBounds):
            key, value = table["name"], table["values" if kind is FactIs else "bounds"]
        else:
            key, value = kind.key, table.get(kind.key, table)
        made[key] = value
        self.made.append(made)
        self.fields[id(made), key] = {(kind.__name__, name) for name in table}

    def number(self, constants: st.SearchStrategy[Any]) -> Any:
        """Draw a number in one of its forms."""
        if self.constants or self.below(10) < 6:
            return self.draw(constants)
        self.constants_here = constants
        return self.table(self.kind(NUMBERS))

    def steps(self) -> list[list[Any]]:
        bounds = [0, 1, 2, 3, 10, 500, 20_000]
        first = self.below(len(bounds))
        return [[b, self.draw(self.constants_here)] for b in bounds[first : first + 3]]

    def counted_fact(self) -> str:
        of_ids = [f"{group}.{i}" for group in ("meter", "purse") for i in self.ids.get(group, ())]
        return str(self.one_of([*BASKET_FACTS, *ORDINALS, "order.lead", "card.level", *of_ids]))

    def fact(self) -> str:
        statuses = [f"status.{i}" for i in self.ids.get("status", ())]
        words = [*SINGLE_FACTS, "card.tags", "card.kind", "flag.repost", *statuses]
        return str(self.one_of([*words, self.counted_fact()]))


def nests(kind: type[ConditionTable]) -> bool:
    """Whether a condition is made of others."""
    return any(field.type in (dict[str, Any], list[dict[str, Any]]) for field in fields_of(kind))


def of_strategy(strategy: st.SearchStrategy[Any]) -> "Callable[[Drawing, int], Any]":
    return lambda drawing, depth: drawing.draw(strategy)


FORMS: dict[Any, Callable[[Drawing, int], Any]] = {
    PercentNumber: lambda drawing, depth: drawing.number(PERCENTS),
    AmountNumber: lambda drawing, depth: drawing.number(AMOUNTS),
    PercentValue: of_strategy(PERCENTS),
    RampValue: lambda drawing, depth: drawing.draw(drawing.constants_here),
    RampStep: lambda drawing, depth: drawing.one_of([1, -1, 2, -3]),
    AskedMost: lambda drawing, depth: drawing.draw(drawing.constants_here),
    RoleMosts: lambda drawing, depth: {"senior": drawing.draw(drawing.constants_here)},
    StepRows: lambda drawing, depth: drawing.steps(),
    CountedFact: lambda drawing, depth: drawing.counted_fact(),
    FactName: lambda drawing, depth: drawing.fact(),
    Bounds: lambda drawing, depth: drawing.table(BoundsTable) or {"below": 9},
    BoundsTable: lambda drawing, depth: drawing.table(BoundsTable),
    Dates: lambda drawing, depth: drawing.one_of([*DAYS, *drawing.ids.get("calendar", [])[:1]]),
    LaneId: lambda drawing, depth: drawing.named("lane"),
    MeterId: lambda drawing, depth: drawing.named("meter"),
    PurseId: lambda drawing, depth: drawing.named("purse"),
    Window: lambda drawing, depth: drawing.one_of(["life", "30d", "month", "prev_month"]),
    CurrencyCode: lambda drawing, depth: "UAH",
    PurseUnit: lambda drawing, depth: drawing.one_of(["UAH", "UAH", "cup"]),
    TimeZone: lambda drawing, depth: "Europe/Kyiv",
    dict[str, Any]: lambda drawing, depth: drawing.when(depth),
    bool: of_strategy(st.booleans()),
    int: of_strategy(WHOLE),
    Whole: of_strategy(WHOLE),
    str: of_strategy(st.sampled_from(["", "tea", "jam", "txt"])),
}


def toml(file: dict[str, Any]) -> str:
    """Write a file as its owner would."""
    text = ""
    for name, made in file.items():
        for table in made if isinstance(made, list) else [made]:
            text += f"[[{name}]]\n" if isinstance(made, list) else f"[{name}]\n"
            text += "".join(f"{key} = {inline(value)}\n" for key, value in table.items())
    return text


def inline(value: Any) -> str:
    """Write a value on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {inline(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(inline, value)) + "]"
    if isinstance(value, date | Decimal):
        return str(value)
    return json.dumps(value)


def repaired(file: dict[str, Any]) -> Programme:
    """Leave out what the programme refuses, by the paths that it names, until it is valid."""
    while True:
        try:
            return load(toml(file))
        except ProgrammeError as error:
            refused = error
        assert cut(file, refused.path), f"nothing stands at the path of {refused}"


def cut(made: Any, path: str) -> bool:
    """Leave out what stands at a path, or else the nearest table around it that there is."""
    if isinstance(made, list):
        match = re.match(r"\[(\d+)\]\.?", path)
        if match and int(match[1]) < len(made):
            if not cut(made[int(match[1])], path[match.end() :]):
                del made[int(match[1])]
            return True
        return False
    keys = [key for key in made if re.match(re.escape(key) + r"(?![\w-])", path)]
    if not isinstance(made, dict) or not keys:
        return False
    key = max(keys, key=len)
    if not isinstance(made[key], dict | list) or not cut(made[key], path[len(key) :].lstrip(".")):
        del made[key]
    return True


@st.composite
def drawn_programmes(draw: Draw, /, **narrow: Any) -> Drawn:
    """A valid programme with its file, and which fields of which tables it has."""
    drawing = Drawing(draw, **narrow)
    file = drawing.file()
    programme = repaired(file)
    return Drawn(programme, file, frozenset(drawing.drawn(file)))


@st.composite
def drawn_files(draw: Draw, /) -> dict[str, Any]:
    """A file that may be wrong."""
    return Drawing(draw).file()
