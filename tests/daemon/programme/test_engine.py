"""The semantics of docs/programme.md, clause by clause, with its worked examples."""

from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest

from daemon.base.refusals import ErrorCode, RefusedError
from daemon.programme.accrual import EARNED_MAX, ISSUED_MAX
from daemon.programme.basket import LINES_MAX, Basket, BasketLine, Fact, Facts
from daemon.programme.errors import BasketError
from daemon.programme.goods import BASKET_TOTAL_MINOR_MAX
from daemon.programme.meters import recount
from daemon.programme.price import WHY_NOT_MAX, price
from daemon.programme.programme import Programme, local_day
from daemon.programme.quote import Quote
from daemon.programme.windows import counters, windows
from tests.daemon.programme.shops import A_CARD, basket, line, quote, sample, shop

BONUS = '[[purse]]\nid = "bonus"\nunit = "UAH"\n'


def rule(number: int, give: str, more: str = "", lane: str = "") -> str:
    where = f'lane = "{lane}"\n' if lane else ""
    return f'[[rule]]\nid = "r{number}"\n{where}give = {{ {give} }}\n{more}\n'


def lane(name: str, combine: str = "best", base: str = "net") -> str:
    return f'[[lane]]\nid = "{name}"\ncombine = "{combine}"\nbase = "{base}"\n'


def offs(answer: Quote) -> list[int]:
    return [one.discount for one in answer.lines]


def why(answer: Quote) -> dict[str, str]:
    return {one.rule: one.condition for one in answer.why_not}


def test_lanes_compound_and_a_list_base_adds() -> None:
    two = rule(1, "percent = 3", lane="a") + rule(2, "percent = 5", lane="b")
    assert quote(shop(lane("a") + lane("b") + two), basket(10_000)).net == 9_215
    assert quote(shop(lane("a") + lane("b", base="list") + two), basket(10_000)).net == 9_200


def test_a_sum_lane_adds_from_where_the_lane_begins() -> None:
    both = rule(1, "percent = 3") + rule(2, "percent = 5")
    assert quote(shop(lane("a", "sum") + both), basket(10_000)).net == 9_200


def test_discounts_come_before_the_purse() -> None:
    half = rule(1, "percent = 10") + BONUS + rule(2, 'burn = "bonus"')
    goods = msgspec.structs.replace(basket(10_000), burn={"bonus": 5_000})
    assert quote(shop(half), goods, A_CARD | {"purse.bonus": 5_000}).total == 4_000


def test_when_sees_the_basket_as_the_lanes_before_left_it() -> None:
    later = "when = { basket = { net = { at_least = 10000 } } }"
    text = lane("a") + lane("b") + rule(1, "percent = 1", lane="a")
    text += rule(2, "amount = 100", later, lane="b")
    assert offs(quote(shop(text), basket(10_000))) == [100]
    assert offs(quote(shop(text), basket(10_200))) == [202]


def test_the_best_per_line_wins_and_each_winner_is_rounded_once() -> None:
    text = rule(1, "percent = 10", 'scope = { category = "tea" }') + rule(2, "percent = 4.5")
    goods = Basket(lines=(line(1, 990, 1, "tea"), line(2, 990), line(3, 990)))
    assert offs(quote(shop(text), goods)) == [99, 45, 44]


def test_a_tie_goes_to_the_rule_whose_id_comes_first() -> None:
    text = rule(2, "percent = 5") + rule(1, "percent = 5")
    (answer,) = quote(shop(text), basket(10_000)).lines
    assert [one.rule for one in answer.applied] == ["r1"]


def test_an_amount_takes_all_its_lines_or_none() -> None:
    text = rule(1, "percent = 10") + rule(2, "amount = 1000")
    assert offs(quote(shop(text), basket(4_000, 5_000))) == [444, 556]
    assert offs(quote(shop(text), basket(4_000, 7_000))) == [400, 700]


