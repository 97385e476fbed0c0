"""What a preview says: the text that priced a sale gives back what it gave, others what changes."""

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.base.ids import AccountId, LedgerId, SaleId
from daemon.base.refusals import RefusedError
from daemon.ledger.entries import Entry
from daemon.ledger.sale_records import Frozen, ReturnedLine, Sale, SaleRecord
from daemon.ledger.sale_rows import SaleRow, for_entry
from daemon.ledger.sale_states import SaleState
from daemon.programme.basket import Basket, BasketLine, Facts
from daemon.programme.errors import BasketError
from daemon.programme.price import price
from daemon.programme.programme import Programme, load
from daemon.programme.quote import Quote
from daemon.shop.preview_sums import (
    ERASED,
    MOST,
    NAMED_MAX,
    Both,
    Comparison,
    Refused,
    is_back,
    is_taken,
    priced_again,
)
from tests.daemon.programme.drawn import Drawn, drawn_programmes
from tests.daemon.programme.test_drawn_programmes import QUICK, Sold, sold
from tests.scenarios.shops import HEAD

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
STORE = "1"
LANE = '[[lane]]\nid = "card"\n'
TEN = LANE + '[[rule]]\nid = "ten"\nlane = "card"\ngive = { percent = 10 }\n'


def kept(sale: Sale) -> SaleRecord:
    """Return a sale as a ledger gives it back: its entry, and the row beside it."""
    record = SaleRecord(sale=sale, burned={})
    detail = msgspec.Raw(msgspec.json.encode(for_entry(sale)))
    entry = msgspec.json.encode(Entry(at=sale.at, kind="sale", ref=sale.sale_id, detail=detail))
    row = SaleRow.beside(record, SaleState.POSTED)
    read = msgspec.structs.replace(row, ledger_id=LedgerId("5f" * 8), seq=7, entry=entry).record
    assert read is not None
    return read


def sale_of(programme: Programme, basket: Basket, facts: Facts, quote: Quote, n: int = 0) -> Sale:
    return Sale(
        sale_id=SaleId(f"{'5f' * 8}/s{n}"),
        account=AccountId(str(facts.values.get("card.account", ""))),
        store=STORE,
        terminal="till-1",
        cashier="",
        at="2026-11-23T08:00:00.000000Z",
        today=NOW.toordinal(),
        frozen=Frozen(
            programme=programme.version, now=facts.now, basket=basket, facts=dict(facts.values)
        ),
        quote=quote,
    )


def as_kept(quote: Quote) -> dict[str, Any]:
    """Return what an entry keeps of a quote: all but what only a cashier's screen needs."""
    said: dict[str, Any] = msgspec.to_builtins(quote)
    return said | {"why_not": [], "next": []}


def gives_back(drawn: Drawn, once: Sold) -> None:
    facts = Facts(once.facts.now, {**once.facts.values, **drawn.programme.place_facts(STORE)})
    try:
        quote = price(drawn.programme, once.basket, facts)
    except (BasketError, RefusedError):
        return  # in this store it is no sale
    record = kept(sale_of(drawn.programme, once.basket, facts, quote))
    again = priced_again(load(drawn.programme.text), record.sale, {})
    assert as_kept(again) == as_kept(quote)
    comparison = Comparison()
    comparison.add(drawn.programme, record, {})
    sums = comparison.sums(1, sampled=False)
    assert (sums.sales, sums.changed, sums.refused_count) == (1, 0, 0)
    assert sums.gained == sums.lost == ()
    for both in (sums.total, sums.discount, *sums.earned.values()):
        assert both.before == both.after
    for rule in sums.rules.values():
        assert all(both.before == both.after for both in (rule.sales, rule.discount, rule.earned))


@settings(QUICK)
@given(drawn_programmes(), st.data())
def test_the_text_that_priced_a_sale_gives_back_exactly_what_it_gave(
    drawn: Drawn, data: st.DataObject
) -> None:
    for _ in range(2):
        once = sold(data, drawn.programme)
        if once is not None:
            gives_back(drawn, once)


def sold_at(unit_price: int, n: int, text: str = HEAD + TEN, **basket: Any) -> SaleRecord:
    programme = load(text)
    line = BasketLine(line=1, sku="tea", qty=2, unit_price=unit_price)
    goods = Basket(lines=(line,), **basket)
    facts = Facts(NOW, {"purse.bonus": 10_000, "card.account": "a1"})
    return kept(sale_of(programme, goods, facts, price(programme, goods, facts), n))


def compared(text: str, *records: SaleRecord) -> Any:
    comparison, programme = Comparison(), load(text)
    for record in records:
        comparison.add(programme, record, {})
    return comparison.sums(len(records), sampled=False)


