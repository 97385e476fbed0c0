"""Tills that number alike: each has its own sales, and a receipt's code leads to the right one."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from card_formats.bank_card import holds_bank_card
from daemon.base.config import ConfigError
from daemon.base.receipt_codes import TillNames, receipt_code
from daemon.ledger.audit import audit
from daemon.ledger.entries import decode
from daemon.ledger.storage.registry import open_store, scheme_of
from tests.scenarios.shops import refusal
from tests.support.clock import HandClock
from tests.support.commands import tillcard
from tests.support.till import PLASTIC, Pos, RefusedByTillError, lay_out, open_till

BASKET = [{"line": 1, "sku": "tea", "qty": 1, "unit_price": 9_900}]
NOT_RETURNABLE, MISREAD, RETURNED = (
    (1030, "not_returnable"),
    (1015, "misread"),
    (1031, "returned_already"),
)
At = Callable[..., AbstractAsyncContextManager[Pos]]


@pytest.fixture
def till_at(location: str, tmp_path: Path) -> At:
    """Open a till of the house, the n-th one; on SQLite there is one in all."""

    @asynccontextmanager
    async def open_one(n: int, terminal: str = "", store: str = "1") -> AsyncIterator[Pos]:
        home = tmp_path / (f"till-{n}" if scheme_of(location) else "till")
        named = f'store = "{store}"\nterminal = "{terminal or f"till-{n}"}"'
        lay_out(home, **{'"tillcard.db"': f'"{location}"', 'terminal = "till-1"': named})
        async with open_till(home, HandClock()) as till, Pos.connect(till.socket) as pos:
            yield pos

    return open_one


def sales_of(location: str, home: Path) -> list[str]:
    """Return the ids of the sales that entries have posted; the ledger must be whole."""
    store = open_store(location, home, read_only=True)
    try:
        assert audit(store).findings == ()
        entries = [decode(chained.body) for chained in store.entries()]
        return [entry.ref for entry in entries if entry.kind == "sale"]
    finally:
        store.close()


house = pytest.mark.parametrize("location", ["postgresql"], indirect=True)


@pytest.mark.cluster
@house
async def test_one_number_and_one_basket_at_two_tills_are_two_sales(
    till_at: At, location: str, tmp_path: Path
) -> None:
    async with till_at(1) as north, till_at(2) as south:
        first, second = [
            await pos.call("sale.commit", sale_id="0001", lines=BASKET) for pos in (north, south)
        ]
        assert (first["replayed"], second["replayed"]) == (False, False)
        assert (first["sale_id"], second["sale_id"]) == ("0001", "0001")
        assert first["receipt"]["code"] != second["receipt"]["code"]
        for pos, posted in ((north, first), (south, second)):
            again = await pos.call("sale.commit", sale_id="0001", lines=BASKET)
            assert again == posted | {"replayed": True}
    ids = sales_of(location, tmp_path / "till-1")
    assert len({*ids}) == 2
    assert {sale_id.partition("/")[2] for sale_id in ids} == {"0001"}


@pytest.mark.cluster
@house
async def test_a_return_at_another_till_is_by_receipt_exact_and_once(till_at: At) -> None:
    async with till_at(1) as north, till_at(2) as south:
        sold = await north.call("sale.commit", sale_id="0001", card=PLASTIC, lines=BASKET)
        await south.call("sale.commit", sale_id="0001", lines=BASKET)
        receipt = sold["receipt"]["code"]
        terms: dict[str, Any] = {"return_id": "r1", "receipt": receipt, "whole": True}
        back = await south.call("sale.return", **terms)
        assert (back["refund"], back["sale_id"], back["replayed"]) == (9_900, "0001", False)
        assert back["earned_back"] == {e["purse"]: e["amount"] for e in sold["receipt"]["earn"]}
        assert await south.call("sale.return", **terms) == back | {"replayed": True}
        # It was north's sale that came back. South's is untouched, and north's not to be had again.
        assert (await north.call("sale.status", sale_id="0001"))["refunded"] == 9_900
        assert (await south.call("sale.status", sale_id="0001"))["refunded"] == 0
        assert (await south.call("sale.status", receipt=receipt))["refunded"] == 9_900
        mine = {"return_id": "r1", "sale_id": "0001", "whole": True}
        assert await refusal(north, "sale.return", **mine) == RETURNED


@pytest.mark.cluster
@house
async def test_another_till_s_number_is_unknown_here_and_its_code_is_asked_for(
    till_at: At,
) -> None:
    async with till_at(1) as north, till_at(2) as south:
        await north.call("sale.commit", sale_id="0001", lines=BASKET)
        assert (await south.call("sale.status", sale_id="0001"))["state"] == "new"
        with pytest.raises(RefusedByTillError, match="scan the receipt's code") as refused:
            await south.call("sale.return", return_id="r1", sale_id="0001", whole=True)
        assert refused.value.code == 1030
        # A void closes the number of the till that was asked, and no other's.
        assert (await south.call("sale.void", sale_id="0001"))["state"] == "voided"
        assert (await north.call("sale.status", sale_id="0001"))["state"] == "posted"


async def test_a_code_is_taken_as_people_type_it(till_at: At) -> None:
    async with till_at(1) as pos:
        sold = await pos.call("sale.commit", sale_id="Ab 7-x", lines=BASKET)
        code = sold["receipt"]["code"]
        assert code == receipt_code(TillNames("1", "till-1"), "Ab 7-x")
        for typed in (code, code.upper(), code.lower(), f" {code[:6]} {code[6:]}\u00a0"):
            assert (await pos.call("sale.status", receipt=typed))["sale_id"] == "Ab 7-x"


async def test_a_wrong_code_is_refused_and_the_right_one_is_taken_after_it(till_at: At) -> None:
    async with till_at(1) as pos:
        sold = await pos.call("sale.commit", sale_id="0001", lines=BASKET)
        code = sold["receipt"]["code"]
        terms = {"return_id": "r1", "whole": True}
        for wrong in (code.replace("0001", "0002"), code.replace("01-", "10-"), code[:-1], ""):
            assert await refusal(pos, "sale.return", receipt=wrong, **terms) == MISREAD
            assert await refusal(pos, "sale.status", receipt=wrong) == MISREAD
        for till, sale_id in ((("1", "till-9"), "0001"), (("1", "till-1"), "0002")):
            stranger = receipt_code(TillNames(*till), sale_id)
            asked = {"return_id": f"r{till}{sale_id}", "receipt": stranger, "whole": True}
            for _ in range(2):
                assert await refusal(pos, "sale.return", **asked) == NOT_RETURNABLE
            assert await refusal(pos, "sale.status", receipt=stranger) == NOT_RETURNABLE
        back = await pos.call("sale.return", receipt=code, **terms)
        assert (back["refund"], back["replayed"]) == (9_900, False)


async def test_a_code_that_looks_like_a_bank_card_s_number_is_taken(till_at: At) -> None:
    async with till_at(1) as pos:
        sold = await pos.call("sale.commit", sale_id="400000000166", lines=BASKET)
        code = sold["receipt"]["code"]
        assert holds_bank_card(code, ())
        assert (await pos.call("sale.status", receipt=code))["state"] == "posted"
        back = await pos.call("sale.return", return_id="r1", receipt=code, whole=True)
        assert back["refund"] == 9_900


async def test_sales_that_differ_in_capitals_alone_are_told_apart_by_id_only(till_at: At) -> None:
    async with till_at(1) as pos:
        await pos.call("sale.commit", sale_id="a1", lines=BASKET)
        sold = await pos.call("sale.commit", sale_id="A1", lines=BASKET)
        assert sold["replayed"] is False
        terms = {"return_id": "r1", "receipt": sold["receipt"]["code"], "whole": True}
        assert await refusal(pos, "sale.return", **terms) == NOT_RETURNABLE
        back = await pos.call("sale.return", return_id="r2", sale_id="A1", whole=True)
        assert (back["refund"], back["sale_id"]) == (9_900, "A1")


async def test_a_till_that_is_called_otherwise_later_knows_its_older_receipts(till_at: At) -> None:
    async with till_at(1) as pos:
        sold = await pos.call("sale.commit", sale_id="0001", lines=BASKET)
    async with till_at(1, "front", "North Gate") as pos:
        later = await pos.call("sale.commit", sale_id="0002", lines=BASKET)
        assert later["receipt"]["code"].startswith("northgate-front-0002-")
        for n, posted in enumerate((sold, later)):
            code = posted["receipt"]["code"]
            back = await pos.call("sale.return", return_id=f"r{n}", receipt=code, whole=True)
            assert back["sale_id"] == posted["sale_id"]
        # A sale is found by the name that it was sold under alone.
        wrong = receipt_code(TillNames("North Gate", "front"), "0001")
        assert await refusal(pos, "sale.status", receipt=wrong) == NOT_RETURNABLE


@pytest.mark.cluster
@house
async def test_two_tills_of_one_name_do_not_start_and_are_told_the_way_out(
    till_at: At, tmp_path: Path
) -> None:
    async with till_at(1):
        for terminal in ("till-1", "Till 1", "TILL1"):  # receipts say the same for all three
            with pytest.raises(ConfigError, match="give this one another terminal") as refused:
                async with till_at(2, terminal):
                    pass
        command = ("doctor", "--config", str(tmp_path / "till-2" / "tillcard.toml"))
        looked = await asyncio.to_thread(tillcard, *command)
        assert looked.exit_code == 1
        assert "give this one another terminal" in looked.output
        async with till_at(2, "till-1", store="2"):
            pass
    # It is that very till, and its name in the house was lost: the sentence says which it was.
    name = tmp_path / "till-1" / "ledger.id"
    lost = name.read_text("ascii").strip()
    name.unlink()
    with pytest.raises(ConfigError, match=lost) as refused:
        async with till_at(1):
            pass
    assert refused.value.path == "till.terminal"
    name.write_text(lost + "\n", "ascii")
    async with till_at(1):
        pass


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_is_asked_where_each_till_has_its_own_sales(
    till_at: At, location: str, seed: int, tmp_path: Path
) -> None:
    shared = bool(scheme_of(location))
    async with till_at(1) as first, till_at(2) if shared else _same(first) as second:
        walk = Walk([first, second] if shared else [first], random.Random(seed))
        for _ in range(60):
            await walk.step()
    posted = sales_of(location, tmp_path / ("till-1" if shared else "till"))
    assert len(posted) == len({*posted}) == len(walk.posted)


@asynccontextmanager
async def _same(pos: Pos) -> AsyncIterator[Pos]:
    yield pos


class Walk:
    """Random calls with few numbers at few tills, and what each must be answered."""

    def __init__(self, tills: list[Pos], chance: random.Random) -> None:
        self._tills, self._chance = tills, chance
        self._states: dict[tuple[int, str], str] = {}
        self._answered: dict[tuple[str, int, str], Any] = {}
        self.posted: set[tuple[int, str]] = set()

    async def step(self) -> None:
        """Ask for one thing, at one till, and hold the answer against the model's."""
        of, at = (self._chance.randrange(len(self._tills)) for _ in range(2))
        sale_id = self._chance.choice(["1", "2", "3"])
        method = self._chance.choice(["commit", "void", "return"])
        sale = (of, sale_id)
        if method == "return":
            receipt = receipt_code(TillNames("1", f"till-{of + 1}"), sale_id)
            key = (method, at, f"{of}/{sale_id}")
            params: dict[str, Any] = {"return_id": key[2], "receipt": receipt, "whole": True}
        else:
            key, at, params = (method, of, sale_id), of, {"sale_id": sale_id}
            params |= {"lines": BASKET} if method == "commit" else {}
        expected = self._answered.get(key) or self._expected(method, sale)
        try:
            answer = await self._tills[at].call(f"sale.{method}", **params)
            got: Any = answer["state"]
            assert answer["replayed"] is (key in self._answered)
            assert answer["sale_id"] == sale_id
            self._answered[key] = got
        except RefusedByTillError as refused:  # which ends no id
            got = refused.code
        assert got == expected, (key, self._states)

    def _expected(self, method: str, sale: tuple[int, str]) -> Any:
        state = self._states.get(sale, "new")
        match method, state:
            case "commit", "new":
                self._states[sale] = "posted"
                self.posted.add(sale)
                return "posted"
            case "void", "new":
                self._states[sale] = "voided"
                return "voided"
            case "return", "posted":
                self._states[sale] = "returned"
                return "posted"
            case "return", _:
                return 1031 if state == "returned" else 1030
            case "commit", _:
                return 1002
            case _:
                return 1003
