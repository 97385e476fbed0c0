"""Every tenth piece is free: what it costs, what is counted, and what goes back."""

from datetime import date
from typing import Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.base.refusals import ErrorCode, RefusedError
from daemon.programme.basket import Basket, BasketLine, Fact, Facts, LineId
from daemon.programme.checks import check
from daemon.programme.meters import recount
from daemon.programme.quote import Quote
from daemon.programme.shares_back import SharesBack, price_alone, recompute, shares_back
from tests.daemon.programme.shops import A_CARD, HEAD, SUNDAY_NOON, line, quote, sample, shop

STAMPS = "@tenth"
TENTH = sample("tenth")
FREE = 'give = { free = { every = 10, of = { category = "coffee" } } }\n'
Policy = Literal["keep", "recompute"]


def had(stamps: int) -> dict[str, Fact]:
    return A_CARD | {f"meter.{STAMPS}": stamps}


def coffees(*prices: int, qty: int = 1) -> Basket:
    lines = (line(i, price, qty, "coffee") for i, price in enumerate(prices, start=1))
    return Basket(lines=tuple(lines))


def sold(goods: Basket, stamps: int = 0) -> Quote:
    return quote(TENTH, goods, had(stamps))


def test_the_tenth_is_free_within_one_basket_and_across_visits() -> None:
    assert sold(coffees(5_000, qty=9)).total == 45_000
    assert sold(coffees(5_000, qty=10)).total == 45_000
    assert sold(coffees(5_000), 8).total == 5_000
    assert sold(coffees(5_000), 9).total == 0
    assert sold(coffees(5_000, qty=21), 9).total == 18 * 5_000


def test_the_dearest_is_free_whatever_it_costs_and_the_earlier_of_two() -> None:
    answer = sold(coffees(5_000, 6_000, 6_000), 7)
    assert [one.net for one in answer.lines] == [5_000, 0, 6_000]
    (off,) = answer.lines[1].applied
    assert (off.minor, off.free, off.text) == (6_000, 1, "a free coffee")


def test_the_cheapest_is_free_when_nothing_is_picked() -> None:
    answer = quote(shop(f'[[rule]]\nid = "tenth"\n{FREE}'), coffees(5_000, 6_000), had(9))
    assert [one.net for one in answer.lines] == [0, 6_000]


def test_a_free_one_is_not_counted_and_takes_the_nine_that_it_cost() -> None:
    assert sold(coffees(5_000, 6_000, 5_500), 7).meters == {STAMPS: 2 - 9}
    assert sold(coffees(*[5_000] * 10)).meters == {}, "as many as it took"
    assert [one.meters for one in sold(coffees(5_000, 6_000), 8).lines] == [
        {STAMPS: 1},
        {STAMPS: -9},
    ]


def test_a_share_of_half_a_minor_unit_is_rounded_once() -> None:
    answer = sold(coffees(333, qty=2), 9)
    assert answer.total == 333
    ten_percent = '[[lane]]\nid = "a"\n[[lane]]\nid = "b"\n[[rule]]\nid = "ten"\nlane = "a"\n'
    both = shop(
        f'{ten_percent}give = {{ percent = 10 }}\n[[rule]]\nid = "tenth"\nlane = "b"\n{FREE}'
    )
    assert quote(both, coffees(333, qty=2), had(9)).total == 599 - 300  # 299.5, half up


def test_what_is_weighed_is_no_piece() -> None:
    beans = BasketLine(
        line=1, sku="beans", qty="1.500", unit="kg", unit_price=9_000, category=("coffee",)
    )
    answer = sold(Basket(lines=(beans,)), 50)
    assert (answer.total, answer.meters) == (13_500, {})
    assert [why.text for why in answer.why_not] == ["not enough of its goods yet for a free one"]


def test_without_a_card_there_are_no_stamps() -> None:
    answer = quote(TENTH, coffees(5_000, qty=20), {})
    assert (answer.discount, answer.meters, answer.next) == (0, {}, ())
    assert [why.condition for why in answer.why_not] == ["card.account"]


