"""A clock that was wrong once costs nothing, and a till's time that is wrong has a way out."""

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from daemon.accounts.live_codes import CLOCK_CARDS_MIN
from daemon.app.running import App
from daemon.ledger.storage.registry import open_store
from daemon.shop.daily_jobs import REQUESTS_KEPT_DAYS
from tests.support.clock import HandClock
from tests.support.phone import Phone, bind
from tests.support.till import PLASTIC, Pos, RefusedByTillError, lay_out, open_till

LAPSE = """
[programme]
id = "lapse"
currency = "UAH"
tz = "Europe/Kyiv"

[[purse]]
id = "bonus"
unit = "UAH"
expire = "90d"
"""
TWO_YEARS = {"days": 730}
WHO = {"by": "anna", "reason": "compared with the radio"}


def goods(minor: int) -> list[dict[str, Any]]:
    return [{"line": 1, "sku": "tea", "qty": 1, "unit_price": minor}]


@pytest.fixture
def clock() -> HandClock:
    """Nothing but its own word says that it is right."""
    return HandClock(synchronised=False)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    lay_out(tmp_path)
    (tmp_path / "programme.toml").write_text(LAPSE, "utf-8")
    return tmp_path


@pytest.fixture
async def till(home: Path, clock: HandClock) -> AsyncIterator[App]:
    """A till with 5.00 of bonus on a card, of which a day's work is done."""
    async with open_till(home, clock) as app:
        yield app


@pytest.fixture
async def pos(till: App) -> AsyncIterator[Pos]:
    async with Pos.connect(till.socket) as pos:
        await pos.call("card.topup", topup_id="t1", card=PLASTIC, amount=500, cashier="anna")
        yield pos


async def balance(pos: Pos) -> int:
    shown = await pos.call("card.show", card=PLASTIC)
    available: int = shown["balances"]["bonus"]["available"]
    return available


async def clock_of(pos: Pos) -> tuple[str, int]:
    status = await pos.call("status")
    assert status["clock_suspect"] is bool(status["clock"]["suspect"])
    return status["clock"]["suspect"], status["clock"]["offset_s"]


async def sell(pos: Pos, sale_id: str) -> str:
    posted = await pos.call("sale.commit", sale_id=sale_id, lines=goods(100))
    at: str = posted["receipt"]["at"]
    return at[:10]


async def test_a_clock_that_jumps_ahead_expires_nothing_and_stamps_nothing(
    till: App, pos: Pos, clock: HandClock
) -> None:
    clock.step(**TWO_YEARS)
    await till.look_after()
    assert await clock_of(pos) == ("ahead", 730 * 86_400)
    assert await balance(pos) == 500
    assert await sell(pos, "s1") == "2026-11-23"
    clock.step(days=-730)
    await till.look_after()
    assert await clock_of(pos) == ("", 0)
    assert (await balance(pos), await sell(pos, "s2")) == (500, "2026-11-23")


@pytest.mark.parametrize("step", [{"hours": 40}, {"hours": -40}, TWO_YEARS])
async def test_a_hold_lasts_as_long_as_was_said_whatever_the_clock_does(
    step: dict[str, float], till: App, pos: Pos, clock: HandClock
) -> None:
    for sale_id in ("h1", "h2"):
        await pos.call("sale.hold", sale_id=sale_id, lines=goods(100), ttl_s=900)
    clock.step(**step)
    clock.move(minutes=14)
    await till.look_after()
    assert (await pos.call("sale.status", sale_id="h1"))["state"] == "held"
    assert (await pos.call("sale.commit", sale_id="h1"))["total"] == 100
    clock.move(minutes=1)
    with pytest.raises(RefusedByTillError, match="has run out"):
        await pos.call("sale.commit", sale_id="h2")
    await till.look_after()
    assert (await pos.call("sale.status", sale_id="h2"))["state"] == "expired"


