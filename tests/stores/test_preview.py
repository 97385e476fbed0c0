"""A new programme over the sales of the past, beside the till's work."""

import asyncio
import random
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from daemon.app.running import App
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.ledger.audit import audit
from daemon.ledger.storage.registry import open_store
from daemon.shop.preview import KEPT_MAX, LINE_BYTES_MAX, Previewed, Previews, PreviewTerms
from daemon.shop.preview_run import previewed
from daemon.shop.preview_sums import PreviewSums
from tests.scenarios.shops import HEAD, documented, goods, refusal
from tests.stores.test_closings import ASKED, OVERRIDE, RULES
from tests.support.clock import HandClock
from tests.support.commands import tillcard
from tests.support.pos import refused
from tests.support.till import (
    LEDGER,
    PHONE,
    PLASTIC,
    Pos,
    RefusedByTillError,
    begin_ledger,
    lay_out,
    open_till,
)

TEXT = HEAD + RULES
MORE = TEXT.replace("give = { percent = 10 }", "give = { percent = 15 }")
BUSY = (113, "busy")
DAYS = {"from": "2026-11-01", "to": "2026-12-31"}
REGULAR = """
[[lane]]
id = "card"
[[meter]]
id = "spend"
of = "net"
window = "30d"
[[rule]]
id = "regular"
lane = "card"
when = { meter.spend = { at_least = 20000 } }
give = { percent = 10 }
"""


@asynccontextmanager
async def selling(
    home: Path, location: str, text: str = TEXT, clock: HandClock | None = None
) -> AsyncIterator[tuple[App, Pos]]:
    here = location == "ledger.db"
    lay_out(home, text, **({} if here else {f'"{LEDGER}"': f'"{location}"'}))
    begin_ledger(home)
    async with (
        open_till(home, clock or HandClock()) as till,
        Pos.connect(till.socket) as pos,
    ):
        yield till, pos


async def preview(pos: Pos, text: str, **terms: Any) -> Any:
    """Follow a preview to its end; return its last answer."""
    terms = {"text": text} | DAYS | terms
    answer = await pos.call("programme.preview", **terms)
    while answer["result"] is None:
        answer = await pos.call("programme.preview", **terms | {"beyond": answer["done"]})
    return answer


async def sell_at_random(pos: Pos, seed: int, count: int = 60) -> None:
    chance = random.Random(seed)
    for n in range(count):
        more: dict[str, Any] = {}
        if chance.random() < 0.7:
            more["card"] = chance.choice([PLASTIC, PHONE])
            if chance.random() < 0.3:
                more |= {"burn": {"bonus": 1}, "override": OVERRIDE}
        if chance.random() < 0.3:
            more["facts"] = ASKED
        if chance.random() < 0.3:
            more["codes"] = ["hello"]
        prices = [chance.randrange(200, 30_000) for _ in range(chance.randrange(1, 4))]
        try:
            await pos.call("sale.commit", sale_id=f"s{n}", lines=goods(*prices), **more)
        except RefusedByTillError as error:
            assert error.data["name"] == "not_enough"  # noqa: PT017
            continue
        if chance.random() < 0.2:
            back = [{"line": 1, "qty": 1}]
            await pos.call("sale.return", return_id=f"r{n}", sale_id=f"s{n}", lines=back)


@pytest.mark.parametrize("seed", range(2))
async def test_the_text_in_force_gives_back_what_it_gave(
    seed: int, location: str, tmp_path: Path
) -> None:
    async with selling(tmp_path, location) as (_, pos):
        await sell_at_random(pos, seed)
        answer = await preview(pos, TEXT)
    found = answer["result"]
    assert found["sales"] > 20
    assert found["sales"] + found["came_back"] == found["found"]
    assert (found["changed"], found["refused"], found["gained"], found["lost"]) == (0, [], [], [])
    for both in (found["total"], found["discount"], *found["earned"].values()):
        assert both["before"] == both["after"] > 0


