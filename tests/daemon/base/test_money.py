import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.base.money import half_up, percent_of, share, share_all, share_within

AMOUNTS = st.integers(0, 10**15)
SHARES = st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("numerator", "denominator", "whole"),
    [
        (0, 7, 0),
        (1, 2, 1),
        (1, 3, 0),
        (2, 3, 1),
        (3, 2, 2),
        (5, 2, 3),
        (1000, 3, 333),
        (2000, 3, 667),
    ],
)
def test_halves_go_up(numerator: int, denominator: int, whole: int) -> None:
    assert half_up(numerator, denominator) == whole


def test_a_percentage_is_basis_points() -> None:
    assert percent_of(9_990, 1_000) == 999
    assert percent_of(333, 1_050) == 35


def test_what_is_left_over_goes_to_the_largest_remainder_and_then_to_the_earlier() -> None:
    assert share(100, [1, 1, 1]) == [34, 33, 33]
    assert share(5, [3, 3, 2]) == [2, 2, 1]
    assert share(10, [1, 6, 3]) == [1, 6, 3]
    assert share(7, [0, 0]) == [0, 0]
    assert share(0, [1, 2]) == [0, 0]


def test_what_does_not_fit_moves_to_the_others() -> None:
    assert share_within(100, [50, 50], [20, 100]) == [20, 80]
    assert share_within(100, [50, 50], [20, 30]) == [20, 30]
    assert share_within(100, [50, 0], [20, 30]) == [20, 0]


def test_with_nothing_to_weigh_by_everyone_gets_the_same() -> None:
    assert share_all(3, [0, 0]) == [2, 1]
    assert share_all(3, [0, 1]) == [0, 3]


@given(AMOUNTS, SHARES)
def test_a_shared_sum_is_whole_and_each_part_is_within_one_of_its_quota(
    total: int, pairs: list[tuple[int, int]]
) -> None:
    weights = [weight for weight, _ in pairs]
    parts = share(total, weights)
    whole = sum(weights)
    assert sum(parts) == (total if whole else 0)
    for part, weight in zip(parts, weights, strict=True):
        assert not whole or abs(part * whole - total * weight) < whole


@given(AMOUNTS, SHARES)
def test_no_part_is_above_its_room_and_nothing_is_lost_while_there_is_room(
    total: int, pairs: list[tuple[int, int]]
) -> None:
    weights, rooms = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    parts = share_within(total, weights, rooms)
    room = sum(room for weight, room in pairs if weight)
    assert all(0 <= part <= most for part, most in zip(parts, rooms, strict=True))
    assert sum(parts) == min(total, room)
    assert all(not part for part, weight in zip(parts, weights, strict=True) if not weight)
