import msgspec
import pytest

from daemon.base.refusals import ErrorCode, RefusedError
from daemon.programme.basket import Basket, Fact
from daemon.programme.shares_back import shares_back
from tests.daemon.programme.shops import A_CARD, basket, line, quote, sample

FIRST = sample("first")


def spent(minor: int, **more: Fact) -> dict[str, Fact]:
    return {**A_CARD, "meter.spend": minor, **more}


@pytest.mark.parametrize(
    ("before", "discount"),
    [(0, 0), (29_999, 0), (30_000, 200), (69_999, 200), (70_000, 500), (150_000, 700)],
)
def test_what_was_spent_before_decides_the_discount(before: int, discount: int) -> None:
    assert quote(FIRST, basket(10_000), spent(before)).discount == discount


def test_the_distance_to_the_next_step_is_told_in_money() -> None:
    (step,) = quote(FIRST, basket(10_000), spent(68_200)).next
    assert (step.missing, step.gives, step.text) == (1_800, "5 %", "18.00 more for 5 %")


def test_nobody_is_told_of_a_step_without_a_card() -> None:
    answer = quote(FIRST, basket(10_000))
    assert answer.discount == 0
    assert [(why.rule, why.condition) for why in answer.why_not] == [
        ("regular", "meter.spend"),
        ("cashback", "card.account"),
        ("spend-bonus", "card.account"),
    ]


def test_bonus_is_earned_on_what_is_paid_in_money() -> None:
    goods = msgspec.structs.replace(basket(10_000), burn={"bonus": 3_000})
    answer = quote(FIRST, goods, spent(0) | {"purse.bonus": 3_500})
    assert (answer.net, answer.total) == (10_000, 7_000)
    assert [(e.purse, e.amount) for e in answer.earn] == [("bonus", 350)]
    assert answer.meters == {"spend": 7_000}


def test_the_bonus_purse_may_pay_thirty_percent_and_no_more() -> None:
    facts = spent(0) | {"purse.bonus": 5_000}
    assert quote(FIRST, basket(10_000), facts).burn_max == {"bonus": 3_000}
    with pytest.raises(RefusedError) as refused:
        quote(FIRST, msgspec.structs.replace(basket(10_000), burn={"bonus": 3_001}), facts)
    assert refused.value.code is ErrorCode.LIMIT_REACHED


def test_a_purse_pays_no_more_than_it_holds() -> None:
    goods = msgspec.structs.replace(basket(10_000), burn={"bonus": 200})
    with pytest.raises(RefusedError) as refused:
        quote(FIRST, goods, spent(0) | {"purse.bonus": 199})
    assert refused.value.code is ErrorCode.NOT_ENOUGH
    assert refused.value.extra == {"available": 199}


def test_a_third_of_ten_comes_back_as_333_334_333() -> None:
    sold = quote(FIRST, Basket(lines=(line(1, 0), line(2, 1_000))), A_CARD)
    thirds = msgspec.structs.replace(
        sold, lines=(msgspec.structs.replace(sold.lines[1], qty_milli=3_000),)
    )
    money = [shares_back(thirds, {2: done}, {2: 1_000}).money for done in (0, 1_000, 2_000)]
    assert money == [333, 334, 333]
