"""A customer is found by a card, the end of a telephone, an e-mail or beginnings of the name."""

import asyncio
import json
from typing import Any

import pytest

from daemon.app.running import App
from tests.scenarios.shops import FRIEND, account_of, refusal
from tests.support.commands import tillcard
from tests.support.pos import refused
from tests.support.till import PLASTIC, Pos

OLENA, OLEKSII = "Олена Дем'янчук", "Олексій Дем{}яненко".format("\u2019")
PEOPLE = {
    OLENA: {"phone": "+380671234567", "email": "Olena@Example.com"},
    OLEKSII: {"phone": "+380501234567"},
    "Zofia Wiśniewska": {"email": "zofia@example.pl", "birthday": "1987-11-24"},
}


async def names(pos: Pos, text: str, **more: Any) -> list[str]:
    found = await pos.call("customer.find", text=text, **more)
    return [one["name"] for one in found["customers"]]


@pytest.fixture(autouse=True)
async def people(pos: Pos) -> list[str]:
    accounts = []
    for n, (name, known) in enumerate(PEOPLE.items()):
        terms = {"request_id": f"i{n}", "profile": {"name": name} | known}
        accounts.append((await pos.call("card.issue", **terms))["account"])
    return accounts


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("олена", [OLENA]),
        ("ОЛ", [OLEKSII, OLENA]),
        ("Дем{}янч".format("\u02bc"), [OLENA]),
        ("демян ол", [OLEKSII, OLENA]),
        ("wisniewska", ["Zofia Wiśniewska"]),
        ("Wiśn zof", ["Zofia Wiśniewska"]),
        ("олена zof", []),
        ("лена", []),
        ("45 67", [OLEKSII, OLENA]),
        ("067 123 45 67", [OLENA]),
        ("567", []),
        ("olena@example.com", [OLENA]),
        ("ZOFIA@", ["Zofia Wiśniewska"]),
        ("example.com", []),
        ("nobody", []),
    ],
)
async def test_whom_a_text_means(pos: Pos, text: str, found: list[str]) -> None:
    assert await names(pos, text) == found


async def test_a_card_s_number_finds_its_customer_whole(pos: Pos) -> None:
    assert await names(pos, PLASTIC) == ["Olena"]
    found = await pos.call("customer.find", text=PLASTIC)
    account = await account_of(pos, PLASTIC)
    [one] = found["customers"]
    shown = {"name": "Olena", "phone": "", "birthday": "", "cards": ["2900…0018"]}
    assert one == {"account": account, "notice": ""} | shown
    zofia = (await pos.call("customer.find", text="zofia"))["customers"][0]
    assert (zofia["birthday"], zofia["phone"]) == ("1987-11-24", "")
    olena = (await pos.call("customer.find", text="олена"))["customers"][0]
    assert olena["phone"] == "+380…4567"


async def test_who_changes_their_name_is_found_by_the_new_one_alone(pos: Pos) -> None:
    terms = {"request_id": "u", "card": PLASTIC, "answers": {"name": "Olga", "phone": "0671112233"}}
    await pos.call("customer.update", **terms)
    assert await names(pos, "olena") == []
    assert await names(pos, "olga") == await names(pos, "112233") == ["Olga"]


async def test_what_was_not_brought_is_said(pos: Pos) -> None:
    found = await pos.call("customer.find", text="демян", limit=1)
    assert (len(found["customers"]), found["more"]) == (1, True)
    assert (await pos.call("customer.find", text="демян", limit=2))["more"] is False
    wrong = (-32602, "invalid_params")
    for terms in ({"limit": 51}, {"limit": 0}, {"text": "!"}, {"text": "x" * 501}):
        assert await refusal(pos, "customer.find", **{"text": "a"} | terms) == wrong


async def test_guessing_at_cards_by_searching_is_slowed_down(pos: Pos) -> None:
    for _ in range(5):
        assert await names(pos, FRIEND) == []
    error = await refused(pos, "customer.find", text=FRIEND)
    assert error.data["name"] == "rate_limited"


async def test_the_command_finds_the_same(till: App) -> None:
    where = ("--socket", str(till.socket))

    async def find(*words: str) -> str:
        result = await asyncio.to_thread(tillcard, "customers", "find", *words, *where)
        assert result.exit_code == 0
        return result.stdout

    assert "Zofia Wiśniewska  1987-11-24" in await find("zof", "wis")
    assert (await find("демян", "--limit", "1")).endswith("say more of whom you look for.\n")
    [one] = json.loads(await find("олена", "--json"))["customers"]
    assert one["name"] == OLENA
