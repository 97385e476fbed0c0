"""Cards by the thousand on every store: whole, in order, each number once, while sales go on."""

import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from card_formats.check_digits import Check, append_check, has_valid_check
from daemon.ledger.audit import audit
from daemon.ledger.entries import decode
from daemon.ledger.storage.registry import open_store
from tests.scenarios.shops import goods, refusal
from tests.support.clock import HandClock
from tests.support.pos import refused
from tests.support.till import PLASTIC, Pos, RefusedByTillError, lay_out, open_till

OpenPos = Callable[[], AbstractAsyncContextManager[Pos]]


@pytest.fixture
def shop(location: str, tmp_path: Path) -> OpenPos:
    """Open the shop's till on the store, as often as wanted."""
    lay_out(tmp_path, **{'"tillcard.db"': f'"{location}"'})

    @asynccontextmanager
    async def opened() -> AsyncIterator[Pos]:
        async with open_till(tmp_path, HandClock()) as till, Pos.connect(till.socket) as pos:
            yield pos

    return opened


@pytest.fixture(autouse=True)
def whole(location: str, tmp_path: Path) -> Iterator[None]:
    """Audit the ledger at the end of every test."""
    yield
    with closing(open_store(location, tmp_path, read_only=True)) as store:
        assert audit(store).findings == ()


def printed(n: int) -> str:
    """Return the n-th number of a printer's file."""
    return append_check(Check.EAN, f"29001{n:07d}")


def details(location: str, home: Path) -> list[dict[str, Any]]:
    with closing(open_store(location, home, read_only=True)) as store:
        entries = [decode(chained.body) for chained in store.entries()]
    return [msgspec.json.decode(one.detail) for one in entries if one.kind == "batch"]


async def made(pos: Pos, batch: str) -> list[dict[str, Any]]:
    """Wait until a batch is whole; return its cards."""
    shown = await pos.call("batch.show", batch=batch)
    while shown["made"] < shown["count"]:
        shown = await pos.call("batch.show", batch=batch, beyond=shown["made"])
    cards: list[dict[str, Any]] = []
    while some := (await pos.call("batch.cards", batch=batch, start=len(cards)))["cards"]:
        cards += some
    return cards


async def staged(pos: Pos, request_id: str, numbers: list[str]) -> None:
    for start in range(0, len(numbers), 1_000):
        terms = {"request_id": request_id, "start": start, "numbers": numbers[start:][:1_000]}
        await pos.call("batch.stage", **terms)


async def test_three_cards_cost_all_that_was_paid_for_them(shop: OpenPos) -> None:
    async with shop() as pos:
        terms = {"request_id": "b1", "count": 3, "kind": "plastic", "total_cost": 1_000}
        begun = await pos.call("batch.make", **terms)
        assert begun == {"batch": "B-2026-0001", "count": 3, "replayed": False}
        assert (await pos.call("batch.make", **terms)) == begun | {"replayed": True}
        cards = await made(pos, "B-2026-0001")
        assert [card["cost"] for card in cards] == [333, 333, 334]
        assert [card["index"] for card in cards] == [0, 1, 2]
        assert {card["state"] for card in cards} == {"stock"}
        assert all(has_valid_check(Check.MOD97, card["number"]) for card in cards)
        number = cards[0]["number"]
        assert await refusal(pos, "card.identify", number=number) == (1010, "card_unknown")
        error = await refused(pos, "sale.quote", card=number, lines=goods(100))
        assert error.message == "This card has not been handed out yet."
        issued = await pos.call("card.issue", request_id="i1", number=number)
        assert (issued["state"], issued["kind"]) == ("active", "plastic")
        second = await pos.call("batch.make", **terms | {"request_id": "b2", "kind": "gift"})
        assert second["batch"] == "B-2026-0002"
        await made(pos, second["batch"])


async def test_every_thousand_has_an_entry_that_its_numbers_follow_from(
    shop: OpenPos, location: str, tmp_path: Path
) -> None:
    async with shop() as pos:
        terms = {"request_id": "b1", "count": 2_500, "kind": "plastic", "by": "olha"}
        cards = await made(pos, (await pos.call("batch.make", **terms))["batch"])
    begun, *some = details(location, tmp_path)
    assert (begun["event"], begun["by"], begun["count"]) == ("begun", "olha", 2_500)
    assert [(one["from"], one["count"]) for one in some] == [
        (0, 1_000),
        (1_000, 1_000),
        (2_000, 500),
    ]
    numbers = [card["number"] for card in cards]
    assert len(set(numbers)) == 2_500
    for one in some:
        of_this = numbers[one["from"] :][: one["count"]]
        text = "".join(f"{number}\n" for number in of_this)
        assert one["sha256"] == hashlib.sha256(text.encode()).hexdigest()


