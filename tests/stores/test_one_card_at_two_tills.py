"""One card at two tills at one moment: what is due once is given once, on every store.

What a price rests on is read again where the sale is written: `daemon.sale.standing`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from daemon.app.running import App
from daemon.ledger.audit import audit
from daemon.ledger.storage.registry import open_store, scheme_of
from tests.scenarios.shops import HEAD, goods, issue, sku
from tests.support.clock import HandClock
from tests.support.pos import refused
from tests.support.till import PLASTIC, Pos, RefusedByTillError, lay_out, open_till

SHOP = (
    HEAD
    + """
[[lane]]
id = "card"
[[purse]]
id = "bonus"
unit = "UAH"
[[meter]]
id = "visits"
of = "visits"
[[meter]]
id = "spend"
of = "paid"
window = "30d"
[[meter]]
id = "since"
of = "visits"
window = "since:club"
[[status]]
id = "club"
of = "spend"
enter = { at_least = 50000, within = "30d" }
decide = "auto"
[[rule]]
id = "welcome"
lane = "card"
when = { meter = { visits = { below = 1 } } }
give = { percent = 10 }
[[rule]]
id = "fifth"
lane = "card"
when = { meter = { visits = { at_least = 4, at_most = 4 } } }
give = { percent = 20 }
[[rule]]
id = "club"
lane = "card"
scope = { sku = "sku-2" }
when = { status = { club = true } }
give = { percent = 50 }
[[rule]]
id = "faithful"
lane = "card"
scope = { sku = "sku-3" }
when = { meter = { since = { at_least = 3 } } }
give = { percent = 50 }
[[rule]]
id = "tenth"
when = { meter = { spend = { at_least = 10000 } } }
give = { earn = "bonus", percent = 10 }
"""
)
CARDS = ("2900000000049", "2900000000056", "2900000000063", "2900000000070")
FULL, LESS = 10_000, 9_000
Sale = dict[str, Any]


@pytest.fixture
async def till(location: str, tmp_path: Path) -> AsyncIterator[App]:
    lay_out(tmp_path, SHOP, **{'"tillcard.db"': f'"{location}"'})
    async with open_till(tmp_path, HandClock()) as app:
        yield app
    store = open_store(location, tmp_path, read_only=True)
    try:
        assert audit(store).findings == ()
    finally:
        store.close()


@pytest.fixture
async def pos(till: App) -> AsyncIterator[Pos]:
    async with Pos.connect(till.socket) as connected:
        yield connected


async def quoted(pos: Pos, *prices: int) -> Sale:
    quote: Sale = await pos.call("sale.quote", card=PLASTIC, lines=goods(*prices or (FULL,)))
    return quote


def of(quote: Sale) -> Sale:
    """Say the card's number again: it was shown for another sale meanwhile."""
    return {"quote_id": quote["quote_id"], "card": PLASTIC}


async def visit(pos: Pos, sale_id: str, *prices: int) -> Sale:
    sale: Sale = await pos.call(
        "sale.commit", sale_id=sale_id, card=PLASTIC, lines=goods(*prices or (FULL,))
    )
    return sale


async def test_two_quotes_of_one_card_get_the_welcome_discount_once(pos: Pos) -> None:
    first, second = [await quoted(pos) for _ in range(2)]
    assert first["total"] == second["total"] == LESS
    await pos.call("sale.commit", sale_id="s1", **of(first))
    error = await refused(pos, "sale.commit", sale_id="s2", **of(second))
    assert (error.code, error.data["total"]) == (1007, FULL)
    assert (await pos.call("card.show", card=PLASTIC))["meters"]["visits"] == 1


async def test_two_holds_of_one_card_get_the_welcome_discount_once(pos: Pos) -> None:
    for sale_id in ("s1", "s2"):
        held = await pos.call("sale.hold", sale_id=sale_id, card=PLASTIC, lines=goods(FULL))
        assert held["total"] == LESS
    await pos.call("sale.commit", sale_id="s1")
    error = await refused(pos, "sale.commit", sale_id="s2")
    assert (error.code, error.data["total"]) == (1007, FULL)
    assert (await pos.call("sale.status", sale_id="s2"))["state"] == "held"


async def test_a_hold_of_a_quote_that_has_changed_is_refused(pos: Pos) -> None:
    quote = await quoted(pos)
    await visit(pos, "s1")
    error = await refused(pos, "sale.hold", sale_id="s2", **of(quote))
    assert (error.code, error.data["total"]) == (1007, FULL)


async def test_the_fifth_visit_is_one_visit(pos: Pos) -> None:
    for n in range(4):
        await visit(pos, f"v{n}")
    first, second = [await quoted(pos) for _ in range(2)]
    assert first["total"] == second["total"] == 8_000
    await pos.call("sale.commit", sale_id="s1", **of(first))
    error = await refused(pos, "sale.commit", sale_id="s2", **of(second))
    assert (error.code, error.data["total"]) == (1007, FULL)


