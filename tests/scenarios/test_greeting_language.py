"""A card that is shown is greeted by the first thing that is worth saying, as the shop says it."""

from pathlib import Path
from typing import Any

import pytest

from daemon.app.running import App
from daemon.base.config import ConfigError, parse
from tests.scenarios.shops import HEAD, account_of, goods, issue
from tests.support.clock import HandClock
from tests.support.till import PLASTIC, Pos, lay_out, open_till

CLUB = f"""{HEAD}
[[purse]]
id = "bonus"
unit = "UAH"
expire = "10d"
[[meter]]
id = "spend"
of = "net"
[[status]]
id = "friends"
of = "spend"
enter = {{ at_least = 500000, within = "30d" }}
keep = {{ at_least = 300000, within = "60d" }}
[[rule]]
id = "points"
give = {{ earn = "bonus", percent = 5 }}
"""
POINTS_LAST = 10


@pytest.fixture
def programme() -> str:
    return CLUB


async def said(pos: Pos, number: str = PLASTIC) -> str:
    message: str = (await pos.call("card.identify", scan=number))["message"]
    return message


async def buy(pos: Pos, sale_id: str, price: int, card: str = PLASTIC) -> Any:
    return await pos.call("sale.commit", sale_id=sale_id, card=card, lines=goods(price))


async def grant(pos: Pos, request_id: str) -> None:
    accounts = [await account_of(pos, PLASTIC)]
    decided = {"status": "friends", "list": "join", "accounts": accounts, "granted": True}
    await pos.call("club.decide", request_id=request_id, by="olha", **decided)


@pytest.mark.parametrize(
    ("birthday", "is_near"),
    [
        ("1990-11-20", True),
        ("1990-11-23", True),
        ("1990-11-26", True),
        ("1990-11-19", False),
        ("1990-11-27", False),
    ],
)
async def test_a_birthday_is_said_within_three_days(pos: Pos, birthday: str, is_near: bool) -> None:
    answers = {"request_id": "u", "card": PLASTIC, "answers": {"birthday": birthday}}
    await pos.call("customer.update", **answers)
    assert await said(pos) == ("Happy birthday, Olena!" if is_near else "Good day, Olena!")


async def test_who_comes_back_after_ninety_days_is_welcomed(pos: Pos, clock: HandClock) -> None:
    await buy(pos, "s1", 1_000)
    clock.move(days=89)
    assert await said(pos) == "Good day, Olena!"
    clock.move(days=1)
    assert await said(pos) == "Welcome back, Olena!"
    await buy(pos, "s2", 100)
    assert await said(pos) != "Welcome back, Olena!"


async def test_what_a_member_must_still_buy_is_said_two_weeks_before(
    pos: Pos, clock: HandClock
) -> None:
    await buy(pos, "s1", 500_000)
    assert await said(pos) == "Bought enough to join friends."
    await grant(pos, "g1")
    # The window of 60 days from 23 November ends on 21 January.
    await buy(pos, "s2", 175_000)
    clock.move(days=44)  # 6 January, 15 days before
    assert await said(pos) == "Good day, Olena!"
    clock.move(days=1)
    assert await said(pos) == "1250.00 more until 2027-01-21 to stay in friends."
    await buy(pos, "s3", 124_999)
    assert (await said(pos)).startswith("0.01 more until 2027-01-21")
    await buy(pos, "s4", 1)
    assert await said(pos) == "62.50 of bonus expire on 2027-01-17."


async def test_a_balance_that_expires_within_two_weeks_is_said(pos: Pos, clock: HandClock) -> None:
    await buy(pos, "s1", 100_000)
    assert await said(pos) == "50.00 of bonus expire on 2026-12-03."
    clock.move(days=POINTS_LAST)
    assert await said(pos) == "50.00 of bonus expire on 2026-12-03."
    clock.move(days=1)
    assert await said(pos) == "Good day, Olena!"


async def test_a_birthday_is_worth_more_than_what_expires(pos: Pos) -> None:
    await buy(pos, "s1", 100_000)
    answers = {"request_id": "u", "card": PLASTIC, "answers": {"birthday": "1990-11-22"}}
    await pos.call("customer.update", **answers)
    assert await said(pos) == "Happy birthday, Olena!"


async def test_a_card_of_nobody_is_accepted(pos: Pos, till: App) -> None:
    await issue(till, "2900000000025")
    assert await said(pos, "2900000000025") == "Card accepted."


async def test_a_greeting_is_said_in_the_cashier_s_language(pos: Pos) -> None:
    await buy(pos, "s1", 500_000)
    await pos.call("hello", client="pos", version="1", language="uk")
    assert await said(pos) == "Набрано досить, щоб вступити: friends."
    await grant(pos, "g1")
    assert (await said(pos)).startswith("250.00 (bonus) згорає ")


OWN = """
[greeting]
dormant_days = 30
hello = { en = "Hi {name}!", uk = "Агов, {name}!" }
back = { en = "Long time no see" }
thanks = { en = "Thank you!", uk = "Дякуємо!" }

[simulated]"""


async def test_the_shop_says_it_in_its_own_words(tmp_path: Path, clock: HandClock) -> None:
    lay_out(tmp_path, CLUB, **{"\n[simulated]": OWN})
    async with open_till(tmp_path, clock) as app, Pos.connect(app.socket) as pos:
        assert await said(pos) == "Hi Olena!"
        sold = await buy(pos, "s1", 1_000)
        assert sold["receipt"]["thanks"] == "Thank you!"
        clock.move(days=30)
        assert await said(pos) == "Long time no see"
        await pos.call("hello", client="pos", version="1", language="uk")
        assert await said(pos) == "З поверненням, Olena!"
        nobody = "2900000000025"
        await issue(app, nobody)
        assert await said(pos, nobody) == "Картку прийнято."
        terms = {"request_id": "u", "card": PLASTIC, "answers": {"language": "uk"}}
        await pos.call("customer.update", **terms)
        sold = await buy(pos, "s2", 1_000)
        assert sold["receipt"]["thanks"] == "Дякуємо!"
        again = await buy(pos, "s2", 1_000)
        assert again == sold | {"replayed": True}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('hello = { en = "' + "x" * 121 + '" }', "greeting.hello.en: has more than 120 letters"),
        ('hello = { en = "{who}" }', "greeting.hello.en: in braces may stand {name}, {amount}"),
        ('hello = { de = "Hallo" }', "greeting.hello.de: there is no such key"),
        ("dormant_days = 0", "greeting.dormant_days: is below 1"),
    ],
)
def test_a_text_that_cannot_be_said_is_refused_at_the_start(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as wrong:
        parse(f'programme = "p.toml"\n[greeting]\n{text}\n')
    assert str(wrong.value).startswith(said)
