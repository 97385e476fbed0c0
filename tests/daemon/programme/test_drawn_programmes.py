"""Laws that hold for any programme that its own tables allow, and the model for what it knows."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, find, given, note, settings
from hypothesis import strategies as st

from daemon.base.refusals import RefusedError
from daemon.programme.accrual import ISSUED_MAX
from daemon.programme.basket import Basket, BasketLine, Fact, Facts, LineId
from daemon.programme.benefits.benefit import Benefit
from daemon.programme.benefits.registry import KINDS
from daemon.programme.checks import check
from daemon.programme.conditions.bounds import FactBounds
from daemon.programme.conditions.fact import FactIs
from daemon.programme.conditions.registry import KINDS as CONDITIONS
from daemon.programme.errors import BasketError, ProgrammeError
from daemon.programme.price import price
from daemon.programme.programme import Programme, load
from daemon.programme.quote import Quote
from daemon.programme.shares_back import (
    price_alone,
    recompute,
    rounded,
    shares_back,
    sums_back,
    with_sums,
)
from tests.daemon.programme.drawn import (
    Drawn,
    Field,
    drawn_files,
    drawn_programmes,
    keys_of,
    repaired,
    tables,
    toml,
)
from tests.daemon.programme.reference import (
    KNOWN,
    after_lanes,
    brings,
    in_coins,
    pays,
    stamps_of,
    stands,
)

SUPPRESSED = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
QUICK = settings(
    max_examples=200,
    phases=[Phase.generate],  # to make a failing file smaller takes minutes; the soak does it
    derandomize=True,
    deadline=None,
    suppress_health_check=SUPPRESSED,
)
WORDS = st.sampled_from(["", "tea", "jam", "txt"])
LINES = st.lists(
    st.builds(
        BasketLine,
        line=st.just(0),
        sku=WORDS,
        qty=st.sampled_from([1, 1, 2, 3, "1.250"]),
        unit=st.just("kg"),
        unit_price=st.sampled_from([0, 1, 100, 333, 9_999]) | st.integers(0, 20_000),
        category=st.lists(WORDS, max_size=2).map(tuple),
        brand=WORDS,
        kind=WORDS,
        min_price=st.none() | st.integers(0, 5_000),
        on_sale=st.booleans(),
        attributes=st.dictionaries(st.just("season"), WORDS),
    ),
    min_size=1,
    max_size=4,
).map(lambda lines: tuple(msgspec.structs.replace(line, line=i) for i, line in enumerate(lines)))
PAYMENTS = WORDS | st.just("cash")
CODES = st.lists(st.sampled_from(["K7", "F1", "SPRING"]), max_size=2, unique=True).map(tuple)
VALUES: st.SearchStrategy[Fact] = st.one_of(
    st.booleans(),
    st.integers(0, 20_000),
    st.sampled_from(["web", "2.5", "x", "11-22"]),
    st.just(("vip",)),
)
MOMENTS = st.sampled_from(
    [
        datetime(2026, 11, 22, 10, tzinfo=UTC),
        datetime(2026, 12, 24, 21, 59, tzinfo=UTC),
        datetime(2028, 2, 29, 0, tzinfo=UTC),
    ]
)


class Sold(msgspec.Struct, frozen=True):
    """A basket, the facts it is priced with, and its quote."""

    programme: Programme
    basket: Basket
    facts: Facts
    quote: Quote


@st.composite
def facts_of(draw: st.DrawFn, programme: Programme, /) -> Facts:
    """Facts that the programme asks for, some missing and some of a wrong kind."""
    names = {fact for rule in programme.rules for fact in rule.facts}
    asked = {f"{name}.reason" for name in names if name.startswith("ask.")}
    counters = {f"used.{rule.id}:total:life" for rule in programme.rules if rule.limit}
    known = sorted(names | asked | counters | {"card.referrer", "card.referrer.partner", "role"})
    values: dict[str, Fact] = draw(st.dictionaries(st.sampled_from(known), VALUES))
    if draw(st.integers(0, 3)):
        values["card.account"] = "a1"
    for code in draw(CODES):
        values |= {f"code.{code}": "flyer", f"uses.{code}": 1}
    purses = {f"purse.{purse}": draw(st.integers(-5, 9_999)) for purse in programme.purses}
    return Facts(draw(MOMENTS), values | purses)


def sold(data: st.DataObject, programme: Programme) -> Sold | None:
    """Price a drawn basket, and once more with what its purses may pay; None where refused."""
    basket = Basket(lines=data.draw(LINES), codes=data.draw(CODES), payment=data.draw(PAYMENTS))
    facts = data.draw(facts_of(programme))
    try:
        quote = price(programme, basket, facts)
        assert price(programme, basket, facts) == quote, "the same arguments, the same quote"
        burn = {purse: data.draw(st.integers(0, most)) for purse, most in quote.burn_max.items()}
        basket = msgspec.structs.replace(basket, burn={p: n for p, n in burn.items() if n})
        return Sold(programme, basket, facts, price(programme, basket, facts))
    except (BasketError, RefusedError):
        return None


def adds_up(sale: Sold) -> None:
    quote = sale.quote
    assert quote.list_total == sum(line.list_total for line in quote.lines)
    assert quote.discount == sum(line.discount for line in quote.lines)
    assert quote.net == sum(line.net for line in quote.lines)
    assert quote.total == sum(line.paid for line in quote.lines)
    for line in quote.lines:
        assert 0 <= line.paid <= line.net <= line.list_total
        assert line.list_total == line.net + line.discount
        assert line.discount == sum(applied.minor for applied in line.applied)
        assert line.net == line.paid + sum(line.burned.values())
    for purse, most in quote.burn_max.items():
        held = sale.facts.values.get(f"purse.{purse}", 0)
        assert isinstance(held, int)
        assert 0 <= most <= max(0, held + sale.programme.purses[purse].credit_limit)
    earned = {entry.key: 0 for entry in quote.earn}
    for entry in quote.earn:
        earned[entry.key] += entry.amount
    by_line = {key: sum(line.earned.get(key, 0) for line in quote.lines) for key in earned}
    assert by_line == earned
    assert msgspec.json.decode(msgspec.json.encode(quote), type=Quote) == quote


def comes_back(sale: Sold, policy: Literal["keep", "recompute"], data: st.DataObject) -> None:
    """Return the goods in up to three steps: all that was paid, burned and earned comes back."""
    quote = sale.quote
    left = {line.line: line.qty_milli for line in quote.lines}
    returned: dict[LineId, int] = {}
    money, burned, earned, meters = 0, dict[str, int](), dict[str, int](), dict[str, int]()
    cash = sale.programme.cash_rounding
    in_cash = cash if cash and cash.rounds(sale.basket.payment) else None
    paid_out = 0
    gone: dict[str, int] = {}
    while left:
        asked = {line: qty for line, qty in left.items() if data.draw(st.booleans())} or left
        if policy == "keep":
            back = shares_back(quote, returned, asked)
        else:
            back = recompute(sale.programme, quote, sale.basket, sale.facts, returned, asked, money)
        assert back.money == sum(line.money for line in back.lines) >= 0
        refund = rounded(back, in_cash, money).money if in_cash else back.money
        assert refund >= 0
        assert in_cash is None or refund % in_cash.step == 0
        paid_out += refund
        back_so_far = {line: returned.get(line, 0) + qty for line, qty in asked.items()}
        alone = price_alone(sale.programme, sale.basket, sale.facts, returned | back_so_far)
        sums = sums_back(quote, alone, gone)
        back = with_sums(back, quote, sums)
        for rule, amount in sums.items():
            gone[rule] = gone.get(rule, 0) + amount
        check_what_stays(quote, alone, gone)
        money += back.money
        for sums, parts in ((burned, back.burned), (earned, back.earned), (meters, back.meters)):
            for key, amount in parts.items():
                sums[key] = sums.get(key, 0) + amount
        returned |= {line: returned.get(line, 0) + qty for line, qty in asked.items()}
        left = {line: qty for line, qty in left.items() if line not in asked}
    assert (money, paid_out) == (quote.total, quote.to_pay)
    assert {purse: n for purse, n in burned.items() if n} == quote.burn
    assert sum(earned.values()) == sum(entry.amount for entry in quote.earn)
    assert {meter: n for meter, n in meters.items() if n} == quote.meters


def check_what_stays(quote: Quote, alone: Quote | None, gone: dict[str, int]) -> None:
    """Nothing stays of a sum for the whole sale that its rule would not give for what is left."""
    given = {entry.rule: entry.amount for entry in alone.earn} if alone else {}
    for entry in quote.earn:
        if entry.by_line:
            stays = entry.amount - gone.get(entry.rule, 0)
            assert 0 <= stays <= given.get(entry.rule, 0) or not stays


def laws(drawn: Drawn, data: st.DataObject) -> None:
    """What holds for every programme."""
    note(toml(drawn.file))
    check(drawn.programme, date(2026, 11, 22))
    assert load(toml(drawn.file)).version == drawn.programme.version
    sale = sold(data, drawn.programme)
    if sale is not None:
        adds_up(sale)
        comes_back(sale, "keep", data)
        comes_back(sale, "recompute", data)


FIELDS = sorted({field for table in tables() for field in keys_of(table)})


def test_every_key_of_every_table_is_drawn_and_any_programme_keeps_the_laws() -> None:
    seen: set[Field] = set()

    @given(st.sampled_from(FIELDS).flatmap(drawn_towards), st.data())
    @QUICK
    def any_programme(drawn: Drawn, data: st.DataObject) -> None:
        seen.update(drawn.fields)
        laws(drawn, data)

    any_programme()
    for field in FIELDS:
        if field not in seen:  # then it must turn up when it is looked for
            find(drawn_towards(field), having(field), settings=QUICK)


def drawn_towards(field: Field) -> st.SearchStrategy[Drawn]:
    return drawn_programmes(towards=field)


def having(field: Field) -> Callable[[Drawn], bool]:
    return lambda drawn: field in drawn.fields


@pytest.mark.soak
@given(drawn_programmes(), st.data())
@settings(max_examples=20_000, deadline=None, suppress_health_check=SUPPRESSED)
def test_any_programme_keeps_the_laws_for_long(drawn: Drawn, data: st.DataObject) -> None:
    laws(drawn, data)


@given(drawn_files())
@settings(max_examples=100, deadline=None, suppress_health_check=SUPPRESSED)
def test_a_drawn_file_is_a_programme_or_an_error_of_ours(file: dict[str, Any]) -> None:
    refused = None
    try:
        load(toml(file))
    except ProgrammeError as error:
        refused = error
    assert refused is None or refused.path.partition("[")[0].partition(".")[0] in file


GOODS: set[str] = {"sku", "brand", "kind", "season", "price", "on_sale", "launched", "not"}
UNKNOWN_TO_THE_MODEL = {
    "ProgrammeFile": {"meter", "status", "calendar"},
    "HeadTable": {"markup", "return_policy"},
    "RuleTable": {"limit", "text"},
    "when": {kind.__name__ for kind in CONDITIONS.values()} - {"Has", "AnyOf", "NotAll"}
    | {FactIs.__name__, FactBounds.__name__},
    "PresentTable": GOODS,
    "ScopeTable": GOODS | {"pick", "n", "group", "per"},
    "GoodsTable": GOODS,
    "PurseTable": {"hold", "expire", "credit_limit", "where"},
    "Earn": {"to", "hold", "expire"},
    "Issue": {"expire"},
}
"""Where the model does not follow; the laws and the tests of these keys hold there."""
MODEL_LINES = st.lists(
    st.fixed_dictionaries(
        {
            "qty": st.integers(1, 4),
            "unit_price": st.integers(0, 40) | st.integers(0, 20_000),
            "min_price": st.just(0) | st.integers(0, 9_000),
            "category": WORDS,
        }
    ),
    min_size=1,
    max_size=6,
)


def test_the_model_knows_every_kind_of_benefit() -> None:
    assert {kind.name for kind in KINDS} == KNOWN


def goods_of(scope: dict[str, Any] | None) -> set[str] | None:
    names = (scope or {}).get("category")
    return None if names is None else {names} if isinstance(names, str) else set(names)


def exact(value: Any) -> Fraction:
    return Fraction(str(value))


def modelled(rule: dict[str, Any], first_lane: str) -> dict[str, Any]:
    """A rule of the file in the words of the model."""
    give = rule["give"]
    sizes = {how: how for how in ("percent", "amount", "each", "price", "free")}
    sizes["max_percent"] = "percent"
    default = ("percent", 100) if "burn" in give else ("amount", 1)
    how, value = next(((sizes[key], give[key]) for key in sizes if key in give), default)
    return {
        "id": rule["id"],
        "lane": rule.get("lane", first_lane),
        "target": next((give[key] for key in ("earn", "burn", "issue") if key in give), ""),
        "kind": next((key for key in ("earn", "burn", "issue") if key in give), "discount"),
        "how": how,
        "value": exact(value) if how == "percent" else value,
        "goods": goods_of(give["free"].get("of") if how == "free" else rule.get("scope")),
        "pick": give.get("free", {}).get("pick", "cheapest"),
        "stamps": 0,
        "max": give.get("max"),
        "when": rule.get("when", {}),
        "of": give.get("of", "paid"),
        "every": give.get("free", give).get("every", 0),
        "exclusive": rule.get("exclusive", False),
        "priority": rule.get("priority", 0),
    }


def as_shop(file: dict[str, Any]) -> dict[str, Any]:
    lanes = [{"combine": "best", "base": "net"} | lane for lane in file["lane"]]
    lanes = lanes or [{"id": "default", "combine": "best", "base": "net"}]
    rules = [modelled(rule, lanes[0]["id"]) for rule in file["rule"]]
    return {
        "round": file["programme"].get("round", "basket"),
        "lanes": lanes,
        "caps": [
            {"goods": goods_of(cap.get("scope")), "percent": exact(cap["percent"])}
            for cap in file["cap"]
        ],
        "step": file.get("cash_rounding", {}).get("step", 1),
        "worth": {
            purse["id"]: 1 if purse["unit"] == "UAH" else purse.get("worth", 0)
            for purse in file["purse"]
        },
        "rules": [rule for rule in rules if rule["kind"] == "discount"],
        "others": [rule for rule in rules if rule["kind"] != "discount"],
    }


FIELDS_OF_GIVE = sorted({field for kind in KINDS for field in keys_of(kind)})


def modelled_programmes(field: Field) -> st.SearchStrategy[Drawn]:
    return drawn_programmes(skip=UNKNOWN_TO_THE_MODEL, constants=True, towards=field)


def test_any_programme_agrees_with_the_model_as_far_as_it_goes() -> None:
    kinds: set[str] = set()

    @given(
        st.sampled_from(FIELDS_OF_GIVE).flatmap(modelled_programmes),
        MODEL_LINES,
        st.fractions(0, 1),
        st.randoms(use_true_random=False),
    )
    @settings(QUICK, max_examples=500)
    def agrees(drawn: Drawn, lines: list[dict[str, Any]], part: Fraction, order: Any) -> None:
        order.shuffle(drawn.file["rule"])
        shop = as_shop(drawn.file)
        # Purses that pay with goods, and not with money, have tests of their own.
        goods_purses = {purse for purse, worth in shop["worth"].items() if not worth}
        drawn.file["rule"] = [
            r for r in drawn.file["rule"] if r["give"].get("burn") not in goods_purses
        ]
        kinds.update(key for r in drawn.file["rule"] for key in r["give"] if key in KNOWN)
        programme = repaired(drawn.file)
        note(toml(drawn.file))
        compare(programme, as_shop(drawn.file), lines, part)

    agrees()
    assert kinds == KNOWN, "every kind was compared"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_each_kind_alone_gives_what_the_model_says_to_the_last_unit(kind: type[Benefit]) -> None:
    """Nothing cuts it here: no cap, no ``max``, no other rule, all goods in scope."""
    gave: set[str] = set()

    @given(modelled_programmes((kind.__name__, kind.name)), MODEL_LINES, st.fractions(0, 1))
    @settings(QUICK, max_examples=150)
    def agrees(drawn: Drawn, lines: list[dict[str, Any]], part: Fraction) -> None:
        worth = as_shop(drawn.file)["worth"]
        rules = [r for r in drawn.file["rule"] if kind.name in r["give"]]
        rules = [r for r in rules if worth.get(r["give"].get("burn"), 1)][:1]
        if not rules:
            return
        rules[0]["give"].pop("max", None)
        rules[0].pop("scope", None)
        rules[0].pop("when", None)
        file = drawn.file | {"rule": rules, "cap": []}
        lines = [x | {"unit_price": x["unit_price"] + 997, "min_price": 0} for x in lines]
        if compare(repaired(file), as_shop(file), lines, part):
            gave.add(repr((rules[0]["give"], lines)))

    agrees()
    assert len(gave) >= 20, "too few that gave something: the rounding is not held by them"


def compare(
    programme: Programme, shop: dict[str, Any], lines: list[dict[str, Any]], part: Fraction
) -> bool:
    """Hold the engine against the model; return whether any rule gave something."""
    shop = shop | {
        kinds: [rule for rule in shop[kinds] if stands(rule["when"], lines)]
        for kinds in ("rules", "others")
    }
    basket = Basket(
        lines=tuple(
            BasketLine(
                line=i,
                sku="x",
                qty=line["qty"],
                unit_price=line["unit_price"],
                min_price=line["min_price"] or None,
                category=(line["category"],),
            )
            for i, line in enumerate(lines)
        ),
        payment="cash",
    )
    shop["rules"] = [dict(r, stamps=int((1 - part) * 2 * r["every"]) - 2) for r in shop["rules"]]
    values: dict[str, Fact] = {"card.account": "a1"}
    values |= {f"meter.@{rule['id']}": rule["stamps"] for rule in shop["rules"]}
    values |= {f"purse.{purse}": 10**9 for purse in shop["worth"]}
    facts = Facts(datetime(2026, 11, 22, 10, tzinfo=UTC), values)
    net, sole = after_lanes(shop, lines)
    left, most, burn = pays(shop, lines, net, part)
    basket = msgspec.structs.replace(basket, burn={purse: n for purse, n in burn.items() if n})
    silenced = sole is not None and sole["exclusive"] == "all"
    expected = {} if silenced else brings(shop, lines, net, left)
    issues = {rule["id"] for rule in shop["others"] if rule["kind"] == "issue"}
    if any(sum(shares) > ISSUED_MAX for rule, shares in expected.items() if rule in issues):
        with pytest.raises(BasketError):
            price(programme, basket, facts)
        return False
    answer = price(programme, basket, facts)
    assert [line.net for line in answer.lines] == net
    for rule, stamps in stamps_of(shop, lines, sole).items():
        assert [line.meters.get(f"@{rule}", 0) for line in answer.lines] == stamps
    assert answer.burn_max == most
    assert [line.paid for line in answer.lines] == left
    assert answer.to_pay == in_coins(sum(left), shop["step"])
    entries = {entry.rule: entry.amount for entry in answer.earn}
    entries |= {issued.rule: issued.count for issued in answer.issue}
    assert entries == {rule: sum(shares) for rule, shares in expected.items() if any(shares)}
    for purse in shop["worth"]:
        ids = [r["id"] for r in shop["others"] if (r["kind"], r["target"]) == ("earn", purse)]
        shares = [expected[rule] for rule in ids if rule in expected]
        by_line = [sum(of_rule[i] for of_rule in shares) for i in range(len(lines))]
        assert [line.earned.get(purse, 0) for line in answer.lines] == by_line
    return bool(answer.discount or entries or any(answer.burn_max.values()))
