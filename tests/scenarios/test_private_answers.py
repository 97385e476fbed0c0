"""Answers to sensitive questions are shown to few, with a reason that is kept, and nowhere else."""

import asyncio
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from daemon.app.running import App
from daemon.base.permissions import OperatorRole
from daemon.ledger.storage.sqlite import SQLiteStore
from tests.scenarios.shops import FRIEND, HEAD, account_of, goods, refusal
from tests.scenarios.staff import PERMISSION, approval
from tests.scenarios.test_customers import CONSENT, PASSPORT, ask, update
from tests.support.commands import tillcard
from tests.support.till import PLASTIC, Pos

SECRET = "AB123456"
WHY = "the passport was checked"


async def know(pos: Pos) -> None:
    """Write a passport's number into Olena's questionnaire."""
    await ask(pos, PASSPORT)
    await update(pos, card=PLASTIC, answers={"passport": SECRET, "size": 42}, **CONSENT)


async def look(pos: Pos, by: str = "maria", **more: Any) -> Any:
    return await pos.call("customer.private", card=PLASTIC, by=by, reason=WHY, **more)


async def test_who_looks_says_why_and_the_entry_has_all_but_the_answers(
    pos: Pos, tmp_path: Path
) -> None:
    await know(pos)
    account = await account_of(pos, PLASTIC)
    assert await look(pos) == {"account": account, "answers": {"passport": SECRET}}
    entry = (await pos.call("customer.show", card=PLASTIC, limit=1))["entries"][0]
    assert entry["said"] == {
        "event": "shown",
        "fields": ["passport"],
        "by": "maria",
        "reason": WHY,
    }
    assert entry["at"] == "2026-11-23T08:00:00.000000Z"
    with closing(SQLiteStore(tmp_path / "tillcard.db", read_only=True)) as store:
        assert SECRET.encode() not in b"".join(chained.body for chained in store.entries())


@pytest.mark.parametrize("missing", ["by", "reason"])
async def test_nobody_looks_without_a_name_and_a_reason(pos: Pos, missing: str) -> None:
    await know(pos)
    said = {"by": "maria", "reason": WHY}
    for wrong in ({}, {missing: ""}, {missing: "…"}):
        params = {name: text for name, text in said.items() if name != missing} | wrong
        assert await refusal(pos, "customer.private", card=PLASTIC, **params) == (
            -32602,
            "invalid_params",
        )
    unknown = {"account": "a0"} | said
    assert await refusal(pos, "customer.private", **unknown) == (1010, "card_unknown")
    assert (await pos.call("customer.show", card=PLASTIC))["entries"][0]["said"]["event"] == (
        "changed"
    )


async def test_managers_and_the_owner_look_and_who_they_let(strict: Pos) -> None:
    await ask_as_owner(strict)
    for role in OperatorRole:
        if role in (OperatorRole.MANAGER, OperatorRole.OWNER):
            assert (await look(strict, role.value))["answers"] == {"passport": SECRET}
        else:
            said = {"card": PLASTIC, "by": role.value, "reason": WHY}
            assert await refusal(strict, "customer.private", **said) == PERMISSION
    shown = await look(strict, "senior", **approval(OperatorRole.OWNER))
    assert shown["answers"] == {"passport": SECRET}
    known = await strict.call("customer.show", card=PLASTIC)
    assert known["entries"][0]["said"]["approved_by"] == "owner"


async def ask_as_owner(pos: Pos) -> None:
    await pos.call("questionnaire.activate", request_id="q", text=PASSPORT, by="owner")
    terms = {"answers": {"passport": SECRET}, "by": "cashier", **CONSENT}
    await pos.call("customer.update", request_id="u", card=PLASTIC, **terms)


class TestRules:
    @pytest.fixture
    def programme(self) -> str:
        return f"""{HEAD}
[[lane]]
id = "card"
[[rule]]
id = "secret"
lane = "card"
when = {{ card = {{ answer = {{ passport = "{SECRET}" }} }} }}
give = {{ percent = 10 }}
[[rule]]
id = "size"
lane = "card"
when = {{ card = {{ answer = {{ size = 42 }} }} }}
give = {{ percent = 5 }}
"""

    async def test_a_rule_may_ask_for_it_and_never_holds(self, pos: Pos) -> None:
        await know(pos)
        quote = await pos.call("sale.quote", card=PLASTIC, lines=goods(1_000))
        assert quote["total"] == 950, "the other answer is a fact"


async def test_no_rule_search_list_card_or_sale_says_what_is_sensitive(pos: Pos, till: App) -> None:
    await know(pos)
    keep = await account_of(pos, PLASTIC)
    await pos.call("card.issue", request_id="i", number=FRIEND)
    drop = await account_of(pos, FRIEND)
    bought = {"card": PLASTIC, "lines": goods(1_000)}
    found = [await pos.call("customer.find", text=text) for text in (SECRET, "AB", "3456")]
    assert [one["customers"] for one in found] == [[], [], []]
    said = [
        await pos.call("sale.quote", **bought),
        *found,
        await pos.call("customer.find", text="Olena"),
        await pos.call("customer.duplicates", account=drop),
        await pos.call("card.identify", number=PLASTIC),
        await pos.call("card.show", card=PLASTIC),
        await pos.call("customer.show", card=PLASTIC),
        await pos.call("sale.commit", sale_id="s", **bought),
        await pos.call("sale.status", sale_id="s"),
    ]
    merging = {"keep": keep, "drop": drop, "by": "olha", "reason": "one"}
    said.append(await pos.call("customer.merge", request_id="m", **merging))
    assert SECRET not in json.dumps(said)
    where = ("customers", "show", PLASTIC, "--socket", str(till.socket))
    shown = await asyncio.to_thread(tillcard, *where)
    assert "passport: kept apart" in shown.stdout
    assert SECRET not in shown.stdout


async def test_the_command_shows_them_for_a_reason(pos: Pos, till: App) -> None:
    await know(pos)

    async def private(*words: str) -> tuple[int, str]:
        where = ("--by", "maria", "--socket", str(till.socket))
        result = await asyncio.to_thread(tillcard, "customers", "private", PLASTIC, *words, *where)
        return result.exit_code, result.stdout

    assert await private("--reason", WHY) == (0, f"passport: {SECRET}\n")
    code, said = await private("--reason", WHY, "--json")
    assert (code, json.loads(said)["answers"]) == (0, {"passport": SECRET})
    assert (await private())[0] == 2
    known = await pos.call("customer.show", card=PLASTIC)
    assert [one["said"].get("reason") for one in known["entries"][:2]] == [WHY, WHY]