def test_of_two_amounts_on_the_same_line_only_the_larger_is_taken() -> None:
    text = rule(1, "amount = 600", 'scope = { category = "tea" }') + rule(2, "amount = 500")
    goods = Basket(lines=(line(1, 1_000, 1, "tea"), line(2, 1_000)))
    answer = quote(shop(text), goods)
    assert offs(answer) == [600, 0]
    assert why(answer) == {"r2": "lane"}


def test_a_rule_at_its_max_competes_as_that_amount() -> None:
    text = rule(1, "percent = 50, max = 900") + rule(2, "percent = 10")
    assert offs(quote(shop(text), basket(4_000, 4_000))) == [450, 450]
    assert offs(quote(shop(text), basket(4_000, 6_000))) == [400, 600]


def test_the_first_rule_of_a_first_lane_keeps_its_lines() -> None:
    text = lane("a", "first") + rule(1, "percent = 1", 'scope = { category = "tea" }')
    text += rule(2, "percent = 50")
    assert offs(quote(shop(text), Basket(lines=(line(1, 1_000, 1, "tea"), line(2, 1_000))))) == [
        10,
        500,
    ]


def test_a_percentage_is_rounded_once_over_its_lines_or_per_line() -> None:
    text = rule(1, "percent = 10")
    assert offs(quote(shop(text), basket(5, 5, 5))) == [1, 1, 0]
    assert offs(quote(shop('round = "line"\n' + text), basket(5, 5, 5))) == [1, 1, 1]


def test_what_a_floor_does_not_let_off_moves_to_the_other_lines() -> None:
    goods = Basket(
        lines=(
            msgspec.structs.replace(line(1, 1_000), min_price=950),
            line(2, 1_000),
        )
    )
    assert offs(quote(shop(rule(1, "amount = 500")), goods)) == [50, 450]
    assert offs(quote(shop(rule(1, "percent = 25")), goods)) == [50, 250]


def test_a_cap_bounds_all_lanes_together() -> None:
    text = lane("a") + lane("b") + rule(1, "percent = 2", lane="a")
    text += rule(2, "percent = 2", lane="b")
    text += '[[cap]]\nscope = { category = "low" }\npercent = 3\n'
    text += '[[cap]]\nscope = { category = "tobacco" }\npercent = 0\n'
    goods = Basket(
        lines=(line(1, 10_000, 1, "low"), line(2, 10_000), line(3, 10_000, 1, "tobacco"))
    )
    answer = quote(shop(text), goods)
    assert offs(answer) == [300, 396, 0]


def test_goods_at_their_floor_are_named_as_the_reason() -> None:
    goods = Basket(lines=(msgspec.structs.replace(line(1, 1_000), min_price=1_000),))
    assert why(quote(shop(rule(1, "percent = 5")), goods)) == {"r1": "floor"}


def exclusive(priorities: tuple[int, int], gives: tuple[str, str]) -> Quote:
    text = lane("a", "sum") + rule(1, "percent = 50") + BONUS
    for i in range(2):
        text += rule(i + 2, gives[i], f"exclusive = true\npriority = {priorities[i]}")
    return quote(shop(text + rule(4, 'earn = "bonus", percent = 1')), basket(10_000), A_CARD)


def test_an_exclusive_rule_suspends_the_other_discounts_and_no_earning() -> None:
    answer = exclusive((0, 0), ("percent = 10", "percent = 20"))
    assert offs(answer) == [2_000]
    assert [entry.amount for entry in answer.earn] == [80]
    assert why(answer) == {"r1": "exclusive", "r2": "exclusive"}
    assert offs(exclusive((1, 0), ("percent = 10", "percent = 20"))) == [1_000]


def test_an_exclusive_rule_that_gives_nothing_suspends_nothing() -> None:
    assert offs(exclusive((0, 0), ("price = 10000", "price = 20000"))) == [5_000]


