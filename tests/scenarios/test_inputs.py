"""Several POS programs at one till: who gets a reader's input, and how long it waits."""

from collections.abc import AsyncIterator

import pytest

from daemon.app.running import App
from tests.support.clock import HandClock
from tests.support.pos import refused
from tests.support.till import Pos

SCAN = {"reader": "scanner", "do": "scan"}


@pytest.fixture
async def other(till: App) -> AsyncIterator[Pos]:
    async with Pos.connect(till.socket) as connected:
        await connected.call("events.subscribe")
        yield connected


async def products_until(pos: Pos, last: str) -> list[str]:
    """Read the products that were scanned, up to ``last``."""
    texts: list[str] = []
    while not texts or texts[-1] != last:
        texts.append((await pos.event("scan"))["text"])
    return texts


async def test_a_claimed_reader_s_input_is_for_its_claimer_alone(pos: Pos, other: Pos) -> None:
    await pos.call("hello", client="front till", version="1")
    claimed = await pos.call("reader.claim", reader="scanner", ttl_s=60)
    assert claimed == {"reader": "scanner", "until": "2026-11-23T08:01:00.000000Z"}
    await pos.call("events.subscribe")
    await other.call("input.simulate", **SCAN, card="plastic")
    await pos.event("card.presented")
    await other.call("input.simulate", reader="chip", do="present", card="chip")
    assert (await other.event("card.presented"))["reader"] == "chip"

    error = await refused(other, "card.identify", reader="scanner")
    assert (error.code, error.data["reader"]) == (102, "scanner")
    assert "front till" in error.message
    assert (await refused(other, "reader.claim", reader="scanner", ttl_s=1)).code == 102
    assert (await pos.call("card.identify", reader="scanner"))["name"] == "Olena"
    assert (await other.call("card.identify", reader="chip"))["name"] == "Taras"


async def test_status_tells_who_has_a_reader(pos: Pos, other: Pos) -> None:
    await pos.call("hello", client="front till", version="1")
    await pos.call("reader.claim", reader="scanner", ttl_s=60)
    readers = {each["name"]: each for each in (await other.call("status"))["readers"]}
    assert readers["scanner"]["claimed_by"] == "front till"
    assert readers["chip"]["claimed_by"] is None


async def test_a_claim_ends_by_release_and_only_by_its_holder_s(pos: Pos, other: Pos) -> None:
    await pos.call("reader.claim", reader="scanner", ttl_s=60)
    assert await other.call("reader.release", reader="scanner") == {"released": False}
    assert (await refused(other, "card.identify", reader="scanner")).code == 102
    assert await pos.call("reader.release", reader="scanner") == {"released": True}
    assert await pos.call("reader.release", reader="scanner") == {"released": False}
    await other.call("reader.claim", reader="scanner", ttl_s=60)


async def test_a_claim_ends_with_its_time_unless_it_is_prolonged(
    pos: Pos, other: Pos, clock: HandClock
) -> None:
    await pos.call("reader.claim", reader="scanner", ttl_s=60)
    clock.move(seconds=50)
    await pos.call("reader.claim", reader="scanner", ttl_s=60)
    clock.move(seconds=59.5)
    assert (await refused(other, "reader.claim", reader="scanner", ttl_s=60)).code == 102
    clock.move(seconds=0.5)
    await other.call("reader.claim", reader="scanner", ttl_s=60)
    assert (await refused(pos, "reader.claim", reader="scanner", ttl_s=60)).code == 102


async def test_a_claim_ends_with_its_connection_and_what_came_to_it_is_not_lost(
    till: App, other: Pos
) -> None:
    async with Pos.connect(till.socket) as pos:
        subscribed = await pos.call("events.subscribe")
        await pos.call("reader.claim", reader="scanner", ttl_s=60)
        await other.call("input.simulate", **SCAN, data="]E04820000000017")
        assert (await pos.event("scan"))["text"] == "4820000000017"
    async with Pos.connect(till.socket) as again:
        await again.call("reader.claim", reader="scanner", ttl_s=60)
        await again.call(
            "events.subscribe", from_seq=subscribed["seq"] + 1, boot_id=subscribed["boot_id"]
        )
        await other.call("input.simulate", **SCAN, data="]E04820000000024")
        assert await products_until(again, "4820000000024") == ["4820000000017", "4820000000024"]
        await again.call("reader.release", reader="scanner")
        await other.call("input.simulate", **SCAN, data="]E04820000000031")
        assert await products_until(other, "4820000000031") == ["4820000000031"]


async def test_one_shot_input_comes_one_acknowledgement_at_a_time(pos: Pos, other: Pos) -> None:
    await pos.call("events.subscribe", one_shot=True)
    for text in ("]E04820000000017", "]E04820000000024"):
        await other.call("input.simulate", **SCAN, data=text)
    assert await products_until(other, "4820000000024") == ["4820000000017", "4820000000024"]
    first = await pos.event("scan")
    await pos.call("status")
    assert [event["type"] for event in pos.events if event["type"] == "scan"] == []
    assert await pos.call("events.ack", event_id="another") == {"acknowledged": False}
    assert await pos.call("events.ack", event_id=first["event_id"]) == {"acknowledged": True}
    assert (await pos.event("scan"))["text"] == "4820000000024"
    assert await pos.call("events.ack", event_id=first["event_id"]) == {"acknowledged": False}


async def test_input_that_nobody_asks_about_expires_and_is_told(pos: Pos, clock: HandClock) -> None:
    await pos.call("events.subscribe")
    await pos.call("input.simulate", **SCAN, card="plastic")
    presented = await pos.event("card.presented")
    clock.move(seconds=120)
    expired = await pos.event("input.expired")
    assert (expired["reader"], expired["input_id"]) == ("scanner", presented["event_id"])
    assert (await refused(pos, "card.identify", reader="scanner")).data["name"] == "no_card"


async def test_input_that_was_asked_about_ends_without_a_word(pos: Pos, clock: HandClock) -> None:
    await pos.call("events.subscribe")
    await pos.call("input.simulate", **SCAN, card="plastic")
    await pos.event("card.presented")
    clock.move(seconds=119)
    await pos.call("card.identify", reader="scanner")
    clock.move(seconds=1)
    assert (await refused(pos, "card.identify", reader="scanner")).data["name"] == "no_card"
    await pos.call("input.simulate", **SCAN, card="phone")
    later = await pos.event("input.expired", "card.presented")
    assert later["type"] == "card.presented"


async def test_a_chip_waits_for_as_long_as_it_lies_there(pos: Pos, clock: HandClock) -> None:
    await pos.call("events.subscribe")
    await pos.call("input.simulate", reader="chip", do="present", card="chip")
    await pos.event("card.presented")
    clock.move(hours=1)
    assert (await pos.call("card.identify", reader="chip"))["name"] == "Taras"


async def test_only_a_reader_of_the_till_can_be_claimed(pos: Pos) -> None:
    assert (await refused(pos, "reader.claim", reader="attic", ttl_s=1)).code == -32602
    for ttl_s in (0, 24 * 3_600 + 1):
        assert (await refused(pos, "reader.claim", reader="scanner", ttl_s=ttl_s)).code == -32602
