"""Closings: signed, without gaps, and in all what the ledger has."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from daemon.ledger.audit import audit
from daemon.ledger.closing_sums import (
    SignedClosing,
)
from daemon.ledger.storage.registry import open_store
from tests.scenarios.shops import HEAD, goods, refusal
from tests.scenarios.staff import KNOWN
from tests.stores.test_audit_of_the_schema import Editor
from tests.support.clock import HandClock
from tests.support.commands import tillcard
from tests.support.postgres import PostgresServer
from tests.support.processes import daemon_of
from tests.support.till import LEDGER, PLASTIC, Pos, begin_ledger, lay_out, open_till

RULES = """
[[purse]]
id = "bonus"
unit = "UAH"
[[lane]]
id = "card"
[[lane]]
id = "more"
[[rule]]
id = "ten"
lane = "card"
when = { card.kind = "plastic" }
give = { percent = 10 }
[[rule]]
id = "asked"
lane = "more"
give = { percent = { max = 5 } }
[[rule]]
id = "word"
lane = "more"
when = { codes = "hello" }
give = { percent = 1 }
[[rule]]
id = "earn"
give = { earn = "bonus", percent = 1 }
[[rule]]
id = "burn"
give = { burn = "bonus" }
"""
ASKED = {"ask.asked": 5, "ask.asked.reason": "a stain on it"}
OVERRIDE = {"by": "senior", "reason": "she knows the customer"}
SUMMED = ("list_total", "discount", "net", "paid", "burned", "earned")


@pytest.fixture
def home(location: str, tmp_path: Path) -> Path:
    """The folder of a till on this store."""
    home = tmp_path / "home"
    here = location == "ledger.db"
    lay_out(home, HEAD + RULES, **({} if here else {f'"{LEDGER}"': f'"{location}"'}))
    begin_ledger(home)
    return home


@asynccontextmanager
async def selling(home: Path, clock: HandClock | None = None) -> AsyncIterator[Pos]:
    async with open_till(home, clock or HandClock()) as till, Pos.connect(till.socket) as pos:
        yield pos


async def close(pos: Pos, request_id: str) -> Any:
    return await pos.call("day.close", request_id=request_id, by="olha")


def in_ledger(home: Path, location: str) -> dict[str, Counter[str]]:
    """What the facts of each ledger come to, after an audit of all."""
    where = LEDGER if location == "ledger.db" else location
    with closing(open_store(where, home, read_only=True)) as store:
        assert audit(store).findings == ()
    with closing(Editor(where, home)) as editor:
        names = ("ledger_id", "kind", *SUMMED)
        rows = editor.run(f"SELECT {', '.join(names)} FROM fact")
    sums: dict[str, Counter[str]] = {}
    for ledger_id, kind, *figures in rows:
        of = sums.setdefault(ledger_id, Counter())
        of["sales" if kind == "sale" else "returns"] += 1
        for name, figure in zip(SUMMED, figures, strict=True):
            of[name] += figure
    return sums


async def closed(pos: Pos) -> Counter[str]:
    """What a till's closings come to; on the way their numbers and runs are held to have no gap."""
    listed = (await pos.call("day.closings", limit=500))["closings"]
    assert [one["number"] for one in listed] == list(range(1, len(listed) + 1))
    total: Counter[str] = Counter()
    last = 0
    for one in listed:
        shown = await pos.call("day.closing", closing=one["closing"])
        assert msgspec.convert(shown, SignedClosing).is_signed
        assert shown["first"] == last + 1
        last = shown["last"]
        sums = shown["sums"]
        total["sales"] += sums["sales"]
        total["returns"] += sums["returns"]
        for name in SUMMED:
            total[name] += sums["in_all"][name]
        assert sum(sums["rules"].values()) == sums["in_all"]["discount"]
    return total


# What a closing says.