@pytest.mark.parametrize(
    ("stamps", "pieces", "missing", "text"),
    [
        (6, 1, 2, "2 more for a free coffee"),
        (7, 1, 1, "1 more for a free coffee"),
        (8, 1, 0, "the next one is free"),
        (9, 1, 9, "9 more for a free coffee"),
        (-1, 1, 9, "9 more for a free coffee"),
        (0, 25, 4, "4 more for a free coffee"),
    ],
)
def test_next_says_how_many_are_still_to_be_paid(
    stamps: int, pieces: int, missing: int, text: str
) -> None:
    answer = sold(coffees(5_000, qty=pieces), stamps)
    (step,) = answer.next
    assert (step.by, step.missing, step.gives) == (f"meter.{STAMPS}", missing, "a free one")
    assert step.text == text


def test_a_better_discount_leaves_the_free_one_due() -> None:
    half = '[[rule]]\nid = "half"\ngive = { percent = 60 }\n'
    programme = shop(f'{half}[[rule]]\nid = "tenth"\n{FREE}')
    answer = quote(programme, coffees(5_000, qty=2), had(9))
    assert (answer.total, answer.meters) == (4_000, {STAMPS: 2})
    assert answer.next[0].text == "the next one is free"
    assert quote(programme, coffees(5_000), had(11)).total == 0


def test_when_bounds_the_free_one_and_not_the_stamps() -> None:
    programme = shop(f'[[rule]]\nid = "tenth"\nwhen.weekday = "mon"\n{FREE}')
    answer = quote(programme, coffees(5_000), had(9))
    assert (answer.total, answer.meters, answer.next) == (5_000, {STAMPS: 1}, ())


def test_a_floor_leaves_something_to_pay_and_still_takes_the_stamps() -> None:
    at_least = msgspec.structs.replace(line(1, 5_000, 1, "coffee"), min_price=4_000)
    answer = sold(Basket(lines=(at_least,)), 9)
    assert (answer.total, answer.meters) == (4_000, {STAMPS: -9})
    at_shelf = msgspec.structs.replace(at_least, min_price=5_000)
    assert sold(Basket(lines=(at_shelf,)), 9).meters == {STAMPS: 1}


@given(
    visits=st.lists(st.lists(st.integers(1, 25), min_size=1, max_size=3), max_size=6),
    every=st.integers(2, 12),
)
def test_however_pieces_are_cut_into_visits_every_tenth_of_them_is_free(
    visits: list[list[int]], every: int
) -> None:
    programme = shop(f'[[rule]]\nid = "tenth"\n{FREE.replace("10", str(every))}')
    stamps, free = 0, 0
    for pieces in visits:
        lines = (line(i, 900 + i, qty, "coffee") for i, qty in enumerate(pieces))
        answer = quote(programme, Basket(lines=tuple(lines)), had(stamps))
        stamps += answer.meters.get(STAMPS, 0)
        free += sum(off.free for one in answer.lines for off in one.applied)
        assert free == (free * every + stamps) // every
    bought = sum(map(sum, visits))
    assert (free, stamps) == divmod(bought, every)


def back(
    policy: Policy,
    goods: Basket,
    stamps: int,
    asked: dict[LineId, int],
    returned: dict[LineId, int] | None = None,
    refunded: int = 0,
) -> SharesBack:
    """Return pieces of a sale, after others."""
    asked = {one: pieces * 1_000 for one, pieces in asked.items()}
    before = {one: pieces * 1_000 for one, pieces in (returned or {}).items()}
    answer = sold(goods, stamps)
    if policy == "keep":
        return shares_back(answer, before, asked)
    facts = Facts(SUNDAY_NOON, had(stamps))
    return recompute(TENTH, answer, goods, facts, before, asked, refunded)


@pytest.mark.parametrize("policy", ["keep", "recompute"])
def test_a_counted_piece_that_comes_back_takes_its_stamp(policy: Policy) -> None:
    given_back = back(policy, coffees(5_000, qty=3), 2, {1: 1})
    assert (given_back.money, given_back.meters) == (5_000, {STAMPS: 1})


