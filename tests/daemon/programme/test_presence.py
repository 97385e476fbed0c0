"""Rules that ask for other goods in the basket say what is missing, and how much of it."""

from tests.daemon.programme.shops import basket, quote, shop

FIVE = '[[rule]]\nid = "r1"\ngive = { percent = 5 }\n'


def test_goods_that_must_be_there_are_told_and_how_far_away_they_are() -> None:
    when = 'when = { has = { category = "T", total = { at_least = 500 } } }'
    answer = quote(shop(FIVE + when), basket(100))
    assert answer.why_not[0].text == "has category = T, total at least 5.00"
    assert answer.next[0].text == "5.00 more for 5 %"
    when = 'when = { has = { category = "T", price = { above = 50 }, not = { sku = "x" } } }'
    answer = quote(shop(FIVE + when), basket(100))
    assert answer.why_not[0].text == "has category = T, price above 0.50, not (sku = x)"
    assert answer.next[0].text == "1 more for 5 %"
