from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.programme.basket import Basket, BasketLine, Fact
from daemon.programme.programme import Programme
from daemon.programme.quote import Quote
from daemon.programme.shares_back import shares_back
from tests.daemon.programme.reference import given_back, model
from tests.daemon.programme.shops import quote, shop

CATEGORIES = ("tea", "jam", "rare")
HALVES = st.integers(0, 200).map(lambda n: Fraction(n, 2))
GOODS = st.none() | st.sets(st.sampled_from(CATEGORIES), min_size=1)
LINES = st.lists(
    st.fixed_dictionaries(
        {
            "qty": st.integers(1, 5),
            "unit_price": st.integers(0, 40) | st.integers(0, 20_000),
            "min_price": st.just(0) | st.integers(0, 10_000),
            "category": st.sampled_from(CATEGORIES),
        }
    ),
    min_size=1,
    max_size=8,
)
LANES = st.lists(
    st.fixed_dictionaries(
        {
            "combine": st.sampled_from(("best", "sum", "first")),
            "base": st.sampled_from(("net", "list")),
        }
    ),
    min_size=1,
    max_size=3,
)
SIZES = st.one_of(
    st.tuples(st.just("percent"), HALVES),
    st.tuples(st.sampled_from(("amount", "each", "price")), st.integers(0, 15_000)),
    st.tuples(st.just("amount"), st.integers(1, 200)),
)
RULE: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "size": SIZES,
        "goods": GOODS,
        "max": st.none() | st.integers(0, 3_000),
        "exclusive": st.sampled_from((False, False, False, True)),
        "priority": st.integers(0, 1),
    }
)
CAPS = st.lists(st.fixed_dictionaries({"goods": GOODS, "percent": HALVES}), max_size=2)


@st.composite
def shops(draw: st.DrawFn) -> dict[str, Any]:
    lanes = [dict(lane, id=f"lane{i}") for i, lane in enumerate(draw(LANES))]
    rules = draw(st.lists(RULE, max_size=6))
    names = draw(st.permutations([f"r{i}" for i in range(len(rules))]))
    placed = [
        dict(rule, id=name, lane=draw(st.sampled_from(lanes))["id"], how=rule["size"][0])
        for rule, name in zip(rules, names, strict=True)
    ]
    for rule in placed:
        rule["value"] = rule["size"][1]
    return {
        "round": draw(st.sampled_from(("basket", "line"))),
        "lanes": lanes,
        "rules": placed,
        "caps": draw(CAPS),
        "burn": draw(HALVES),
        "earn": draw(HALVES),
    }


def number(value: Fraction | int) -> str:
    return (
        str(value)
        if isinstance(value, int)
        else f"{value.numerator * 100 // value.denominator / 100}"
    )


def scope(goods: set[str] | None) -> str:
    return "" if goods is None else f"scope = {{ category = {sorted(goods)} }}\n"


def as_toml(plan: dict[str, Any]) -> Programme:
    text = f'round = "{plan["round"]}"\n[[purse]]\nid = "bonus"\nunit = "UAH"\n'
    for lane in plan["lanes"]:
        text += '[[lane]]\nid = "{id}"\ncombine = "{combine}"\nbase = "{base}"\n'.format(**lane)
    for rule in plan["rules"]:
        most = "" if rule["max"] is None else f", max = {rule['max']}"
        text += (
            f'[[rule]]\nid = "{rule["id"]}"\nlane = "{rule["lane"]}"\n{scope(rule["goods"])}'
            f"give = {{ {rule['how']} = {number(rule['value'])}{most} }}\n"
            f"exclusive = {str(rule['exclusive']).lower()}\npriority = {rule['priority']}\n"
        )
    for cap in plan["caps"]:
        text += f"[[cap]]\n{scope(cap['goods'])}percent = {number(cap['percent'])}\n"
    for kind, key in (("earn", "percent"), ("burn", "max_percent")):
        give = f'{{ {kind} = "bonus", {key} = {number(plan[kind])} }}'
        text += f'[[rule]]\nid = "{kind}"\ngive = {give}\n'
    return shop(text)


