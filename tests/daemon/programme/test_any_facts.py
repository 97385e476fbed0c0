"""Whatever the till sends, the engine answers with a quote or with an error of ours."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.base.refusals import RefusedError
from daemon.programme.basket import Basket, BasketLine, Fact, Facts
from daemon.programme.errors import BasketError
from daemon.programme.price import price
from daemon.programme.programme import RULEBOOKS_KEPT
from daemon.programme.shares_back import shares_back, sums_back, with_sums
from tests.daemon.programme.shops import PROGRAMMES, sample

replace = msgspec.structs.replace
SAMPLES = {path.stem: sample(path.stem) for path in PROGRAMMES.glob("*.toml")}
EXTRA = ["card.account", "card.referrer", "card.referrer.partner", "role", "payment", "code.K7"]
VALUES = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63),
    st.sampled_from(["", "x", "5", "1e5", "a1", "2000-02-29", "02-30", "hundred", "owner"]),
    st.text(max_size=5),
    st.lists(st.text(max_size=3), max_size=2).map(tuple),
)
LINES = st.builds(
    BasketLine,
    line=st.just(0),
    sku=st.sampled_from(["tea", "bread", "COUPON-100", "LESSON", "CUP", "x"]),
    qty=st.integers(1, 5) | st.sampled_from(["1.250", "0.001"]),
    unit=st.just("kg"),
    unit_price=st.integers(0, 60_000),
    category=st.lists(st.sampled_from(["tea", "low_margin", "jeans", "belts"]), max_size=2).map(
        tuple
    ),
    kind=st.sampled_from(["", "gift_card"]),
    min_price=st.none() | st.integers(0, 12_000),
    attributes=st.dictionaries(
        st.sampled_from(["launched", "season"]), st.text(max_size=3) | st.integers()
    ),
)
MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(
    st.sampled_from(sorted(SAMPLES)),
    st.lists(LINES, min_size=1, max_size=4),
    st.lists(st.sampled_from(["K7", "spring"]), max_size=2),
    MOMENTS,
    st.data(),
)
@settings(max_examples=300)
def test_any_basket_and_any_facts_give_a_quote_or_our_own_error(
    name: str, lines: list[BasketLine], codes: list[str], now: datetime, data: st.DataObject
) -> None:
    programme = SAMPLES[name]
    names = sorted({fact for rule in programme.rules for fact in rule.facts} | set(EXTRA))
    facts: dict[str, Fact] = data.draw(st.dictionaries(st.sampled_from(names), VALUES))
    if data.draw(st.booleans()):
        facts["card.account"] = "a1"
    facts |= {f"purse.{purse}": data.draw(st.integers(-100, 10_000)) for purse in programme.purses}
    burn = {purse: data.draw(st.integers(0, 20)) for purse in programme.purses}
    numbered = [replace(line, line=i) for i, line in enumerate(lines)]
    basket = Basket(lines=tuple(numbered), codes=tuple(codes), burn=burn)
    try:
        quote = price(programme, basket, Facts(now, facts))
    except (BasketError, RefusedError):
        return
    assert quote.total == sum(line.paid for line in quote.lines) >= 0
    everything = shares_back(quote, {}, {line.line: line.qty_milli for line in quote.lines})
    everything = with_sums(everything, quote, sums_back(quote, None, {}))
    assert (everything.money, everything.meters) == (quote.total, quote.meters)
    assert everything.burned == {purse: units for purse, units in quote.burn.items() if units}
    earned: dict[str, int] = {}
    for entry in quote.earn:
        earned[entry.key] = earned.get(entry.key, 0) + entry.amount
    assert everything.earned == earned


@pytest.mark.parametrize("name", ["days", "weekday"])
def test_days_that_come_back_are_priced_as_before(name: str) -> None:
    basket = Basket(lines=(BasketLine(line=1, sku="x", qty=1, unit_price=10_000),))
    first = datetime(2026, 11, 20, 10, tzinfo=UTC)
    days = [Facts(first + timedelta(days=n), {}) for n in range(3 * RULEBOOKS_KEPT)]
    once = [price(SAMPLES[name], basket, facts) for facts in days]
    assert [price(SAMPLES[name], basket, facts) for facts in reversed(days)] == once[::-1]
    assert len({quote.total for quote in once}) > 1
