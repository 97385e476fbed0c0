"""Several tills' worth of customers at once, seeded, against the slow model of the programme.

Each client has a card of its own and knows to the minor unit what it must find; codes and a gift
card are shared, so who gets them is chance, and how often is not.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any, Protocol

import pytest

from daemon.app.running import App
from tests.daemon.programme.reference import given_back, model
from tests.scenarios.shops import HEAD, issue, override
from tests.support.clock import HandClock
from tests.support.till import Pos, RefusedByTillError, audited, lay_out, open_till

STEPS, USES, GIFT_LOAD = 40, 12, 40_000
GIFT = "2900000000032"
CARDS = ("2900000000049", "2900000000056", "2900000000063", "2900000000070")
TENTH = {"id": "tenth", "lane": "card", "how": "percent", "value": 10, "goods": {"food"}}
WORD = {"id": "word", "lane": "extra", "how": "amount", "value": 700, "goods": None}
PLAIN = {"max": None, "exclusive": False, "priority": 0}
SHOP: dict[str, Any] = {
    "round": "basket",
    "lanes": [{"id": lane, "combine": "best", "base": "net"} for lane in ("card", "extra")],
    "rules": [TENTH | PLAIN],
    "caps": [],
    "burn": 30,
    "earn": 5,
}
PROGRAMME = (
    HEAD
    + """
[[lane]]
id = "card"
[[lane]]
id = "extra"
[[purse]]
id = "bonus"
unit = "UAH"
[[purse]]
id = "gift"
unit = "UAH"
[[rule]]
id = "tenth"
lane = "card"
scope = { category = "food" }
give = { percent = 10 }
[[rule]]
id = "word"
lane = "extra"
when = { codes = "letter" }
give = { amount = 700 }
[[rule]]
id = "earn"
when = { card = { kind = "plastic" } }
give = { earn = "bonus", percent = 5 }
[[rule]]
id = "burn"
give = { burn = "bonus", max_percent = 30 }
[[rule]]
id = "gift"
give = { burn = "gift" }
"""
)


class Caller(Protocol):
    """Whoever sends a call and brings its answer."""

    async def call(self, method: str, /, **params: Any) -> Any: ...


class Sold:
    """A posted sale as the model knows it. ``back`` is how much of each line has come back."""

    def __init__(self, sale_id: str, lines: list[dict[str, Any]], priced: dict[str, Any]) -> None:
        self.sale_id, self.lines, self.priced = sale_id, lines, priced
        self.back = [0] * len(lines)


class Shared:
    """What all clients use up together."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.uses = 0
        self.gift_burned = 0


