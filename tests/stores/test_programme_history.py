"""Which programmes were in force, how to go back to one, and what an activation asks for."""

import asyncio
from contextlib import closing
from itertools import islice, product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.ledger.audit import audit
from daemon.ledger.storage.registry import open_store
from daemon.shop.programme_history import DIFFERENCE_LINES_MAX, difference
from tests.scenarios.shops import HEAD, goods, refusal
from tests.stores.test_preview import DAYS, preview, selling
from tests.support.clock import HandClock
from tests.support.commands import tillcard
from tests.support.till import LEDGER, PLASTIC, Pos

RULE = '[[lane]]\nid = "card"\n[[rule]]\nid = "off"\nlane = "card"\ngive = { percent = 10 }\n'
OLD, NEW = HEAD + RULE, HEAD + RULE.replace("10", "20")
NOT_TRIED = (1022, "needs_override")


async def activate(pos: Pos, request_id: str, text: str, **more: Any) -> Any:
    terms = {"request_id": request_id, "text": text, "by": "olha"} | more
    return await pos.call("programme.activate", **terms)


async def test_a_programme_is_rolled_back_and_both_stay_in_the_history(
    location: str, tmp_path: Path
) -> None:
    clock = HandClock()
    async with selling(tmp_path, location, OLD, clock) as (_, pos):
        old = (await pos.call("programme.show"))["version"]
        clock.move(days=1)
        new = (await activate(pos, "p1", NEW, reason="a sale week"))["version"]
        sale = {"card": PLASTIC, "lines": goods(10_000)}
        assert (await pos.call("sale.commit", sale_id="s1", **sale))["total"] == 8_000
        clock.move(days=1)
        text = (await pos.call("programme.version", version=old))["text"]
        assert text == OLD
        back = await activate(pos, "p2", text, by="maria", reason="too much was given")
        assert back["version"] == old
        assert (await pos.call("sale.commit", sale_id="s2", **sale))["total"] == 9_000
        returned = await pos.call("sale.return", return_id="r", sale_id="s1", whole=True)
        assert returned["refund"] == 8_000, "as it was priced"
        told = await pos.call("programme.history")
        assert told["next"] == 0
        assert [
            (one["version"], one["by"], one["reason"], one["in_force"], one["added"])
            for one in told["versions"]
        ] == [
            (old, "maria", "too much was given", True, 1),
            (new, "olha", "a sale week", False, 1),
            (old, "file till-1", "", False, len(OLD.splitlines())),
        ]
        assert [one["removed"] for one in told["versions"]] == [1, 1, 0]
        assert [one["at"][:10] for one in told["versions"]] == [
            "2026-11-25",
            "2026-11-24",
            "2026-11-23",
        ]
        other = await pos.call("programme.version", version=new, against=old)
        assert [line for line in other["difference"] if line[0] in "+-"][2:] == [
            "-give = { percent = 10 }",
            "+give = { percent = 20 }",
        ]
        first = await pos.call("programme.history", limit=2)
        rest = await pos.call("programme.history", limit=2, before=first["next"])
        assert first["versions"] + rest["versions"] == told["versions"]
    with closing(
        open_store(LEDGER if location == "ledger.db" else location, tmp_path, read_only=True)
    ) as store:
        assert audit(store).findings == ()


async def test_an_activation_asks_for_a_preview_not_older_than_a_day_or_a_reason(
    location: str, tmp_path: Path
) -> None:
    clock = HandClock()
    async with selling(tmp_path, location, OLD, clock) as (_, pos):
        asked = {"request_id": "p1", "text": NEW, "by": "olha"}
        for reason in ("", " ", "…"):
            assert await refusal(pos, "programme.activate", **asked, reason=reason) == NOT_TRIED
        await preview(pos, OLD)  # another text is no preview of this one
        assert await refusal(pos, "programme.activate", **asked, reason="") == NOT_TRIED
        await preview(pos, NEW)
        clock.move(days=1, seconds=1)
        assert await refusal(pos, "programme.activate", **asked, reason="") == NOT_TRIED
        await preview(pos, NEW)
        clock.move(days=1)
        done = await activate(pos, "p1", NEW, reason="")
        clock.move(days=2)  # sent again it is answered again, whatever is old by then
        assert await activate(pos, "p1", NEW, reason="") == done | {"replayed": True}
        assert (await activate(pos, "p2", OLD, reason="as it was"))["replayed"] is False


