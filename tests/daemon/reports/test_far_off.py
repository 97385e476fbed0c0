"""Medians and deviations by hand: integers, halves up, exactly as the worked example has them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.reports.findings.others import far_off, median, most_of, share_bp
from daemon.reports.findings.split import MINUTES, Sold, groups, stayed_below

OTHERS = (400, 420, 440, 500)


def test_the_worked_example_has_a_median_of_430_and_a_deviation_of_20() -> None:
    assert median(OTHERS) == 430
    assert sorted(abs(one - 430) for one in OTHERS) == [10, 10, 30, 70]
    assert median((10, 10, 30, 70)) == 20
    assert most_of(OTHERS) == 580


@pytest.mark.parametrize(
    ("values", "middle"), [((1,), 1), ((1, 2), 2), ((3, 1, 2), 2), ((-1, -2), -2), ((-1, 0), -1)]
)
def test_half_of_two_is_rounded_away_from_zero(values: tuple[int, ...], middle: int) -> None:
    assert median(values) == middle


def test_a_wide_field_goes_by_its_deviation() -> None:
    # m = 300, deviations 200 100 0 100 200, MAD 100: 3 x 148.26 = 444.78
    assert most_of((100, 200, 300, 400, 500)) == 744


def test_shares_are_rounded_half_up() -> None:
    assert share_bp(5, 1_000_000) == 0
    assert share_bp(50, 1_000_000) == 1  # half of a basis point
    assert share_bp(-50, 1_000_000) == -1


def test_four_are_compared_and_three_are_not() -> None:
    shares = {"a": 0, "b": 0, "c": 0, "d": 151}
    assert list(far_off(shares)) == [("d", 151, 150)]
    assert list(far_off({"b": 0, "c": 0, "d": 151})) == []


@given(st.lists(st.integers(0, 10_000), min_size=4, max_size=12), st.integers(-500, 500))
def test_who_is_far_off_stays_so_wherever_all_lie(shares: list[int], shift: int) -> None:
    named = dict(enumerate(shares))
    moved = {key: share + shift + 500 for key, share in named.items()}
    # Medians of two are rounded away from zero, and all are above it.
    assert {key for key, *_ in far_off(named)} == {key for key, *_ in far_off(moved)}


SOLD = st.lists(st.tuples(st.integers(0, 120), st.integers(1, 900)), min_size=1, max_size=8)


@given(SOLD, st.integers(1, 2_000))
def test_sales_are_grouped_from_the_first_and_split_only_below_a_limit(
    drawn: list[tuple[int, int]], limit: int
) -> None:
    sales = [Sold(minute, net, ("l", n)) for n, (minute, net) in enumerate(sorted(drawn))]
    found = list(groups(sales))
    assert [sale for group in found for sale in group] == sales
    for group, after in pairwise([*found, []]):
        assert all(sale.minute - group[0].minute <= MINUTES for sale in group)
        assert all(sale.minute - group[0].minute > MINUTES for sale in after)
        below = len(group) > 1 and all(sale.net < limit for sale in group)
        is_split = below and sum(sale.net for sale in group) >= limit
        assert stayed_below(group, [limit]) == (limit if is_split else 0)