def test_exclusive_all_silences_earning_too() -> None:
    text = rule(1, "percent = 10", 'exclusive = "all"') + BONUS
    answer = quote(shop(text + rule(2, 'earn = "bonus", percent = 5')), basket(10_000), A_CARD)
    assert (answer.discount, answer.earn) == (1_000, ())
    assert why(answer) == {"r2": "exclusive"}


def test_a_weighed_line_is_one_unit_and_is_priced_by_its_weight() -> None:
    cheese = BasketLine(line=1, sku="cheese", qty="1.255", unit="kg", unit_price=9_999)
    answer = quote(shop(rule(1, "each = 100")), Basket(lines=(cheese,)))
    assert (answer.list_total, answer.discount) == (12_549, 126)
    count = rule(1, "amount = 1", "when = { basket = { qty = { at_least = 2 } } }")
    assert quote(shop(count), Basket(lines=(cheese,))).discount == 0


def test_steps_by_scope_count_what_the_rule_has_in_scope() -> None:
    give = 'percent = { by = "scope.qty", steps = [[3, 10]] }'
    text = rule(1, give, 'scope = { category = "tea" }')
    goods = Basket(lines=(line(1, 100, 2, "tea"), line(2, 100, 9)))
    answer = quote(shop(text), goods)
    assert (answer.discount, answer.next[0].text) == (0, "1 more for 10 %")
    when = 'when = { scope = { total = { at_least = 200 } } }\nscope = { category = "tea" }'
    assert quote(shop(rule(1, "percent = 10", when)), goods).discount == 20


def test_any_and_not_nest() -> None:
    when = (
        'when = { any = [ { payment = "cash" }, { not = { channel = "web", weekday = "sun" } } ] }'
    )
    nested = shop(rule(1, "percent = 10", when))
    assert quote(nested, basket(100)).discount == 10
    assert quote(nested, basket(100), {"channel": "web"}).discount == 0
    assert quote(nested, basket(100), {"channel": "web", "payment": "cash"}).discount == 10


def at(programme: Programme, now: datetime, goods: Basket | None = None) -> Quote:
    return price(programme, goods or basket(10_000), Facts(now, {}))


def test_noon_ends_the_morning() -> None:
    morning = shop(rule(1, "percent = 5", 'when = { time = "..12:00" }'))
    assert at(morning, datetime(2026, 11, 22, 9, 59, 59, tzinfo=UTC)).discount == 500
    assert at(morning, datetime(2026, 11, 22, 10, 0, 0, tzinfo=UTC)).discount == 0


def test_a_span_over_midnight_holds_on_both_sides() -> None:
    night = shop(rule(1, "percent = 5", 'when = { time = "22:00..06:00" }'))
    hours = [at(night, datetime(2026, 11, 22, hour, tzinfo=UTC)).discount for hour in range(24)]
    assert [hour for hour, off in enumerate(hours) if off] == [0, 1, 2, 3, 20, 21, 22, 23]


def test_the_clock_change_at_night_keeps_the_wall_clock() -> None:
    small_hours = shop(rule(1, "percent = 5", 'when = { time = "03:00..04:00" }'))
    spring = [datetime(2026, 3, 29, 0, 59, tzinfo=UTC), datetime(2026, 3, 29, 1, 0, tzinfo=UTC)]
    assert [at(small_hours, now).discount for now in spring] == [0, 0], "03:00 does not happen"
    autumn = [datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1, 2)]
    assert [at(small_hours, now).discount for now in autumn] == [500, 500, 0], "twice"
    assert local_day(small_hours, datetime(2026, 10, 24, 21, 0, tzinfo=UTC)) == date(2026, 10, 25)
    assert local_day(small_hours, datetime(2026, 10, 25, 22, 0, tzinfo=UTC)) == date(2026, 10, 26)


def test_the_29th_of_february_is_kept_on_the_28th() -> None:
    leap = shop(rule(1, "percent = 5", 'when = { date = "02-29" }'))
    days = [date(2027, 2, 28), date(2028, 2, 28), date(2028, 2, 29), date(2027, 3, 1)]
    noon = [datetime(d.year, d.month, d.day, 12, tzinfo=UTC) for d in days]
    assert [at(leap, now).discount for now in noon] == [500, 0, 500, 0]


