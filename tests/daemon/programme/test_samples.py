"""Every sample programme of docs/programmes/, by example: basket and facts in, money out."""

from datetime import date, datetime
from typing import Any

import msgspec
import pytest

from daemon.programme.basket import Basket, BasketLine, Fact, Facts
from daemon.programme.checks import check
from daemon.programme.price import price
from daemon.programme.quote import Quote
from tests.daemon.programme.shops import A_CARD, PROGRAMMES, sample

NAMES = sorted(path.stem for path in PROGRAMMES.glob("*.toml"))
SUNDAY = "2026-11-22T12:00:00+02:00"


def goods(*lines: tuple[Any, ...], **more: Any) -> Basket:
    """Lines as (sku or category, unit price[, pieces[, other fields]])."""
    made = [
        msgspec.convert(
            {
                "line": i + 1,
                "sku": line[0],
                "category": [line[0]],
                "qty": line[2] if len(line) > 2 else 1,
                "unit_price": line[1],
                **(line[3] if len(line) > 3 else {}),
            },
            BasketLine,
        )
        for i, line in enumerate(lines)
    ]
    return Basket(lines=tuple(made), **more)


def at(name: str, basket: Basket, facts: dict[str, Fact], now: str = SUNDAY) -> Quote:
    return price(sample(name), basket, Facts(datetime.fromisoformat(now), facts))


