"""The day's work: once a day, for every day that was missed, and the same when it is done twice."""

from datetime import date

import msgspec
import pytest

from daemon.base.ids import AccountId
from daemon.ledger import status_moves
from daemon.ledger.entries import BREAKAGE, FOREVER, LIABILITY, Entry, LotMove, Posting, decode
from daemon.ledger.ledger import RequestKey
from daemon.ledger.storage.queries import MEMBERS_OF
from daemon.ledger.storage.store import Change, Store, View
from daemon.programme.status import holds
from daemon.shop.daily_jobs import REQUESTS_KEPT_DAYS, DailyJobs
from daemon.shop.shop import Shop
from tests.support.clock import HandClock

CUSTOMER = AccountId("a1")
TODAY = date(2026, 11, 23).toordinal()


@pytest.fixture
def jobs(shop: Shop) -> DailyJobs:
    return DailyJobs(shop)


async def earn(shop: Shop, amount: int, expires: int) -> None:
    """Give the customer points that may be spent from today until ``expires``."""
    entry = Entry(
        at=shop.at(),
        kind="topup",
        ref="t1",
        account=CUSTOMER,
        postings=(Posting(CUSTOMER, "bonus", amount), Posting(LIABILITY, "bonus", -amount)),
        lots=(LotMove(CUSTOMER, "bonus", expires, TODAY, amount),),
    )
    await shop.ledger.update(lambda store: store.write(Change(entry=entry)))


async def spend(shop: Shop, amount: int) -> None:
    """Count ``amount`` towards the status, as a sale does."""

    def job(store: Store) -> None:
        statuses, today = shop.programme.statuses, shop.today()
        members = status_moves.states_of(store.ask(MEMBERS_OF, CUSTOMER))
        after = status_moves.counted(statuses, members, today, {"spend": amount})
        moves = status_moves.moves(CUSTOMER, after)
        rows = status_moves.rows(statuses, CUSTOMER, after)
        entry = Entry(at=shop.at(), kind="club", ref="club", account=CUSTOMER, statuses=moves)
        store.write(Change(entry=entry, rows=rows))

    await shop.ledger.update(job)


async def is_member(shop: Shop) -> bool:
    rows = await shop.ledger.read(lambda store: store.ask(MEMBERS_OF, CUSTOMER))
    states = status_moves.states_of(rows)
    return "club" in states and holds(states["club"])


async def closed(jobs: DailyJobs) -> int | None:
    done = await jobs.catch_up()
    return done.closed if done else None


async def entries_of(shop: Shop, kind: str) -> list[Entry]:
    chained = await shop.ledger.read(lambda store: list(store.entries()))
    return [entry for entry in (decode(one.body) for one in chained) if entry.kind == kind]


class Done(msgspec.Struct, frozen=True):
    """The answer to a request."""

    replayed: bool = False


async def request(shop: Shop) -> RequestKey:
    """Do something that a POS asked for; return what it asked by."""

    def job(store: Store, view: View) -> tuple[Change, Done]:
        return Change(entry=Entry(at=shop.at(), kind="card", ref="r1")), Done()

    key = RequestKey("card.issue", "r1", b"content")
    await shop.ledger.once(key, shop.at(), job)
    return key


async def is_known(shop: Shop, key: RequestKey) -> bool:
    answer, _ = await shop.ledger.stored_answer(key)
    return answer is not None


async def test_the_work_is_done_once_a_day_by_the_shop_s_own_midnight(
    shop: Shop, jobs: DailyJobs, clock: HandClock
) -> None:
    first = await jobs.catch_up()
    assert first is not None
    assert (first.day, first.expired, first.closed) == ("2026-11-23", 0, 0)
    clock.move(hours=14, seconds=-1)  # 23:59:59 in Kyiv, 21:59:59 UTC
    assert await jobs.catch_up() is None
    clock.move(seconds=1)
    second = await jobs.catch_up()
    assert second is not None
    assert second.day == "2026-11-24"
    assert len(await entries_of(shop, "day")) == 2


async def test_the_work_of_a_day_is_not_done_again_after_a_start_or_by_another_till(
    shop: Shop, jobs: DailyJobs
) -> None:
    assert await jobs.catch_up() is not None
    assert await DailyJobs(shop).catch_up() is None
    assert len(await entries_of(shop, "day")) == 1


async def test_points_are_good_on_their_last_day_and_lapse_on_the_next(
    shop: Shop, jobs: DailyJobs, clock: HandClock
) -> None:
    await earn(shop, 500, TODAY + 1)
    await earn(shop, 300, FOREVER)
    clock.move(days=1)
    done = await jobs.catch_up()
    assert (done.expired if done else None) == 0
    clock.move(days=1)
    done = await jobs.catch_up()
    assert (done.expired if done else None) == 1
    (lapsed,) = await entries_of(shop, "expiry")
    assert lapsed.postings == (
        Posting(CUSTOMER, "bonus", -500),
        Posting(BREAKAGE, "bonus", 500),
    )
    assert lapsed.ref == "2026-11-24", "the last day they were good"


async def test_what_fell_due_while_the_shop_was_closed_is_done_in_the_order_of_those_days(
    shop: Shop, jobs: DailyJobs, clock: HandClock
) -> None:
    for days in (5, 1, 3):
        await earn(shop, 100 + days, TODAY + days)
    clock.move(days=30)
    done = await jobs.catch_up()
    assert done is not None
    assert (done.day, done.expired) == ("2026-12-23", 3)
    lapsed = await entries_of(shop, "expiry")
    assert [entry.ref for entry in lapsed] == ["2026-11-24", "2026-11-26", "2026-11-28"]


async def test_a_member_who_has_not_come_in_the_window_is_none_any_more(
    shop: Shop, jobs: DailyJobs, clock: HandClock
) -> None:
    await spend(shop, 1_000)
    clock.move(days=29)
    assert (await closed(jobs), await is_member(shop)) == (0, True), "its last day"
    clock.move(days=1)
    assert (await closed(jobs), await is_member(shop)) == (1, False)


async def test_a_request_is_known_for_so_many_days_of_work_and_then_forgotten(
    shop: Shop, jobs: DailyJobs, clock: HandClock
) -> None:
    await jobs.catch_up()
    key = await request(shop)
    for _ in range(REQUESTS_KEPT_DAYS):
        assert await is_known(shop, key)
        clock.move(days=1)
        await jobs.catch_up()
    clock.move(days=1)
    await jobs.catch_up()
    assert not await is_known(shop, key)


async def test_a_clock_that_was_ahead_once_forgets_nothing(
    shop: Shop, jobs: DailyJobs, clock: HandClock
) -> None:
    key = await request(shop)
    clock.move(days=4 * REQUESTS_KEPT_DAYS)
    await jobs.catch_up()
    assert await is_known(shop, key)
