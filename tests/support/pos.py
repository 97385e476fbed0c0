"""What a cashier does at a whole till, in a word each; a test reads as what happened there."""

from typing import Any

import pytest

from tests.support.till import CHIP_UID, Pos, RefusedByTillError


async def refused(pos: Pos, method: str, /, **params: Any) -> RefusedByTillError:
    """Call what must be refused; return the refusal."""
    with pytest.raises(RefusedByTillError) as caught:
        await pos.call(method, **params)
    return caught.value


async def lay_down(pos: Pos) -> Any:
    """Lay the sample chip on its reader and ask whose it is."""
    await pos.call("events.subscribe")
    await pos.call("input.simulate", reader="chip", do="present", card="chip")
    assert (await pos.event("card.presented"))["card"] == f"{CHIP_UID[:4]}…{CHIP_UID[-4:]}"
    return await pos.call("card.identify", reader="chip")


async def take_away(pos: Pos) -> None:
    """Take the sample chip off its reader."""
    await pos.call("input.simulate", reader="chip", do="remove")
    await pos.event("card.removed")