async def test_a_start_with_a_clock_ahead_expires_nothing(home: Path, clock: HandClock) -> None:
    async with open_till(home, clock) as till, Pos.connect(till.socket) as pos:
        await pos.call("card.topup", topup_id="t1", card=PLASTIC, amount=500, cashier="anna")
    clock.step(**TWO_YEARS)
    async with open_till(home, clock) as till, Pos.connect(till.socket) as pos:
        assert (await clock_of(pos))[0] == "ahead"
        assert await balance(pos) == 500
        assert await sell(pos, "s1") == "2026-11-23"
        hold = await pos.call("sale.hold", sale_id="h1", lines=goods(100), ttl_s=2)
        assert hold["until"].startswith("2026-11-23")
        clock.move(seconds=3)
        await till.look_after()
        assert (await pos.call("sale.status", sale_id="h1"))["state"] == "expired"
    clock.step(days=-730)
    async with open_till(home, clock) as till, Pos.connect(till.socket) as pos:
        assert await clock_of(pos) == ("", 0)
        assert (await balance(pos), await sell(pos, "s2")) == (500, "2026-11-23")


async def test_a_weekend_is_believed_at_once(home: Path, clock: HandClock) -> None:
    async with open_till(home, clock):
        pass
    clock.step(hours=47)
    async with open_till(home, clock) as till, Pos.connect(till.socket) as pos:
        assert (await clock_of(pos), await sell(pos, "s1")) == (("", 0), "2026-11-25")


async def test_a_time_server_confirms_the_clock(till: App, pos: Pos, clock: HandClock) -> None:
    clock.step(days=100)
    await till.look_after()
    assert await balance(pos) == 500
    clock.step(days=-100)
    clock.move(days=100)
    clock.synchronise()
    await till.look_after()
    assert (await clock_of(pos), await balance(pos)) == (("", 0), 0)


async def test_a_day_of_running_confirms_the_clock_unless_it_jumps_again(
    till: App, pos: Pos, clock: HandClock
) -> None:
    clock.step(days=100)
    await till.look_after()
    clock.move(hours=20)
    clock.step(days=10)
    await till.look_after()
    clock.move(hours=20)
    await till.look_after()
    assert ((await clock_of(pos))[0], await balance(pos)) == ("ahead", 500)
    clock.move(hours=5)
    await till.look_after()
    assert ((await clock_of(pos))[0], await balance(pos)) == ("", 0)


async def test_a_person_s_word_confirms_the_clock_and_is_kept(
    till: App, pos: Pos, clock: HandClock
) -> None:
    clock.step(days=100)
    await till.look_after()
    with pytest.raises(RefusedByTillError, match="not ahead of the machine"):
        await pos.call("clock.reset", request_id="c0", **WHO)
    with pytest.raises(RefusedByTillError, match="reason"):
        await pos.call("clock.accept", request_id="c1", by="anna", reason=" ")
    done = await pos.call("clock.accept", request_id="c1", **WHO)
    assert (done["was"][:10], done["now"][:10]) == ("2026-11-23", "2027-03-03")
    assert (await pos.call("clock.accept", request_id="c1", **WHO))["replayed"] is True
    with pytest.raises(RefusedByTillError, match="nothing to accept"):
        await pos.call("clock.accept", request_id="c2", **WHO)
    await till.look_after()
    assert (await clock_of(pos), await balance(pos)) == (("", 0), 0)


async def test_phones_confirm_the_clock_by_codes_shown_after_it_jumped(
    till: App, pos: Pos, clock: HandClock
) -> None:
    phones = [await new_phone(till, pos, f"i{n}", clock) for n in range(CLOCK_CARDS_MIN)]
    for phone in phones:
        await pos.call("card.identify", scan=phone.code())
    clock.move(seconds=30)
    clock.step(days=100)
    await till.look_after()
    assert (await clock_of(pos))[0] == "ahead"  # what the phones said before is of no use
    for phone in phones:
        assert (await pos.call("card.identify", scan=phone.code()))["trust"] == "rotating"
    await till.look_after()
    assert (await clock_of(pos), await balance(pos)) == (("", 0), 0)


async def new_phone(till: App, pos: Pos, request_id: str, clock: HandClock) -> Phone:
    card = await pos.call("card.issue", request_id=request_id, kind="phone")
    return await bind(till, card["number"], clock)


async def test_a_time_that_was_believed_wrongly_has_a_way_out(
    till: App, pos: Pos, clock: HandClock
) -> None:
    clock.step(**TWO_YEARS)
    await till.look_after()
    await pos.call("clock.accept", request_id="c1", **WHO)
    assert await sell(pos, "s1") == "2028-11-22"
    clock.step(days=-730)
    await till.look_after()
    assert (await clock_of(pos))[0] == "behind"
    assert await sell(pos, "s2") == "2028-11-22"
    hold = await pos.call("sale.hold", sale_id="h1", lines=goods(100), ttl_s=2)
    assert hold["until"].startswith("2028-11-22")
    clock.move(seconds=5)  # at half speed
    await till.look_after()
    assert (await pos.call("sale.status", sale_id="h1"))["state"] == "expired"
    done = await pos.call("clock.reset", request_id="c2", **WHO)
    assert (done["was"][:10], done["now"][:10]) == ("2028-11-22", "2026-11-23")
    assert (await clock_of(pos), await sell(pos, "s3")) == (("", 0), "2026-11-23")


