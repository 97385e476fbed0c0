import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.base.refusals import ErrorCode, RefusedError
from daemon.programme.basket import Basket, BasketLine, Fact, Facts, LineId
from daemon.programme.errors import BasketError
from daemon.programme.programme import Programme
from daemon.programme.quote import Quote, QuotedLine
from daemon.programme.shares_back import (
    SharesBack,
    price_alone,
    recompute,
    shares_back,
    sums_back,
)
from tests.daemon.programme.shops import A_CARD, SUNDAY_NOON, basket, line, quote, sample, shop

VOLUME = shop(
    '[[rule]]\nid = "volume"\n'
    "give = { percent = { by = 'basket.total', steps = [[10000, 10]] } }\n"
)
TWO = Basket(lines=(line(1, 6_000), line(2, 5_000)))


def a_sale(paid: int, pieces: int) -> Quote:
    one = QuotedLine(
        line=1,
        qty_milli=pieces * 1_000,
        list_total=paid,
        discount=0,
        net=paid,
        paid=paid,
        meters={"units": pieces},
    )
    return Quote(
        programme="p",
        version="v",
        now="",
        lines=(one,),
        list_total=paid,
        discount=0,
        net=paid,
        total=paid,
        meters={"units": pieces, "visits": 1},
    )


def test_ten_in_thirds_comes_back_as_333_334_333() -> None:
    sold = a_sale(1_000, 3)
    backs = [shares_back(sold, {1: done}, {1: 1_000}) for done in (0, 1_000, 2_000)]
    assert [back.money for back in backs] == [333, 334, 333]
    assert [back.complete for back in backs] == [False, False, True]


def test_a_visit_comes_back_only_with_the_last_piece() -> None:
    sold = a_sale(1_000, 3)
    assert shares_back(sold, {}, {1: 2_000}).meters == {"units": 2}
    assert shares_back(sold, {1: 2_000}, {1: 1_000}).meters == {"units": 1, "visits": 1}


def test_a_purse_s_units_come_back_and_not_the_money_they_paid() -> None:
    lessons = Basket(
        lines=(BasketLine(line=1, sku="LESSON", qty=2, unit_price=10_000),), burn={"lessons": 2}
    )
    sold = quote(sample("subscription"), lessons, A_CARD | {"purse.lessons": 5})
    assert (sold.total, sold.lines[0].burned) == (0, {"lessons": 20_000})
    back = shares_back(sold, {}, {1: 1_000})
    assert (back.money, back.burned) == (0, {"lessons": 1})


def test_a_point_that_paid_for_two_lines_comes_back_once() -> None:
    goods = msgspec.structs.replace(basket(400, 100), burn={"points": 1})
    sold = quote(sample("points"), goods, A_CARD | {"purse.points": 9})
    assert [one.burned for one in sold.lines] == [{"points": 4}, {"points": 1}]
    backs = [shares_back(sold, {}, {1: 1_000}), shares_back(sold, {1: 1_000}, {2: 1_000})]
    assert [back.burned for back in backs] == [{"points": 1}, {"points": 0}]


def test_points_are_taken_back_from_whoever_earned_them() -> None:
    facts: dict[str, Fact] = {**A_CARD, "card.referrer.partner": "p1"}
    sold = quote(sample("partner"), basket(10_000, 5_000), facts)
    assert shares_back(sold, {}, {1: 1_000}).earned == {"reward@p1": 300}


def test_a_returnable_coupon_is_given_back_with_the_whole_sale() -> None:
    goods = Basket(lines=(line(1, 15_000), line(2, 15_000)), codes=("K7",))
    sold = quote(sample("coupon"), goods, {"code.K7": "hundred"})
    assert shares_back(sold, {}, {1: 1_000}).uses == ()
    assert [use.counter for use in shares_back(sold, {1: 1_000}, {2: 1_000}).uses] == [
        "coupon:code:k7:life"
    ]


@pytest.mark.parametrize(
    ("returned", "asked", "code"),
    [
        ({}, {1: 3_001}, ErrorCode.RETURNED_ALREADY),
        ({1: 2_000}, {1: 2_000}, ErrorCode.RETURNED_ALREADY),
        ({}, {7: 1_000}, ErrorCode.NOT_RETURNABLE),
    ],
)
def test_more_than_was_sold_does_not_come_back(
    returned: dict[LineId, int], asked: dict[LineId, int], code: ErrorCode
) -> None:
    with pytest.raises(RefusedError) as refused:
        shares_back(a_sale(1_000, 3), returned, asked)
    assert refused.value.code is code


@pytest.mark.parametrize("asked", [{}, {1: 0}, {1: -1_000}])
def test_a_return_of_nothing_is_an_error(asked: dict[LineId, int]) -> None:
    with pytest.raises(BasketError):
        shares_back(a_sale(1_000, 3), {}, asked)