@pytest.mark.parametrize("name", ["shop", "people", "ordinal", "bonus"])
async def test_documented_programmes_give_back_what_they_gave(
    name: str, location: str, tmp_path: Path
) -> None:
    text, clock = documented(name), HandClock()
    async with selling(tmp_path, location, text, clock) as (_, pos):
        chance = random.Random(7)
        for n in range(30):
            price = chance.randrange(1_000, 60_000)
            card = {"card": PLASTIC} if n % 3 else {}
            await pos.call("sale.commit", sale_id=f"s{n}", lines=goods(price), **card)
            clock.move(hours=chance.randrange(30))
        found = (await preview(pos, text))["result"]
    assert (found["sales"], found["changed"], found["refused"]) == (30, 0, [])


async def test_another_text_says_what_would_have_changed(location: str, tmp_path: Path) -> None:
    async with selling(tmp_path, location) as (_, pos):
        await pos.call("sale.commit", sale_id="s1", card=PLASTIC, lines=goods(10_000))
        await pos.call("sale.commit", sale_id="s2", lines=goods(5_000))
        answer = await preview(pos, MORE)
        found = answer["result"]
        assert (answer["from"], answer["done"], answer["of"]) == ("2026-11-01", 2, 2)
        assert (found["total"], found["changed"]) == ({"before": 14_000, "after": 13_500}, 1)
        assert found["discount"] == {"before": 1_000, "after": 1_500}
        assert found["rules"]["ten"]["discount"] == {"before": 1_000, "after": 1_500}
        assert found["stores"]["1"] == {
            "sales": 2,
            "changed": 1,
            "discount": {"before": 1_000, "after": 1_500},
        }
        [gained] = found["gained"]
        assert (gained["sale_id"], gained["day"], gained["gain"]) == ("s1", "2026-11-23", 500)
        shown = await pos.call("programme.show")
        assert shown["text"] == TEXT, "nothing is written"


async def test_a_meter_that_the_new_text_adds_counts_from_the_ledger(
    location: str, tmp_path: Path
) -> None:
    clock = HandClock()
    plain = HEAD + '[[lane]]\nid = "card"\n'
    async with selling(tmp_path, location, plain, clock) as (_, pos):
        # 120.00 and 100.00 within 30 days make 20.00 off the third; the fourth comes too late.
        for n, (price, later) in enumerate([(12_000, 1), (10_000, 1), (20_000, 40), (5_000, 0)]):
            await pos.call("sale.commit", sale_id=f"s{n}", card=PLASTIC, lines=goods(price))
            clock.move(days=later)
        await pos.call("sale.commit", sale_id="nobody", lines=goods(50_000))
        found = (await preview(pos, HEAD + REGULAR, to="2027-12-31"))["result"]
    assert [(one["sale_id"], one["gain"]) for one in found["gained"]] == [("s2", 2_000)]
    assert (found["sales"], found["changed"]) == (5, 1)


async def test_what_such_a_meter_counts_is_what_it_would_have_been(
    location: str, tmp_path: Path
) -> None:
    """Sold under the text, and sold without it and previewed: the same totals."""
    totals: list[int] = []
    for text in (HEAD + REGULAR, HEAD + REGULAR.replace("at_least = 20000", "at_least = 9000000")):
        clock, chance = HandClock(), random.Random(3)
        home = tmp_path / str(len(totals))
        here = location if not totals else "ledger.db"
        async with selling(home, here, text, clock) as (_, pos):
            for n in range(25):
                lines = goods(chance.randrange(1_000, 15_000))
                await pos.call("sale.commit", sale_id=f"s{n}", card=PLASTIC, lines=lines)
                clock.move(hours=chance.randrange(100))
            found = (await preview(pos, HEAD + REGULAR, to="2027-12-31"))["result"]
            totals.append(found["rules"]["regular"]["sales"]["after"])
    assert totals[0] > 3
    assert totals[1] >= totals[0]


