"""What an operator may not do alone is approved by somebody who may, with name and PIN."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from daemon.accounts.operators import WRONG_PINS_MAX, WRONG_PINS_WITHIN_S
from daemon.base.permissions import OperatorRole
from tests.scenarios.baskets import BASKET
from tests.scenarios.shops import refusal
from tests.scenarios.staff import BLOCK, PERMISSION, PIN, SAMPLE, approval, shop
from tests.scenarios.test_kept_texts import entries
from tests.scenarios.test_operators import kept_bytes
from tests.support.clock import HandClock
from tests.support.pos import refused
from tests.support.till import PHONE, PLASTIC, Pos


async def test_a_senior_s_pin_lets_a_cashier_block_and_both_are_named(
    strict: Pos, tmp_path: Path
) -> None:
    params = BLOCK | {"by": "cashier"} | approval(OperatorRole.SENIOR)
    error = await refused(strict, "card.block", **BLOCK, by="cashier")
    assert (error.data["needs"], "approve" in error.message) == ("senior", True)
    done = await strict.call("card.block", **params)
    assert done["state"] == "blocked"
    assert '"by":"cashier","reason":"lost","approved_by":"senior"' in entries(tmp_path)
    assert await strict.call("card.block", **params) == done | {"replayed": True}


async def test_every_kind_of_entry_names_who_has_approved_it(
    strict: Pos, tmp_path: Path, clock: HandClock
) -> None:
    owner = approval(OperatorRole.OWNER)
    cashier = {"by": "cashier", "reason": "asked"}
    sell = {"lines": BASKET, "card": PLASTIC, "cashier": "cashier"}
    answering = {"override": {"by": "owner", "reason": "knows the customer"}}
    await strict.call("sale.hold", sale_id="s1", **sell, **answering, **owner)
    await strict.call("sale.commit", sale_id="s1")
    clock.move(days=1)
    back = {"return_id": "r", "sale_id": "s1", "whole": True, "cashier": "cashier"}
    assert await refusal(strict, "sale.return", **back) == PERMISSION
    await strict.call("sale.return", **back, dry=True)
    await strict.call("sale.return", **back, **owner)
    for event in ("block", "unblock", "extend", "write_off"):
        await strict.call(f"card.{event}", request_id="x", card=PHONE, **cashier, **owner)
    await strict.call(
        "card.issue", request_id="i", with_card=PLASTIC, by="cashier", **owner | answering
    )
    await strict.call(
        "card.replace", request_id="p", card=PLASTIC, by="cashier", **owner | answering
    )
    await strict.call(
        "programme.activate", request_id="a", text=SAMPLE + "\n", by="cashier", **owner
    )
    named = {"name": "senior", "role": "manager", "by": "cashier"}
    await strict.call("operator.role", request_id="o", **named, **owner)
    kinds = [
        one["kind"]
        for one in map(msgspec.json.decode, entries(tmp_path).splitlines())
        if b'"approved_by":"owner"' in msgspec.json.encode(one)
    ]
    assert kinds == [
        *("hold", "sale", "return", "card", "card", "card", "card", "card", "card"),
        *("programme", "operator"),
    ]


async def test_the_pin_stands_nowhere(
    strict: Pos, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await strict.call("card.block", **BLOCK, by="cashier", **approval(OperatorRole.SENIOR))
    again = BLOCK | {"by": "cashier"} | approval(OperatorRole.SENIOR, "999999")
    # Were it part of what makes the request the same, its hash would tell the PIN.
    assert (await strict.call("card.block", **again))["replayed"] is True
    written = kept_bytes(tmp_path)
    assert PIN[OperatorRole.SENIOR].encode() not in written
    assert PIN[OperatorRole.SENIOR] not in caplog.text


async def test_what_was_answered_is_answered_though_everybody_has_gone(strict: Pos) -> None:
    params = BLOCK | {"by": "cashier"} | approval(OperatorRole.SENIOR)
    done = await strict.call("card.block", **params)
    sale = {"sale_id": "s", "lines": BASKET, "cashier": "cashier"}
    posted = await strict.call("sale.commit", **sale)
    for name in ("cashier", "senior"):
        await strict.call("operator.close", request_id=name, name=name, by="owner")
    assert await strict.call("card.block", **params) == done | {"replayed": True}
    assert await strict.call("sale.commit", **sale) == posted | {"replayed": True}


@pytest.mark.parametrize(
    ("role", "pin"),
    [
        (OperatorRole.SENIOR, "000000"),
        (OperatorRole.CASHIER, ""),
        (OperatorRole.ACCOUNTANT, ""),
    ],
)
async def test_a_wrong_pin_or_too_low_a_role_approves_nothing(
    strict: Pos, role: OperatorRole, pin: str
) -> None:
    params = BLOCK | {"by": "cashier"} | approval(role, pin)
    assert await refusal(strict, "card.block", **params) == PERMISSION
    await strict.call("card.block", **params | approval(OperatorRole.SENIOR))


async def test_a_name_without_a_pin_and_a_name_of_nobody_are_told_the_same(strict: Pos) -> None:
    await strict.call("operator.pin", request_id="x", name="owner", pin="", by="owner")
    said = set()
    for name in ("owner", "nobody", "senior"):
        params = BLOCK | {"by": "cashier", "approval": {"by": name, "pin": "1234"}}
        said.add((await refused(strict, "card.block", **params)).message)
    assert len(said) == 1


@pytest.mark.parametrize("name", ["senior", "nobody"])
async def test_after_five_wrong_pins_a_name_waits_a_quarter_of_an_hour(
    strict: Pos, clock: HandClock, name: str
) -> None:
    wrong = BLOCK | {"by": "cashier", "approval": {"by": name, "pin": "1234"}}
    right = wrong | {"approval": {"by": name.upper(), "pin": PIN[OperatorRole.SENIOR]}}
    for _ in range(WRONG_PINS_MAX):
        assert await refusal(strict, "card.block", **wrong) == PERMISSION
        clock.move(seconds=60)
    assert await refusal(strict, "card.block", **right) == (1041, "rate_limited")
    # Another name is as good as before.
    await strict.call("card.block", **wrong | approval(OperatorRole.MANAGER))
    clock.move(seconds=WRONG_PINS_WITHIN_S - 61)
    other = {"request_id": "b2", "card": PHONE}
    error = await refused(strict, "card.block", **right | other)
    assert (error.data["name"], error.data["wait_s"]) == ("rate_limited", 2)
    clock.move(seconds=1.5)
    if name == "senior":
        await strict.call("card.block", **right | other)
    else:
        assert await refusal(strict, "card.block", **right | other) == PERMISSION


async def test_four_wrong_ones_and_a_pause_begin_anew(strict: Pos, clock: HandClock) -> None:
    wrong = BLOCK | {"by": "cashier"} | approval(OperatorRole.SENIOR, "1234")
    for _ in range(3):
        for _ in range(WRONG_PINS_MAX - 1):
            assert await refusal(strict, "card.block", **wrong) == PERMISSION
        clock.move(seconds=WRONG_PINS_WITHIN_S + 1)
    await strict.call("card.block", **wrong | approval(OperatorRole.SENIOR))


async def test_many_that_are_sent_together_are_no_more_than_five(
    tmp_path: Path, clock: HandClock
) -> None:
    async with shop(tmp_path, clock) as (app, _):

        async def guess(n: int) -> str:
            async with Pos.connect(app.socket) as pos:
                pin = {"by": "cashier", **approval(OperatorRole.SENIOR, f"{n:04}")}
                error = await refused(pos, "card.block", **BLOCK | pin)
                name: str = error.data["name"]
                return name

        said = await asyncio.gather(*(guess(n) for n in range(20)))
    assert said.count("permission") == WRONG_PINS_MAX


async def test_where_any_name_will_do_an_approval_is_proved_all_the_same(
    lax: Pos, tmp_path: Path
) -> None:
    params = BLOCK | {"by": "anybody"}
    wrong = params | approval(OperatorRole.SENIOR, "1234")
    assert await refusal(lax, "card.block", **wrong) == PERMISSION
    await lax.call("card.block", **params | approval(OperatorRole.SENIOR))
    assert '"by":"anybody","reason":"lost","approved_by":"senior"' in entries(tmp_path)