async def test_a_closing_says_what_was_sold_given_asked_and_overridden(
    home: Path, location: str
) -> None:
    async with selling(home) as pos:
        opened = await close(pos, "z0")
        card = {"card": PLASTIC, "cashier": "anna"}
        await pos.call("sale.commit", sale_id="s1", lines=goods(10_000), **card)
        facts = {"facts": ASKED}
        await pos.call("sale.commit", sale_id="s2", lines=goods(1_000), cashier="anna", **facts)
        codes = {"codes": ["hello"]}
        await pos.call("sale.commit", sale_id="s3", lines=goods(2_000), cashier="anna", **codes)
        paid = {"burn": {"bonus": 50}, "override": OVERRIDE}
        await pos.call("sale.commit", sale_id="s4", lines=goods(1_000), **card, **paid)
        await pos.call("sale.return", return_id="r1", sale_id="s1", whole=True)
        await pos.call("card.issue", request_id="i1", number="2900000000025", by="anna")
        made = await close(pos, "z1")
        assert (opened["closing"], made["closing"]) == ("Z-till-1-000001", "Z-till-1-000002")
        assert (made["first"], made["by"], made["day"]) == (
            opened["last"] + 1,
            "olha",
            "2026-11-23",
        )
        sums = made["sums"]
        assert (sums["sales"], sums["returns"]) == (4, 1)
        # Lists 100.00, 10.00, 20.00, 10.00; off 10.00, 0.50, 0.20, 1.00; 100.00 come back.
        assert sums["in_all"] | {"earned": 0} == {
            "list_total": 4_000,
            "discount": 170,
            "net": 3_830,
            "paid": 3_780,
            "burned": 50,
            "earned": 0,
        }
        assert (sums["returned"]["list_total"], sums["returned"]["net"]) == (-10_000, -9_000)
        assert sums["rules"] == {"asked": 50, "ten": 100, "word": 20}
        assert sums["overrides"] == [OVERRIDE | {"count": 1, "rule": "", "minor": 0}]
        [asked] = sums["asked"]
        assert asked == {
            "by": "anna",
            "reason": "a stain on it",
            "count": 1,
            "rule": "asked",
            "minor": 50,
        }
        assert (sums["codes_used"], sums["codes_issued"], sums["cards_issued"]) == (1, 0, 1)
        assert await closed(pos) == next(iter(in_ledger(home, location).values()))


async def test_a_closing_that_is_asked_for_twice_is_made_once(home: Path) -> None:
    async with selling(home) as pos:
        made = await close(pos, "z1")
        assert await close(pos, "z1") == made | {"replayed": True}
        other = {"request_id": "z1", "by": "maria"}
        assert await refusal(pos, "day.close", **other) == (1001, "id_reused")
        both = await asyncio.gather(close(pos, "z2"), _again(home, pos))
        assert both[0]["closing"] == "Z-till-1-000002"
        assert len((await pos.call("day.closings"))["closings"]) == 2


async def _again(home: Path, pos: Pos) -> None:
    async with Pos.connect(home / "pos.sock") as other:
        await close(other, "z2")


async def test_the_first_closing_after_a_closing_has_that_one_s_entry_and_nothing_else(
    home: Path,
) -> None:
    async with selling(home) as pos:
        first = await close(pos, "z1")
        second = await close(pos, "z2")
        assert second["first"] == second["last"] == first["last"] + 1
        assert second["sums"]["sales"] == 0


# They come to the ledger.


@pytest.mark.parametrize("seed", range(3))
async def test_closings_come_to_what_the_ledger_has(seed: int, home: Path, location: str) -> None:
    chance = random.Random(seed)
    clock = HandClock()
    async with selling(home, clock) as pos:
        await _days(pos, chance, clock, "s")
        await close(pos, "last")
        assert await closed(pos) == next(iter(in_ledger(home, location).values()))