TEN = goods(("x", 1_000))
HUNDRED = goods(("x", 10_000))
HAD_A_GIFT = {"used.birthday:card:a1:2027-occasion": 1}
HAD_A_SNACK = {"used.snack:card:a1:2026-11-26": 1}
BORN = {"card.birthday": "2000-02-29"}
SEVEN_STAMPS = {**A_CARD, "meter.@tenth": 7}
PAID = [
    ("days", HUNDRED, {}, "2026-12-05T23:59:59+02:00", 8_000),
    ("days", HUNDRED, {}, "2026-12-06T00:00:00+02:00", 10_000),
    ("days", HUNDRED, {}, "2026-11-08T12:00:00+02:00", 9_000),
    ("days", HUNDRED, {}, "2027-12-25T12:00:00+02:00", 9_500),
    ("days", HUNDRED, {}, "2026-04-12T12:00:00+03:00", 9_500),
    ("days", HUNDRED, {}, "2027-04-12T12:00:00+03:00", 10_000),
    ("weekday", HUNDRED, {}, "2026-11-25T10:00:00+02:00", 9_300),
    ("weekday", HUNDRED, {}, "2026-11-25T16:00:00+02:00", 10_000),
    ("weekday", HUNDRED, {}, "2026-11-26T12:00:00+02:00", 10_000),
    ("product", goods(("tea", 9_990, 2)), {}, SUNDAY, 15_980),
    ("product", goods(("tea", 7_000, 2)), {}, SUNDAY, 14_000),
    ("product", goods(("jam", 10_000, 1, {"brand": "Own"})), {}, SUNDAY, 9_000),
    ("product", goods(("tobacco", 10_000, 1, {"brand": "Own"})), {}, SUNDAY, 10_000),
    ("order", HUNDRED, {"order.lead_days": 14}, SUNDAY, 9_700),
    ("order", HUNDRED, {"order.lead_days": 30, "order.speed": 0}, SUNDAY, 9_200),
    ("order", HUNDRED, {"order.speed": 9}, SUNDAY, 9_900),
    ("order", HUNDRED, {"order.speed": 10}, SUNDAY, 10_000),
    ("volume", goods(("x", 49_999)), {}, SUNDAY, 49_999),
    ("volume", goods(("x", 50_000)), {}, SUNDAY, 48_500),
    ("volume", goods(("nails", 10, 1_000), ("x", 100)), {}, SUNDAY, 8_600),
    ("volume", goods(("nails", 10, 99), ("x", 100)), {}, SUNDAY, 1_090),
    ("bonus", HUNDRED, {}, SUNDAY, 10_000),
    ("payment", goods(("x", 10_000), payment="cash"), {}, SUNDAY, 9_800),
    ("payment", goods(("x", 10_000), payment="card"), {}, SUNDAY, 10_000),
    ("word", HUNDRED, {"card.name": "Olha"}, "2026-07-24T12:00:00+03:00", 9_000),
    ("word", goods(("x", 10_000), codes=("spring",)), A_CARD, SUNDAY, 9_200),
    ("word", goods(("x", 10_000), codes=("ВЕСНА",)), A_CARD, SUNDAY, 9_200),  # noqa: RUF001
    ("word", goods(("x", 10_000), codes=("spring",)), {}, SUNDAY, 10_000),
    ("word", HUNDRED, {**A_CARD, "flag.repost": True}, SUNDAY, 8_500),
    (
        "word",
        HUNDRED,
        {**A_CARD, "flag.repost": True, "used.repost:card:a1:life": 1},
        SUNDAY,
        10_000,
    ),
    (
        "melting",
        goods(("x", 10_000, 1, {"attributes": {"launched": "2026-11-09"}})),
        {},
        SUNDAY,
        8_500,
    ),
    (
        "melting",
        goods(("x", 10_000, 1, {"attributes": {"launched": "2026-11-08"}})),
        {},
        SUNDAY,
        10_000,
    ),
    ("melting", goods(("coats", 10_000)), {}, SUNDAY, 8_200),
    ("melting", goods(("coats", 10_000)), {}, "2026-12-10T12:00:00+02:00", 10_000),
    ("melting", goods(("coats", 10_000)), {}, "2026-11-09T12:00:00+02:00", 10_000),
    ("internet", HUNDRED, {"channel": "web"}, SUNDAY, 9_700),
    ("internet", HUNDRED, {}, SUNDAY, 10_000),
    ("moment", HUNDRED, {"ask.haggle": 4, "ask.haggle.reason": "scratched"}, SUNDAY, 9_600),
    ("tenth", goods(("coffee", 5_000), ("coffee", 6_000)), SEVEN_STAMPS, SUNDAY, 11_000),
    ("tenth", goods(("coffee", 5_000), ("coffee", 6_000, 2)), SEVEN_STAMPS, SUNDAY, 11_000),
    ("tenth", goods(("coffee", 5_000, 10), ("tea", 4_000)), A_CARD, SUNDAY, 49_000),
    ("moment", HUNDRED, {"ask.haggle": "2.5", "ask.haggle.reason": "regular"}, SUNDAY, 9_750),
    ("moment", HUNDRED, {"ask.haggle": 9, "ask.haggle.reason": "scratched"}, SUNDAY, 9_500),
    (
        "moment",
        HUNDRED,
        {"ask.haggle": 9, "ask.haggle.reason": "scratched", "role": "senior"},
        SUNDAY,
        9_100,
    ),
    ("moment", HUNDRED, {"ask.haggle": 4}, SUNDAY, 10_000),
    ("ordinal", HUNDRED, {"ordinal.day": 1, "ordinal.life": 999}, SUNDAY, 9_000),
    ("ordinal", HUNDRED, {"ordinal.day": 2, "ordinal.life": 1_000}, SUNDAY, 5_000),
    ("ordinal", HUNDRED, {"ordinal.day": 2, "ordinal.life": 1_001}, SUNDAY, 10_000),
    ("people", HUNDRED, {**A_CARD, "card.tags": ("student",)}, SUNDAY, 9_500),
    ("people", HUNDRED, {**A_CARD, "card.referrer.partner": "gym"}, SUNDAY, 9_000),
    (
        "people",
        HUNDRED,
        {**A_CARD, "card.referrer.partner": "gym", "meter.visits": 3},
        SUNDAY,
        10_000,
    ),
    ("company", HUNDRED, {"flag.group_size": 4}, SUNDAY, 9_500),
    ("company", HUNDRED, {"flag.group_size": 2}, SUNDAY, 10_000),
    ("cross", goods(("jeans", 9_000), ("belts", 3_000), ("belts", 2_000)), {}, SUNDAY, 13_000),
    ("cross", goods(("jeans", 9_000, 2), ("belts", 3_000, 3)), {}, SUNDAY, 24_000),
    ("cross", goods(("belts", 3_000)), {}, SUNDAY, 3_000),
    ("cross", goods(("tea", 1_000, 2), ("tea", 800)), {}, SUNDAY, 2_000),
    ("cross", goods(("tea", 1_000, 7)), {}, SUNDAY, 5_000),
    ("presence", goods(("trousers", 9_000), ("belts", 3_000)), {}, SUNDAY, 11_700),
    ("presence", goods(("trousers", 9_000), ("belts", 3_000, 2)), {}, SUNDAY, 14_400),
    ("presence", goods(("skirts", 9_000), ("belts", 3_000)), {}, SUNDAY, 12_000),
    ("presence", goods(("drawers", 40_000), ("tables", 20_000, 2)), {}, SUNDAY, 60_000),
    ("presence", goods(("tables", 20_000)), {}, SUNDAY, 20_000),
    ("presence", goods(("T", 2_500, 2), ("x", 1_000)), {}, SUNDAY, 5_100),
    ("presence", goods(("T", 4_999), ("x", 1_000)), {}, SUNDAY, 5_999),
    ("presence", goods(("T", 5_000), ("gift card", 1_000)), {}, SUNDAY, 6_000),
    ("bar", HUNDRED, {}, "2026-11-27T04:59:59+02:00", 10_000),
    ("bar", HUNDRED, {}, "2026-11-27T05:00:00+02:00", 9_000),
    ("bar", HUNDRED, {}, "2026-11-28T01:30:00+02:00", 9_000),
    ("bar", HUNDRED, {}, "2026-11-28T02:00:00+02:00", 8_550),
    ("bar", HUNDRED, {}, "2026-11-28T05:00:00+02:00", 10_000),
    ("bar", goods(("snacks", 500)), A_CARD, "2026-11-26T23:00:00+02:00", 0),
    ("bar", goods(("snacks", 500)), A_CARD | HAD_A_SNACK, "2026-11-27T01:30:00+02:00", 500),
    ("bar", goods(("snacks", 500)), A_CARD | HAD_A_SNACK, "2026-11-29T12:00:00+02:00", 0),
    ("birthday", HUNDRED, A_CARD | BORN, "2027-02-21T12:00:00+02:00", 8_000),
    ("birthday", HUNDRED, A_CARD | BORN | HAD_A_GIFT, "2027-03-07T12:00:00+02:00", 10_000),
    ("birthday", HUNDRED, A_CARD | BORN | HAD_A_GIFT, "2028-03-07T12:00:00+02:00", 8_000),
    ("welcome", HUNDRED, A_CARD, SUNDAY, 9_000),
    ("welcome", HUNDRED, {**A_CARD, "meter.visits": 1}, SUNDAY, 10_000),
    ("welcome", HUNDRED, {}, SUNDAY, 10_000),
    ("on-top", goods(("jam", 10_000)), {"card.tags": ("holder",)}, SUNDAY, 9_200),
    ("on-top", HUNDRED, {"card.tags": ("holder",)}, SUNDAY, 9_700),
    (
        "season",
        goods(("x", 10_000, 1, {"attributes": {"season": "winter"}})),
        {},
        "2026-03-31T12:00:00+03:00",
        6_000,
    ),
    ("season", goods(("phones", 300_000), payment="trade_in"), {}, SUNDAY, 250_000),
    ("season", HUNDRED, BORN, "2027-02-25T12:00:00+02:00", 8_500),
    ("season", HUNDRED, BORN, "2027-03-03T12:00:00+02:00", 8_500),
    ("season", HUNDRED, BORN, "2027-03-04T12:00:00+02:00", 10_000),
    ("season", HUNDRED, BORN, "2028-03-03T12:00:00+02:00", 8_500),
    ("season", HUNDRED, BORN, "2028-02-25T12:00:00+02:00", 10_000),
    ("season", HUNDRED, {"card.birthday": "1990-01-01"}, "2026-12-30T12:00:00+02:00", 8_500),
    ("season", HUNDRED, {"card.name_day": "11-22"}, SUNDAY, 9_000),
    ("alliance", HUNDRED, {"card.issuer": "bakery"}, SUNDAY, 9_700),
    ("alliance", HUNDRED, {"card.issuer": "stranger"}, SUNDAY, 10_000),
    ("delivery", goods(("x", 90_000), ("DELIVERY", 10_000)), {}, SUNDAY, 90_000),
    ("delivery", goods(("x", 89_999), ("DELIVERY", 10_000)), {}, SUNDAY, 99_999),
    ("gift", goods(("x", 49_000), ("CUP", 2_000, 2)), {}, SUNDAY, 51_000),
    ("gift", goods(("x", 40_000), ("CUP", 2_000)), {}, SUNDAY, 42_000),
    ("lapse", HUNDRED, {**A_CARD, "meter.lately": 100_000}, SUNDAY, 9_700),
    ("lapse", HUNDRED, {**A_CARD, "meter.lately": 99_999}, SUNDAY, 10_000),
    ("lapse", HUNDRED, {**A_CARD, "status.club": True}, SUNDAY, 9_300),
    (
        "coupon",
        goods(("x", 30_000), codes=("K7",)),
        {"code.K7": "hundred"},
        SUNDAY,
        20_000,
    ),
    (
        "coupon",
        goods(("x", 30_000), codes=("K7",)),
        {"code.K7": "hundred", "used.coupon:code:k7:life": 1},
        SUNDAY,
        30_000,
    ),
    ("flyer", goods(("x", 70_000), codes=("F1",)), {"code.F1": "flyer"}, SUNDAY, 65_000),
    ("chain", HUNDRED, {}, "2026-11-22T10:00:00+02:00", 9_500),
    (
        "chain",
        HUNDRED,
        {**A_CARD, "meter.last_month": 50_000},
        "2026-11-22T10:00:00+02:00",
        9_200,
    ),
    (
        "chain",
        HUNDRED,
        {**A_CARD, "meter.last_month": 50_000},
        "2026-11-22T12:00:00+02:00",
        9_700,
    ),
    (
        "chain",
        HUNDRED,
        {**A_CARD, "meter.last_month": 1_000_000, "card.tags": ("city_card",)},
        "2026-11-22T11:59:59+02:00",
        7_000,
    ),
    ("chain", HUNDRED, {**A_CARD, "card.tags": ("city_card",)}, SUNDAY, 9_500),
    (
        "chain",
        HUNDRED,
        {**A_CARD, "meter.last_month": 50_000},
        "2026-11-15T10:00:00+02:00",
        8_500,
    ),
]


