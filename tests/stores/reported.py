"""A till whose reports are asked by the socket and by the command, which have to say the same."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from typer.testing import Result

from daemon.app.running import App
from tests.scenarios.shops import HEAD, goods
from tests.support.clock import HandClock
from tests.support.commands import tillcard
from tests.support.till import Pos, lay_out, open_till

BEGIN = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
Row = dict[str, Any]


class Reported:
    """A till, its socket, its clock."""

    def __init__(self, app: App, pos: Pos, clock: HandClock) -> None:
        self.app, self.pos, self.clock = app, pos, clock
        self._count = 0

    async def sell(self, *prices: int, **more: Any) -> str:
        self._count += 1
        sale_id = f"s{self._count}"
        terms = {"lines": goods(*prices)} | more
        await self.pos.call("sale.commit", sale_id=sale_id, **terms)
        return sale_id

    async def give_back(self, sale_id: str) -> None:
        terms = {"return_id": f"r{sale_id}", "sale_id": sale_id, "whole": True}
        await self.pos.call("sale.return", **terms)

    async def run(self, *words: str) -> Result:
        return await asyncio.to_thread(tillcard, *words, "--socket", str(self.app.socket))

    async def rows(
        self, report: str, period: tuple[str, str], *words: str, **more: Any
    ) -> list[Row]:
        """Ask by the command and by the socket; ``more`` says what ``words`` say."""
        first, last = period
        result = await self.run("report", report, "--from", first, "--to", last, *words, "--json")
        assert result.exit_code == 0, result.output
        told = msgspec.json.decode(result.stdout)
        asked = {"report": report, "from": first, "to": last} | more
        assert await self.pos.call("report.run", **asked) == told
        names = [column["name"] for column in told["columns"]]
        return [dict(zip(names, row, strict=True)) for row in told["rows"]]


@asynccontextmanager
async def reported(home: Path, location: str, rules: str = "") -> AsyncIterator[Reported]:
    """Open a till with these rules at that ledger."""
    lay_out(home, HEAD + rules, **{'"tillcard.db"': f'"{location}"'})
    clock = HandClock(BEGIN)
    async with open_till(home, clock) as app, Pos.connect(app.socket) as pos:
        yield Reported(app, pos, clock)
