"""kill -9 before every SQL statement of a sale's life, then come back and look."""

import shutil
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from tests.faults.dying_till import process
from tests.scenarios.baskets import BASKET, show_chip
from tests.support.clock import HandClock
from tests.support.till import (
    Pos,
    RefusedByTillError,
    audited,
    lay_out,
    open_till,
)

HOLD = {"lines": BASKET, "burn": {"bonus": 1_000}, "ttl_s": 3_600}
EARNED = 3_500
COUPON = {"line": 1, "sku": "COUPON", "qty": 1, "unit_price": 8_000}
GIFT = "2900000000032"
SHOP = (
    resources.files("daemon.cli").joinpath("sample/programme.toml").read_text("utf-8")
    + """
[[purse]]
id = "gift"
unit = "UAH"
[[rule]]
id = "gift"
give = { burn = "gift" }
[[rule]]
id = "sell-coupon"
scope = { sku = "COUPON" }
give = { issue = "coupon", each = 1 }
[[rule]]
id = "coupon"
lane = "card"
when = { codes = "coupon" }
give = { amount = 10000 }
limit = { per_code = 1, returnable = true }
[[status]]
id = "club"
of = "spend"
enter = { at_least = 1, within = "30d" }
decide = "auto"
"""
)


async def hold(pos: Pos, presentation: str) -> Any:
    """Repeat the very same call; where the till wants to see the card again, show it."""
    try:
        return await pos.call("sale.hold", sale_id="s1", presentation=presentation, **HOLD)
    except RefusedByTillError as error:
        if error.data["name"] != "no_card":
            raise
    presentation = await show_chip(pos)
    return await pos.call("sale.hold", sale_id="s1", presentation=presentation, **HOLD)


async def live(pos: Pos, presentation: str) -> list[Any]:
    """Hold, commit, return one line, return the rest; and a hold that is voided."""
    line = {"line": 2, "qty": 1}
    held, posted = await hold(pos, presentation), await pos.call("sale.commit", sale_id="s1")
    receipt = posted["receipt"]["code"]
    return [
        held,
        posted,
        await pos.call("sale.return", return_id="r1", sale_id="s1", lines=[line]),
        await pos.call("sale.return", return_id="r2", receipt=receipt, whole=True),
        await pos.call("sale.hold", sale_id="s2", lines=BASKET),
        await pos.call("sale.void", sale_id="s2"),
        await corrected(pos),
        *await gifts_and_codes(pos),
        *await staff(pos),
    ]


async def corrected(pos: Pos) -> Any:
    """Send what is refused, or comes late, and then the right sale under the same id."""
    with pytest.raises(RefusedByTillError) as refused:
        await pos.call("sale.commit", sale_id="s5", lines=BASKET, expect_total=1)
    assert refused.value.data["name"] in ("total_changed", "id_reused")
    return await pos.call("sale.commit", sale_id="s5", lines=BASKET)


async def gifts_and_codes(pos: Pos) -> list[Any]:
    """Buy a coupon, hold a sale with it, commit it with a gift card too, and take it back."""
    bought = await pos.call("sale.commit", sale_id="s3", lines=[COUPON])
    [issued] = bought["receipt"]["issued"]
    codes = [issued["code"], GIFT]
    terms = {"lines": BASKET, "codes": codes, "burn": {"gift": 5_000}, "ttl_s": 3_600}
    return [
        bought,
        await pos.call("card.topup", topup_id="t1", card=GIFT, purse="gift", amount=20_000),
        await pos.call("sale.hold", sale_id="s4", **terms),
        await pos.call("sale.commit", sale_id="s4"),
        await pos.call("sale.return", return_id="r4", sale_id="s4", whole=True),
    ]


async def staff(pos: Pos) -> list[Any]:
    """Let somebody work here, who gives the gift card something."""
    named = {"name": "olha", "by": "olha"}
    account = (await pos.call("card.show", card=GIFT))["account"]
    terms = {"account": account, "purse": "gift", "amount": 700, "reason": "a wrong top-up"}
    return [
        await pos.call("operator.add", request_id="o1", role="owner", **named),
        await pos.call("points.adjust", request_id="j1", by="olha", **terms),
        await pos.call("operator.close", request_id="o2", **named),
    ]


async def earlier_sale(home: Path) -> None:
    """A card with something on it, to burn from."""
    lay_out(home, SHOP)
    async with process(home), Pos.connect(home / "pos.sock") as pos:
        await pos.call("card.issue", request_id="gift", kind="gift", number=GIFT)
        await pos.call("card.topup", topup_id="t0", card=GIFT, purse="gift", amount=10_000)
        presentation = await show_chip(pos)
        sale = {"sale_id": "s0", "presentation": presentation, "lines": BASKET}
        posted = await pos.call("sale.commit", **sale)
        assert posted["balances"]["bonus"]["available"] == EARNED


async def undisturbed(home: Path) -> tuple[list[Any], int]:
    async with process(home) as till, Pos.connect(home / "pos.sock") as pos:
        answers = await live(pos, await show_chip(pos))
    return answers, till.statements


def as_seen(answers: list[Any]) -> list[Any]:
    """Return the answers without what differs from run to run: times, drawn codes, replayed."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                k: plain(v)
                for k, v in value.items()
                if k not in ("at", "until", "code", "replayed")
            }
        return [plain(item) for item in value] if isinstance(value, list) else value

    return [plain(answer) for answer in answers]


async def killed_at(start: Path, home: Path, burns_at: int, statements: int) -> list[Any]:
    """Live until killed, then start again and live the whole life once more.

    Returns what the till has answered then; nothing where it outlived the first life.
    """
    shutil.copytree(start, home)
    presentation = ""
    async with process(home, burns_at) as till:
        with suppress(ConnectionError):  # whichever call it dies in
            async with Pos.connect(home / "pos.sock") as pos:
                presentation = await show_chip(pos)
                await live(pos, presentation)
    if till.outlived(burns_at, statements):
        return []
    assert audited(home).findings == ()
    async with open_till(home, HandClock()), Pos.connect(home / "pos.sock") as pos:
        # The till writes by itself when it starts, and may have died before the card was shown.
        return await live(pos, presentation or await show_chip(pos))


async def test_a_sale_killed_at_any_statement_is_lived_again_with_the_same_end(
    tmp_path: Path,
) -> None:
    start = tmp_path / "start"
    await earlier_sale(start)
    shutil.copytree(start, tmp_path / "whole")
    expected, statements = await undisturbed(tmp_path / "whole")
    assert statements > 50
    for burns_at in range(1, statements + 1):
        home = tmp_path / str(burns_at)
        answers = await killed_at(start, home, burns_at, statements)
        if not answers:
            break
        assert as_seen(answers) == as_seen(expected), f"killed before statement {burns_at}"
        assert audited(home).findings == ()
        shutil.rmtree(home)
