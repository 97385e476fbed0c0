from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.programme.basket import Basket, Facts, LineId
from daemon.programme.cash_rounding import CashRounding
from daemon.programme.checks import check
from daemon.programme.errors import ProgrammeError
from daemon.programme.programme import load
from daemon.programme.shares_back import less, recompute, rounded, shares_back
from tests.daemon.programme.reference import in_coins
from tests.daemon.programme.shops import HEAD, SUNDAY_NOON, line, quote, shop

CASH = '[cash_rounding]\npayment = ["cash"]\nstep = '


@pytest.mark.parametrize(
    ("step", "minor", "rounding"),
    [
        (10, 1_000, 0),
        (10, 1_004, -4),
        (10, 1_005, 5),
        (10, 1_009, 1),
        (5, 1_002, -2),
        (5, 1_003, 2),
        (25, 1_012, -12),
        (25, 1_013, 12),
        (2, 1_001, 1),
        (10, 4, -4),
        (10, 0, 0),
    ],
)
def test_an_amount_is_rounded_to_the_nearest_step_and_a_half_up(
    step: int, minor: int, rounding: int
) -> None:
    assert CashRounding(step, frozenset(["cash"])).of(minor) == rounding


@given(st.integers(2, 10_000), st.integers(0, 10**12))
def test_what_is_paid_is_what_the_model_says(step: int, minor: int) -> None:
    rounding = CashRounding(step, frozenset(["cash"])).of(minor)
    assert minor + rounding == in_coins(minor, step)
    assert Fraction(-step, 2) < rounding <= Fraction(step, 2)


VOLUME = (
    '[[rule]]\nid = "volume"\ngive = { percent = { by = "basket.total", steps = [[1000, 10]] } }\n'
)


@given(
    policy=st.sampled_from(("keep", "recompute")),
    step=st.integers(2, 500),
    prices=st.lists(st.integers(0, 2_000), min_size=1, max_size=4),
    pieces=st.integers(1, 3),
    data=st.data(),
)
def test_refunds_and_what_is_kept_sum_up_to_what_was_paid_in_any_order(
    policy: str, step: int, prices: list[int], pieces: int, data: st.DataObject
) -> None:
    programme = shop(f"{CASH}{step}\n{VOLUME}")
    goods = Basket(
        lines=tuple(line(i, minor, pieces) for i, minor in enumerate(prices)), payment="cash"
    )
    sold, cash = quote(programme, goods), programme.cash_rounding
    assert cash is not None
    returned: dict[LineId, int] = dict.fromkeys(range(len(prices)), 0)
    exact = settled = 0
    while left := [one for one, qty in returned.items() if qty < pieces * 1_000]:
        asked: dict[LineId, int] = {data.draw(st.sampled_from(left)): 1_000}
        if policy == "keep":
            plain = shares_back(sold, returned, asked)
        else:
            facts = Facts(SUNDAY_NOON, {})
            plain = recompute(programme, sold, goods, facts, returned, asked, exact)
        due = rounded(plain, cash, exact)
        given_back = less(due, data.draw(st.integers(0, 50)))
        for one in (due, given_back):
            assert one.money == sum(part.money for part in one.lines) + one.rounding >= 0
        assert due.money % step == 0
        assert 0 <= due.money - given_back.money <= 50
        exact, settled = exact + plain.money, settled + due.money
        assert settled == in_coins(exact, step) <= sold.to_pay
        returned |= {one: returned[one] + qty for one, qty in asked.items()}
    assert (exact, settled) == (sold.total, sold.to_pay)


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        (CASH + "1", "cash_rounding.step", "1 rounds nothing; write the smallest coin"),
        (CASH + "0", "cash_rounding.step", "0 rounds nothing"),
        (CASH + "-10", "cash_rounding.step", "-10 rounds nothing"),
        (CASH + '"0.1"', "cash_rounding.step", "write such as 25.00"),
        (CASH + "0.1", "cash_rounding.step", "expected a whole number or a text"),
        ("[cash_rounding]\nstep = 10", "cash_rounding.payment", "is missing"),
        ("[cash_rounding]\nstep = 10\npayment = []", "cash_rounding.payment", 'as ["cash"]'),
        ('[cash_rounding]\nstep = 10\npayment = [""]', "cash_rounding.payment", 'as ["cash"]'),
        ('[cash_rounding]\nstep = 10\npayment = "cash"', "cash_rounding.payment", "a list"),
    ],
)
def test_a_wrong_rounding_is_refused_with_what_to_write(text: str, path: str, words: str) -> None:
    with pytest.raises(ProgrammeError) as caught:
        shop(text)
    assert caught.value.path == path
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("code", "step", "warned"),
    [
        ("UAH", '"0.10"', ""),
        ("UAH", "5", ""),
        ("UAH", "100", ""),
        ("HUF", '"5.00"', ""),
        ("JPY", "10", ""),
        ("UAH", "30", "0.30 and 1.00 do not go into each other; is it the smallest coin?"),
        ("UAH", "150", "1.50 and 1.00 do not go into each other"),
        ("KWD", "15", "0.015 and 1.000 do not go into each other"),
    ],
)
def test_check_doubts_a_coin_by_which_whole_units_cannot_be_paid(
    code: str, step: str, warned: str
) -> None:
    programme = load(HEAD.replace("UAH", code) + CASH + step)
    said = [f"{w.path}: {w.message}" for w in check(programme, date(2026, 11, 22))]
    assert len(said) == bool(warned)
    assert all(line.startswith(f"cash_rounding.step: {warned}") for line in said)