async def _days(pos: Pos, chance: random.Random, clock: HandClock | None, name: str) -> None:
    """Sell, take back and close at random; the clock moves on, over midnights too."""
    whole: list[str] = []
    for n in range(40):
        what = chance.random()
        if what < 0.15:
            await close(pos, f"{name}-z{n}")
        elif what < 0.35 and whole:
            back = whole.pop(chance.randrange(len(whole)))
            await pos.call("sale.return", return_id=f"{name}-r{n}", sale_id=back, whole=True)
        else:
            whole.append(f"{name}-{n}")
            more: dict[str, Any] = {"card": PLASTIC} if chance.random() < 0.6 else {}
            if chance.random() < 0.3:
                more["facts"] = ASKED
            prices = [chance.randrange(1, 50_000) for _ in range(chance.randrange(1, 4))]
            await pos.call("sale.commit", sale_id=whole[-1], lines=goods(*prices), **more)
        if clock is not None:
            clock.move(hours=chance.randrange(9))


async def test_tills_of_one_server_close_their_own_ledgers_at_the_same_time(
    postgres: PostgresServer, postgres_template: str, tmp_path: Path
) -> None:
    address = postgres.new_database(postgres_template)
    async with AsyncExitStack() as tills:
        tellers = []
        for n in range(3):
            home = tmp_path / f"till-{n}"
            names = {f'"{LEDGER}"': f'"{address}"', "till-1": f"till-{n}"}
            lay_out(home, HEAD + RULES, **names)
            tellers.append(await tills.enter_async_context(selling(home)))
        chances = (random.Random(n) for n in range(3))
        days = (
            _days(pos, chance, None, f"t{n}")
            for n, (pos, chance) in enumerate(zip(tellers, chances, strict=True))
        )
        await asyncio.gather(*days)
        ledgers = (await tellers[0].call("day.closings"))["ledgers"]
        kept = in_ledger(tmp_path / "till-0", address)
        assert sorted(kept) == ledgers
        for n, pos in enumerate(tellers):
            last = await close(pos, "last")
            assert last["closing"].startswith(f"Z-till-{n}-")
            assert await closed(pos) == kept[last["ledger_id"]]
            shown = {"closing": last["closing"], "ledger": last["ledger_id"]}
            assert await tellers[0].call("day.closing", **shown) == {
                name: value for name, value in last.items() if name != "replayed"
            }


@pytest.mark.parametrize("seed", range(2))
async def test_a_till_that_is_killed_while_it_closes_goes_on_without_a_gap(
    seed: int, home: Path, location: str
) -> None:
    chance = random.Random(seed)
    for life in range(3):
        async with daemon_of(home) as daemon:
            ringing = asyncio.create_task(_until_killed(home, f"l{life}"))
            with suppress(ConnectionError):
                async with Pos.connect(home / "pos.sock") as pos:
                    for n in range(chance.randrange(2, 6)):
                        await close(pos, f"l{life}-{n}")
                    cut = asyncio.create_task(close(pos, f"l{life}-cut"))
                    await asyncio.wait([cut], timeout=chance.random() / 50)
                    daemon.kill()
                    await asyncio.gather(cut, return_exceptions=True)
            await ringing
    async with daemon_of(home), Pos.connect(home / "pos.sock") as pos:
        for life in range(3):  # what was cut off is asked for again, and is there once
            await close(pos, f"l{life}-cut")
        await close(pos, "last")
        total = await closed(pos)
    assert total == next(iter(in_ledger(home, location).values()))


async def _until_killed(home: Path, name: str) -> None:
    with suppress(ConnectionError):
        async with Pos.connect(home / "pos.sock") as pos:
            for n in range(10_000):
                await pos.call("sale.commit", sale_id=f"{name}-{n}", lines=goods(1_000 + n))


# An audit makes them again.


