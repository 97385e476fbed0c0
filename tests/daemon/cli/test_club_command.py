"""``tillcard club`` against a running till."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import Result

from daemon.app.running import App
from tests.scenarios.shops import account_of, goods
from tests.scenarios.test_club import CLUB
from tests.support.clock import HandClock
from tests.support.commands import tillcard
from tests.support.till import PLASTIC, Pos, lay_out, open_till

COMMANDS = ("list", "due", "decide", "why", "undo", "settings", "simulate")


@pytest.fixture
def clock() -> HandClock:
    """Give the first of October, in the morning."""
    return HandClock(datetime(2026, 10, 1, 8, tzinfo=UTC))


@pytest.fixture
async def till(tmp_path: Path, clock: HandClock) -> AsyncIterator[App]:
    lay_out(tmp_path, CLUB)
    async with open_till(tmp_path, clock) as app:
        yield app


@pytest.fixture
async def pos(till: App) -> AsyncIterator[Pos]:
    async with Pos.connect(till.socket) as connected:
        yield connected


async def run(till: App, *words: str) -> Result:
    line = ["club", *words, "--socket", str(till.socket)]
    return await asyncio.to_thread(lambda: tillcard(*line))


async def printed(till: App, *words: str) -> Any:
    result = await run(till, *words, "--json")
    assert result.exit_code == 0, result.output
    return msgspec.json.decode(result.stdout)


async def join_on_the_first_of_october(pos: Pos) -> None:
    terms = {"request_id": "j1", "status": "club", "granted": True, "by": "maria"}
    account = await account_of(pos, PLASTIC)
    await pos.call("club.decide", accounts=[account], **terms)


async def buy(pos: Pos, sale_id: str, amount: int) -> None:
    await pos.call("sale.commit", sale_id=sale_id, card=PLASTIC, lines=goods(amount))


async def test_who_is_listed_is_shown_and_decided_about(till: App, pos: Pos) -> None:
    await buy(pos, "s1", 510_000)
    listing = await printed(till, "list", "club", "join")
    [olena] = listing["members"]
    assert (olena["name"], olena["total"], listing["needed"]) == ("Olena", 510_000, 500_000)
    shown = (await run(till, "list", "club", "join")).output
    assert "5000.00 UAH in 30 days" in " ".join(shown.split())
    assert "Olena" in shown
    refused = await run(till, "decide", "club", "join", "--refuse", "--all")
    assert refused.exit_code == 1
    assert "reason: say why" in refused.output
    grant = ("--grant", "--by", "maria")
    decided = await run(till, "decide", "club", "join", olena["account"], *grant)
    assert decided.output == f"{olena['account']}  member\n"
    again = await run(till, "decide", "club", "join", olena["account"], *grant)
    assert again.exit_code == 1
    assert "is not on this list any more" in again.output


async def test_a_member_who_is_short_is_due_from_the_fourteenth_day_before_the_last(
    till: App, pos: Pos, clock: HandClock
) -> None:
    """The window is 1 October to 29 November; 3,000.00 keep, 1,750.00 are there."""
    await join_on_the_first_of_october(pos)
    clock.move(days=1)
    await buy(pos, "s2", 188_172)  # 7 % off: 1,750.00 are paid
    clock.move(days=43)
    await till.look_after()
    assert (await printed(till, "due", "club"))["members"] == []
    clock.move(days=1)
    await till.look_after()
    [olena] = (await printed(till, "due", "club"))["members"]
    assert (olena["days_left"], olena["missing"], olena["total"]) == (14, 125_000, 175_000)
    assert olena["window_to"] == "2026-11-29"
    assert (await pos.call("club.due", status="club"))["members"] == [olena]
    shown = " ".join((await run(till, "due", "club")).output.split())
    assert "1250.00 UAH" in shown
    assert (await printed(till, "due", "club", "--days", "13"))["members"] == []


async def test_why_shows_the_chain_and_writes_a_letter_and_undo_takes_the_decision_back(
    till: App, pos: Pos, clock: HandClock
) -> None:
    """Joined on day 30, excluded on day 91, bought 300.00 on day 92, undone on day 93."""
    await buy(pos, "s1", 300_000)
    clock.move(days=29)
    await buy(pos, "s2", 210_000)
    clock.move(days=1)
    account = await account_of(pos, PLASTIC)
    await run(till, "decide", "club", "join", account, "--grant", "--by", "maria")
    told = await printed(till, "why", "club", account)
    assert [(one["amount"], one["total"]) for one in told["chain"]] == [
        (300_000, 300_000),
        (210_000, 510_000),
    ]
    for days in (60, 1):
        clock.move(days=days)
        await till.look_after()
    refuse = ("--refuse", "--by", "maria", "--reason", "bought too little")
    await run(till, "decide", "club", "exclude", "--all", *refuse)
    ended = await printed(till, "why", "club", account)
    letter = (await run(till, "why", "club", account, "--letter")).output
    assert letter.startswith('Dear Olena,\n\nyour membership "club" ended on 31 December 2026.')
    assert "Reason: bought too little" in letter
    clock.move(days=1)
    await buy(pos, "s3", 30_000)
    clock.move(days=1)
    await till.look_after()
    seq = str(ended["seq"])
    done = await printed(till, "undo", "club", account, seq, "--by", "maria", "--reason", "wrong")
    assert (done["stage"], done["window_from"], done["total"]) == ("lapsing", "2026-12-30", 30_000)
    shown = (await run(till, "why", "club", account)).output
    assert "undone on 2027-01-02 by maria" in shown
    assert "300.00 UAH" in shown
    again = await run(till, "undo", "club", account, seq, "--by", "maria", "--reason", "wrong")
    assert again.exit_code == 1
    assert "This decision was undone already. (not_undoable, 1029)" in again.output


async def test_settings_are_shown_and_changed(till: App, pos: Pos) -> None:
    before = (await printed(till, "settings", "club"))["settings"]
    assert before == {
        "percent": "7",
        "enter_amount": 500_000,
        "enter_days": 30,
        "keep_amount": 300_000,
        "keep_days": 60,
        "decide": "owner",
    }
    changed = ("--percent", "7.5", "--enter-amount", "400000", "--decide", "auto", "--by", "maria")
    done = await printed(till, "settings", "club", *changed)
    after = before | {"percent": "7.5", "enter_amount": 400_000, "decide": "auto"}
    assert done["settings"] == after
    assert done["version"] == (await pos.call("programme.show"))["version"]
    shown = (await run(till, "settings", "club")).output
    assert "percent       7.5" in shown
    wrong = await run(till, "settings", "club", "--percent", "101")
    assert (wrong.exit_code, "from 0 to 100" in wrong.output) == (1, True)
    assert "the programme has no 'chess'" in (await run(till, "settings", "chess")).output


async def test_a_decision_names_whom_or_says_all(till: App, pos: Pos) -> None:
    account = await account_of(pos, PLASTIC)
    assert (await run(till, "decide", "club", "join", "--grant")).exit_code == 2
    assert (await run(till, "decide", "club", "join", "--grant", account, "--all")).exit_code == 2
    neither = await run(till, "decide", "club", "exclude", account)
    assert (neither.exit_code, "say which of the two it is" in neither.output) == (2, True)
    nobody = await run(till, "decide", "club", "join", "--grant", "--all")
    assert nobody.exit_code == 0, "the list is empty"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str) -> None:
    said = " ".join(tillcard("club", command, "--help").output.split())
    assert f"Example: tillcard club {command}" in said
