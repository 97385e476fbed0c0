"""What the accounts are told of cards, on every store and from the shell."""

import asyncio
import csv
import json
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.shops import HEAD
from tests.stores.test_card_batches import made, whole
from tests.support.clock import HandClock
from tests.support.commands import tillcard
from tests.support.till import PATIENCE_S, Pos, lay_out, open_till

__all__ = ["whole"]
DAY = "2026-11-23"
PROGRAMME = HEAD + '[[card]]\nkind = "sold"\nissue = { price = 1200 }\n'


async def a_life_of_three_cards(pos: Pos, clock: HandClock) -> None:
    """Receive three cards for 10.00 and 20 % tax; give one, sell one for 12.00, tear one."""
    terms = {"request_id": "b1", "count": 3, "kind": "sold", "total_cost": 1_000, "book": "10"}
    begun = await pos.call("batch.make", **terms, vat_bp=2_000, supplier="P", document="=No. 7")
    first, second, third = [card["number"] for card in await made(pos, begun["batch"])]
    given = {"override": {"by": "olha", "reason": "the first of all"}}
    await pos.call("card.issue", request_id="i1", number=first, by="anna", **given)
    line = {"line": 1, "sku": "card", "qty": 1, "unit_price": 1_200, "kind": "card"}
    await pos.call("sale.commit", sale_id="s1", lines=[line])
    clock.move(minutes=1)
    await pos.call("card.issue", request_id="i2", number=second, by="anna", sale_id="s1")
    torn = {"request_id": "d1", "kind": "D", "numbers": [third], "by": "olha", "reason": "torn"}
    await pos.call("act.make", **torn)


@pytest.mark.parametrize("language", ["en", "uk"])
async def test_each_event_is_posted_as_the_table_says(
    location: str, tmp_path: Path, language: str
) -> None:
    spoken = {"[till]\n": f'[till]\nlanguage = "{language}"\n'}
    lay_out(tmp_path, PROGRAMME, **{'"tillcard.db"': f'"{location}"'}, **spoken)
    out = tmp_path / "books.csv"
    clock = HandClock()
    async with open_till(tmp_path, clock) as till, Pos.connect(till.socket) as pos:
        await a_life_of_three_cards(pos, clock)
        posted: list[dict[str, Any]] = (await pos.call("report.books", day=DAY))["lines"]
        words = ("books", "--from", "2026-11-22", "--to", "2026-11-24")
        where = ("--socket", str(till.socket))
        async with asyncio.timeout(PATIENCE_S):
            written = await asyncio.to_thread(tillcard, *words, "--csv", str(out), *where)
            as_json = await asyncio.to_thread(tillcard, *words, "--json", *where)
        assert written.stdout == f"{out}: 7 lines\n"
        assert json.loads(as_json.stdout) == posted
        rest = await pos.call("report.books", day=DAY, start=6)
        assert (rest["lines"], rest["more"]) == (posted[6:], False)
    assert [(one["debit"], one["credit"], one["amount"]) for one in posted] == [
        ("10", "60", 1_000),
        ("19", "60", 200),
        ("44", "10", 333),
        ("62", "90.1", 1_200),
        ("90.3", "68", 200),
        ("90.2", "10", 333),
        ("94", "10", 334),
    ]
    assert {one["date"] for one in posted} == {DAY}
    raw = out.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbfdate;debit;")
    with out.open(newline="", encoding="utf-8-sig") as opened:
        rows = list(csv.DictReader(opened, delimiter=";"))
    assert rows[0]["amount"] == ("10,00" if language == "uk" else "10.00")
    assert rows[0]["document"] == "'=No. 7"


async def test_a_void_act_is_in_no_books(location: str, tmp_path: Path) -> None:
    lay_out(tmp_path, PROGRAMME, **{'"tillcard.db"': f'"{location}"'})
    clock = HandClock()
    async with open_till(tmp_path, clock) as till, Pos.connect(till.socket) as pos:
        await a_life_of_three_cards(pos, clock)
        who = {"by": "olha", "reason": "it was found"}
        await pos.call("act.void", request_id="v1", act="D-2026-000001", **who)
        posted = (await pos.call("report.books", day=DAY))["lines"]
    assert "94" not in {one["debit"] for one in posted}