async def test_a_version_that_was_never_in_force_is_said_to_be_none(
    location: str, tmp_path: Path
) -> None:
    async with selling(tmp_path, location, OLD) as (_, pos):
        version = (await pos.call("programme.show"))["version"]
        wrong = (-32602, "invalid_params")
        assert await refusal(pos, "programme.version", version="x") == wrong
        assert await refusal(pos, "programme.version", version=version, against="x") == wrong


async def test_history_and_roll_back_by_the_shell(location: str, tmp_path: Path) -> None:
    async with selling(tmp_path, location, OLD) as (till, pos):
        old = (await pos.call("programme.show"))["version"]
        file = tmp_path / "new.toml"
        file.write_text(NEW, "utf-8")

        async def shell(*words: str, status: int = 0) -> str:
            line = (*words, "--socket", str(till.socket))
            said = await asyncio.to_thread(tillcard, *line)
            assert said.exit_code == status, said.output
            return said.stdout + said.stderr

        said = await shell("check", str(file), "--activate", "--by", "olha", status=1)
        assert "Preview this programme first" in said
        days = ("--from", DAYS["from"], "--to", DAYS["to"])
        await shell("programme", "preview", str(file), *days)
        await shell("check", str(file), "--activate", "--by", "olha")
        new = (await pos.call("programme.show"))["version"]
        assert await shell("programme", "show", old) == OLD
        different = await shell("programme", "show", new, "--against", old)
        assert "+give = { percent = 20 }" in different
        await shell("programme", "roll-back", old, "--by", "maria", status=1)
        await shell("programme", "roll-back", old, "--by", "maria", "--reason", "too much")
        assert (await pos.call("programme.show"))["version"] == old
        newest, *_ = (await shell("programme", "history")).splitlines()
        assert newest.startswith(old)
        assert newest.endswith("by maria: too much  in force")
        await shell("programme", "history", "--json")


LINES = st.lists(st.sampled_from(["a", "b", "c", ""]), max_size=12)


@given(LINES, LINES)
def test_a_difference_makes_the_one_text_of_the_other(before: list[str], after: list[str]) -> None:
    told = difference("\n".join(before), "\n".join(after))
    kept = [line for line in told if not line.startswith(("---", "+++", "@@"))]
    added = sum(line.startswith("+") for line in kept)
    removed = sum(line.startswith("-") for line in kept)
    old, new = "\n".join(before).splitlines(), "\n".join(after).splitlines()
    assert len(new) - len(old) == added - removed
    assert (told == []) is (old == new)


@pytest.mark.parametrize("count", [2_001, 64_000])
def test_the_difference_of_long_texts_takes_no_time(count: int) -> None:
    before = "same\n" + "\n".join(f"{n % 97}" for n in range(count))
    after = "same\n" + "\n".join(f"{n % 89}" for n in range(count))
    told = difference(before, after)
    assert "-same" not in told
    assert len(told) <= 2 * count


async def test_of_a_long_difference_the_first_lines_are_told_and_how_many_more(
    location: str, tmp_path: Path
) -> None:
    names = islice(map("".join, product("abcdefghijk", repeat=3)), DIFFERENCE_LINES_MAX // 4 + 10)
    rule = '[[rule]]\nid = "{}"\nlane = "card"\ngive = {{ percent = 1 }}\n'
    long = OLD + "".join(rule.format(name) for name in names)
    async with selling(tmp_path, location, OLD) as (_, pos):
        old = (await pos.call("programme.show"))["version"]
        new = (await activate(pos, "p", long))["version"]
        told = await pos.call("programme.version", version=new, against=old)
        assert len(told["difference"]) == DIFFERENCE_LINES_MAX
        assert told["more"] > 0