async def test_the_way_out_lasts_over_a_start(home: Path, clock: HandClock) -> None:
    async with open_till(home, clock) as till, Pos.connect(till.socket) as pos:
        clock.step(**TWO_YEARS)
        await till.look_after()
        await pos.call("clock.accept", request_id="c1", **WHO)
        clock.step(days=-730)
        await till.look_after()
        await pos.call("clock.reset", request_id="c2", **WHO)
    async with open_till(home, clock) as till, Pos.connect(till.socket) as pos:
        assert (await clock_of(pos), await sell(pos, "s1")) == (("", 0), "2026-11-23")


async def test_a_time_server_is_a_way_out_of_a_wrong_time(home: Path, clock: HandClock) -> None:
    async with open_till(home, clock) as till, Pos.connect(till.socket) as pos:
        clock.step(**TWO_YEARS)
        await till.look_after()
        await pos.call("clock.accept", request_id="c1", **WHO)
        await sell(pos, "s1")
    clock.synchronise()
    async with open_till(home, clock) as till, Pos.connect(till.socket) as pos:
        assert (await clock_of(pos), await sell(pos, "s2")) == (("", 0), "2026-11-23")


async def test_a_clock_that_was_ahead_forgets_no_answer(
    till: App, pos: Pos, clock: HandClock
) -> None:
    topup: dict[str, Any] = {"topup_id": "t2", "card": PLASTIC, "amount": 100, "cashier": "anna"}
    await pos.call("card.topup", **topup)
    clock.step(days=800)
    await till.look_after()
    await pos.call("clock.accept", request_id="c1", **WHO)
    await till.look_after()
    clock.step(days=-800)
    await till.look_after()
    await pos.call("clock.reset", request_id="c2", **WHO)
    await till.look_after()
    assert (await pos.call("card.topup", **topup))["replayed"] is True


async def test_answers_are_forgotten_by_days_of_work(till: App, pos: Pos, clock: HandClock) -> None:
    topup: dict[str, Any] = {"topup_id": "t2", "card": PLASTIC, "amount": 100, "cashier": "anna"}
    await pos.call("card.topup", **topup)
    for _ in range(REQUESTS_KEPT_DAYS):
        clock.move(days=1)
        await till.look_after()
    assert (await pos.call("card.topup", **topup))["replayed"] is True
    clock.move(days=1)
    await till.look_after()
    assert (await pos.call("card.topup", **topup))["replayed"] is False


async def test_many_little_steps_are_believed_no_further_than_one(
    till: App, pos: Pos, clock: HandClock
) -> None:
    for _ in range(100):
        clock.step(hours=47)
        clock.move(seconds=1)
        await till.look_after()
    assert (await clock_of(pos))[0] == "ahead"
    assert await balance(pos) == 500
    assert (await sell(pos, "s1")) < "2026-11-26"
    assert (await pos.call("card.topup", topup_id="t1", card=PLASTIC, amount=500))["replayed"]


async def test_after_a_time_that_was_believed_wrongly_the_day_s_work_goes_on(
    till: App, pos: Pos, clock: HandClock
) -> None:
    clock.step(**TWO_YEARS)
    await till.look_after()
    await pos.call("clock.accept", request_id="c1", **WHO)
    await till.look_after()
    clock.step(days=-730)
    await pos.call("clock.reset", request_id="c2", **WHO)
    await pos.call("card.topup", topup_id="t2", card=PLASTIC, amount=300)
    for _ in range(92):
        clock.move(days=1)
        await till.look_after()
    history = (await pos.call("card.show", card=PLASTIC))["balances"]["bonus"]
    assert history["available"] == 0
    store = open_store("tillcard.db", till.socket.parent, read_only=True)
    try:
        assert store.counters(["@day"])["@day"] == date(2027, 2, 23).toordinal()
        assert sum(b'"kind":"expiry"' in entry.body for entry in store.entries()) == 2
    finally:
        store.close()