def test_a_moment_can_be_bounded_to_the_minute() -> None:
    when = 'when = { now = "2026-11-22T11:30..2026-11-22T12:30" }'
    flash = shop(rule(1, "percent = 5", when))
    assert at(flash, datetime(2026, 11, 22, 10, 29, tzinfo=UTC)).discount == 500
    assert at(flash, datetime(2026, 11, 22, 10, 30, tzinfo=UTC)).discount == 0


def test_a_ramp_by_weeks_and_by_months() -> None:
    ramp = 'percent = {{ from = 10, step = 2, every = "{}", since = 2026-01-31, max = 15 }}'
    weeks, months = (shop(rule(1, ramp.format(every))) for every in ("week", "month"))
    days = [date(2026, 1, 30), date(2026, 2, 6), date(2026, 2, 7), date(2026, 3, 30)]
    noon = [datetime(d.year, d.month, d.day, 12, tzinfo=UTC) for d in days]
    assert [at(weeks, now).discount for now in noon] == [0, 1_000, 1_200, 1_500]
    assert [at(months, now).discount for now in noon] == [0, 1_000, 1_000, 1_200]


def test_the_first_failing_condition_is_named_as_the_file_says_it() -> None:
    when = 'when = { payment = "cash", flag = { repost = true }, weekday = "mon" }'
    answer = quote(shop(rule(1, "percent = 5", when)), basket(100))
    assert [(one.condition, one.text) for one in answer.why_not] == [("weekday", "weekday = mon")]
    answer = quote(
        shop(rule(1, "percent = 5", when.replace("mon", "sun"))), basket(100), {"payment": "cash"}
    )
    assert [(one.condition, one.text) for one in answer.why_not] == [
        ("flag.repost", "flag.repost = true")
    ]


def test_a_distance_is_told_only_when_nothing_else_is_missing() -> None:
    when = 'when = { basket = { total = { at_least = 500 } }, payment = "cash" }'
    programme = shop(rule(1, "percent = 5", when))
    assert quote(programme, basket(100)).next == ()
    (step,) = quote(programme, basket(100), {"payment": "cash"}).next
    assert (step.by, step.missing, step.text) == ("basket.total", 400, "4.00 more for 5 %")


def test_the_reasons_have_a_limit() -> None:
    text = "".join(
        rule(i, "percent = 1", 'when = { payment = "x" }') for i in range(WHY_NOT_MAX + 9)
    )
    assert len(quote(shop(text), basket(100)).why_not) == WHY_NOT_MAX


def limited(limit: str, **used: int) -> Quote:
    programme = shop(rule(1, "percent = 5", f"limit = {{ {limit} }}"))
    facts: dict[str, Fact] = {f"used.{name.replace('__', ':')}": n for name, n in used.items()}
    return quote(programme, basket(100), A_CARD | facts)


def test_a_limited_rule_names_what_it_takes() -> None:
    answer = limited('per_card = 2, per = "day", total = 9', r1__total__life=8)
    assert [(use.counter, use.take, use.limit) for use in answer.uses] == [
        ("r1:card:a1:2026-11-22", 1, 2),
        ("r1:total:life", 1, 9),
    ]
    assert why(limited("total = 9", r1__total__life=9)) == {"r1": "limit.total"}
    assert why(limited("per_card = 2", r1__card__a1__life=2)) == {"r1": "limit.per_card"}


def test_a_limit_per_code_counts_nothing_where_no_code_was_shown() -> None:
    when = 'when = { any = [ { codes = "X" }, { flag = { vip = true } } ] }'
    programme = shop(rule(1, "percent = 5", when + "\nlimit = { per_code = 1 }"))
    used: dict[str, Fact] = {"used.r1:code:x:life": 1}
    assert quote(programme, basket(100), {"flag.vip": True} | used).uses == ()
    assert quote(programme, basket(100), {"flag.vip": True} | used).discount == 5
    with_code = msgspec.structs.replace(basket(100), codes=("X",))
    assert why(quote(programme, with_code, used)) == {"r1": "limit.per_code"}