def as_basket(lines: list[dict[str, Any]], burn: int) -> Basket:
    return Basket(
        lines=tuple(
            BasketLine(
                line=i,
                sku=f"s{i}",
                qty=line["qty"],
                unit_price=line["unit_price"],
                min_price=line["min_price"] or None,
                category=(line["category"],),
            )
            for i, line in enumerate(lines)
        ),
        burn={"bonus": burn} if burn else {},
    )


def priced(plan: dict[str, Any], lines: list[dict[str, Any]], burn: int) -> Quote:
    facts: dict[str, Fact] = {"card.account": "a1", "purse.bonus": 10**9}
    return quote(as_toml(plan), as_basket(lines, burn), facts)


@given(shops(), LINES, st.fractions(0, 1))
@settings(max_examples=200)
def test_the_engine_and_the_model_agree_to_the_minor_unit(
    plan: dict[str, Any], lines: list[dict[str, Any]], burn_part: Fraction
) -> None:
    expected = model(plan, lines, burn_part)
    answer = priced(plan, lines, expected["burn"])
    assert [line.net for line in answer.lines] == expected["net"]
    assert answer.burn_max.get("bonus", 0) == expected["burn_max"]
    assert [line.burned.get("bonus", 0) for line in answer.lines] == expected["burned"]
    assert [line.paid for line in answer.lines] == expected["paid"]
    assert [line.earned.get("bonus", 0) for line in answer.lines] == expected["earned"]


@given(shops(), LINES)
@settings(max_examples=80)
def test_lines_sum_to_the_total_and_none_is_below_its_floor(
    plan: dict[str, Any], lines: list[dict[str, Any]]
) -> None:
    answer = priced(plan, lines, 0)
    assert sum(line.net for line in answer.lines) == answer.net == answer.total
    assert answer.net + answer.discount == answer.list_total
    for line, sent in zip(answer.lines, lines, strict=True):
        assert line.discount == sum(applied.minor for applied in line.applied)
        assert line.net >= min(sent["qty"] * sent["min_price"], line.list_total)
        assert line.net >= 0


@given(shops(), LINES, st.fractions(0, 1), st.data())
@settings(max_examples=80)
def test_any_sequence_of_returns_restores_everything_and_follows_the_model(
    plan: dict[str, Any], lines: list[dict[str, Any]], burn_part: Fraction, data: st.DataObject
) -> None:
    sold = priced(plan, lines, model(plan, lines, burn_part)["burn"])
    left = {line.line: line.qty_milli for line in sold.lines}
    shares = {line.line: line for line in sold.lines}
    returned: dict[int | str, int] = {}
    money, burned, earned, meters = 0, 0, 0, dict.fromkeys(sold.meters, 0)
    while left:
        chosen = data.draw(st.sets(st.sampled_from(sorted(left, key=int)), min_size=1))
        asked = {one: data.draw(st.integers(1, left[one])) for one in sorted(chosen, key=int)}
        back = shares_back(sold, returned, asked)
        for one in back.lines:
            share = shares[one.line]
            before, whole = returned.get(one.line, 0), share.qty_milli
            assert one.money == given_back(share.paid, before, one.qty_milli, whole)
        money += back.money
        burned += back.burned.get("bonus", 0)
        earned += back.earned.get("bonus", 0)
        for meter, amount in back.meters.items():
            meters[meter] += amount
        for line, qty in asked.items():
            returned[line] = returned.get(line, 0) + qty
            left[line] -= qty
        left = {line: qty for line, qty in left.items() if qty}
        assert back.complete is not bool(left)
    assert (money, burned) == (sold.total, sold.burn.get("bonus", 0))
    assert earned == sum(entry.amount for entry in sold.earn)
    assert meters == sold.meters
