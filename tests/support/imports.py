"""Tables of customers, as a client of the socket brings them."""

from collections.abc import Sequence
from typing import Any

from tests.support.till import Pos

TOGETHER = 200


async def bring(
    pos: Pos, columns: Sequence[str], rows: Sequence[Sequence[str]], *, request_id: str, **more: Any
) -> Any:
    """Bring a table, and return what the till says of it."""
    await pos.call("import.begin", request_id=request_id, columns=columns, **more)
    for start in range(0, len(rows), TOGETHER):
        some = [
            {"row": n, "cells": cells}
            for n, cells in enumerate(rows[start:][:TOGETHER], start=start + 2)
        ]
        await pos.call("import.rows", request_id=request_id, start=start, rows=some)
    return await pos.call("import.check", request_id=request_id)


async def apply(pos: Pos, count: int, *, request_id: str, **more: Any) -> Any:
    """Apply a table that came; return how it ended."""
    begun = await pos.call("import.apply", request_id=request_id, count=count, **more)
    return await ended(pos, begun["import_id"])


async def ended(pos: Pos, import_id: str) -> Any:
    """Wait for the end of an import, or of its undoing."""
    shown = await pos.call("import.status", import_id=import_id)
    while shown["state"] in ("applying", "undoing"):
        shown = await pos.call("import.status", import_id=import_id, beyond=shown["done"])
    return shown


async def imported(
    pos: Pos, columns: Sequence[str], rows: Sequence[Sequence[str]], *, request_id: str, **more: Any
) -> Any:
    """Bring a table whose rows are all good and apply it; return how it ended."""
    checked = await bring(pos, columns, rows, request_id=request_id, **more)
    assert checked["rows"] == []
    return await apply(pos, len(rows), request_id=request_id)