async def test_only_the_period_counts_and_of_many_sales_a_part(
    location: str, tmp_path: Path
) -> None:
    clock = HandClock()
    async with selling(tmp_path, location, clock=clock) as (_, pos):
        for n in range(20):
            await pos.call("sale.commit", sale_id=f"s{n}", lines=goods(1_000 + n))
            clock.move(days=1)
        some = {"from": "2026-11-25", "to": "2026-11-28"}
        found = (await preview(pos, TEXT, **some))["result"]
        assert (found["found"], found["sales"], found["sampled"]) == (4, 4, False)
        assert found["total"]["before"] == sum(1_000 + n for n in range(2, 6))
        found = (await preview(pos, TEXT, limit=5))["result"]
        assert (found["found"], found["sales"], found["sampled"]) == (20, 5, True)
        none = (await preview(pos, TEXT, **{"from": "2020-01-01", "to": "2020-01-02"}))["result"]
        assert none["sales"] == none["found"] == 0


async def test_a_text_or_a_period_that_is_none_is_refused(location: str, tmp_path: Path) -> None:
    async with selling(tmp_path, location) as (_, pos):
        for terms, said in (
            ({"text": "x"}, "text: "),
            ({"from": "2026-11-31"}, "from: "),
            ({"to": "2026-10-01"}, "to: "),
            ({"limit": 200_001}, "limit"),
        ):
            error = await refused(pos, "programme.preview", **{"text": TEXT} | DAYS | terms)
            assert said in error.message, terms


async def test_warnings_are_those_of_check(location: str, tmp_path: Path) -> None:
    doubtful = TEXT + "[[cap]]\npercent = 100\n"
    async with selling(tmp_path, location) as (_, pos):
        answer = await preview(pos, doubtful)
        checked = await pos.call("programme.check", text=doubtful)
        assert answer["warnings"] == checked["warnings"] != []


async def test_the_till_sells_while_a_preview_runs_and_another_is_told_to_wait(
    location: str, tmp_path: Path
) -> None:
    async with selling(tmp_path, location) as (_, pos):
        for n in range(40):
            await pos.call("sale.commit", sale_id=f"s{n}", card=PLASTIC, lines=goods(1_000 + n))
        await pos.call("programme.preview", text=MORE, **DAYS)
        [child] = children()
        child.suspend()
        assert await refusal(pos, "programme.preview", text=TEXT, **DAYS) == BUSY
        posted = await pos.call("sale.commit", sale_id="beside", lines=goods(500))
        assert posted["state"] == "posted"
        child.resume()
        assert (await preview(pos, MORE, beyond=0))["result"]["found"] >= 40


def children() -> list[psutil.Process]:
    """The preview's process, which this test's till has started."""
    found = []
    for one in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # it has ended meanwhile
            if "daemon.shop.preview_process" in one.cmdline():
                found.append(one)
    return found


async def test_a_preview_whose_process_is_killed_is_said_and_can_be_made_again(
    location: str, tmp_path: Path
) -> None:
    async with selling(tmp_path, location) as (_, pos):
        await pos.call("sale.commit", sale_id="s1", lines=goods(500))
        await pos.call("programme.preview", text=MORE, **DAYS)
        killed = children()
        for child in killed:
            child.suspend()
        for child in killed:
            child.kill()
        if killed:
            assert await refusal(pos, "programme.preview", text=MORE, beyond=99, **DAYS) == BUSY
        assert (await preview(pos, MORE))["result"]["sales"] == 1


async def test_a_preview_ends_with_the_till(location: str, tmp_path: Path) -> None:
    async with selling(tmp_path, location) as (_, pos):
        await pos.call("programme.preview", text=MORE, **DAYS)
        for child in children():
            child.suspend()
    assert children() == []


async def test_previews_by_the_shell(location: str, tmp_path: Path) -> None:
    async with selling(tmp_path, location) as (till, pos):
        await pos.call("sale.commit", sale_id="s1", card=PLASTIC, lines=goods(10_000))
        file = tmp_path / "new.toml"
        file.write_text(MORE, "utf-8")
        line = ["programme", "preview", str(file), "--from", "2026-11-01", "--to", "2026-11-30"]
        line += ["--socket", str(till.socket)]
        said = await asyncio.to_thread(tillcard, *line)
        assert said.exit_code == 0, said.output
        assert "discount: 10.00 → 15.00 (+5.00)" in said.stdout
        assert "would gain: s1 of 2026-11-23: 90.00 → 85.00" in said.stdout
        said = await asyncio.to_thread(tillcard, *line, "--json")
        assert said.exit_code == 0, said.output
        assert msgspec.json.decode(said.stdout)["result"]["changed"] == 1
        file.write_text("x", "utf-8")
        assert (await asyncio.to_thread(tillcard, *line)).exit_code == 1