def test_a_rule_that_gives_more_says_by_how_much_and_to_whom() -> None:
    more = HEAD + TEN.replace("10", "15")
    sums = compared(more, *(sold_at(100 * n, n) for n in range(1, 4)))
    # Lists of 2.00, 4.00 and 6.00, at 10 % off and at 15 %.
    assert sums.total == Both(1_080, 1_020)
    assert sums.discount == Both(120, 180)
    assert (sums.sales, sums.changed) == (3, 3)
    assert sums.rules["ten"].discount == Both(120, 180)
    assert sums.stores["1"].discount == Both(120, 180)
    assert [(one.sale_id, one.before, one.after, one.gain) for one in sums.gained] == [
        ("s3", 540, 510, 30),
        ("s2", 360, 340, 20),
        ("s1", 180, 170, 10),
    ]
    assert sums.lost == ()
    less = compared(HEAD + TEN.replace("10", "5"), sold_at(1_000, 1))
    assert [one.gain for one in less.lost] == [-100]


def test_a_rule_that_is_gone_and_one_that_is_new_are_both_named() -> None:
    other = HEAD + TEN.replace('"ten"', '"other"')
    sums = compared(other, sold_at(500, 1))
    assert sums.rules["ten"].sales == Both(1, 0)
    assert sums.rules["other"].discount == Both(0, 100)
    assert sums.changed == 0


def test_of_many_sales_the_fifty_that_gain_most_are_named_the_first_before_its_like() -> None:
    more = HEAD + TEN.replace("10", "15")
    sums = compared(more, *(sold_at(100 * (1 + n % 60), n) for n in range(120)))
    assert len(sums.gained) == MOST
    assert [one.sale_id for one in sums.gained[:4]] == ["s59", "s119", "s58", "s118"]


def test_of_many_stores_those_are_named_in_which_most_changes() -> None:
    comparison, programme = Comparison(), load(HEAD + TEN.replace("10", "15"))
    for n in range(NAMED_MAX + 20):
        record = sold_at(100 * (n + 1), n)
        sale = msgspec.structs.replace(record.sale, store=f"{n:04}")
        comparison.add(programme, msgspec.structs.replace(record, sale=sale), {})
    stores = comparison.sums(NAMED_MAX + 20, sampled=False).stores
    assert list(stores) == [f"{n:04}" for n in range(20, NAMED_MAX + 20)]


def test_a_sale_that_cannot_be_priced_is_counted_and_says_why() -> None:
    paying = HEAD + '[[purse]]\nid = "bonus"\nunit = "UAH"\n'
    paying += '[[rule]]\nid = "burn"\ngive = { burn = "bonus" }\n'
    burned = [sold_at(500, n, paying, burn={"bonus": 100}) for n in range(3)]
    sums = compared(HEAD + TEN, *burned, sold_at(500, 9))
    assert (sums.sales, sums.refused_count) == (1, 3)
    [refused] = sums.refused
    assert (refused.count, refused.sale_id) == (3, "s0")
    assert "bonus" in refused.why


def test_a_sale_of_who_was_erased_is_not_guessed_at() -> None:
    record = msgspec.structs.replace(sold_at(500, 1), erased=True)
    sums = compared(HEAD + TEN, record)
    assert sums.refused == (Refused(ERASED, 1, "s1"),)
    assert sums.sales == 0


def test_a_sale_that_came_back_whole_is_left_out_and_one_in_part_is_not() -> None:
    whole, part = (
        msgspec.structs.replace(sold_at(500, n), returned=(ReturnedLine(1, milli),))
        for n, milli in enumerate((2_000, 1_000))
    )
    in_two = msgspec.structs.replace(
        part, returned=(ReturnedLine(1, 1_000), ReturnedLine(1, 1_000))
    )
    assert [is_back(one) for one in (whole, part, in_two, sold_at(500, 1))] == [
        True,
        False,
        True,
        False,
    ]
    sums = compared(HEAD + TEN, whole, part)
    assert (sums.came_back, sums.sales) == (1, 1)


@given(st.integers(1, 3_000), st.integers(1, 400))
def test_of_more_sales_than_fit_so_many_are_taken_evenly(found: int, most: int) -> None:
    taken = [index for index in range(found) if is_taken(index, found, most)]
    assert len(taken) == min(found, most)
    gaps = {later - earlier for earlier, later in pairwise(taken)}
    assert max(gaps, default=1) - min(gaps, default=1) <= 1
    assert not taken or found - taken[-1] <= max(gaps, default=found)


@pytest.mark.parametrize("field", ["facts", "now"])
def test_another_fact_or_time_gives_another_price(field: str) -> None:
    """What is frozen is what is priced: nothing of it is passed over."""
    text = HEAD + LANE + '[[rule]]\nid = "day"\nlane = "card"\n'
    text += 'when = { card.account = "a1", date = "2026-11-23" }\ngive = { percent = 10 }\n'
    record = sold_at(500, 1, text)
    frozen = record.sale.frozen
    other: dict[str, Any] = {"facts": {}, "now": datetime(2026, 11, 24, 8, tzinfo=UTC)}
    sale = msgspec.structs.replace(
        record.sale, frozen=msgspec.structs.replace(frozen, **{field: other[field]})
    )
    assert priced_again(load(text), record.sale, {}).total == 900
    assert priced_again(load(text), sale, {}).total == 1_000
