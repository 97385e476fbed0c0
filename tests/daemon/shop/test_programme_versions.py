"""Which programme is in force, which comes next, and which one priced a sale of last year."""

from datetime import datetime, timedelta

import msgspec
import pytest

from daemon.base.approval import Signed
from daemon.base.config import ConfigError
from daemon.ledger.entries import Entry, decode
from daemon.ledger.ledger import RequestKey
from daemon.programme.programme import Programme, load
from daemon.shop.programme_versions import Activated, ProgrammeVersions
from daemon.shop.shop import Shop
from tests.daemon.shop.conftest import PROGRAMME, OpenShop
from tests.stores.hand_made import commit, made_sale
from tests.support.clock import MORNING, HandClock

NEW = PROGRAMME + '\n[[meter]]\nid = "visits"\nof = "visits"\nwindow = "life"\n'
NEWER = NEW + '\n[[purse]]\nid = "points"\nunit = "point"\nworth = 1\n'
A_WEEK = timedelta(days=7)


async def kinds(shop: Shop) -> list[str]:
    entries = await shop.ledger.read(lambda store: list(store.entries()))
    return [decode(entry.body).kind for entry in entries]


async def activate(
    versions: ProgrammeVersions, text: str, request: str = "r1", at: datetime | None = None
) -> Activated:
    key = RequestKey("programme.activate", request, text.encode())
    raw = await versions.activate(key, load(text), at, Signed("anna"))
    return msgspec.json.decode(raw, type=Activated)


def is_in_force(versions: ProgrammeVersions, text: str) -> bool:
    return versions.active.version == load(text).version


async def test_the_file_comes_into_force_at_the_first_start_and_is_written_once(
    open_shop: OpenShop,
) -> None:
    async with open_shop() as shop:
        assert is_in_force(shop.versions, PROGRAMME)
        assert await kinds(shop) == ["programme"]
    async with open_shop() as shop:
        assert is_in_force(shop.versions, PROGRAMME)
        assert await kinds(shop) == ["programme"]


async def test_a_file_that_was_changed_while_the_till_was_off_comes_into_force(
    open_shop: OpenShop, clock: HandClock
) -> None:
    async with open_shop():
        pass
    clock.move(hours=1)
    async with open_shop(NEW) as shop:
        assert is_in_force(shop.versions, NEW)
        assert await kinds(shop) == ["programme", "programme"]


async def test_what_was_activated_outlives_a_start_with_the_file_as_it_was(
    open_shop: OpenShop, clock: HandClock
) -> None:
    async with open_shop() as shop:
        await activate(shop.versions, NEW)
        assert is_in_force(shop.versions, NEW)
    clock.move(hours=1)
    async with open_shop() as shop:
        assert is_in_force(shop.versions, NEW), "the file has not changed, so nobody meant it"


async def test_a_programme_for_next_week_counts_at_once_and_prices_when_its_time_has_come(
    shop: Shop, clock: HandClock
) -> None:
    answer = await activate(shop.versions, NEW, at=MORNING + A_WEEK)
    assert answer.at == "2026-11-30T08:00:00.000000Z"
    assert is_in_force(shop.versions, PROGRAMME)
    assert [one.version for one in shop.versions.counting] == [
        load(text).version for text in (PROGRAMME, NEW)
    ]
    clock.move(days=7, seconds=-1)
    await shop.versions.follow()
    assert is_in_force(shop.versions, PROGRAMME)
    clock.move(seconds=1)
    await shop.versions.follow()
    assert is_in_force(shop.versions, NEW)
    assert shop.versions.coming == ()


async def test_a_time_that_is_over_means_now(shop: Shop) -> None:
    answer = await activate(shop.versions, NEW, at=MORNING - A_WEEK)
    assert answer.at == "2026-11-23T08:00:00.000000Z"
    assert is_in_force(shop.versions, NEW)


async def test_the_same_request_again_changes_nothing(shop: Shop, clock: HandClock) -> None:
    first = await activate(shop.versions, NEW)
    clock.move(hours=1)
    again = await activate(shop.versions, NEW)
    assert again == msgspec.structs.replace(first, replayed=True)
    assert await kinds(shop) == ["programme", "programme"]


async def test_of_two_for_the_same_moment_the_later_word_holds(
    shop: Shop, clock: HandClock
) -> None:
    for number, text in enumerate((NEW, NEWER)):
        await activate(shop.versions, text, f"r{number}", MORNING + A_WEEK)
    clock.move(days=7)
    await shop.versions.follow()
    assert is_in_force(shop.versions, NEWER)


async def test_an_older_version_is_found_after_a_start_that_never_saw_it(
    open_shop: OpenShop, clock: HandClock
) -> None:
    async with open_shop() as shop:
        await activate(shop.versions, NEW)
    clock.move(hours=1)
    async with open_shop(NEWER) as shop:
        for text in (PROGRAMME, NEW, NEWER):
            programme = await shop.versions.version(load(text).version)
            assert isinstance(programme, Programme)
            assert programme.text == text


async def test_another_till_s_activation_is_followed(shop: Shop, clock: HandClock) -> None:
    other = ProgrammeVersions(shop.ledger, clock, load(PROGRAMME), "till-2")
    await other.start()
    clock.move(seconds=1)
    await activate(other, NEW)
    assert is_in_force(shop.versions, PROGRAMME)
    await shop.versions.follow()
    assert is_in_force(shop.versions, NEW)


async def test_another_currency_needs_another_ledger(open_shop: OpenShop) -> None:
    async with open_shop():
        pass
    with pytest.raises(ConfigError, match="needs a ledger of its own") as caught:
        async with open_shop(PROGRAMME.replace('"UAH"', '"EUR"')):
            pass
    assert caught.value.path == "programme.currency"


async def test_a_new_meter_knows_the_sales_of_the_past(shop: Shop) -> None:
    await commit(shop.ledger, made_sale("s1"))
    await commit(shop.ledger, made_sale("s2", lines=2))
    await activate(shop.versions, NEW)
    assert "recount" in await kinds(shop)
    entries = await shop.ledger.read(lambda store: list(store.entries()))
    recounted = [decode(entry.body) for entry in entries]
    visits = [move for entry in recounted for move in entry.meters if move.meter == "visits"]
    assert sum(move.amount for move in visits) == 2
    assert all(isinstance(entry, Entry) for entry in recounted)


@pytest.mark.parametrize(("first", "last"), [(NEW, NEWER), (NEWER, NEW)])
async def test_of_activations_at_one_moment_the_last_is_in_force(
    open_shop: OpenShop, clock: HandClock, first: str, last: str
) -> None:
    at = clock.now() + A_WEEK
    async with open_shop() as shop:
        for request, text in (("r1", first), ("r2", first), ("r3", last)):
            await activate(shop.versions, text, request, at)
        clock.move(days=7)
        await shop.versions.follow()
        assert is_in_force(shop.versions, last)
    async with open_shop() as shop:
        assert is_in_force(shop.versions, last)
