"""Validation errors of TOML and JSON in words: which key is wrong, and what may stand there.

Pure.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from difflib import get_close_matches
from enum import Enum
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

KEY_CHARS_SHOWN_MAX = 64
_INDEX = re.compile(r"\[[^]]*\]")
_STEP = re.compile(r"\[[^]]*\]|[^.[]+")
_ENTRY = "[...]"
"""What msgspec writes in a path for a key of a free-form table."""
_KINDS = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number with a point",
    "bool": "true or false",
    "array": "a list",
    "object": "a table of keys",
    "null": "nothing",
    "datetime": "a time",
}


def explained(sentence: str, root: Any, raw: Any = None, called: str = "key") -> tuple[str, str]:
    """Turn msgspec's sentence into a dotted path and words that its reader can act upon.

    root: the type that was converted to; the path starts there.
    raw:  what was converted, where it is at hand: it has the keys that msgspec does not say.
    called: what its reader calls a key.
    """
    complaint, _, where = sentence.partition(" - at `$")
    path = _with_keys(where.rstrip("`").lstrip("."), root, raw)
    if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", complaint):
        keys = _keys(types_at(root, path))
        return join(path, unknown[1][:KEY_CHARS_SHOWN_MAX]), _no_such_key(unknown[1], keys, called)
    if missing := re.fullmatch(r"Object missing required field `(.*)`", complaint):
        return join(path, missing[1]), "is missing; write it"
    if wrong := re.fullmatch(r"Invalid (?:enum )?value (.*)", complaint):
        words = [repr(word) for word in dict.fromkeys(_words(root, path))]
        if words:
            return path, f"{wrong[1]} is not one of {', '.join(words)}"
    if "matching regex" in complaint and (description := _described(root, path)):
        return path, description
    if complaint == "Invalid RFC3339 encoded datetime":
        return path, "is no time; write such as 2026-12-01T00:00:00+02:00"
    if wrong_kind := _of_kind(complaint):
        example = next(iter(_examples(root, path)), None)
        is_text = isinstance(example, str) and " a text" in wrong_kind
        return path, f'{wrong_kind}; write such as "{example}"' if is_text else wrong_kind
    return path, _within(complaint) or complaint[:1].lower() + complaint[1:].replace("`", "")


def without_unknown(value: Any, kind: Any, path: str = "") -> tuple[Any, list[str]]:
    """Return decoded JSON without the fields that ``kind`` does not know, and their paths.

    A free-form table keeps all of its keys.
    """
    # It goes down the value and the type side by side: a type says what it holds in as many ways
    # as there are branches here.
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return without_unknown(value, args[0], path)
    if origin in (Union, UnionType):
        inside = [k for k in args if _takes(k, value)]
        return without_unknown(value, inside[0], path) if inside else (value, [])
    if origin in (list, tuple) and isinstance(value, list):
        parts = [without_unknown(one, args[0], f"{path}[{n}]") for n, one in enumerate(value)]
        return [part for part, _ in parts], [name for _, names in parts for name in names]
    if not (isinstance(value, dict) and _structs([kind])):
        return value, []
    types = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
    kept, unknown = {}, []
    for key, inner in value.items():
        where = join(path, key[:KEY_CHARS_SHOWN_MAX])
        if key not in types:
            unknown.append(where)
            continue
        kept[key], names = without_unknown(inner, types[key], where)
        unknown += names
    return kept, unknown


def _takes(kind: Any, value: Any) -> bool:
    """Whether a member of a union is a table or a list, as ``value`` is."""
    kind = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    if isinstance(value, list):
        return get_origin(kind) in (list, tuple)
    return isinstance(value, dict) and bool(_structs([kind]))


def _of_kind(complaint: str) -> str:
    """Say that one kind of value stands where another belongs, or ""."""
    if not (found := re.fullmatch(r"Expected `(.*)`, got `(.*)`", complaint)):
        return ""
    wanted, got = ([_KINDS.get(k, k) for k in text.split(" | ")] for text in found.groups())
    hint = ""
    if found[2] == "float" and "a text" in wanted:
        hint = '; write decimals as a text, such as "2.5"'
    return f"expected {' or '.join(k for k in wanted if k != 'nothing')}, got {got[0]}{hint}"


def _within(complaint: str) -> str:
    """Say which bound was passed, or ""."""
    if not (found := re.fullmatch(r"Expected `(\w+)` (of length )?([<>]=) (\d+)", complaint)):
        return ""
    kind, length, sign, bound = found.groups()
    if length is None:
        return f"is {'above' if sign == '<=' else 'below'} {bound}"
    if sign == ">=":
        return "is empty; write something"
    return f"has more than {bound} {'letters' if kind == 'str' else 'entries'}"


def join(path: str, key: str) -> str:
    """Return the path of ``key``, which may be "", in the table at ``path``."""
    return ".".join(part for part in (path, key) if part)


def types_at(root: Any, path: str) -> list[Any]:
    """Return the types that may stand at a path below ``root``."""
    kinds = list(_options(root))
    for name in filter(None, _INDEX.sub("", path).split(".")):
        kinds = [
            option
            for struct in _structs(kinds)
            for field in msgspec.structs.fields(struct)
            if field.encode_name == name
            for option in _options(field.type)
        ]
    return kinds


def _with_keys(path: str, root: Any, raw: Any) -> str:
    """Put the keys of ``raw`` where ``path`` does not say them: the first that does not fit."""
    named, kinds = "", [root]
    for step in _STEP.findall(path):
        kinds = [inner for kind in kinds for inner in _inside(kind, step)]
        if step == _ENTRY and isinstance(raw, dict):
            step = next((key for key in raw if not _fits(raw[key], kinds)), step)
            named = join(named, step[:KEY_CHARS_SHOWN_MAX])
        else:
            named = f"{named}{step}" if step.startswith("[") else join(named, step)
        if isinstance(raw, dict):
            raw = raw.get(step)
        elif isinstance(raw, list) and step[1:-1].isdigit() and int(step[1:-1]) < len(raw):
            raw = raw[int(step[1:-1])]
    return named


def _fits(value: Any, kinds: list[Any]) -> bool:
    for kind in kinds:
        with suppress(msgspec.ValidationError):
            msgspec.convert(value, kind)
            return True
    return False


def _inside(kind: Any, step: str) -> Iterator[Any]:
    """Yield the types that ``step``, a field or an index, may have in ``kind``."""
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        yield from _inside(args[0], step)
    elif origin in (Union, UnionType):
        for member in args:
            yield from _inside(member, step)
    elif origin is dict and step == _ENTRY:
        yield args[1]
    elif origin in (list, tuple) and step.startswith("["):
        yield args[0]
    elif isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield from (f.type for f in msgspec.structs.fields(kind) if f.encode_name == step)


def _described(root: Any, path: str) -> str:
    """Return what the pattern that stands at ``path`` says of itself, or ""."""
    metas = _metas(root, path)
    return next((meta.description for meta in metas if meta.pattern and meta.description), "")


def _examples(root: Any, path: str) -> list[Any]:
    """Return examples of what may stand at ``path``, where its type has some."""
    return next((meta.examples for meta in _metas(root, path) if meta.examples), [])


def _metas(root: Any, path: str) -> list[msgspec.Meta]:
    kinds = [root]
    for step in _STEP.findall(path):
        kinds = [inner for kind in kinds for inner in _inside(kind, step)]
    return [meta for kind in kinds if get_origin(kind) is Annotated for meta in get_args(kind)[1:]]


def _no_such_key(key: str, keys: list[str], called: str) -> str:
    if key in keys:  # of a table of another kind
        return "does not go with this kind"
    near = [name for name in keys if _shortens(name, key)] or get_close_matches(key, keys, n=1)
    hint = f"did you mean {near[0]}?" if near else f"write one of {', '.join(keys)}"
    return f"there is no such {called}; {hint}"


def _shortens(name: str, key: str) -> bool:
    """Whether a name is short for a key, as qty for quantity."""
    letters = iter(key[1:])
    return name[0] == key[:1] and all(letter in letters for letter in name[1:])


def _keys(kinds: list[Any]) -> list[str]:
    fields = (f for struct in _structs(kinds) for f in msgspec.structs.fields(struct))
    return list(dict.fromkeys(field.encode_name for field in fields))


def _structs(kinds: list[Any]) -> list[type[msgspec.Struct]]:
    return [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, msgspec.Struct)]


def _options(kind: Any) -> Iterator[Any]:
    """Yield the members of a union, looking into lists."""
    origin = get_origin(kind)
    if origin is Annotated:
        yield from _options(get_args(kind)[0])
    elif origin in (Union, UnionType):
        for member in get_args(kind):
            yield from _options(member)
    elif origin in (list, tuple):
        yield from _options(get_args(kind)[0])
    else:
        yield kind


def _words(root: Any, path: str) -> Iterator[Any]:
    """Yield the values that may stand at ``path``, the tags of a union's tables among them."""
    for kind in types_at(root, path):
        if kind is bool:
            yield from ("true", "false")
        elif get_origin(kind) is Literal:
            yield from get_args(kind)
        elif isinstance(kind, type) and issubclass(kind, Enum):
            yield from (member.value for member in kind)
    table, _, key = path.rpartition(".")
    for struct in _structs(types_at(root, table)):
        config = struct.__struct_config__
        if config.tag_field == key:
            yield config.tag