@pytest.mark.parametrize(("name", "basket", "facts", "now", "paid"), PAID)
def test_a_sample_asks_for_exactly_this(
    name: str, basket: Basket, facts: dict[str, Fact], now: str, paid: int
) -> None:
    assert at(name, basket, facts, now).total == paid


EARNED = [
    ("first", HUNDRED, A_CARD, [("bonus", 500, "", "", "")]),
    ("bonus", HUNDRED, A_CARD, [("bonus", 500, "2026-12-06", "2027-02-20", "")]),
    ("bonus", goods(("tobacco", 10_000)), A_CARD, []),
    ("subscription", goods(("SUBSCRIPTION-10", 90_000)), A_CARD, [("lessons", 10)]),
    ("subscription", goods(("SUBSCRIPTION-10", 90_000, 2)), A_CARD, [("lessons", 20)]),
    ("friend", goods(("x", 20_000)), A_CARD, []),
    (
        "friend",
        goods(("x", 20_000)),
        {**A_CARD, "card.referrer": "a7"},
        [("bonus", 5_000, "", "", "a7")],
    ),
    ("friend", goods(("x", 20_000)), {**A_CARD, "card.referrer": "a7", "meter.visits": 1}, []),
    (
        "partner",
        HUNDRED,
        {**A_CARD, "card.referrer.partner": "p1", "card.referrer.employee": "e1"},
        [("reward", 300, "", "", "p1"), ("reward", 150, "", "", "e1")],
    ),
    ("certificate", goods(("x", 50_000, 1, {"kind": "gift_card"})), A_CARD, [("gift", 50_000)]),
    ("credit", goods(("TOP-UP", 50_000)), A_CARD, [("account", 50_000)]),
    ("points", goods(("x", 10_999)), A_CARD, [("points", 10)]),
]


