"""Every kind of number: a new one is a file beside this one, and a line in ``NumberKind``."""

from typing import Any, TypeAlias, get_args

import msgspec

from daemon.programme.errors import ProgrammeError
from daemon.programme.numbers.ask import Ask
from daemon.programme.numbers.number import Number, NumberPlace, NumberTable, Unit, parse_value
from daemon.programme.numbers.ramp import Ramp
from daemon.programme.numbers.steps import StepTable
from daemon.programme.vocabulary import Vocabulary

NumberKind: TypeAlias = StepTable | Ramp | Ask
KINDS: tuple[type[NumberTable], ...] = get_args(NumberKind)
FORMS = "write a number, {by, steps}, {from, step, every, since, min} or {max} for the cashier"


def parse_number(
    raw: Any, path: str, unit: Unit, vocabulary: Vocabulary, *, rule: str = ""
) -> Number:
    """Compile a number of the file. Raises: ProgrammeError.

    rule: whose number it is, where a cashier may ask for it.
    """
    if not isinstance(raw, dict):
        value = parse_value(raw, path, unit, vocabulary.currency)
        return Number(lambda situation: value, unit, value)
    kind = next((kind for kind in KINDS if kind.mark in raw), None)
    if kind is None or (kind is Ask and not rule):
        raise ProgrammeError(path, f"this is no number; {FORMS}")
    return _table(raw, path, kind).compiled(NumberPlace(path, vocabulary, unit, rule))


def _table(raw: dict[str, Any], path: str, kind: type[NumberTable]) -> NumberTable:
    """Return the table as its kind; its values are read when it is compiled."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for key in sorted(raw.keys() - fields.keys()):
        keys = ", ".join(sorted(fields))
        raise ProgrammeError(f"{path}.{key}", f"there is no such key; write one of {keys}")
    for key in sorted(name for name, field in fields.items() if field.required):
        if key not in raw:
            raise ProgrammeError(f"{path}.{key}", "is missing; write it")
    return kind(**{fields[key].name: value for key, value in raw.items()})