def test_counters_are_those_that_a_quote_asks_for() -> None:
    text = rule(1, "percent = 5", 'limit = { per_card = 1, per = "week", total = 3 }')
    text += rule(2, "percent = 5", 'when = { codes = "X" }\nlimit = { per_code = 1 }')
    text += rule(3, "percent = 5", 'limit = { per_card = 1, per = "month" }')
    text += rule(4, "percent = 5", 'limit = { per_card = 1, per = "year" }')
    programme, day = shop(text), date(2027, 1, 1)
    assert list(counters(programme, "a1", day, ["AB", "CD"])) == [
        "r1:card:a1:2026-W53",
        "r1:total:life",
        "r2:code:ab:life",
        "r2:code:cd:life",
        "r3:card:a1:2027-01",
        "r4:card:a1:2027",
    ]
    assert counters(programme, None, day, []) == {"r1:total:life": 3}


def test_windows_are_whole_local_days() -> None:
    text = "".join(
        f'[[meter]]\nid = "m{i}"\nof = "visits"\nwindow = "{window}"\n'
        for i, window in enumerate(["life", "30d", "month", "prev_month", "since:club"])
    )
    text += '[[meter]]\nid = "c"\nof = "paid"\n[[status]]\nid = "club"\nof = "c"\n'
    text += 'enter = { at_least = 1, within = "1d" }\n'
    programme, today = shop(text), date(2028, 3, 15)
    assert windows(programme, today, {"club": date(2028, 2, 2)}) == {
        "m0": None,
        "m1": (date(2028, 2, 15), today),
        "m2": (date(2028, 3, 1), date(2028, 3, 31)),
        "m3": (date(2028, 2, 1), date(2028, 2, 29)),
        "m4": (date(2028, 2, 2), today),
        "c": None,
    }
    nobody = windows(programme, today, {})["m4"]
    assert nobody is not None
    assert nobody[1] < nobody[0], "a card without the status has nothing to count"


def test_meters_count_by_line_and_visits_once() -> None:
    text = "".join(
        f'[[meter]]\nid = "{of}"\nof = "{of}"\nscope = {{ not = {{ kind = "gift_card" }} }}\n'
        for of in ("paid", "net", "visits", "units", "points")
    )
    text += BONUS + rule(1, 'earn = "bonus", percent = 10') + rule(2, 'burn = "bonus"')
    gift = msgspec.structs.replace(line(2, 1_000), kind="gift_card")
    goods = Basket(lines=(line(1, 1_000, 3), gift), burn={"bonus": 400})
    answer = quote(shop(text), goods, A_CARD | {"purse.bonus": 400})
    assert answer.meters == {"paid": 2_700, "net": 3_000, "visits": 1, "units": 3, "points": 270}
    assert quote(shop(text), Basket(lines=(gift,)), A_CARD).meters == {}
    assert quote(shop(text), Basket(lines=(line(1, 1_000),))).meters == {}, "no card, no meters"


def test_a_new_meter_counts_the_past_as_if_it_had_been_there() -> None:
    text = BONUS + rule(1, 'earn = "bonus", percent = 10')
    late = '[[meter]]\nid = "tea"\nof = "paid"\nscope = { category = "tea" }\n'
    late += '[[meter]]\nid = "visits"\nof = "visits"\n'
    goods = Basket(lines=(line(1, 1_000, 3, "tea"), line(2, 500)))
    before = quote(shop(text), goods, A_CARD)
    now = quote(shop(text + late), goods, A_CARD)
    assert (before.meters, now.meters) == ({}, {"tea": 3_000, "visits": 1})
    again = recount(shop(text + late), goods, before)
    assert msgspec.structs.replace(again, version=now.version) == now


