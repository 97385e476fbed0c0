"""The shop's places, ``[[store]]``: a rule may ask in which one, and in which region, it sells.

    [[store]]
    id = "7"
    region = "west"
    company = "Acme Lviv LLC"
    open = "08:00..21:00"

A chain of 40 shops has one programme; ``when = { region = "west" }`` holds in those of the west.
Without any ``[[store]]`` a till may be in whatever store its settings say.
"""

import msgspec

from daemon.programme.conditions.time import Hours, day_spans
from daemon.programme.errors import ProgrammeError
from daemon.programme.syntax import FileTable, Id

STORE, REGION = "store", "region"
"""The facts that say where a sale is made."""
PLACE_CHARS_MAX = 64
DAY_LONG = ((0, 86_400),)


class StoreTable(FileTable, frozen=True, kw_only=True):
    """``[[store]]``. ``id`` is what the tills there have as ``[till] store``."""

    id: Id
    region: str = ""
    company: str = ""
    open: Hours = None


class ShopStore(msgspec.Struct, frozen=True):
    """One store. ``open``: spans of the day in seconds, the ends not included."""

    id: str
    region: str
    company: str
    open: tuple[tuple[int, int], ...] = DAY_LONG


def compile_store(table: StoreTable, path: str) -> ShopStore:
    """Compile one ``[[store]]``. Raises: ProgrammeError."""
    for key in ("region", "company"):
        if len(getattr(table, key)) > PLACE_CHARS_MAX:
            raise ProgrammeError(f"{path}.{key}", f"has more than {PLACE_CHARS_MAX} letters")
    spans = DAY_LONG if table.open is None else tuple(day_spans(table.open, f"{path}.open"))
    return ShopStore(table.id, table.region, table.company, spans)