@pytest.mark.parametrize("policy", ["keep", "recompute"])
def test_a_free_piece_that_comes_back_refunds_nothing_and_brings_its_nine(policy: Policy) -> None:
    given_back = back(policy, coffees(5_000, 6_000), 8, {2: 1})
    assert (given_back.money, given_back.meters) == (0, {STAMPS: -9})


def test_under_keep_a_free_piece_stays_free_when_a_counted_one_goes() -> None:
    given_back = back("keep", coffees(5_000, 6_000), 8, {1: 1})
    assert (given_back.money, given_back.meters) == (5_000, {STAMPS: 1})


def test_under_recompute_what_is_left_has_the_stamps_and_the_price_of_itself() -> None:
    given_back = back("recompute", coffees(5_000, 4_000, 6_000), 7, {1: 1})
    # Two for 40.00 and 60.00 are the eighth and the ninth: they would have cost 100.00.
    assert (given_back.money, given_back.clawed_back) == (0, 5_000)
    assert given_back.meters == {STAMPS: -7 - 2}


def test_paid_pieces_of_a_line_come_back_before_the_free_one() -> None:
    one_by_one = [back("keep", coffees(5_000, qty=3), 7, {1: 1}, {1: done}) for done in range(3)]
    assert [each.money for each in one_by_one] == [5_000, 5_000, 0]
    assert [each.meters for each in one_by_one] == [{STAMPS: 1}, {STAMPS: 1}, {STAMPS: -9}]


def test_ten_in_one_line_count_nothing_and_come_back_to_the_piece() -> None:
    ten = coffees(5_000, qty=10)
    assert sold(ten).meters == {}
    assert back("keep", ten, 0, {1: 1}).meters == {STAMPS: 1}
    given_back = back("recompute", ten, 0, {1: 1})
    assert (given_back.money, given_back.meters) == (0, {STAMPS: -9})


def test_what_is_left_may_have_no_stamps_under_recompute_as_pieces_and_free_ones_even_out() -> None:
    goods = Basket(lines=(line(1, 5_000, 10, "coffee"), line(2, 6_000, 1, "coffee")))
    first = back("recompute", goods, 0, {2: 1})
    assert first.meters == {STAMPS: 1}
    rest = back("recompute", goods, 0, {1: 10}, {2: 1}, first.money)
    assert rest.meters == {}
    assert first.money + rest.money == sold(goods).total


@given(
    pieces=st.lists(st.integers(1, 12), min_size=1, max_size=3),
    stamps=st.integers(-3, 30),
    policy=st.sampled_from(("keep", "recompute")),
    data=st.data(),
)
def test_any_returns_end_with_the_money_and_the_stamps_of_before(
    pieces: list[int], stamps: int, policy: Policy, data: st.DataObject
) -> None:
    lines = (line(i, 5_000 + 7 * i, qty, "coffee") for i, qty in enumerate(pieces))
    goods = Basket(lines=tuple(lines))
    answer = sold(goods, stamps)
    left, returned = dict(enumerate(pieces)), dict[LineId, int]()
    money, taken = 0, 0
    while left:
        one = data.draw(st.sampled_from(sorted(left)))
        asked = data.draw(st.integers(1, left[one]))
        given_back = back(policy, goods, stamps, {one: asked}, returned, money)
        assert given_back.money >= 0
        if policy == "keep":
            assert given_back.meters.get(STAMPS, 0) <= asked, "a stamp a piece, no more"
        returned[one] = returned.get(one, 0) + asked
        left = {i: qty - returned.get(i, 0) for i, qty in enumerate(pieces)}
        left = {i: qty for i, qty in left.items() if qty}
        money += given_back.money
        taken += given_back.meters.get(STAMPS, 0)
        assert money <= answer.total
        if policy == "recompute":
            gone = {i: n * 1_000 for i, n in returned.items()}
            alone = price_alone(TENTH, goods, Facts(SUNDAY_NOON, had(stamps)), gone)
            stay = alone.meters.get(STAMPS, 0) if alone else 0
            assert answer.meters.get(STAMPS, 0) - taken == stay
    assert (money, taken) == (answer.total, answer.meters.get(STAMPS, 0))


