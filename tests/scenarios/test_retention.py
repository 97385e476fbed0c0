"""Who was not heard of for years is listed, and erased by the day's work where a shop wants."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from daemon.app.running import App
from daemon.base import config as configuration
from tests.scenarios.shops import account_of, refusal
from tests.scenarios.test_erase_customer import NAME, WHO, buy, entries_of, erase, known
from tests.scenarios.test_greeting_language import CLUB
from tests.support.clock import HandClock
from tests.support.commands import tillcard
from tests.support.till import PLASTIC, Pos, audited, lay_out, open_till

THREE_YEARS = 3 * 365 + 1
THIRD = "2900000000032"


@pytest.fixture
def programme() -> str:
    return CLUB


async def to_erase(pos: Pos, **more: Any) -> Any:
    return await pos.call("customer.to_erase", by="olha", **more)


async def listed(pos: Pos, **more: Any) -> dict[str, str]:
    return {one["name"]: one["last"] for one in (await to_erase(pos, **more))["customers"]}


async def test_who_was_not_heard_of_for_three_years_is_listed_from_the_next_month_on(
    pos: Pos, clock: HandClock
) -> None:
    """It is 23 November 2026. Zofia buys then, the three of the samples never do."""
    await known(pos)
    await buy(pos, "s1", 1_000)
    clock.move(days=THREE_YEARS)
    assert (await to_erase(pos))["since"] == "2026-11-01"
    assert await listed(pos) == {}
    clock.move(days=8)
    page = await to_erase(pos)
    assert (page["month"], page["since"], page["auto"]) == ("2029-12", "2026-12-01", False)
    assert sorted(await listed(pos)) == ["Iryna", "Olena", "Taras", NAME]
    assert (await listed(pos))[NAME] == "2026-11-23"


async def test_a_word_of_the_customer_counts_and_the_shop_s_own_work_does_not(
    pos: Pos, till: App, clock: HandClock
) -> None:
    account = await known(pos)
    await buy(pos, "s1", 100_000)
    clock.move(days=400)
    await till.look_after()  # the points expire
    clock.move(days=THREE_YEARS + 8 - 400)
    assert NAME in await listed(pos)
    await pos.call("customer.update", request_id="u", account=account, answers={"birthday": ""})
    assert NAME not in await listed(pos)


async def test_the_list_comes_in_pages(pos: Pos, clock: HandClock) -> None:
    await known(pos)
    await buy(pos, "s1", 1_000)
    clock.move(days=THREE_YEARS + 8)
    names, after = [], ""
    while True:
        page = await to_erase(pos, limit=1, after=after)
        names += [one["name"] for one in page["customers"]]
        if not (after := page["next"]):
            break
    assert sorted(names) == ["Iryna", "Olena", "Taras", NAME]
    assert names[0] == NAME, "who has bought comes first"
    wrong = (-32602, "invalid_params")
    for place in ("x", "bought", "bought x y", "never -1 a", "bought 99999999 a"):
        assert await refusal(pos, "customer.to_erase", by="olha", after=place) == wrong


async def test_who_was_merged_or_erased_or_is_nobody_is_not_listed(
    pos: Pos, clock: HandClock
) -> None:
    drop = await known(pos)
    keep = await account_of(pos, PLASTIC)
    await pos.call("card.issue", request_id="i3", number=THIRD)
    await pos.call("customer.merge", request_id="m", keep=keep, drop=drop, **WHO)
    clock.move(days=THREE_YEARS + 8)
    assert sorted(await listed(pos)) == ["Iryna", "Olena", "Taras"]
    await erase(pos, keep)
    assert sorted(await listed(pos)) == ["Iryna", "Taras"]


@asynccontextmanager
async def automatic(home: Path, clock: HandClock) -> AsyncIterator[tuple[App, Pos]]:
    """Open a till that erases by itself, whose points last."""
    lay_out(home, CLUB.replace('expire = "10d"\n', ""), **{"auto = false": "auto = true"})
    async with open_till(home, clock) as app, Pos.connect(app.socket) as pos:
        yield app, pos
    assert audited(home).findings == ()


async def test_the_day_s_work_erases_once_a_month_whom_nothing_stands_in_the_way_of(
    tmp_path: Path, clock: HandClock
) -> None:
    async with automatic(tmp_path, clock) as (app, pos):
        account = await known(pos)
        await buy(pos, "s1", 100_000)
        await pos.call("card.topup", topup_id="t", card=PLASTIC, amount=7_000, purse="bonus")
        rich = {"number": THIRD, "profile": {"name": "Ivan"}}
        clock.move(days=THREE_YEARS + 8)
        await pos.call("card.issue", request_id="i2", **rich)
        await app.look_after()
        await app.look_after()
        assert (await pos.call("customer.show", account=account))["notice"]
        [left] = (await to_erase(pos))["customers"]
        assert (left["name"], left["money"], left["waits"]) == ("Olena", {"bonus": 7_000}, "money")
        assert not (await pos.call("customer.show", card=THIRD))["notice"]
        clock.move(days=31)
        await app.look_after()
    events = [json.loads(bytes(one.detail)) for one in entries_of(tmp_path, "erase")]
    months = [(one["month"], one["erased"]) for one in events if one["event"] == "month"]
    assert months == [("2026-11", 0), ("2029-12", 3), ("2030-01", 0)]
    done = [one for one in events if one["event"] == "erased"]
    assert {(one["by"], one["reason"]) for one in done} == {
        ("till", "nothing was heard since before 2026-12-01")
    }
    assert [one["forfeited"] for one in done if one["sales"]] == [{"bonus": 5_000}]


async def test_the_work_of_a_month_in_which_no_till_ran_is_done_by_the_next_start(
    tmp_path: Path, clock: HandClock
) -> None:
    async with automatic(tmp_path, clock):
        clock.move(days=THREE_YEARS + 8)
    async with automatic(tmp_path, clock) as (_, pos):
        assert (await to_erase(pos))["customers"] == []


async def test_a_name_goes_from_an_act_when_the_books_need_it_no_more(
    pos: Pos, till: App, tmp_path: Path, clock: HandClock
) -> None:
    account = await known(pos)
    act = {"kind": "W", "from": "2026-11-01", "to": "2026-11-30", "by": "olha", "reason": "books"}
    made = (await pos.call("act.make", request_id="a", **act))["act"]

    async def recipients() -> list[str]:
        return [line["recipient"] for line in (await pos.call("act.show", act=made))["lines"]]

    clock.move(days=1)
    done = await erase(pos, account)
    assert done["acts"] == [{"act": made, "company": "Our shop", "until": "2029-11-23"}]
    assert await recipients() == [NAME]
    clock.move(days=3 * 365)
    await till.look_after()
    assert await recipients() == [NAME]
    clock.move(days=1)
    await till.look_after()
    assert await recipients() == ["anonymous"]
    assert NAME.encode() not in (tmp_path / "tillcard.db").read_bytes()
    assert (await to_erase(pos))["not_overwritten"] == 0


async def test_an_old_act_says_the_name_no_more_at_once(pos: Pos, clock: HandClock) -> None:
    account = await known(pos)
    act = {"kind": "W", "from": "2026-11-01", "to": "2026-11-30", "by": "olha", "reason": "books"}
    made = (await pos.call("act.make", request_id="a", **act))["act"]
    clock.move(days=THREE_YEARS + 1)
    assert (await erase(pos, account))["acts"] == []
    [line] = (await pos.call("act.show", act=made))["lines"]
    assert line["recipient"] == "anonymous"


async def test_the_command_lists_them(pos: Pos, till: App, clock: HandClock) -> None:
    account = await known(pos)
    await buy(pos, "s1", 1_000)
    clock.move(days=THREE_YEARS + 8)

    async def command(*words: str) -> str:
        where = ("--by", "olha", "--socket", str(till.socket))
        result = await asyncio.to_thread(tillcard, "customers", "to-erase", *words, *where)
        assert result.exit_code == 0, result.output
        return result.stdout

    lines = (await command()).splitlines()
    assert lines[0] == (
        "2029-12: nothing was heard since before 2026-12-01; erase them by:"
        " tillcard customers erase"
    )
    assert lines[1] == f"  {account}  {NAME}  last 2026-11-23"
    assert len(json.loads(await command("--json"))["customers"]) == 4


def test_the_limits_of_the_table_are_held() -> None:
    for line in ("dormant_years = 0", "dormant_years = 101", "acts_years = 101", "acts_years = -1"):
        with pytest.raises(configuration.ConfigError) as caught:
            configuration.parse(f'programme = "p"\n[retention]\n{line}\n')
        assert caught.value.path == f"retention.{line.split()[0]}"
