from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.programme.state import Status
from daemon.programme.status import (
    OUTSIDE,
    StatusState,
    decide,
    holds,
    listed,
    record,
    take_back,
    tick,
)

D0 = date(2026, 9, 1)
BY_OWNER = Status(
    id="club",
    meter="spend",
    enter_at_least=500_000,
    enter_days=30,
    keep_at_least=300_000,
    keep_days=60,
)
AUTO = Status(
    id="club",
    meter="spend",
    enter_at_least=500_000,
    enter_days=30,
    keep_at_least=300_000,
    keep_days=60,
    by_owner=False,
)


def d(number: int) -> date:
    return D0 + timedelta(days=number)


def bought(status: Status, *sales: tuple[int, int]) -> StatusState:
    state = OUTSIDE
    for number, amount in sales:
        state = record(status, state, d(number), amount)
    return state


CANDIDATE = bought(BY_OWNER, (0, 200_000), (12, 250_000), (29, 60_000))
MEMBER = decide(BY_OWNER, CANDIDATE, d(30), granted=True)


def test_reaching_the_sum_within_the_window_makes_a_candidate() -> None:
    assert CANDIDATE.total == 510_000
    assert listed(BY_OWNER, CANDIDATE) == "join"
    assert not holds(CANDIDATE)


def test_membership_starts_with_the_owner_s_decision() -> None:
    assert holds(MEMBER)
    assert (MEMBER.since, MEMBER.window_from, MEMBER.total) == (d(30), d(30), 0)


def test_a_window_that_closes_short_cancels_its_sum_and_the_next_purchase_opens_another() -> None:
    before = bought(BY_OWNER, (0, 200_000), (12, 250_000))
    assert tick(BY_OWNER, before, d(29)).total == 450_000
    assert tick(BY_OWNER, before, d(30)) == OUTSIDE
    after = record(BY_OWNER, before, d(31), 60_000)
    assert (after.stage, after.window_from, after.total) == ("outside", d(31), 60_000)


def test_a_member_who_misses_the_sum_is_listed_on_the_day_after_the_window() -> None:
    state = record(BY_OWNER, record(BY_OWNER, MEMBER, d(40), 200_000), d(89), 90_000)
    assert listed(BY_OWNER, tick(BY_OWNER, state, d(89))) is None
    missed = tick(BY_OWNER, state, d(90))
    assert listed(BY_OWNER, missed) == "exclude"
    assert holds(missed), "until the owner decides"
    assert decide(BY_OWNER, missed, d(91), granted=False) == OUTSIDE


def test_a_member_whom_the_owner_keeps_goes_on_without_a_gap() -> None:
    kept = decide(BY_OWNER, tick(BY_OWNER, MEMBER, d(90)), d(95), granted=True)
    assert (kept.stage, kept.since, kept.window_from) == ("member", d(30), d(90))


def test_a_member_who_reaches_the_sum_is_listed_for_extension_until_the_owner_says_so() -> None:
    state = record(BY_OWNER, MEMBER, d(80), 300_000)
    assert listed(BY_OWNER, state) == "extend"
    granted = decide(BY_OWNER, state, d(81), granted=True)
    assert listed(BY_OWNER, granted) is None
    assert tick(BY_OWNER, granted, d(90)).window_from == d(90)
    assert holds(tick(BY_OWNER, state, d(90)))
    assert decide(BY_OWNER, state, d(81), granted=False) == OUTSIDE


def test_a_return_in_the_open_window_takes_the_candidacy_back() -> None:
    state = take_back(BY_OWNER, CANDIDATE, d(29), 20_000, d(29))
    assert (state.stage, state.total) == ("outside", 490_000)
    assert listed(BY_OWNER, state) is None


def test_a_return_in_a_closed_window_changes_no_decision() -> None:
    assert take_back(BY_OWNER, MEMBER, d(29), 20_000, d(33)) == MEMBER


def test_a_return_of_a_purchase_that_keeps_is_subtracted() -> None:
    state = record(BY_OWNER, MEMBER, d(40), 300_000)
    assert take_back(BY_OWNER, state, d(40), 10_000, d(41)).total == 290_000


def test_without_an_owner_the_status_comes_and_goes_by_itself() -> None:
    member = bought(AUTO, (0, 500_000))
    assert (member.stage, member.since) == ("member", d(0))
    assert listed(AUTO, member) is None
    assert tick(AUTO, member, d(59)).stage == "member"
    assert tick(AUTO, member, d(60)) == OUTSIDE


def test_a_status_that_needs_no_keeping_lasts() -> None:
    for_ever = Status(id="vip", meter="spend", enter_at_least=1, enter_days=1, by_owner=False)
    assert holds(tick(for_ever, bought(for_ever, (0, 5)), d(30_000)))


def test_a_refused_candidate_starts_anew() -> None:
    assert decide(BY_OWNER, CANDIDATE, d(30), granted=False) == OUTSIDE


@pytest.mark.parametrize("status", [BY_OWNER, AUTO])
@given(
    sales=st.lists(st.tuples(st.integers(0, 200), st.integers(0, 300_000)), max_size=12),
    until=st.integers(200, 500),
)
def test_a_closed_shop_s_days_are_replayed_and_twice_is_once(
    status: Status, sales: list[tuple[int, int]], until: int
) -> None:
    daily = OUTSIDE
    by_day: dict[int, list[int]] = {}
    for number, amount in sales:
        by_day.setdefault(number, []).append(amount)
    for number in range(until + 1):
        daily = tick(status, tick(status, daily, d(number)), d(number))
        for amount in by_day.get(number, []):
            daily = record(status, daily, d(number), amount)
    late = bought(status, *sorted(sales, key=lambda sale: sale[0]))
    assert tick(status, late, d(until)) == daily