def test_stamps_stay_as_they_were_priced_whatever_programme_counts_later() -> None:
    goods = coffees(5_000, 6_000)
    answer = sold(goods, 8)
    other = shop('[[meter]]\nid = "units"\nof = "units"\n')
    assert recount(other, goods, answer).meters == {STAMPS: -8, "units": 2}
    before = quote(other, goods, A_CARD)
    assert recount(TENTH, goods, before).meters == {}, "it was sold before there were stamps"


def test_a_cap_over_the_goods_of_a_free_piece_is_a_warning() -> None:
    cap = '[[cap]]\nscope = { category = "coffee" }\npercent = 50\n'
    rule = f'[[rule]]\nid = "tenth"\nlane = "a"\n{FREE}'
    head = f'[[lane]]\nid = "a"\n{rule}'
    (found,) = check(shop(head + cap), date(2026, 11, 22))
    assert (found.path, "costs something" in found.message) == ("rule[0].give.free", True)
    for harmless in (cap.replace("coffee", "tea"), cap.replace("50", "100")):
        paths = [found.path for found in check(shop(head + harmless), date(2026, 11, 22))]
        assert "rule[0].give.free" not in paths


TEN_STAMPS = shop(
    '[[purse]]\nid = "stamps"\nunit = "stamp"\n'
    '[[rule]]\nid = "stamp"\nscope = { category = "coffee" }\n'
    'give = { earn = "stamps", each = 1 }\n'
    '[[rule]]\nid = "ten"\nscope = { category = "coffee" }\n'
    'give = { burn = "stamps", cost = 10 }\n'
)


def with_stamps(goods: Basket, has: int, burn: int) -> Quote:
    goods = msgspec.structs.replace(goods, burn={"stamps": burn})
    return quote(TEN_STAMPS, goods, A_CARD | {"purse.stamps": has})


@pytest.mark.parametrize(("has", "most"), [(9, 0), (10, 10), (19, 10), (25, 20), (99, 30)])
def test_what_a_purse_may_pay_is_whole_pieces(has: int, most: int) -> None:
    assert with_stamps(coffees(5_000, 6_000, 5_500), has, 0).burn_max == {"stamps": most}


def test_ten_stamps_of_a_purse_pay_for_one_piece_the_dearest_first() -> None:
    answer = with_stamps(coffees(5_000, 6_000, 5_500), 25, 20)
    assert [one.paid for one in answer.lines] == [5_000, 0, 0]
    assert [one.burned_units for one in answer.lines] == [{}, {"stamps": 10}, {"stamps": 10}]
    back = shares_back(answer, {}, {2: 1_000})
    assert (back.money, back.burned) == (0, {"stamps": 10})


def test_what_a_rule_lets_a_purse_pay_at_most_is_whole_pieces_too() -> None:
    most = shop(TEN_STAMPS.text.removeprefix(HEAD).replace("cost = 10", "cost = 10, max = 25"))
    goods = msgspec.structs.replace(coffees(5_000, qty=9), burn={"stamps": 20})
    assert quote(most, goods, A_CARD | {"purse.stamps": 99}).burn_max == {"stamps": 20}
    more = msgspec.structs.replace(goods, burn={"stamps": 30})
    with pytest.raises(RefusedError) as refused:
        quote(most, more, A_CARD | {"purse.stamps": 99})
    assert refused.value.extra == {"burn_max": 20}


def test_a_part_of_a_piece_s_cost_is_refused_with_what_may_be_paid() -> None:
    with pytest.raises(RefusedError) as refused:
        with_stamps(coffees(5_000, 6_000), 25, 15)
    assert (refused.value.code, refused.value.extra) == (ErrorCode.LIMIT_REACHED, {"burn_max": 10})
    with pytest.raises(RefusedError):
        with_stamps(coffees(5_000), 25, 20)


def test_ten_stamps_pay_for_nothing_that_is_weighed() -> None:
    beans = msgspec.structs.replace(line(1, 9_000, 1, "coffee"), qty="1.500", unit="kg")
    assert with_stamps(Basket(lines=(beans,)), 25, 0).burn_max == {}
