"""A shop where one of each role works, who is called so and has a PIN."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import resources
from pathlib import Path
from typing import Any

from daemon.app.running import App
from daemon.base.permissions import OperatorRole
from tests.support.clock import HandClock
from tests.support.till import PLASTIC, Pos, audited, lay_out, open_till

PERMISSION = (1040, "permission")
KNOWN = {"[simulated]": "[policy]\nknown_operators = true\nadjust_max = 500\n\n[simulated]"}
PIN = {role: f"{n}0418{n}" for n, role in enumerate(OperatorRole, start=1)}
SAMPLE = (resources.files("daemon.cli") / "sample/programme.toml").read_text("utf-8")
BLOCK: dict[str, Any] = {"request_id": "b", "card": PLASTIC, "reason": "lost"}


def approval(role: OperatorRole, pin: str = "") -> dict[str, dict[str, str]]:
    return {"approval": {"by": role.value, "pin": pin or PIN[role]}}


async def hire(pos: Pos) -> None:
    """Let one of each role work here, who is called so; the owner comes first."""
    for role in (OperatorRole.OWNER, *OperatorRole):
        if role is not OperatorRole.OWNER or not await is_there(pos, role):
            named = {"name": role.value, "by": "owner"}
            await pos.call("operator.add", request_id=f"add {role}", role=role.value, **named)
            await pos.call("operator.pin", request_id=f"pin {role}", pin=PIN[role], **named)


async def is_there(pos: Pos, role: OperatorRole) -> bool:
    page = await pos.call("operator.list")
    return role.value in [one["name"] for one in page["operators"]]


@asynccontextmanager
async def shop(
    home: Path, clock: HandClock, settings: dict[str, str] | None = None
) -> AsyncIterator[tuple[App, Pos]]:
    lay_out(home, **(KNOWN if settings is None else settings))
    async with open_till(home, clock) as app, Pos.connect(app.socket) as pos:
        await hire(pos)
        yield app, pos
    assert audited(home).findings == ()