async def test_sales_of_one_moment_give_what_one_after_the_other_would(till: App, pos: Pos) -> None:
    async with Pos.connect(till.socket) as other:
        for number in CARDS:
            await issue(till, number)
            sales = await asyncio.gather(
                *(
                    one.call("sale.commit", sale_id=f"{number}-{n}", card=number, lines=goods(FULL))
                    for n, one in enumerate((pos, other))
                )
            )
            assert sorted(sale["total"] for sale in sales) == [LESS, FULL]


async def test_where_only_earnings_change_the_fresh_ones_are_written(pos: Pos) -> None:
    await visit(pos, "s0", 500)
    quote = await quoted(pos)
    assert (quote["total"], quote["earn"]) == (FULL, [])
    await visit(pos, "s1")
    posted = await pos.call("sale.commit", sale_id="s2", **of(quote))
    assert posted["total"] == FULL
    assert [earned["amount"] for earned in posted["receipt"]["earn"]] == [1_000]


async def test_a_status_that_began_or_ended_since_the_quote_counts(pos: Pos) -> None:
    await visit(pos, "s0", 500)
    quote = await quoted(pos, 100, 2_000)
    assert quote["total"] == 2_100
    await visit(pos, "s1", 60_000)  # in the club
    error = await refused(pos, "sale.commit", sale_id="s2", **of(quote))
    assert (error.code, error.data["total"]) == (1007, 1_100)
    again = await quoted(pos, 100, 100, 2_000)
    assert again["total"] == 2_150
    await visit(pos, "s3", 100)  # the third of the day on which the club began
    error = await refused(pos, "sale.commit", sale_id="s4", **of(again))
    assert (error.code, error.data["total"]) == (1007, 1_150)
    sold = await visit(pos, "s5", 100, 100, 2_000)
    assert sold["total"] == 1_150


async def test_a_quote_is_posted_as_it_is_where_nothing_that_it_rests_on_has_changed(
    pos: Pos,
) -> None:
    await visit(pos, "s0")
    quote = await quoted(pos)
    await pos.call("sale.commit", sale_id="other", lines=goods(700))
    posted = await pos.call("sale.commit", sale_id="s1", **of(quote))
    assert posted["receipt"]["lines"] == quote["lines"]


async def test_a_hold_is_not_compared_with_what_it_has_reserved_itself(pos: Pos) -> None:
    await visit(pos, "s0", 20_000)
    await visit(pos, "s1", 20_000)
    earned = (await pos.call("card.show", card=PLASTIC))["balances"]["bonus"]["available"]
    assert earned == 2_000
    held = await pos.call("sale.hold", sale_id="s2", card=PLASTIC, lines=goods(FULL))
    posted = await pos.call("sale.commit", sale_id="s2")
    assert posted["total"] == held["total"] == FULL


async def test_a_total_that_the_till_expects_is_asked_and_not_that_of_its_quote(pos: Pos) -> None:
    quote = await quoted(pos)
    await visit(pos, "s1")
    terms: Sale = {"sale_id": "s2", **of(quote), "expect_total": FULL}
    assert (await pos.call("sale.commit", **terms))["total"] == FULL
    with pytest.raises(RefusedByTillError):
        await pos.call("sale.commit", **(terms | {"expect_total": LESS}))


CROSSED = (
    HEAD
    + """
[[lane]]
id = "card"
[[meter]]
id = "tea"
of = "paid"
scope = { sku = "tea" }
[[meter]]
id = "coffee"
of = "paid"
scope = { sku = "coffee" }
[[rule]]
id = "first_tea"
lane = "card"
scope = { sku = "tea" }
when = { meter = { coffee = { below = 1 } } }
give = { percent = 10 }
[[rule]]
id = "first_coffee"
lane = "card"
scope = { sku = "coffee" }
when = { meter = { tea = { below = 1 } } }
give = { percent = 10 }
"""
)
"""Each sale reads the meter that only the other one writes."""


@pytest.fixture
async def clients(location: str, tmp_path: Path) -> AsyncIterator[list[Pos]]:
    """Return two clients: of two tills where a ledger can have two, or else of one."""
    async with AsyncExitStack() as stack:
        tills = []
        for n in range(2 if scheme_of(location) else 1):
            named = {'terminal = "till-1"': f'terminal = "till-{n + 1}"'}
            home = tmp_path / f"till-{n + 1}"
            lay_out(home, CROSSED, **{'"tillcard.db"': f'"{location}"'}, **named)
            tills.append(await stack.enter_async_context(open_till(home, HandClock())))
        for number in CARDS:
            await issue(tills[0], number)
        both = (tills[0], tills[-1])
        yield [await stack.enter_async_context(Pos.connect(till.socket)) for till in both]


async def test_sales_that_read_what_the_other_writes_give_what_one_after_the_other_would(
    clients: list[Pos],
) -> None:
    for number in CARDS:
        sales = await asyncio.gather(
            *(
                one.call("sale.commit", sale_id=number + of, card=number, lines=[sku(of, FULL)])
                for one, of in zip(clients, ("tea", "coffee"), strict=True)
            )
        )
        assert sorted(sale["total"] for sale in sales) == [LESS, FULL]