def test_purses_pay_in_the_order_of_the_file_and_never_more_than_is_left() -> None:
    text = '[[purse]]\nid = "gift"\nunit = "UAH"\n' + BONUS
    text += rule(1, 'burn = "gift"') + rule(2, 'burn = "bonus", max_percent = 50, max = 600')
    goods = msgspec.structs.replace(basket(700, 300), burn={"gift": 900, "bonus": 100})
    facts = A_CARD | {"purse.gift": 2_000, "purse.bonus": 2_000}
    answer = quote(shop(text), goods, facts)
    assert (answer.total, answer.burn_max) == (0, {"gift": 1_000, "bonus": 100})
    assert [one.burned for one in answer.lines] == [
        {"gift": 630, "bonus": 70},
        {"gift": 270, "bonus": 30},
    ]


@pytest.mark.parametrize(
    ("burn", "facts", "code"),
    [
        ({"bonus": 1}, {}, ErrorCode.LIMIT_REACHED),
        ({"bonus": 2}, A_CARD | {"purse.bonus": 1}, ErrorCode.NOT_ENOUGH),
        ({"bonus": 101}, A_CARD | {"purse.bonus": 500}, ErrorCode.LIMIT_REACHED),
    ],
)
def test_a_purse_that_cannot_pay_refuses(
    burn: dict[str, int], facts: dict[str, Fact], code: ErrorCode
) -> None:
    goods = msgspec.structs.replace(basket(1_000), burn=burn)
    with pytest.raises(RefusedError) as refused:
        quote(shop(BONUS + rule(1, 'burn = "bonus", max_percent = 10')), goods, facts)
    assert refused.value.code is code


def test_a_purse_that_owes_pays_nothing() -> None:
    answer = quote(
        shop(BONUS + rule(1, 'burn = "bonus"')), basket(100), A_CARD | {"purse.bonus": -5}
    )
    assert answer.burn_max == {"bonus": 0}


def bad(**fields: Any) -> Basket:
    return Basket(lines=(msgspec.structs.replace(line(1, 100), **fields),))


BAD = [
    (Basket(lines=()), "lines"),
    (basket(*[1] * (LINES_MAX + 1)), "lines"),
    (Basket(lines=(line(1, 1), line(1, 1))), "lines"),
    (bad(qty=-1), "lines[0].qty"),
    (bad(qty=0), "lines[0].qty"),
    (bad(qty=1_000_001), "lines[0].qty"),
    (bad(qty="1.5"), "lines[0].unit"),
    (bad(qty="1.2345", unit="kg"), "lines[0].qty"),
    (bad(qty="-1.2", unit="kg"), "lines[0].qty"),
    (bad(qty="0.000", unit="kg"), "lines[0].qty"),
    (bad(qty="1e3", unit="kg"), "lines[0].qty"),
    (bad(qty="१", unit="kg"), "lines[0].qty"),
    (bad(unit_price=-1), "lines[0].unit_price"),
    (bad(unit_price=10**10 + 1), "lines[0].unit_price"),
    (bad(min_price=-1), "lines[0].min_price"),
    (Basket(lines=(line(1, 1),), codes=("x" * 10_000,)), "codes[0]"),
    (Basket(lines=(line(1, 1),), codes=("",)), "codes[0]"),
    (Basket(lines=(line(1, 1),), codes=("x",) * 51), "codes"),
    (Basket(lines=(line(1, 1),), burn={"bonus": 1}), "burn.bonus"),
]


@pytest.mark.parametrize(("goods", "path"), BAD)
def test_a_basket_that_cannot_be_priced_names_its_field(goods: Basket, path: str) -> None:
    with pytest.raises(BasketError) as refused:
        quote(shop(rule(1, "percent = 5")), goods)
    assert refused.value.path == path


def test_a_purse_is_not_burned_below_nothing() -> None:
    goods = msgspec.structs.replace(basket(100), burn={"bonus": -1})
    with pytest.raises(BasketError):
        quote(shop(BONUS + rule(1, 'burn = "bonus"')), goods, A_CARD)


