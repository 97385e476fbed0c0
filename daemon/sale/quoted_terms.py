"""What a till says beside a quote: the same as it was quoted for, or nothing."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from card_formats.code_text import normal_code, number_form
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.sale.pricing import PricedSale, burn_by_purse
from daemon.sale.terms import SaleTerms

Say = Callable[[SaleTerms], Any]
_PLAIN = ("card", "presentation", "codes", "payment", "cashier", "facts")


def check_same(terms: SaleTerms, priced: PricedSale) -> None:
    """Refuse terms that are not those of the quote; what is left out passes.

    Raises: RefusedError QUOTE_DIFFERS, whose ``path`` is that of the first difference.
    """
    path = next(_differences(terms, priced), None)
    if path is not None:
        raise RefusedError(
            ErrorCode.QUOTE_DIFFERS,
            f"{path} is not what was quoted; quote again, or leave it out.",
            extra={"path": path},
        )


def _differences(terms: SaleTerms, priced: PricedSale) -> Iterator[str]:
    quoted = priced.terms
    if terms.lines is not None:
        yield from _between("lines", terms.lines, quoted.lines or ())
    for name in _PLAIN:
        said, was = (_one_spelling(name, getattr(each, name)) for each in (terms, quoted))
        if name == "presentation" and said == priced.presentation:
            continue  # of the number that was told
        if said:
            yield from _between(name, said, was)
    if terms.burn is not None:
        said = burn_by_purse(priced.programme, terms.burn)
        yield from _between("burn", said, priced.frozen.basket.burn)


def _one_spelling(name: str, said: Any) -> Any:
    """Return codes and a card's number as they are compared; anything else as it came."""
    if name == "codes":
        return tuple(map(normal_code, said))
    return number_form(said) if name == "card" and said else said


def is_same(said: Any, was: Any) -> bool:
    """Whether two values are one on the wire: for Python ``true`` equals 1 and 1.0."""
    said_json, was_json = (msgspec.json.encode(value, order="sorted") for value in (said, was))
    return said_json == was_json


def _between(path: str, said: Any, was: Any) -> Iterator[str]:
    """Yield the paths at which two values differ, in their order."""
    if is_same(said, was):
        return
    if isinstance(said, msgspec.Struct) and isinstance(was, msgspec.Struct):
        said, was = msgspec.structs.asdict(said), msgspec.structs.asdict(was)
    match said, was:
        case Mapping(), Mapping():
            for key in dict.fromkeys((*said, *was)):
                yield from _between(f"{path}.{key}", said.get(key), was.get(key))
        case (list() | tuple(), list() | tuple()):
            yield from _items(path, said, was)
        case _:
            yield path


def _items(path: str, said: Sequence[Any], was: Sequence[Any]) -> Iterator[str]:
    for i, pair in enumerate(zip(said, was, strict=False)):
        yield from _between(f"{path}[{i}]", *pair)
    if len(said) != len(was):
        yield f"{path}[{min(len(said), len(was))}]"
