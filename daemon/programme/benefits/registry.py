"""Every kind of benefit: a new one is a file beside this one, and a line in ``BenefitKind``."""

from typing import TYPE_CHECKING, Any, TypeAlias, get_args

import msgspec

from daemon.programme.benefits.amount import Amount
from daemon.programme.benefits.benefit import AnyGive, Benefit, GivePlace, listed
from daemon.programme.benefits.burn import Burn
from daemon.programme.benefits.each import Each
from daemon.programme.benefits.earn import Earn
from daemon.programme.benefits.free import Free
from daemon.programme.benefits.issue import Issue
from daemon.programme.benefits.percent import Percent
from daemon.programme.benefits.unit_price import UnitPrice
from daemon.programme.errors import ProgrammeError
from daemon.programme.syntax import FileTable
from daemon.programme.vocabulary import Vocabulary

BenefitKind: TypeAlias = Percent | Amount | Each | UnitPrice | Free | Earn | Burn | Issue
KINDS: tuple[type[Benefit], ...] = get_args(BenefitKind)


def _keys() -> dict[str, Any]:
    """Return every key of ``give`` with its type: names first, then what says how much."""
    types: dict[str, Any] = {}
    for field in (field for kind in KINDS for field in msgspec.structs.fields(kind)):
        of_others = types.setdefault(field.encode_name, field.type)
        assert of_others == field.type, f"two kinds have a key {field.name} of different types"
    names = [kind.name for kind in KINDS]
    sizes = [size for kind in KINDS for size in kind.sizes]
    order = dict.fromkeys([*names, *Benefit.__struct_fields__, *sizes, *types])
    return {key: types[key] for key in order}


if TYPE_CHECKING:

    class GiveTable(FileTable, frozen=True, kw_only=True):
        """``give`` of a rule, whatever it gives: every key of every kind."""

else:
    # The file is converted once, before it is known which kind a table is of: then a key that no
    # kind has is named with all that there are, and a text where a number belongs by its path.
    GiveTable = msgspec.defstruct(
        "GiveTable",
        [(key, kind | None, None) for key, kind in _keys().items()],
        bases=(FileTable,),
        frozen=True,
        kw_only=True,
    )


def compile_give(table: GiveTable, rule: str, path: str, vocabulary: Vocabulary) -> AnyGive:
    """Compile ``give``. Raises: ProgrammeError."""
    written = {
        key: raw for key in table.__struct_fields__ if (raw := getattr(table, key)) is not None
    }
    return _read(written, path).compiled(GivePlace(path, vocabulary, rule))


def _read(written: dict[str, Any], path: str) -> Benefit:
    """Return the table as the one kind that its keys name. Raises: ProgrammeError."""
    # ``earn``, ``burn`` and ``issue`` say where it goes and need a size beside them; a discount is
    # its size: {percent = 5} is one, and {earn = "bonus", percent = 5} is no discount of 5 %.
    by_target = [kind for kind in KINDS if kind.name in written and kind.name not in kind.sizes]
    if len(by_target) > 1:
        raise _two(by_target, path)
    by_size = [kind for kind in KINDS if kind.name in kind.sizes]
    named = by_target or [kind for kind in by_size if kind.name in written]
    _refuse_foreign_keys(written, (named or by_size)[0].family, path)
    if not named:
        ways = listed([kind.name for kind in by_size])
        raise ProgrammeError(path, f"says no size; write {ways}")
    if len(named) > 1:
        raise _two(named, path)
    for field in msgspec.structs.fields(named[0]):
        if field.required and field.encode_name not in written:
            raise ProgrammeError(f"{path}.{field.encode_name}", "is missing; write it")
    return msgspec.convert(written, named[0])


def _two(named: list[type[Benefit]], path: str) -> ProgrammeError:
    first, second = named[0].name, named[1].name
    return ProgrammeError(f"{path}.{second}", f"does not go with {first}; make two rules")


def _refuse_foreign_keys(written: dict[str, Any], family: str, path: str) -> None:
    kinds = [kind for kind in KINDS if kind.family == family]
    keys = {field.encode_name for kind in kinds for field in msgspec.structs.fields(kind)}
    for key in written:
        if key not in keys:
            allowed = ", ".join(sorted(keys))
            raise ProgrammeError(f"{path}.{key}", f"does not go with {family}; it has {allowed}")