@pytest.mark.parametrize(("name", "basket", "facts", "entries"), EARNED)
def test_a_sample_earns_exactly_this(
    name: str, basket: Basket, facts: dict[str, Fact], entries: list[tuple[Any, ...]]
) -> None:
    earn = at(name, basket, facts).earn
    said = [(e.purse, e.amount, e.usable_from, e.expires, e.account) for e in earn]
    assert [one[: len(entry)] for one, entry in zip(said, entries, strict=True)] == entries


LESSONS = goods(("LESSON", 10_000), ("LESSON", 12_000), burn={"lessons": 1})
BURNED = [
    ("bonus", goods(("x", 10_000), burn={"bonus": 5_000}), {"purse.bonus": 9_000}, 5_000, 5_000),
    ("subscription", LESSONS, {"purse.lessons": 10}, 10_000, 2),
    (
        "certificate",
        goods(("x", 10_000), burn={"gift": 5_000}),
        {"purse.gift": 6_000},
        4_000,
        6_000,
    ),
    (
        "credit",
        goods(("x", 60_000), burn={"account": 60_000}),
        {"purse.account": 10_000},
        0,
        60_000,
    ),
    ("points", goods(("x", 10_000), burn={"points": 100}), {"purse.points": 5_000}, 9_500, 1_000),
]


