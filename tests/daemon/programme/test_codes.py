"""Which issued codes a quote uses up, and what a sale hands out."""

from datetime import date

import msgspec

from daemon.programme.basket import Basket, BasketLine, Fact
from daemon.programme.codes import NewCodes, is_issued, is_named, issue, uses_of
from daemon.programme.quote import Quote
from tests.daemon.programme.shops import A_CARD, basket, quote, sample, shop

FLYER = '[[rule]]\nid = "flyer"\nwhen = { codes = "flyer" }\ngive = { amount = 500 }\n'
BONUS = '[[purse]]\nid = "bonus"\nunit = "UAH"\n'


def shown(*codes: str) -> Basket:
    return msgspec.structs.replace(basket(10_000), codes=codes)


def issued(campaign: str, *codes: str, uses: int = 1) -> dict[str, Fact]:
    facts: dict[str, Fact] = {f"code.{code}": campaign for code in codes}
    return facts | {f"uses.{code}": uses for code in codes}


def used(answer: Quote) -> list[tuple[str, int, str, bool]]:
    return [(use.counter, use.limit, use.rule, use.returnable) for use in answer.uses]


def test_a_code_is_used_up_by_the_rule_that_it_makes_apply() -> None:
    answer = quote(shop(FLYER), shown("F1"), issued("flyer", "F1", uses=3))
    assert used(answer) == [("@code:f1", 3, "flyer", False)]


def test_a_word_of_the_programme_is_not_used_up() -> None:
    answer = quote(shop(FLYER), shown("flyer"))
    assert (answer.discount, answer.uses) == (500, ())


def test_a_code_whose_rule_gave_nothing_is_not_used_up() -> None:
    better = '[[rule]]\nid = "better"\ngive = { percent = 50 }\n'
    answer = quote(shop(FLYER + better), shown("F1"), issued("flyer", "F1"))
    assert (answer.discount, answer.uses) == (5_000, ())


def test_a_code_is_not_used_up_where_another_rule_lets_the_purse_pay() -> None:
    text = BONUS + '[[rule]]\nid = "half"\ngive = { burn = "bonus", max_percent = 50 }\n'
    text += '[[rule]]\nid = "tenth"\nwhen = { codes = "flyer" }\n'
    text += 'give = { burn = "bonus", max_percent = 10 }\n'
    goods = msgspec.structs.replace(shown("F1"), burn={"bonus": 100})
    facts = A_CARD | {"purse.bonus": 9_000} | issued("flyer", "F1")
    assert quote(shop(text), goods, facts).uses == ()
    tenth_only = shop(text.replace("max_percent = 50", "max_percent = 5"))
    assert used(quote(tenth_only, goods, facts)) == [("@code:f1", 1, "tenth", False)]


def test_of_several_codes_a_rule_uses_the_one_that_its_limit_counts() -> None:
    limited = FLYER + "limit = { per_code = 1, returnable = true }\n"
    before: dict[str, Fact] = {"used.flyer:code:f1:life": 1}
    facts = issued("flyer", "F1", "F2") | before
    assert used(quote(shop(limited), shown("F1", "F2"), facts)) == [
        ("flyer:code:f2:life", 1, "flyer", True),
        ("@code:f2", 1, "flyer", True),
    ]
    assert used(quote(shop(FLYER), shown("F1", "F2"), facts)) == [("@code:f1", 1, "flyer", False)]


def test_two_rules_of_one_code_use_it_once_for_the_first_in_the_file() -> None:
    text = (
        '[[lane]]\nid = "a"\ncombine = "sum"\n' + FLYER + FLYER.replace('id = "flyer"', 'id = "g"')
    )
    answer = quote(shop(text), shown("F1"), issued("flyer", "F1"))
    assert (answer.discount, used(answer)) == (1_000, [("@code:f1", 1, "flyer", False)])


def test_a_sale_hands_out_codes_for_as_many_sales_as_their_rules_allow() -> None:
    programme = sample("coupon")
    sold = Basket(lines=(BasketLine(line=1, sku="COUPON-100", qty=2, unit_price=9_000),))
    codes = issue(programme, quote(programme, sold))
    assert codes == (NewCodes("hundred", count=2, uses=1, last_day=date(2027, 11, 22)),)
    assert (is_named(programme, "HUNDRED"), is_named(programme, "K7")) == (True, False)
    assert (is_issued(programme, "Hundred"), is_issued(programme, "flyer")) == (True, False)
    often = shop(FLYER + "limit = { per_code = 4 }\n")
    assert (uses_of(often, "FLYER"), uses_of(often, "other")) == (4, 1)
