"""A programme changes while the till sells."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from daemon.app.running import App
from daemon.base.clock import rfc3339
from daemon.programme.file import PROGRAMME_BYTES_MAX
from tests.scenarios.shops import HEAD, goods, override, refusal
from tests.support.clock import HandClock
from tests.support.commands import tillcard
from tests.support.till import PLASTIC, Pos, RefusedByTillError, audited, lay_out, open_till

LANE = '[[lane]]\nid = "card"\n'
FIVE = HEAD + LANE + '[[rule]]\nid = "five"\nlane = "card"\ngive = { percent = 5 }\n'
TEN = FIVE.replace("5 }", "10 }")
METERED = (
    HEAD
    + LANE
    + '[[meter]]\nid = "spend"\nof = "paid"\n[[meter]]\nid = "visits"\nof = "visits"\n'
    + '[[rule]]\nid = "loyal"\nlane = "card"\nwhen = { meter = { spend = { at_least = 20000 } } }\n'
    + "give = { percent = 20 }\n"
)


@pytest.fixture
def programme() -> str:
    return FIVE


async def price(pos: Pos) -> int:
    total: int = (await pos.call("sale.quote", card=PLASTIC, lines=goods(10_000)))["total"]
    return total


async def spend(pos: Pos) -> dict[str, int]:
    meters: dict[str, int] = (await pos.call("card.show", card=PLASTIC))["meters"]
    return meters


async def test_a_programme_comes_into_force_at_once_and_quotes_and_holds_keep_theirs(
    pos: Pos,
) -> None:
    quote = await pos.call("sale.quote", lines=goods(10_000))
    await pos.call("sale.hold", sale_id="h1", lines=goods(10_000))
    done = await pos.call("programme.activate", request_id="p1", text=TEN, by="owner")
    assert done["replayed"] is False
    assert await price(pos) == 9_000
    posted = await pos.call("sale.commit", sale_id="s1", quote_id=quote["quote_id"])
    assert posted["total"] == 9_500
    assert (await pos.call("sale.commit", sale_id="h1"))["total"] == 9_500
    shown = await pos.call("programme.show")
    assert (shown["version"], shown["coming"]) == (done["version"], [])
    again = await pos.call("programme.activate", request_id="p1", text=TEN, by="owner")
    assert again == done | {"replayed": True}
    other = {"request_id": "p1", "text": FIVE}
    assert await refusal(pos, "programme.activate", **other) == (1001, "id_reused")


async def test_a_programme_comes_into_force_at_its_time(
    pos: Pos, till: App, clock: HandClock
) -> None:
    at = rfc3339(clock.now()).replace("08:00:00", "09:00:00")
    await pos.call("programme.activate", request_id="p1", text=TEN, at=at)
    await till.look_after()
    assert await price(pos) == 9_500
    assert len((await pos.call("programme.show"))["coming"]) == 1
    clock.move(minutes=59, seconds=59)
    await till.look_after()
    assert await price(pos) == 9_500
    clock.move(seconds=1)
    await till.look_after()
    assert await price(pos) == 9_000
    assert (await pos.call("programme.show"))["coming"] == []


async def test_a_bad_programme_is_refused_with_the_path_of_the_wrong_key_and_the_old_one_stays(
    pos: Pos,
) -> None:
    bad = FIVE.replace("percent = 5", "percent = 500")
    with pytest.raises(RefusedByTillError, match=r"rule\[0\]\.give\.percent") as caught:
        await pos.call("programme.activate", request_id="p1", text=bad)
    assert caught.value.code == -32602
    checked = await pos.call("programme.check", text=bad)
    assert checked["errors"][0]["path"] == "rule[0].give.percent"
    assert (await pos.call("programme.check", text=TEN))["errors"] == []
    doubtful = await pos.call("programme.check", text=TEN.replace("10 }", "100 }"))
    assert [doubt["path"] for doubt in doubtful["warnings"]] == ["rule[0].give.percent"]
    for text in (FIVE.replace("UAH", "EUR"), ""):
        with pytest.raises(RefusedByTillError):
            await pos.call("programme.activate", request_id="p2", text=text)
    assert await price(pos) == 9_500


async def test_a_new_meter_knows_the_past_before_its_programme_is_in_force(pos: Pos) -> None:
    await pos.call("sale.commit", sale_id="s1", card=PLASTIC, lines=goods(10_000, 20_000))
    line = [{"line": 1, "qty": 1}]
    await pos.call("sale.return", return_id="r1", sale_id="s1", lines=line)
    await pos.call("sale.hold", sale_id="h1", card=PLASTIC, lines=goods(1_000))
    await pos.call("sale.commit", sale_id="nobody", lines=goods(90_000))
    await pos.call("programme.activate", request_id="p1", text=METERED)
    assert await spend(pos) == {"spend": 19_000, "visits": 1}
    # What was held under the old programme counts in the new one, and a return takes it out again.
    await pos.call("sale.commit", sale_id="h1")
    assert await spend(pos) == {"spend": 19_950, "visits": 2}
    await pos.call("sale.commit", sale_id="s2", card=PLASTIC, lines=goods(50))
    assert await price(pos) == 8_000
    await pos.call("sale.return", return_id="r2", sale_id="s1", whole=True)
    assert await spend(pos) == {"spend": 1_000, "visits": 2}
    assert await price(pos) == 10_000


async def test_a_programme_that_comes_back_knows_what_was_sold_without_it(pos: Pos) -> None:
    for n, text in enumerate((METERED, FIVE, METERED)):
        await pos.call("programme.activate", request_id=f"p{n}", text=text)
        await pos.call("sale.commit", sale_id=f"s{n}", card=PLASTIC, lines=goods(100))
    assert await spend(pos) == {"spend": 295, "visits": 3}


async def test_a_meter_that_counts_something_else_is_counted_again(pos: Pos) -> None:
    await pos.call("programme.activate", request_id="p1", text=METERED)
    await pos.call("sale.commit", sale_id="s1", card=PLASTIC, lines=goods(10_000, 20_000))
    scoped = METERED.replace('of = "paid"\n', 'of = "paid"\nscope = { sku = "sku-2" }\n')
    await pos.call("programme.activate", request_id="p2", text=scoped)
    assert await spend(pos) == {"spend": 20_000, "visits": 1}
    await pos.call("sale.return", return_id="r1", sale_id="s1", whole=True)
    assert await spend(pos) == {"spend": 0, "visits": 0}


async def test_what_is_in_force_and_what_is_to_come_outlast_a_restart(
    tmp_path: Path, clock: HandClock
) -> None:
    lay_out(tmp_path, FIVE)
    async with open_till(tmp_path, clock) as till, Pos.connect(till.socket) as pos:
        await pos.call("sale.commit", sale_id="s1", card=PLASTIC, lines=goods(30_000))
        await pos.call("programme.activate", request_id="p1", text=TEN)
        later = rfc3339(clock.now()).replace("08:00:00", "09:00:00")
        await pos.call("programme.activate", request_id="p2", text=METERED, at=later)
    async with open_till(tmp_path, clock) as till, Pos.connect(till.socket) as pos:
        assert await price(pos) == 9_000
        await pos.call("sale.commit", sale_id="s2", card=PLASTIC, lines=goods(1_000))
    clock.move(hours=2)
    async with open_till(tmp_path, clock) as till, Pos.connect(till.socket) as pos:
        assert await price(pos) == 8_000
        assert await spend(pos) == {"spend": 29_400, "visits": 2}
        # Each sale is taken back under the rules that priced it.
        assert (await pos.call("sale.return", return_id="r1", sale_id="s1", whole=True))[
            "refund"
        ] == 28_500
    # The owner edits the file: that is an activation too.
    (tmp_path / "programme.toml").write_text(TEN.replace("10 }", "50 }"), "utf-8")
    async with open_till(tmp_path, clock) as till, Pos.connect(till.socket) as pos:
        assert await price(pos) == 5_000
    assert audited(tmp_path).findings == ()


async def test_selling_goes_on_while_a_meter_is_filled_and_nothing_is_missed(
    pos: Pos, till: App
) -> None:
    async def sell(n: int) -> None:
        terms: dict[str, Any] = {"sale_id": f"s{n}", "card": PLASTIC, "lines": goods(100)}
        await pos.call("sale.commit", **terms)

    for n in range(20):
        await sell(n)
    async with Pos.connect(till.socket) as owner:
        activated = asyncio.create_task(
            owner.call("programme.activate", request_id="p1", text=METERED)
        )
        for n in range(20, 40):
            await sell(n)
        await activated
    assert (await spend(pos))["visits"] == 40


class TestRecompute:
    @pytest.fixture
    def programme(self) -> str:
        return (
            HEAD.replace(
                'tz = "Europe/Kyiv"\n', 'tz = "Europe/Kyiv"\nreturn_policy = "recompute"\n'
            )
            + LANE
            + '[[purse]]\nid = "bonus"\nunit = "UAH"\n'
            + '[[rule]]\nid = "volume"\nlane = "card"\n'
            + "when = { basket = { total = { at_least = 20000 } } }\ngive = { percent = 10 }\n"
            + '[[rule]]\nid = "pay"\ngive = { burn = "bonus" }\n'
        )

    async def test_what_stays_costs_what_it_would_have_cost_alone(self, pos: Pos) -> None:
        await pos.call("sale.commit", sale_id="s1", lines=goods(10_000, 10_000))
        # Another programme comes meanwhile: the sale is taken back under its own.
        text = HEAD + LANE
        await pos.call("programme.activate", request_id="p1", text=text)
        one = [{"line": 1, "qty": 1}]
        back = await pos.call("sale.return", return_id="r1", sale_id="s1", lines=one)
        assert back["refund"] == 8_000  # 18,000 paid; what stays costs 10,000 alone
        rest = await pos.call("sale.return", return_id="r2", sale_id="s1", whole=True)
        assert rest["refund"] == 10_000
        assert await refusal(pos, "sale.return", return_id="r3", sale_id="s1", lines=one) == (
            1031,
            "returned_already",
        )

    async def test_points_that_paid_come_back_beside_the_money(self, pos: Pos) -> None:
        await pos.call("card.topup", topup_id="t1", card=PLASTIC, amount=9_000)
        terms: dict[str, Any] = {"card": PLASTIC, "lines": goods(10_000, 10_000), **override()}
        await pos.call("sale.commit", sale_id="s1", burn=9_000, **terms)
        one = [{"line": 2, "qty": 1}]
        back = await pos.call("sale.return", return_id="r1", sale_id="s1", lines=one)
        assert (back["refund"], back["burned_back"]) == (3_500, {"bonus": 4_500})
        rest = await pos.call("sale.return", return_id="r2", sale_id="s1", whole=True)
        assert (rest["refund"], rest["burned_back"]) == (5_500, {"bonus": 4_500})


async def command(*words: str) -> tuple[int, str]:
    """Run ``tillcard``; return its exit status and all that it said."""
    result = await asyncio.to_thread(tillcard, *words)
    return result.exit_code, result.output


async def test_the_owner_brings_a_file_into_force_with_one_command(
    pos: Pos, till: App, clock: HandClock, tmp_path: Path
) -> None:
    file = tmp_path / "new.toml"
    file.write_text(TEN, "utf-8")
    words = ("check", str(file), "--activate", "--reason", "why", "--socket", str(till.socket))
    code, said = await command(*words)
    local = clock.now().astimezone(ZoneInfo("Europe/Kyiv")).isoformat(" ", "seconds")
    assert (code, said.splitlines()[-1]) == (0, f"in force from {local} (Europe/Kyiv) on")
    assert await price(pos) == 9_000
    file.write_text(TEN.replace("10 }", "20 }"), "utf-8")
    tomorrow = clock.now() + timedelta(days=1)
    assert (await command(*words, "--at", tomorrow.isoformat()))[0] == 0
    assert await price(pos) == 9_000
    clock.move(days=1)
    await till.look_after()
    assert await price(pos) == 8_000
    file.write_text(FIVE, "utf-8")


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("2020-01-01T00:00:00+02:00", "is past; leave --at out to activate it now"),
        ("2099-01-01T00:00:00", "has no offset; write it with its offset, such as 2026-11-22"),
        ("tomorrow", "'tomorrow' is no time; write it with its offset, such as 2026-11-22"),
    ],
)
async def test_a_time_at_which_nothing_can_come_into_force_is_refused_and_the_old_one_stays(
    pos: Pos, till: App, tmp_path: Path, at: str, said: str
) -> None:
    file = tmp_path / "new.toml"
    file.write_text(TEN, "utf-8")
    words = (
        "check",
        str(file),
        "--activate",
        "--reason",
        "why",
        "--socket",
        str(till.socket),
        "--at",
        at,
    )
    code, told = await command(*words)
    assert code == 2
    assert said in " ".join(told.replace("│", "").split())
    assert await price(pos) == 9_500


async def test_the_longest_file_there_may_be_comes_into_force_over_the_socket(
    pos: Pos, till: App, tmp_path: Path
) -> None:
    file = tmp_path / "new.toml"
    room = PROGRAMME_BYTES_MAX - len(TEN) - 1
    file.write_text(f"{TEN}#{chr(34) * (room // 2)}{chr(9) * (room - room // 2)}", "utf-8")
    words = ("check", str(file), "--activate", "--reason", "why", "--socket", str(till.socket))
    assert (await command(*words))[0] == 0
    assert await price(pos) == 9_000
    file.write_text(f"{file.read_text()}#", "utf-8")
    code, said = await command(*words)
    assert (code, said) == (
        1,
        f"{file}: the file has 128001 bytes, at most 128000 are read; make it shorter\n",
    )


async def test_what_cannot_come_into_force_is_said_and_the_old_one_stays(
    pos: Pos, till: App, tmp_path: Path
) -> None:
    file = tmp_path / "new.toml"
    file.write_text(TEN.replace("UAH", "EUR"), "utf-8")
    words = ("check", str(file), "--activate", "--reason", "why", "--socket", str(till.socket))
    code, said = await command(*words)
    assert code == 1
    assert "It is not in force. programme.currency: a shop keeps its currency." in said
    nowhere = await command(*words[:-1], str(tmp_path / "none.sock"))
    assert nowhere[0] == 1
    assert await price(pos) == 9_500
    assert (await command("check", str(file), "--at", "2026-12-01T00:00:00+02:00"))[0] == 2