def test_what_is_free_stays_free_and_still_counts() -> None:
    text = rule(1, "percent = 10") + BONUS + rule(2, 'earn = "bonus", amount = 7')
    text += '[[meter]]\nid = "visits"\nof = "visits"\n'
    answer = quote(shop(text), basket(0, 0), A_CARD)
    assert (answer.total, answer.meters) == (0, {"visits": 1})
    assert [one.earned for one in answer.lines] == [{"bonus": 4}, {"bonus": 3}]


def test_a_thousand_lines_are_priced() -> None:
    answer = quote(shop(rule(1, "percent = 12.5")), basket(*range(LINES_MAX)))
    assert answer.discount == (sum(range(LINES_MAX)) * 125 + 500) // 1_000
    assert sum(offs(answer)) == answer.discount


def test_the_largest_basket_stays_in_the_ledger_s_integers() -> None:
    largest = Basket(lines=(line(1, 10**10, 100),))
    assert quote(shop(rule(1, "percent = 33.33")), largest).list_total == BASKET_TOTAL_MINOR_MAX
    with pytest.raises(BasketError, match="the basket comes to 1000000000001 minor units"):
        quote(shop(""), Basket(lines=(*largest.lines, line(2, 1))))


@pytest.mark.parametrize(("give", "most"), [("earn", EARNED_MAX), ("issue", ISSUED_MAX)])
def test_what_one_rule_gives_in_a_sale_has_a_limit(give: str, most: int) -> None:
    purse = '[[purse]]\nid = "points"\nunit = "point"\n'
    each = most // 10
    text = purse + f'[[rule]]\nid = "r"\ngive = {{ {give} = "points", each = {each} }}\n'
    given = quote(shop(text), Basket(lines=(line(1, 1, 10),)), A_CARD)
    assert [one.rule for one in given.earn] + [one.rule for one in given.issue] == ["r"]
    with pytest.raises(BasketError, match="rule r would give"):
        quote(shop(text), Basket(lines=(line(1, 1, 11),)), A_CARD)


def test_rules_are_found_by_any_of_their_names_once() -> None:
    text = rule(1, "each = 10", 'scope = { category = ["tea", "green"] }')
    text += rule(2, "each = 1", 'scope = { sku = "sku-1", category = "tea" }')
    text = lane("a", "sum") + text + rule(3, "each = 100", 'scope = { kind = "service" }')
    text += rule(4, "each = 1000", "scope = { on_sale = true, price = { at_least = 9000 } }")
    tea = line(1, 10_000, 1, "tea", "green")
    assert quote(shop(text), Basket(lines=(tea,))).discount == 11
    more = msgspec.structs.replace(tea, kind="service", on_sale=True)
    assert quote(shop(text), Basket(lines=(more, line(2, 10_000)))).discount == 1_111


def test_the_dearest_units_can_be_picked() -> None:
    text = rule(1, "percent = 100", 'scope = { pick = "dearest", n = 2 }')
    goods = Basket(lines=(line(1, 100, 3), line(2, 300), line(3, 200, 0 + 1)))
    assert offs(quote(shop(text), goods)) == [0, 300, 200]


def test_a_sale_without_a_card_has_nothing_of_a_card() -> None:
    answer = quote(sample("shop"), basket(100_000))
    assert (answer.meters, [entry.purse for entry in answer.earn]) == ({}, [])
    assert why(answer)["cashback"] == "card.account"
    assert why(answer)["birthday"] == "near"


def test_hold_and_expiry_both_count_from_the_day_of_the_sale() -> None:
    kept = BONUS + 'hold = "14d"\nexpire = "30d"\n'
    answer = quote(shop(kept + rule(1, 'earn = "bonus", percent = 5')), basket(10_000), A_CARD)
    assert answer.now.startswith("2026-11-22")
    [earned] = answer.earn
    assert (earned.usable_from, earned.expires) == ("2026-12-06", "2026-12-22")
