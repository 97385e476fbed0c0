"""``tillcard partners`` against a running till."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import pytest
from typer.testing import Result

from daemon.app.running import App
from tests.scenarios.shops import HEAD, goods
from tests.support.clock import HandClock
from tests.support.commands import tillcard
from tests.support.till import PLASTIC, Pos, lay_out, open_till


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[App]:
    lay_out(tmp_path)
    async with open_till(tmp_path, HandClock()) as app:
        yield app


Earning: TypeAlias = tuple[App, HandClock, Callable[[str, int], Awaitable[None]]]


@pytest.fixture
async def earning(tmp_path: Path) -> AsyncIterator[Earning]:
    """Open a till whose one customer was sent by P0001, which gets 3 %."""
    rule = 'id = "company"\ngive = { earn = "reward", percent = 3, to = "partner" }\n'
    purse = '[[purse]]\nid = "reward"\nunit = "UAH"\n'
    lay_out(tmp_path, f"{HEAD}{purse}[[rule]]\n{rule}")
    clock = HandClock()
    async with open_till(tmp_path, clock) as app, Pos.connect(app.socket) as pos:

        async def sell(sale_id: str, price: int) -> None:
            await pos.call("sale.commit", sale_id=sale_id, card=PLASTIC, lines=goods(price))

        await pos.call("partner.add", request_id="p1", name="Gym", by="olha")
        why = {"by": "olha", "reason": "a leaflet"}
        await pos.call("partner.assign", request_id="p2", card=PLASTIC, partner="P0001", **why)
        yield app, clock, sell


async def run(till: App, *words: str, status: int = 0) -> Result:
    line = ["partners", *words, "--socket", str(till.socket)]
    result = await asyncio.to_thread(tillcard, *line)
    assert result.exit_code == status, result.output
    return result


async def printed(till: App, *words: str) -> Any:
    return msgspec.json.decode((await run(till, *words, "--json")).stdout)


async def test_partners_are_added_listed_assigned_and_closed(till: App) -> None:
    said = await run(till, "add", "Gym Olympia", "--contact", "044 000 00 00", "--by", "olha")
    assert said.output.startswith("P0001  Gym Olympia  044 000 00 00  a")
    ann = await printed(till, "add", "Ann", "--of", "P0001", "--by", "olha")
    assert (ann["code"], ann["of"]) == ("P0001-01", "P0001")
    assert [one["code"] for one in await printed(till, "list")] == ["P0001"]
    assert "P0001-01  Ann" in (await run(till, "list", "--of", "P0001")).output
    assert (await printed(till, "show", "p0001-01"))["account"] == ann["account"]
    why = ("--reason", "a leaflet", "--by", "olha")
    done = await run(till, "assign", PLASTIC, "--employee", "P0001-01", *why)
    assert done.output.endswith("P0001-01\n")
    assert "since 2026-11-23  P0001-01  (olha)" in (await run(till, "sent", PLASTIC)).output
    closed = await run(till, "close", "P0001", "--reason", "it has ended", "--by", "olha")
    assert closed.output.endswith("closed\n")
    assert await printed(till, "list") == []


async def test_a_period_is_settled_shown_and_made_void(earning: Earning) -> None:
    till, clock, sell = earning
    await sell("s1", 200_000)
    clock.move(days=30)
    period = ("--from", "2026-11-01", "--to", "2026-11-30", "--by", "olha")
    said = await run(till, "settle", "P0001", *period)
    assert said.output.startswith("S-2026-000001  P0001  2026-11-01 to 2026-11-30  issued\n")
    assert "P0001  reward  opening 0.00 UAH  accrued 60.00 UAH  reversed 0.00 UAH" in said.output
    lines = (await run(till, "statement", "S-2026-000001")).output.splitlines()
    assert lines[2].startswith("2026-11-23  1  P0001  ")
    assert "2000.00  3.00 %  60.00 UAH  reward  (" in lines[2]
    told = await printed(till, "statement", "S-2026-000001")
    assert [one["reward"] for one in told["lines"]] == [6_000]
    assert [one["statement"] for one in await printed(till, "statements", "P0001")] == [
        "S-2026-000001"
    ]
    why = ("--reason", "the wrong month", "--by", "olha")
    assert "void\n" in (await run(till, "void", "S-2026-000001", *why)).output
    assert "S-2026-000001  2026-11-01" in (await run(till, "statements", "P0001")).output


async def test_a_statement_is_paid_in_parts_and_no_more(earning: Earning) -> None:
    till, clock, sell = earning
    await sell("s1", 200_000)
    clock.move(days=30)
    by = ("--by", "olha")
    await run(till, "settle", "P0001", "--from", "2026-11-01", "--to", "2026-11-30", *by)
    how = ("--method", "bank", "--document", "order 17", *by)
    part = await printed(till, "pay", "S-2026-000001", "25.00", *how)
    assert (part["state"], part["sums"][0]["left"]) == ("part_paid", 3_500)
    more = await run(till, "pay", "S-2026-000001", "35.01", *how, status=1)
    assert "only 35.00 UAH is left to pay of S-2026-000001" in more.output
    said = await run(till, "pay", "S-2026-000001", "35.00", *how)
    assert said.output.startswith("S-2026-000001  P0001  2026-11-01 to 2026-11-30  paid\n")
    why = ("--reason", "the wrong month", *by)
    refused = await run(till, "void", "S-2026-000001", *why, status=1)
    assert "Something of this statement is paid; it stays as it is." in refused.output


async def test_a_statement_is_the_same_paper_whenever_it_is_made(
    earning: Earning, tmp_path: Path
) -> None:
    till, clock, sell = earning
    await sell("s1", 200_000)
    clock.move(days=30)
    by = ("--by", "olha")
    await run(till, "settle", "P0001", "--from", "2026-11-01", "--to", "2026-11-30", *by)
    files = [tmp_path / f"s{n}.pdf" for n in range(3)]
    show, table = ("statement", "S-2026-000001"), tmp_path / "s.csv"
    await run(till, *show, "--pdf", str(files[0]), "--csv", str(table))
    await run(till, "pay", "S-2026-000001", "60.00", "--method", "bank", *by)
    clock.move(days=1)
    await run(till, *show, "--pdf", str(files[1]))
    await run(till, *show, "--pdf", str(files[2]), "--language", "uk")
    first, again, ukrainian = (file.read_bytes() for file in files)
    assert first.startswith(b"%PDF")
    assert first == again != ukrainian
    head, line = table.read_text("utf-8-sig").splitlines()
    assert head == "statement;day;store;customer;payee;purse;base;rate;reward;ledger_id;seq"
    assert line.startswith("S-2026-000001;2026-11-23;1;")
    assert ";P0001;reward;2000.00;3.00;60.00;" in line
    kept = await run(till, *show, "--csv", str(table), status=1)
    assert "tillcard: " in kept.output


async def test_what_is_refused_says_what_to_do(till: App) -> None:
    refused = await run(till, "show", "P0009", status=1)
    assert "is no partner of the directory; write such as P0007" in refused.output
    why = ("--reason", "x", "--by", "olha")
    refused = await run(till, "assign", "2900000000000", "--partner", "P0009", *why, status=1)
    assert "Misread" in refused.output
