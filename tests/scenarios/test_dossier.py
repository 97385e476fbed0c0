"""A customer's dossier has all that is known: the person, the cards, the books, by the page."""

import asyncio
import json
from pathlib import Path
from typing import Any

from daemon.app.running import App
from tests.scenarios.shops import FRIEND, account_of, goods, override, refusal
from tests.scenarios.test_customers import PASSPORT, ask, update
from tests.support.commands import tillcard
from tests.support.till import PLASTIC, Pos

CONSENT: dict[str, Any] = {"consents": ["personal_data"]}


async def show(pos: Pos, **terms: Any) -> Any:
    return await pos.call("customer.show", **({"card": PLASTIC} | terms))


async def test_a_dossier_says_who_it_is_and_names_what_it_does_not_show(pos: Pos) -> None:
    version = await ask(pos, PASSPORT)
    answers = {"passport": "AB123456", "size": 42, "likes": ["tea"]}
    await update(pos, card=PLASTIC, answers=answers, tags=["vip"], language="uk", **CONSENT)
    known = await show(pos)
    assert known["account"] == await account_of(pos, PLASTIC)
    assert known["answers"] == {"name": "Olena", "tags": ["vip"], "size": 42, "likes": ["tea"]}
    assert known["sensitive"] == ["passport"]
    [consent] = known["consents"]
    assert (consent["purpose"], consent["given"]) == ("personal_data", True)
    assert (consent["text_version"], consent["language"]) == (version, "uk")
    assert "AB123456" not in json.dumps(known)


async def test_a_dossier_has_every_card_and_every_balance_with_its_last_day(pos: Pos) -> None:
    await pos.call("card.issue", request_id="i", number=FRIEND, with_card=PLASTIC, **override())
    await pos.call("sale.commit", sale_id="s1", card=PLASTIC, lines=goods(60_000))
    balances = (await pos.call("card.show", card=PLASTIC))["balances"]
    known = await show(pos, card=FRIEND)
    assert sorted(card["number"] for card in known["cards"]) == [PLASTIC, FRIEND]
    assert {card["state"] for card in known["cards"]} == {"active"}
    assert balances["bonus"]["available"] > 0
    for purse, there in balances.items():
        state = known["balances"][purse]
        assert {name: state[name] for name in ("available", "pending")} == there
        assert sum(lot["amount"] for lot in state["lots"]) == sum(there.values())
        assert all(lot["until"] == "" or lot["until"] > "2026-11-22" for lot in state["lots"])


async def test_sales_and_entries_come_newest_first_and_page_by_page(pos: Pos) -> None:
    for n in range(5):
        sale = {"sale_id": f"s{n}", "card": PLASTIC, "lines": goods(1_000 + n), "cashier": "anna"}
        await pos.call("sale.commit", **sale)
    await pos.call("sale.return", return_id="r1", sale_id="s0", whole=True)
    whole = await show(pos, limit=100)
    assert (whole["more_entries"], whole["more_sales"]) == (False, False)
    assert [one["sale_id"] for one in whole["sales"]] == ["s0", "s4", "s3", "s2", "s1", "s0"]
    back, last, first = whole["sales"][0], whole["sales"][1], whole["sales"][-1]
    assert (back["kind"], back["net"], last["kind"]) == ("return", -first["net"], "sale")
    assert [(line["sku"], line["net"]) for line in last["lines"]] == [("sku-1", last["net"])]
    moved = [entry for entry in whole["entries"] if entry["moves"]]
    assert [entry["kind"] for entry in moved] == ["return", *["sale"] * 5]
    assert moved[1]["said"]["cashier"] == "anna"
    assert whole["entries"][-1]["kind"] == "card"
    seen: dict[str, list[Any]] = {"entries": [], "sales": []}
    page: dict[str, Any] = {"limit": 2}
    for _ in range(10):
        found = await show(pos, **page)
        for what, lines in seen.items():
            lines += found[what]
            if found[what]:
                page[f"{what}_after"] = found[what][-1]["place"]
    assert seen == {"entries": whole["entries"], "sales": whole["sales"]}
    assert (await show(pos, limit=0))["entries"] == []


async def test_who_is_not_there_and_what_is_no_place_are_refused(pos: Pos) -> None:
    assert await refusal(pos, "customer.show", account="a0") == (1010, "card_unknown")
    wrong = (-32602, "invalid_params")
    for terms in ({"limit": 101}, {"entries_after": "x"}, {"sales_after": "1 a -1"}, {"card": ""}):
        assert await refusal(pos, "customer.show", **({"card": PLASTIC} | terms)) == wrong


async def test_the_command_shows_the_same(pos: Pos, till: App) -> None:
    await pos.call("sale.commit", sale_id="s1", card=PLASTIC, lines=goods(60_000))

    async def command(*words: str) -> str:
        where = ("--socket", str(till.socket))
        result = await asyncio.to_thread(tillcard, "customers", "show", *words, *where)
        assert result.exit_code == 0, result.stderr
        return result.stdout

    assert json.loads(await command(PLASTIC, "--json")) == await show(pos)
    lines = (await command(PLASTIC)).splitlines()
    assert "  name: Olena" in lines
    assert f"  card {PLASTIC}  plastic  active" in lines


async def test_a_person_is_given_all_that_is_known_of_them(
    pos: Pos, till: App, tmp_path: Path
) -> None:
    await ask(pos, PASSPORT)
    await update(pos, card=PLASTIC, answers={"passport": "AB123456"}, **CONSENT)
    issued = await pos.call("card.issue", request_id="i", number=FRIEND)
    for n in range(3):
        await pos.call("sale.commit", sale_id=f"s{n}", card=FRIEND, lines=goods(1_000))
    keep = await account_of(pos, PLASTIC)
    terms = {"keep": keep, "drop": issued["account"], "by": "olha", "reason": "one person"}
    await pos.call("customer.merge", request_id="m", **terms)
    for n in range(120):
        await update(pos, f"t{n}", account=keep, tags=[str(n)])

    async def export(*words: str) -> tuple[int, str, str]:
        where = ("--by", "olha", "--socket", str(till.socket), *words)
        result = await asyncio.to_thread(tillcard, "customers", "export", PLASTIC, *where)
        return result.exit_code, result.stdout, result.stderr

    code, out, _ = await export("--out", str(tmp_path))
    file = tmp_path / f"{keep}.json"
    assert (code, out) == (0, f"{file}\n")
    assert file.stat().st_mode & 0o777 == 0o600
    known = json.loads(file.read_text("utf-8"))
    assert known["private"] == {"passport": "AB123456"}
    assert known["answers"]["name"] == "Olena"
    assert known["others"] == [issued["account"]]
    assert sum(entry["kind"] == "customer" for entry in known["entries"]) == 121
    assert [sale["sale_id"] for sale in known["sales"]] == ["s2", "s1", "s0"]
    places = [entry["place"] for entry in known["entries"]]
    assert len(places) == len(set(places))
    code, _, said = await export("--out", str(tmp_path))
    assert (code, said) == (1, f"{file} is there already; name another folder\n")
    code, _, said = await export("--out", str(tmp_path / "none"))
    assert (code, "there is no folder" in said) == (1, True)


async def test_others_entries_are_not_exported_with_it(pos: Pos) -> None:
    issued = await pos.call("card.issue", request_id="i", number=FRIEND)
    terms = {"card": PLASTIC, "by": "olha", "of": issued["account"]}
    assert await refusal(pos, "customer.export", **terms) == (-32602, "invalid_params")
