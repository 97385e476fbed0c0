"""Money in the programme file: in minor units, or as a text with the digits of its currency."""

import msgspec
import pytest

from daemon.programme.errors import ProgrammeError
from daemon.programme.programme import Programme, load
from tests.daemon.programme.shops import A_CARD, HEAD, basket, quote

JPY, KWD = HEAD.replace("UAH", "JPY"), HEAD.replace("UAH", "KWD")
R = '[[rule]]\nid = "r"\n'
FIVE = "give = { percent = 5 }\n"
PURSE = '[[purse]]\nid = "bonus"\nunit = "UAH"\n'
POINTS = '[[purse]]\nid = "points"\nunit = "point"\n'
METER = '[[meter]]\nid = "spend"\nof = "paid"\n'
REFUSED = [
    (
        JPY + R + 'give = { amount = "25.00" }',
        "rule[0].give.amount",
        "'25.00' is no amount in JPY, which has no digits behind the point; write such as 2500",
    ),
    (
        JPY + R + "give = { amount = 25.5 }",
        "rule[0].give.amount",
        '25.5 is no whole number; write minor units, or "2500" for 2500 of them',
    ),
    (
        KWD + R + FIVE + 'when = { basket = { total = { at_least = "25.00" } } }',
        "rule[0].when.basket.total.at_least",
        "which has 3 digits behind the point; write such as 2.500",
    ),
    (
        HEAD + R + FIVE + 'when = { basket = { qty = { at_least = "3.00" } } }',
        "rule[0].when.basket.qty.at_least",
        "'3.00' is no whole number; write one, such as 3",
    ),
    (
        HEAD + R + 'give = { amount = "25.000" }',
        "rule[0].give.amount",
        "which has 2 digits behind the point; write such as 25.00",
    ),
    (
        HEAD + R + FIVE + 'when = { has = { total = { below = "25" } } }',
        "rule[0].when.has.total.below",
        "write such as 25.00",
    ),
    (HEAD + R + FIVE + 'scope = { price = "9" }', "rule[0].scope.price", "write such as 25.00"),
    (HEAD + PURSE + 'credit_limit = "9"', "purse[0].credit_limit", "write such as 25.00"),
    (HEAD + POINTS + 'worth = "9"', "purse[0].worth", "write such as 25.00"),
    (
        HEAD + POINTS + 'credit_limit = "9.00"',
        "purse[0].credit_limit",
        "is no whole number; write one, such as 3",
    ),
    (
        HEAD + METER + '[[status]]\nid = "club"\nof = "spend"\n'
        'enter = { at_least = "9", within = "30d" }',
        "status[0].enter.at_least",
        "write such as 25.00",
    ),
    (
        HEAD + POINTS + R + 'give = { earn = "points", amount = 1, every = "9" }',
        "rule[0].give.every",
        "write such as 25.00",
    ),
    (
        HEAD + R + 'give = { percent = { by = "basket.total", steps = [["9", 2]] } }',
        "rule[0].give.percent.steps[0][0]",
        "write such as 25.00",
    ),
]


@pytest.mark.parametrize(("text", "path", "words"), REFUSED, ids=[path for _, path, _ in REFUSED])
def test_a_text_with_other_digits_is_refused_with_what_to_write(
    text: str, path: str, words: str
) -> None:
    with pytest.raises(ProgrammeError) as caught:
        load(text)
    assert caught.value.path == path
    assert words in caught.value.message


PLACES = """
[[meter]]
id = "spend"
of = "paid"
scope = {{ price = {{ at_least = {a} }} }}

[[status]]
id = "club"
of = "spend"
enter = {{ at_least = {b}, within = "30d" }}
keep = {{ at_least = {a}, within = "30d" }}

[[purse]]
id = "bonus"
unit = "{code}"
credit_limit = {b}

[[purse]]
id = "star"
unit = "star"
worth = {a}

[[rule]]
id = "amount"
when = {{ basket = {{ total = {{ above = {a} }} }}, has = {{ total = {{ below = {b} }} }} }}
give = {{ amount = {a}, max = {b} }}

[[rule]]
id = "steps"
scope = {{ price = {b} }}
give = {{ each = {{ by = "basket.total", steps = [[{a}, {a}], [{b}, {b}]] }} }}

[[rule]]
id = "ramp"
give = {{ price = {{ from = {b}, step = 1, since = "2026-12-01", min = {a}, max = {b} }} }}

[[rule]]
id = "earn"
give = {{ earn = "star", amount = 1, every = {a} }}
"""


@pytest.mark.parametrize(
    ("code", "texts"),
    [
        ("UAH", ('"25.00"', '"1250.00"')),
        ("JPY", ('"2500"', '"125000"')),
        ("KWD", ('"2.500"', '"125.000"')),
    ],
)
def test_everywhere_in_the_file_a_text_is_what_its_minor_units_are(
    code: str, texts: tuple[str, str]
) -> None:
    def of(a: str, b: str) -> Programme:
        return load(HEAD.replace("UAH", code) + PLACES.format(a=a, b=b, code=code))

    written, counted = of(*texts), of("2500", "125000")
    assert written.purses == counted.purses
    assert written.statuses == counted.statuses
    for prices in ((2_499,), (2_500, 3), (2_501, 1_000), (125_000,), (125_001, 2_500)):
        one, other = (quote(made, basket(*prices), A_CARD) for made in (written, counted))
        assert one == msgspec.structs.replace(other, version=one.version)