def back_by_recompute(
    programme: Programme, goods: Basket, asked: dict[LineId, int], refunded: int = 0
) -> SharesBack:
    facts = Facts(SUNDAY_NOON, {})
    sold = quote(programme, goods)
    before: dict[LineId, int] = {1: 1_000} if refunded else {}
    return recompute(programme, sold, goods, facts, before, asked, refunded)


def test_a_recomputed_return_keeps_the_discount_that_is_no_longer_earned() -> None:
    assert shares_back(quote(VOLUME, TWO), {}, {1: 1_000}).money == 5_400
    back = back_by_recompute(VOLUME, TWO, {1: 1_000})
    assert (back.money, back.clawed_back) == (4_900, 500)
    assert [one.money for one in back.lines] == [4_900]


def test_a_recomputed_return_never_asks_the_customer_for_money() -> None:
    goods = Basket(lines=(line(1, 100), line(2, 9_900)))
    back = back_by_recompute(VOLUME, goods, {1: 1_000})
    assert (back.money, back.clawed_back) == (0, 90)


def test_a_recomputed_return_of_the_rest_gives_back_what_was_kept() -> None:
    back = back_by_recompute(VOLUME, TWO, {2: 1_000}, refunded=4_900)
    assert back.complete
    assert (back.money, back.clawed_back) == (9_900 - 4_900, 0)


OUTFIT = Basket(lines=(line(1, 9_000, 1, "trousers"), line(2, 3_000, 1, "belts")))


def test_trousers_that_come_back_leave_the_belt_at_its_full_price() -> None:
    presence = sample("presence")
    back = back_by_recompute(presence, OUTFIT, {1: 1_000})
    assert (back.money, back.clawed_back) == (8_700, 300)
    assert back_by_recompute(presence, OUTFIT, {2: 1_000}).money == 2_700
    assert shares_back(quote(presence, OUTFIT), {}, {1: 1_000}).money == 9_000, "under keep"


@pytest.mark.parametrize(("asked", "gone"), [({1: 1_000}, {"gift": 70}), ({2: 1_000}, {})])
def test_a_gift_for_trousers_goes_when_they_do(
    asked: dict[LineId, int], gone: dict[str, int]
) -> None:
    programme = shop(
        '[[purse]]\nid = "bonus"\nunit = "UAH"\n[[rule]]\nid = "gift"\n'
        'when = { has = { category = "trousers" } }\ngive = { earn = "bonus", amount = 70 }\n'
    )
    sold = quote(programme, OUTFIT, A_CARD)
    alone = price_alone(programme, OUTFIT, Facts(SUNDAY_NOON, A_CARD), asked)
    assert sums_back(sold, alone, {}) == gone


def test_pieces_come_back_whole_when_the_rest_is_priced_anew() -> None:
    with pytest.raises(BasketError):
        back_by_recompute(VOLUME, TWO, {1: 500})


def test_goods_come_back_though_what_stays_would_bring_too_many_codes_alone() -> None:
    few = shop(
        '[[rule]]\nid = "codes"\ngive = { issue = "flyer", amount = '
        "{ by = 'basket.qty', steps = [[1, 3074], [2, 0]] } }\n"
    )
    sold = quote(few, TWO)
    back = recompute(few, sold, TWO, Facts(SUNDAY_NOON, {}), {}, {1: 1_000}, 0)
    assert (back.money, back.complete) == (6_000, False)
    with pytest.raises(BasketError, match="3074 flyer, at most 1000"):
        quote(few, Basket(lines=TWO.lines[1:]))


def test_weighed_goods_come_back_in_part() -> None:
    goods = Basket(
        lines=(
            BasketLine(line=1, sku="cheese", qty="1.250", unit="kg", unit_price=8_000),
            line(2, 500),
        )
    )
    back = back_by_recompute(VOLUME, goods, {1: 250})
    assert (back.money, back.clawed_back) == (950, 850)


@given(
    prices=st.lists(st.integers(1, 8_000), min_size=1, max_size=4),
    pieces=st.integers(1, 3),
    data=st.data(),
)
def test_any_recomputed_returns_end_with_all_the_money_back(
    prices: list[int], pieces: int, data: st.DataObject
) -> None:
    goods = Basket(lines=tuple(line(i, minor, pieces) for i, minor in enumerate(prices)))
    sold = quote(VOLUME, goods)
    returned: dict[LineId, int] = dict.fromkeys(range(len(prices)), 0)
    refunded = 0
    while left := [one for one, qty in returned.items() if qty < pieces * 1_000]:
        one = data.draw(st.sampled_from(left))
        back = recompute(
            VOLUME, sold, goods, Facts(SUNDAY_NOON, {}), returned, {one: 1_000}, refunded
        )
        assert back.money == sum(part.money for part in back.lines) >= 0
        refunded += back.money
        assert refunded <= sold.total
        returned = {**returned, one: returned[one] + 1_000}
    assert refunded == sold.total


def test_a_quote_survives_being_written_down() -> None:
    sold = quote(sample("bonus"), basket(10_000), A_CARD)
    assert msgspec.json.decode(msgspec.json.encode(sold), type=Quote) == sold