async def test_a_preview_writes_nothing_and_reads_any_ledger(location: str, tmp_path: Path) -> None:
    async with selling(tmp_path, location) as (_, pos):
        await sell_at_random(pos, 5, 20)
    where = LEDGER if location == "ledger.db" else location
    heard: list[tuple[int, int]] = []
    with closing(open_store(where, tmp_path, read_only=True)) as store:
        before = audit(store)
        days = (1, (HandClock().now() + timedelta(days=400)).toordinal())
        sums = previewed(store, MORE, *days, 1_000, lambda *said: heard.append(said))
        assert audit(store) == before
    assert isinstance(sums, PreviewSums)
    assert heard[-1] == (sums.found, sums.found)


async def test_a_preview_that_takes_too_long_is_ended_and_said(tmp_path: Path) -> None:
    clock: Any = HandClock()  # of a shop, all that is asked here
    previews = Previews(clock, "none.db", tmp_path, limit_s=0.0)
    terms = msgspec.convert({"text": TEXT, "beyond": 0} | DAYS, PreviewTerms)
    making = asyncio.create_task(previews.run())
    with pytest.raises(RefusedError) as refusal:
        await previews.preview(terms)
    assert refusal.value.code is ErrorCode.TIMEOUT
    making.cancel()
    await asyncio.wait([making])
    assert children() == []


async def followed(previews: Previews, terms: PreviewTerms) -> Previewed:
    while (answer := await previews.preview(terms)).result is None:
        pass
    return answer


@pytest.mark.parametrize(
    "said",
    [b"nonsense", b"{}", b'{"done":"x"}', b"", b"x" * (LINE_BYTES_MAX + 1)],
    ids=["nonsense", "empty", "type", "nothing", "long"],
)
async def test_whatever_the_process_says_ends_no_till(said: bytes, tmp_path: Path) -> None:
    program = tmp_path / "said"
    program.write_bytes(said)

    async def saying() -> Process:
        return await asyncio.create_subprocess_exec(
            "cat", str(program), stdin=PIPE, stdout=PIPE, limit=LINE_BYTES_MAX
        )

    clock: Any = HandClock()
    previews = Previews(clock, "none.db", tmp_path, start=saying)
    terms = msgspec.convert({"text": TEXT, "beyond": 0} | DAYS, PreviewTerms)
    making = asyncio.create_task(previews.run())
    with pytest.raises(RefusedError) as refusal:
        await followed(previews, terms)
    assert refusal.value.code is ErrorCode.BUSY
    assert not making.done()
    making.cancel()
    await asyncio.wait([making])


async def test_of_previews_that_are_kept_the_oldest_is_forgotten_and_each_is_fresh_for_a_day(
    tmp_path: Path,
) -> None:
    clock: Any = HandClock()
    shop = tmp_path / "shop"
    async with selling(shop, "ledger.db"):
        pass
    previews = Previews(clock, LEDGER, shop)
    making = asyncio.create_task(previews.run())
    versions = []
    for n in range(KEPT_MAX + 1):
        text = TEXT.replace("percent = 10", f"percent = {n + 20}")
        terms = msgspec.convert({"text": text, "beyond": 0} | DAYS, PreviewTerms)
        versions.append((await followed(previews, terms)).version)
    assert [previews.is_fresh(one) for one in versions] == [False] + [True] * KEPT_MAX
    clock.move(days=1)
    assert previews.is_fresh(versions[-1])
    clock.move(seconds=1)
    assert not previews.is_fresh(versions[-1])
    making.cancel()
    await asyncio.wait([making])
