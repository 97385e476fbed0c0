"""points.adjust gives and takes by somebody's word, on every store; the books stay whole."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from daemon.ledger.audit import audit
from daemon.ledger.entries import ADJUST, Entry, decode
from daemon.ledger.storage.registry import open_store
from tests.scenarios.shops import HEAD, refusal
from tests.support.clock import HandClock
from tests.support.till import LEDGER, PLASTIC, Pos, begin_ledger, lay_out, open_till

PURSES = """
[[purse]]
id = "bonus"
unit = "UAH"
expire = "10d"
[[purse]]
id = "stars"
unit = "star"
may_go_negative = "never"
[[rule]]
id = "earn"
give = { earn = "bonus", percent = 10 }
"""
POLICY = "[policy]\nadjust_max = 500\n"
PERMISSION, INVALID = (1040, "permission"), (-32602, "invalid_params")
WHY = {"by": "maria", "reason": "a wrong top-up"}


class Shop:
    """A till, its one customer, and what its ledger says."""

    def __init__(self, pos: Pos, clock: HandClock, account: str) -> None:
        self.pos, self.clock, self.account = pos, clock, account
        self._count = 0

    async def adjust(self, amount: int, purse: str = "bonus", **more: Any) -> Any:
        return await self.pos.call("points.adjust", **self.terms(amount, purse, **more))

    async def refused(self, amount: int, purse: str = "bonus", **more: Any) -> tuple[int, str]:
        return await refusal(self.pos, "points.adjust", **self.terms(amount, purse, **more))

    def terms(self, amount: int, purse: str = "bonus", **more: Any) -> dict[str, Any]:
        self._count += 1
        terms = {"request_id": f"a{self._count}", "account": self.account, "purse": purse}
        return terms | {"amount": amount} | WHY | more

    async def available(self, purse: str = "bonus") -> int:
        shown = await self.pos.call("card.show", card=PLASTIC)
        found: int = shown["balances"][purse]["available"]
        return found


@asynccontextmanager
async def shop(
    home: Path, location: str, clock: HandClock, policy: str = POLICY
) -> AsyncIterator[Shop]:
    more = {f'ledger = "{LEDGER}"': f'ledger = "{location}"'} if location != "ledger.db" else {}
    lay_out(home, HEAD + PURSES, **{"[simulated]": f"{policy}\n[simulated]"}, **more)
    begin_ledger(home)
    async with open_till(home, clock) as app, Pos.connect(app.socket) as pos:
        account = (await pos.call("card.show", card=PLASTIC))["account"]
        yield Shop(pos, clock, account)
    with closing(open_store(location if more else LEDGER, home, read_only=True)) as store:
        assert audit(store).findings == ()


@pytest.fixture
async def books(tmp_path: Path, location: str) -> AsyncIterator[Shop]:
    async with shop(tmp_path, location, HandClock()) as one:
        yield one


def adjustments(home: Path, location: str) -> list[Entry]:
    address = LEDGER if location == "ledger.db" else location
    with closing(open_store(address, home, read_only=True)) as store:
        return [one for one in (decode(c.body) for c in store.entries()) if one.kind == "adjust"]


async def test_what_is_given_expires_as_the_purse_says_and_stands_against_adjust(
    books: Shop, tmp_path: Path, location: str
) -> None:
    done = await books.adjust(300)
    assert done == {
        "account": books.account,
        "purse": "bonus",
        "amount": 300,
        "balances": {"bonus": {"available": 300, "pending": 0}},
        "replayed": False,
    }
    [entry] = adjustments(tmp_path, location)
    today = books.clock.now().date().toordinal()
    assert [tuple(msgspec.to_builtins(one)) for one in entry.postings] == [
        (books.account, "bonus", 300),
        (ADJUST, "bonus", -300),
    ]
    assert [(lot.expires, lot.amount) for lot in entry.lots] == [(today + 10, 300)]
    assert msgspec.json.decode(entry.detail) == WHY
    books.clock.move(days=10)
    assert await books.available() == 300
    books.clock.move(days=1)
    assert await books.available() == 0


async def test_what_is_taken_leaves_the_lot_that_expires_last_first(
    books: Shop, tmp_path: Path, location: str
) -> None:
    await books.adjust(80)
    books.clock.move(days=5)
    await books.adjust(20)
    await books.adjust(-50)
    today = books.clock.now().date().toordinal()
    taken = adjustments(tmp_path, location)[-1]
    moved = {lot.expires - today: lot.amount for lot in taken.lots}
    assert moved == {10: -20, 5: -30}
    assert await books.available() == 50


async def test_what_no_lot_has_is_owed_and_filled_next(books: Shop) -> None:
    await books.adjust(30)
    assert (await books.adjust(-100))["balances"]["bonus"]["available"] == -70
    assert (await books.adjust(100))["balances"]["bonus"]["available"] == 30


async def test_a_purse_that_may_never_go_below_0_gives_what_it_has(books: Shop) -> None:
    await books.adjust(3, "stars")
    assert await books.refused(-4, "stars") == (1020, "not_enough")
    assert (await books.adjust(-3, "stars"))["balances"]["stars"]["available"] == 0


async def test_it_is_done_once(books: Shop) -> None:
    terms = books.terms(300)
    first = await books.pos.call("points.adjust", **terms)
    assert await books.pos.call("points.adjust", **terms) == first | {"replayed": True}
    assert await refusal(books.pos, "points.adjust", **terms | {"amount": 301}) == (
        1001,
        "id_reused",
    )
    assert await books.available() == 300


@pytest.mark.parametrize(
    ("wrong", "refused"),
    [
        ({"account": "a0000000000000000"}, (1010, "card_unknown")),
        ({"account": "@adjust"}, (1010, "card_unknown")),
        ({"purse": "chest"}, INVALID),
        ({"amount": 0}, INVALID),
        ({"amount": 10**9 + 1}, INVALID),
        ({"reason": "abc"}, INVALID),
        ({"reason": "1234"}, INVALID),
        ({"by": " "}, INVALID),
    ],
)
async def test_with_something_wrong_nothing_is_given(
    tmp_path: Path, wrong: dict[str, Any], refused: tuple[int, str]
) -> None:
    async with shop(tmp_path, "ledger.db", HandClock()) as one:
        terms = one.terms(300) | wrong
        assert await refusal(one.pos, "points.adjust", **terms) == refused
    assert adjustments(tmp_path, "ledger.db") == []


class TestTheCap:
    @pytest.mark.parametrize("known_only", [False, True])
    async def test_holds_a_manager_and_not_an_owner(self, tmp_path: Path, known_only: bool) -> None:
        policy = POLICY + f"known_operators = {str(known_only).lower()}\n"
        async with shop(tmp_path, "ledger.db", HandClock(), policy) as one:
            for name in ("owner", "manager", "senior"):
                named = {"name": name, "role": name, "by": "owner"}
                await one.pos.call("operator.add", request_id=name, **named)
            pin = {"request_id": "p", "name": "owner", "pin": "604182", "by": "owner"}
            await one.pos.call("operator.pin", **pin)
            for amount in (500, -500):
                await one.adjust(amount, by="manager")
            for amount in (501, -501):
                assert await one.refused(amount, by="manager") == PERMISSION
                assert await one.refused(amount, by="senior") == PERMISSION
            word: dict[str, Any] = {"approval": {"by": "owner", "pin": "604182"}}
            await one.adjust(501, by="manager", **word)
            await one.adjust(50_000, by="owner")
            stranger = one.terms(501, by="nobody")
            if known_only:
                assert await refusal(one.pos, "points.adjust", **stranger) == PERMISSION
                assert await one.refused(1, by="senior") == PERMISSION
            else:
                await one.pos.call("points.adjust", **stranger)

    async def test_is_0_where_the_shop_says_nothing(self, tmp_path: Path) -> None:
        async with shop(tmp_path, "ledger.db", HandClock(), "") as one:
            named = {"name": "manager", "role": "manager", "by": "maria"}
            await one.pos.call("operator.add", request_id="m", **named)
            assert await one.refused(1, by="manager") == PERMISSION
