"""TOML tables as structs: what may stand at a path, for whoever wrote something else. Pure."""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from enum import Enum
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

_INDEX = re.compile(r"\[[^]]*\]")


def explained(sentence: str, root: Any) -> tuple[str, str]:
    """Turn msgspec's sentence into a dotted path and words that the owner can act upon.

    root: the type that was converted to; the path starts there.
    """
    what, _, where = sentence.partition(" - at `$")
    path = where.rstrip("`").lstrip(".")
    if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", what):
        return join(path, unknown[1]), _no_such_key(unknown[1], _keys(types_at(root, path)))
    if missing := re.fullmatch(r"Object missing required field `(.*)`", what):
        return join(path, missing[1]), "is missing; write it"
    if wrong := re.fullmatch(r"Invalid (?:enum )?value (.*)", what):
        words = [repr(word) for word in dict.fromkeys(_words(root, path))]
        if words:
            return path, f"{wrong[1]} is not one of {', '.join(words)}"
    return path, what[:1].lower() + what[1:].replace("`", "")


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


def _no_such_key(key: str, keys: list[str]) -> str:
    near = get_close_matches(key, keys, n=1)
    hint = f"did you mean {near[0]}?" if near else f"write one of {', '.join(keys)}"
    return f"there is no such key; {hint}"


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