@pytest.mark.parametrize(("name", "basket", "facts", "paid", "most"), BURNED)
def test_a_sample_s_purse_pays_exactly_this(
    name: str, basket: Basket, facts: dict[str, Fact], paid: int, most: int
) -> None:
    answer = at(name, basket, A_CARD | facts)
    (purse,) = basket.burn
    assert (answer.total, answer.burn_max[purse], answer.burn) == (paid, most, basket.burn)


ROUNDED = [
    ("cash", goods(("x", 9_994), payment="cash"), {}, (9_994, -4)),
    ("cash", goods(("x", 9_995), payment="cash"), {}, (9_995, 5)),
    ("cash", goods(("x", 10_000), payment="cash"), {}, (9_700, 0)),
    ("cash", goods(("x", 10_009), payment="cash"), {}, (9_709, 1)),
    ("cash", goods(("x", 9_994), payment="card"), {}, (9_994, 0)),
    ("cash", goods(("x", 9_994)), {}, (9_994, 0)),
    ("cash", goods(("x", 9_994)), {"payment": "cash"}, (9_994, -4)),
    ("cash", goods(("x", 9_994)), {"payment": ("cash",)}, (9_994, -4)),
    ("cash", goods(("x", 9_994)), {"payment": ("cash", "card")}, (9_994, 0)),
    ("cash", goods(("x", 9_994)), {"payment": ()}, (9_994, 0)),
    ("cash", goods(("x", 9_994)), {"payment": True}, (9_994, 0)),
    ("cash", goods(("x", 0), payment="cash"), {}, (0, 0)),
    ("cash", goods(("x", 4), payment="cash"), {}, (4, -4)),
]


@pytest.mark.parametrize(("name", "basket", "facts", "paid"), ROUNDED)
def test_a_sample_rounds_what_is_paid_in_cash_and_no_line(
    name: str, basket: Basket, facts: dict[str, Fact], paid: tuple[int, int]
) -> None:
    answer = at(name, basket, facts)
    assert (answer.total, answer.rounding) == paid
    assert answer.to_pay == sum(paid)
    assert sum(line.paid for line in answer.lines) == answer.total


