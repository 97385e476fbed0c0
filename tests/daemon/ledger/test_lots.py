import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.base.ids import AccountId
from daemon.base.refusals import RefusedError
from daemon.ledger.entries import FOREVER, LotMove
from daemon.ledger.lots import Lot, PurseLots, applied, claw_back, put, split, take, whole

TODAY = 739_943
LOTS = st.lists(
    st.builds(
        Lot,
        expires=st.sampled_from([TODAY - 1, TODAY, TODAY + 5, FOREVER]),
        usable_from=st.sampled_from([0, TODAY, TODAY + 1]),
        amount=st.integers(1, 1_000),
    ),
    max_size=6,
    unique_by=lambda lot: (lot.expires, lot.usable_from),
).map(lambda lots: tuple(sorted(lots, key=lambda lot: (lot.expires, lot.usable_from))))


def total(lots: tuple[Lot, ...]) -> int:
    return sum(lot.amount for lot in lots)


def moved(state: PurseLots, posted: int, held: int, lots: tuple[Lot, ...], sign: int) -> PurseLots:
    moves = tuple(
        LotMove(AccountId("a"), "p", lot.expires, lot.usable_from, sign * lot.amount)
        for lot in lots
    )
    return applied(state, posted, held, moves)


@given(LOTS, st.integers(0, 8_000))
def test_a_burn_takes_exactly_its_amount_oldest_expiry_first_or_nothing(
    lots: tuple[Lot, ...], amount: int
) -> None:
    state = PurseLots(posted=total(lots), lots=lots)
    usable = tuple(lot for lot in lots if lot.usable_from <= TODAY <= lot.expires)
    if amount > total(usable):
        with pytest.raises(RefusedError):
            take(state, amount, TODAY)
        return
    taken = take(state, amount, TODAY)
    assert total(taken) == amount
    assert [lot.expires for lot in taken] == sorted(lot.expires for lot in taken)
    after = moved(state, -amount, 0, taken, -1)
    assert after.debt == 0
    assert after.available(TODAY) == total(usable) - amount


@given(LOTS, st.integers(0, 8_000), st.integers(0, 3_000))
def test_credit_lets_a_burn_go_below_zero_and_no_further(
    lots: tuple[Lot, ...], amount: int, credit: int
) -> None:
    state = PurseLots(posted=total(lots), lots=lots)
    available = state.available(TODAY, credit)
    if amount > available:
        with pytest.raises(RefusedError):
            take(state, amount, TODAY, credit)
        return
    taken = take(state, amount, TODAY, credit)
    after = moved(state, -amount, 0, taken, -1)
    assert after.debt == amount - total(taken)
    assert after.available(TODAY, credit) == available - amount
    assert total(whole(taken, amount)) == amount


@given(LOTS, st.integers(0, 2_000))
def test_an_accrual_fills_debt_before_it_fills_a_lot(lots: tuple[Lot, ...], debt: int) -> None:
    state = PurseLots(posted=-debt)
    entering = put(state, lots)
    assert total(entering) == max(0, total(lots) - debt)
    after = moved(state, total(lots), 0, entering, 1)
    assert after.debt == max(0, debt - total(lots))


@given(LOTS, LOTS)
def test_what_is_clawed_back_and_no_lot_has_left_becomes_debt(
    lots: tuple[Lot, ...], leaving: tuple[Lot, ...]
) -> None:
    state = PurseLots(posted=total(lots), lots=lots)
    given_up = claw_back(state, leaving)
    assert total(given_up) == min(total(lots), total(leaving))
    after = moved(state, -total(leaving), 0, given_up, -1)
    assert after.debt == max(0, total(leaving) - total(lots))


@given(LOTS, st.integers(0, 6_000))
def test_a_split_gives_up_the_last_to_expire_and_loses_nothing(
    lots: tuple[Lot, ...], amount: int
) -> None:
    amount = min(amount, total(lots))
    kept, parted = split(lots, amount)
    assert total(parted) == amount
    assert total(kept) + total(parted) == total(lots)
    if kept and parted:
        assert max(lot.expires for lot in kept) <= min(lot.expires for lot in parted)


@given(LOTS, st.integers(0, 3_000), st.lists(st.integers(0, 3_000), max_size=4))
def test_what_was_taken_on_credit_comes_back_piece_by_piece_and_nothing_is_lost(
    lots: tuple[Lot, ...], credit: int, pieces: list[int]
) -> None:
    left = whole(lots, total(lots) + credit)
    for piece in pieces:
        before, piece = total(left), min(piece, total(left))
        left, parted = split(left, piece)
        assert (total(parted), total(left)) == (piece, before - piece)


@given(LOTS, st.integers(0, 6_000))
def test_a_hold_that_is_released_restores_the_purse(lots: tuple[Lot, ...], amount: int) -> None:
    state = PurseLots(posted=total(lots), lots=lots)
    amount = min(amount, state.available(TODAY))
    held = take(state, amount, TODAY)
    during = moved(state, 0, amount, held, -1)
    assert during.available(TODAY) == state.available(TODAY) - amount
    assert moved(during, 0, -amount, put(during, held), 1) == state


def test_an_expiry_ends_with_its_day() -> None:
    lot = Lot(expires=TODAY, usable_from=0, amount=5)
    assert lot.usable(TODAY)
    assert not lot.usable(TODAY + 1)