class Client:
    """One customer at one connection, and everything that the till ever told them."""

    def __init__(self, pos: Caller, card: str, random: Random, shared: Shared) -> None:
        self.pos, self.card, self.random, self.shared = pos, card, random, shared
        self.sold: list[Sold] = []
        self.bonus = 0
        self.told: list[tuple[str, dict[str, Any], Any]] = []
        self.count = 0

    async def live(self) -> None:
        for _ in range(STEPS):
            await self.step()

    async def step(self) -> None:
        often = (self.buys, self.buys, self.holds, self.returns, self.repeats)
        steps = (*often, self.spends_gift, self.corrects)
        await self.random.choice(steps)()

    async def call(self, method: str, /, **params: Any) -> Any:
        answer = await self.pos.call(method, **params)
        self.told.append((method, params, answer))
        return answer

    async def tries(self, method: str, *refusals: str, **params: Any) -> Any:
        """Call; None where it is refused for one of the reasons that chance may bring."""
        try:
            return await self.call(method, **params)
        except RefusedByTillError as error:
            if error.data["name"] not in refusals:
                raise
        return None

    def new_id(self) -> str:
        self.count += 1
        return f"{self.card[-3:]}-{self.count}"

    def basket(self) -> list[dict[str, Any]]:
        return [
            {
                "qty": self.random.randint(1, 4),
                "unit_price": self.random.randint(1, 9_999),
                "min_price": 0,
                "category": self.random.choice(("food", "toys")),
            }
            for _ in range(self.random.randint(1, 5))
        ]

    def priced(self, lines: list[dict[str, Any]], *, word: bool) -> dict[str, Any]:
        """Return what the model says, with a burn that the card can pay."""
        shop = SHOP | {"rules": [*SHOP["rules"], WORD | PLAIN] if word else SHOP["rules"]}
        part = Fraction(self.random.randint(0, 4), 4)
        wanted = model(shop, lines, part)
        return wanted if wanted["burn"] <= self.bonus else model(shop, lines, Fraction(0))

    def terms(self, lines: list[dict[str, Any]], priced: dict[str, Any], word: bool) -> Any:
        return {
            "card": self.card,
            "lines": on_the_wire(lines),
            "burn": {"bonus": priced["burn"]},
            "codes": [self.shared.code] if word else [],
            **override(),
        }

    async def buys(self) -> None:
        lines, word = self.basket(), self.random.random() < 0.4
        priced, sale_id = self.priced(lines, word=word), self.new_id()
        terms = self.terms(lines, priced, word)
        chance = ["code_used_up"] if word else []
        posted = await self.tries("sale.commit", *chance, sale_id=sale_id, **terms)
        if posted is None:
            return
        self.shared.uses += word
        self.posts(Sold(sale_id, lines, priced), posted)

    def posts(self, sold: Sold, posted: Any) -> None:
        priced = sold.priced
        assert posted["total"] == sum(priced["paid"])
        self.bonus += sum(priced["earned"]) - priced["burn"]
        assert posted["balances"].get("bonus", {}).get("available", 0) == self.bonus
        self.sold.append(sold)

    async def holds(self) -> None:
        lines, sale_id = self.basket(), self.new_id()
        word = self.random.random() < 0.3
        priced = self.priced(lines, word=word)
        chance, terms = ["code_used_up"] if word else [], self.terms(lines, priced, word)
        held = await self.tries("sale.hold", *chance, sale_id=sale_id, **terms)
        if held is None:
            return
        assert held["total"] == sum(priced["paid"])
        if self.random.random() < 0.5:
            voided = await self.call("sale.void", sale_id=sale_id)
            assert voided["balances"].get("bonus", {}).get("available", 0) == self.bonus
            return
        self.shared.uses += word
        posted = await self.call("sale.commit", sale_id=sale_id)
        self.posts(Sold(sale_id, lines, priced), posted)

    async def returns(self) -> None:
        open_sales = [s for s in self.sold if s.back != [line["qty"] for line in s.lines]]
        if not open_sales:
            return
        sold = self.random.choice(open_sales)
        left = [line["qty"] - gone for line, gone in zip(sold.lines, sold.back, strict=True)]
        asked = [self.random.randint(0, count) for count in left]
        if not any(asked):
            asked = left
        lines = [{"line": n, "qty": qty} for n, qty in enumerate(asked) if qty]
        back = await self.call(
            "sale.return", return_id=self.new_id(), sale_id=sold.sale_id, lines=lines
        )
        money, burned, earned = (
            shares(sold, sold.priced[what], asked) for what in ("paid", "burned", "earned")
        )
        sold.back = [gone + qty for gone, qty in zip(sold.back, asked, strict=True)]
        assert back["refund"] == money
        self.bonus += burned - earned
        assert back["balances"].get("bonus", {}).get("available", 0) == self.bonus

    async def repeats(self) -> None:
        if self.told:
            method, params, answer = self.random.choice(self.told)
            assert await self.pos.call(method, **params) == answer | {"replayed": True}

    async def corrects(self) -> None:
        """Send what is refused, then other content under its id; the refused one comes late."""
        lines, sale_id = self.basket(), self.new_id()
        priced = self.priced(lines, word=False)
        terms = self.terms(lines, priced, False)
        bad = {"sale_id": sale_id, **terms, "expect_total": 10**9}
        assert await self.tries("sale.commit", "total_changed", **bad) is None
        assert (await self.pos.call("sale.status", sale_id=sale_id))["state"] == "new"
        self.posts(
            Sold(sale_id, lines, priced), await self.call("sale.commit", sale_id=sale_id, **terms)
        )
        assert await self.tries("sale.commit", "id_reused", **bad) is None
        await self.corrects_a_return(self.sold[-1])

    async def corrects_a_return(self, sold: Sold) -> None:
        ask = {"return_id": self.new_id(), "sale_id": sold.sale_id}
        too_much = [{"line": 0, "qty": sold.lines[0]["qty"] + 1}]
        bad = {**ask, "lines": too_much}
        assert await self.tries("sale.return", "returned_already", **bad) is None
        back = await self.call("sale.return", **ask, whole=True)
        assert back["refund"] == sum(sold.priced["paid"])
        assert await self.tries("sale.return", "id_reused", **bad) is None
        self.bonus += sold.priced["burn"] - sum(sold.priced["earned"])
        sold.back = [line["qty"] for line in sold.lines]

    async def spends_gift(self) -> None:
        amount = self.random.randint(1, 3_000)
        lines = [{"line": 1, "sku": "x", "qty": 1, "unit_price": amount}]
        terms = {"lines": lines, "codes": [GIFT], "burn": {"gift": amount}}
        chance, sale_id = ("not_enough", "code_used_up"), self.new_id()
        posted = await self.tries("sale.commit", *chance, sale_id=sale_id, **terms)
        if posted is not None:
            assert posted["total"] == 0
            self.shared.gift_burned += amount