ISSUED = [
    ("coupon", goods(("COUPON-100", 9_000, 2)), {}, ("hundred", 2, "2027-11-22")),
    ("flyer", goods(("x", 20_000)), {}, ("flyer", 1, "2026-11-25")),
    ("chain", goods(("x", 40_000)), {"flag.questionnaire": True}, ("card", 1, "")),
]


@pytest.mark.parametrize(("name", "basket", "facts", "codes"), ISSUED)
def test_a_sample_issues_exactly_this(
    name: str, basket: Basket, facts: dict[str, Fact], codes: tuple[str, int, str]
) -> None:
    (issued,) = at(name, basket, facts).issue
    assert (issued.campaign, issued.count, issued.expires) == codes


def test_a_code_that_was_used_is_never_said_to_be_unknown() -> None:
    used: dict[str, Fact] = {"code.K7": "hundred", "used.coupon:code:k7:life": 1}
    answer = at("coupon", goods(("x", 30_000), codes=("K7",)), used)
    whys = [(why.condition, why.text) for why in answer.why_not if why.rule == "coupon"]
    assert whys == [("limit.per_code", "code already used: K7")]
    unknown = at("coupon", goods(("x", 30_000), codes=("K8",)), {})
    assert [why.condition for why in unknown.why_not if why.rule == "coupon"] == ["codes"]


def test_free_delivery_tells_how_far_it_is() -> None:
    answer = at("delivery", goods(("x", 89_999), ("DELIVERY", 10_000)), {})
    assert [step.text for step in answer.next] == ["0.01 more for free delivery"]


def test_a_price_that_hangs_on_the_ordinal_is_provisional() -> None:
    assert at("ordinal", HUNDRED, {"ordinal.day": 1}).provisional
    assert at("ordinal", HUNDRED, {"ordinal.life": 999}).provisional, "another may hold first"
    assert not at("days", HUNDRED, {}).provisional


def test_the_whole_shop_stacks_its_lanes_and_pays_last() -> None:
    basket = goods(
        ("tea", 10_000, 3),
        ("bread", 2_500),
        ("tobacco", 8_000),
        ("low_margin", 20_000),
        ("x", 50_000, 1, {"kind": "gift_card"}),
        codes=("F1",),
        burn={"bonus": 2_000, "gift": 10_000},
    )
    facts: dict[str, Fact] = {
        **A_CARD,
        "meter.spend": 70_000,
        "meter.visits": 9,
        "purse.bonus": 50_000,
        "purse.gift": 10_000,
        "card.birthday": "1990-11-20",
        "card.referrer.partner": "p1",
        "code.F1": "flyer",
    }
    answer = at("shop", basket, facts)
    by_line = [[(a.rule, a.minor) for a in line.applied] for line in answer.lines]
    assert by_line == [
        [("third-tea", 10_000), ("regular", 1_000), ("birthday", 1_500), ("flyer", 4_615)],
        [("sunday-bread", 510), ("regular", 100), ("birthday", 125), ("flyer", 385)],
        [],
        [("regular", 600)],
        [],
    ]
    assert [line.net for line in answer.lines] == [12_885, 1_380, 8_000, 19_400, 50_000]
    assert (answer.net, answer.total) == (91_665, 79_665)
    earned = {(entry.purse, str(entry.account)): entry.amount for entry in answer.earn}
    assert earned[("gift", "")] == 50_000
    assert earned[("bonus", "")] == (answer.total - 50_000 + 10) // 20


@pytest.mark.parametrize("name", NAMES)
def test_no_sample_leaves_a_doubt_and_every_sample_is_tried(name: str) -> None:
    assert check(sample(name), date(2026, 1, 1)) == []
    tried = {row[0] for table in (PAID, EARNED, BURNED, ISSUED, ROUNDED) for row in table}
    assert name in tried | {"shop"}