async def test_a_row_of_a_closing_that_was_changed_or_removed_is_found(
    home: Path, location: str
) -> None:
    async with selling(home) as pos:
        await close(pos, "z1")
    where = LEDGER if location == "ledger.db" else location
    for statement in ("UPDATE closing SET number = 7", "DELETE FROM closing"):
        with closing(Editor(where, home)) as editor:
            editor.run(statement)
        with closing(open_store(where, home, read_only=True)) as store:
            assert not audit(store).whole


# Who reads them, and how they look.


async def test_owners_and_accountants_read_all_closings_and_managers_their_stores(
    tmp_path: Path,
) -> None:
    lay_out(tmp_path, **KNOWN)
    async with selling(tmp_path) as pos:
        for name, role, stores in (
            ("owner", "owner", []),
            ("senior", "senior", []),
            ("books", "accountant", []),
            ("near", "manager", []),
            ("far", "manager", ["7"]),
        ):
            said = {"name": name, "role": role, "stores": stores, "by": "owner"}
            await pos.call("operator.add", request_id=name, **said)
        made = await pos.call("day.close", request_id="z", by="senior")
        for reader in ("owner", "books", "near"):
            shown = await pos.call("day.closing", closing=made["closing"], reader=reader)
            assert shown["closing"] == made["closing"]
            assert len((await pos.call("day.closings", reader=reader))["closings"]) == 1
        assert (await pos.call("day.closings", reader="far"))["closings"] == []
        refused = (1040, "permission")
        show = {"closing": made["closing"]}
        assert await refusal(pos, "day.closing", reader="far", **show) == refused
        for reader in ("senior", "", "nobody"):
            assert await refusal(pos, "day.closing", reader=reader, **show) == refused
            assert await refusal(pos, "day.closings", reader=reader) == refused


async def test_closings_by_the_shell(home: Path, tmp_path: Path) -> None:
    async with selling(home) as pos:
        await pos.call("sale.commit", sale_id="s1", lines=goods(10_000), card=PLASTIC)

        async def shell(*words: str, status: int = 0) -> str:
            line = ("closings", *words, "--socket", str(home / "pos.sock"))
            said = await asyncio.to_thread(tillcard, *line)
            assert said.exit_code == status, said.output
            return said.stdout

        said = await shell("close", "--by", "olha")
        assert "Z-till-1-000001: entries 1 to" in said
        assert "Discount: 10.00" in said
        await shell("close", "--by", "olha", "--json")
        listed = msgspec.json.decode(await shell("list", "--json"))
        assert [one["closing"] for one in listed] == ["Z-till-1-000001", "Z-till-1-000002"]
        assert "1 sales, 0 returns, net 90.00  by olha" in await shell("list")
        name, files = listed[0]["closing"], [tmp_path / f"{n}.pdf" for n in "ab"]
        for file in files:
            await shell("show", name, "--pdf", str(file), "--language", "uk")
        assert files[0].read_bytes() == files[1].read_bytes()
        assert files[0].read_bytes().startswith(b"%PDF")
        await shell("show", name, "--out", str(tmp_path / "z.json"))
        shown = msgspec.json.decode((tmp_path / "z.json").read_bytes())
        assert shown == msgspec.json.decode(await shell("show", name, "--json"))
        assert msgspec.convert(shown, SignedClosing).is_signed
        await shell("show", name, "--out", str(tmp_path / "z.json"), status=1)
        await shell("show", "Z-till-1-000009", status=1)


# The till sells on.


async def test_what_is_sold_while_a_closing_is_made_is_in_it_or_in_the_next(
    home: Path, location: str
) -> None:
    async with selling(home) as pos, Pos.connect(home / "pos.sock") as other:
        for n in range(30):
            await pos.call("sale.commit", sale_id=f"a{n}", lines=goods(1_000 + n))
        sold = [
            other.call("sale.commit", sale_id=f"b{n}", lines=goods(2_000 + n)) for n in range(1)
        ]
        await asyncio.gather(close(pos, "z1"), *sold)
        await close(pos, "z2")
        assert await closed(pos) == next(iter(in_ledger(home, location).values()))