async def test_the_printer_s_numbers_come_in_their_order(shop: OpenPos) -> None:
    numbers = [printed(n) for n in range(1_500)]
    async with shop() as pos:
        await staged(pos, "f1", numbers)
        waiting = {"request_id": "i1", "number": numbers[7]}
        assert await refusal(pos, "card.issue", **waiting) == (1017, "number_taken")
        few = {"request_id": "f1", "count": 1_499, "kind": "plastic", "staged": True}
        assert await refusal(pos, "batch.make", **few) == (-32602, "invalid_params")
        begun = await pos.call("batch.make", **few | {"count": 1_500})
        cards = await made(pos, begun["batch"])
        assert [card["number"] for card in cards] == numbers
        assert (await pos.call("card.issue", **waiting))["number"] == numbers[7]


@pytest.mark.parametrize(
    ("line", "number", "name", "said"),
    [
        (1_400, printed(3), "number_taken", "stands in line 4 already"),
        (1_400, printed(1_398), "number_taken", "stands in line 1399 already"),
        (17, PLASTIC, "number_taken", "is on a card already"),
        (1_500, "2900100000001", "misread", "Misread (number.bad-check)"),
        (1, "", "card_unknown", "no number of the shop's own"),
    ],
)
async def test_a_wrong_number_is_named_with_its_line_and_nothing_is_made(
    shop: OpenPos, line: int, number: str, name: str, said: str
) -> None:
    numbers = [printed(n) for n in range(1_500)]
    numbers[line - 1] = number
    async with shop() as pos:
        with pytest.raises(RefusedByTillError) as caught:
            await staged(pos, "f1", numbers)
        error = caught.value
        assert (error.data["name"], error.data["line"]) == (name, line)
        assert error.message.startswith(f"Line {line}: ")
        assert said in error.message
        assert await refusal(pos, "batch.show", batch="B-2026-0001") == (1010, "card_unknown")
        free = await pos.call("card.issue", request_id="i1", number=printed(5))
        assert free["state"] == "active", "none of its numbers waits any more"


async def test_numbers_that_nobody_went_on_with_are_free_after_the_next_start(
    shop: OpenPos,
) -> None:
    async with shop() as pos:
        await staged(pos, "f1", [printed(n) for n in range(1_200)])
    async with shop() as pos:
        again = {"request_id": "f2", "start": 0, "numbers": [printed(7)]}
        assert await pos.call("batch.stage", **again) == {"count": 1}
        later = again | {"start": 5, "numbers": [printed(8)]}
        error = await refused(pos, "batch.stage", **later)
        assert error.message == "start: 1 numbers came before"


async def test_sales_go_on_while_cards_are_made(shop: OpenPos) -> None:
    async with shop() as pos:
        terms = {"request_id": "b1", "count": 10_000, "kind": "plastic"}
        batch = (await pos.call("batch.make", **terms))["batch"]
        sold = await pos.call("sale.commit", sale_id="s1", lines=goods(10_000))
        assert sold["state"] == "posted"
        assert (await pos.call("batch.show", batch=batch))["made"] < 10_000, "it came between"
        assert len(await made(pos, batch)) == 10_000


@pytest.mark.parametrize(
    ("field", "value", "refused_as"),
    [
        ("count", 0, (-32602, "invalid_params")),
        ("count", 1_000_001, (-32602, "invalid_params")),
        ("book", "26", (-32602, "invalid_params")),
        ("until", "2020-01-01", (-32602, "invalid_params")),
        ("numbers", "nosuch", (-32602, "invalid_params")),
        ("numbers", "small", (1023, "limit_reached")),
    ],
)
async def test_a_batch_that_cannot_be_made_is_refused_whole(
    shop: OpenPos, tmp_path: Path, field: str, value: Any, refused_as: tuple[int, str]
) -> None:
    config = tmp_path / "tillcard.toml"
    small = '[[number_range]]\nname = "small"\nprefix = "77"\nlength = 6\ncheck = "damm"\n'
    text = config.read_text("utf-8")
    at = text.index("[[number_range]]")
    config.write_text(text[:at] + small + text[at:], "utf-8")
    async with shop() as pos:
        terms = {"request_id": "b1", "count": 501, "kind": "plastic"}
        assert await refusal(pos, "batch.make", **terms | {field: value}) == refused_as
        begun = await pos.call("batch.make", **terms | {"numbers": "small", "count": 500})
        cards = await made(pos, begun["batch"])
        assert len(cards) == 500
        assert all(card["number"].startswith("77") for card in cards)
        assert all(has_valid_check(Check.DAMM, card["number"]) for card in cards)