def on_the_wire(lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "line": n,
            "sku": f"sku-{n}",
            "qty": line["qty"],
            "unit_price": line["unit_price"],
            "category": [line["category"]],
        }
        for n, line in enumerate(lines)
    ]


def shares(sold: Sold, parts: Sequence[int], asked: Sequence[int]) -> int:
    return sum(
        given_back(part, gone, now, line["qty"])
        for part, gone, now, line in zip(parts, sold.back, asked, sold.lines, strict=True)
    )


async def opened(pos: Pos, till: App) -> Shared:
    """Give every client a card; load the gift card and issue the code that they share."""
    for number in CARDS:
        await issue(till, number)
    await pos.call("card.issue", request_id="gift", kind="gift", number=GIFT)
    await pos.call("card.topup", topup_id="load", card=GIFT, purse="gift", amount=GIFT_LOAD)
    issued = await pos.call("code.issue", request_id="c", campaign="letter", uses=USES)
    return Shared(issued["codes"][0]["code"])


async def check(pos: Pos, clients: list[Client], shared: Shared) -> None:
    """Compare what is left of everything with what was taken."""
    assert (await pos.call("code.show", code=shared.code))["used"] == shared.uses <= USES
    gift = (await pos.call("card.show", card=GIFT))["balances"]["gift"]["available"]
    assert gift == GIFT_LOAD - shared.gift_burned
    for client in clients:
        shown = await pos.call("card.show", card=client.card)
        assert shown["balances"].get("bonus", {}).get("available", 0) == client.bonus


@pytest.mark.parametrize("seed", range(3))
async def test_nothing_is_lost_and_nothing_doubled(
    seed: int, tmp_path: Path, clock: HandClock
) -> None:
    lay_out(tmp_path, PROGRAMME)
    async with open_till(tmp_path, clock) as till, Pos.connect(till.socket) as pos:
        shared = await opened(pos, till)
        async with AsyncExitStack() as stack:
            clients = [
                Client(
                    await stack.enter_async_context(Pos.connect(till.socket)),
                    card,
                    Random(f"{seed} {card}"),
                    shared,
                )
                for card in CARDS
            ]
            await asyncio.gather(*(client.live() for client in clients))
        await check(pos, clients, shared)
    assert audited(tmp_path).findings == ()
    # Another process, another day: everything is still known, and nothing happens twice.
    clock.move(days=1)
    async with open_till(tmp_path, clock) as till, Pos.connect(till.socket) as pos:
        for client in clients:
            for method, params, answer in client.told:
                assert await pos.call(method, **params) == answer | {"replayed": True}
        await check(pos, clients, shared)
    assert audited(tmp_path).findings == ()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()
