"""The few settings of a club are changed in the programme's text, and nothing else of it is."""

from typing import Any

import pytest

from daemon.app.running import App
from daemon.programme.club_settings import ClubSettings, settings_of, with_settings
from daemon.programme.errors import ProgrammeError
from tests.scenarios.shops import account_of, documented, goods, refusal
from tests.scenarios.test_club import CLUB, Customer
from tests.support.clock import HandClock
from tests.support.pos import refused
from tests.support.till import PLASTIC, Pos

WORDED = CLUB.replace(
    'enter = { at_least = 500000, within = "30d" }',
    '# as in 2024\nenter = { at_least = 500000, within = "30d" }  # agreed with Olha',
)
INVALID = (-32602, "invalid_params")


@pytest.fixture
def programme() -> str:
    return WORDED


async def change(pos: Pos, request_id: str = "c1", **settings: Any) -> Any:
    terms = {"request_id": request_id, "status": "club", "by": "maria"} | settings
    return await pos.call("club.settings", **terms)


async def test_only_the_named_values_change_and_comments_stay(pos: Pos) -> None:
    done = await change(pos, percent="7.5", enter_amount=400_000, keep_days=90, decide="auto")
    shown = await pos.call("programme.show")
    assert (shown["version"], shown["programme"]) == (done["version"], done["programme"])
    expected = (
        WORDED.replace("at_least = 500000", "at_least = 400000")
        .replace('within = "60d" }\n', 'within = "90d" }\ndecide = "auto"\n')
        .replace("percent = 7 ", "percent = 7.5 ")
    )
    assert shown["text"] == expected
    again = await change(pos, percent="7.5", enter_amount=400_000, keep_days=90, decide="auto")
    assert (again["version"], again["replayed"]) == (done["version"], True)


async def test_a_new_percentage_is_given_from_the_next_quote_on(
    pos: Pos, till: App, clock: HandClock
) -> None:
    customer = Customer(pos, till, clock)
    await customer.decides("grant")
    assert await customer.price() == 9_300
    await change(pos, percent=12)
    assert await customer.price() == 8_800


async def test_a_lower_sum_makes_candidates_of_those_who_buy_next(pos: Pos) -> None:
    await change(pos, enter_amount=100)
    await pos.call("sale.commit", sale_id="s1", card=PLASTIC, lines=goods(100))
    listing = await pos.call("club.list", status="club", list="join")
    assert [one["account"] for one in listing["members"]] == [await account_of(pos, PLASTIC)]
    assert (listing["needed"], listing["days"]) == (100, 30)


async def test_a_longer_window_ends_later_and_the_ledger_stays_whole(
    pos: Pos, till: App, clock: HandClock
) -> None:
    customer = Customer(pos, till, clock)
    await customer.decides("grant")
    await change(pos, keep_days=90)
    await customer.on(60)
    assert await customer.lists() == {}
    await customer.on(89)
    assert await customer.lists() == {}
    await customer.on(90)
    assert await customer.lists() == {"exclude": [("Olena", 0)]}


@pytest.mark.parametrize(
    "wrong",
    [
        {"percent": 101},
        {"percent": -1},
        {"percent": "7.125"},
        {"percent": "NaN"},
        {"percent": "1e999999999"},
        {"enter_amount": 0},
        {"keep_days": 0},
        {"decide": "nobody"},
        {"status": "chess", "percent": 7},
    ],
    ids=str,
)
async def test_what_no_programme_may_say_changes_nothing(pos: Pos, wrong: dict[str, Any]) -> None:
    terms = {"request_id": "c1", "status": "club"} | wrong
    assert await refusal(pos, "club.settings", **terms) == INVALID
    assert (await pos.call("programme.show"))["text"] == WORDED


async def test_it_says_which_rule_it_cannot_choose(pos: Pos) -> None:
    steps = WORDED.replace("give = { percent = 7 }", "give = { amount = 700 }")
    await pos.call("programme.activate", request_id="p1", text=steps)
    error = await refused(pos, "club.settings", request_id="c1", status="club", percent=8)
    assert "no rule gives a percentage to members of 'club'" in error.message
    second = '[[rule]]\nid = "more"\nlane = "card"\nwhen = { status.club = true }\n'
    both = WORDED + second + "give = { percent = 1 }\n"
    await pos.call("programme.activate", request_id="p2", text=both)
    error = await refused(pos, "club.settings", request_id="c2", status="club", percent=8)
    assert "several rules (club, more) give" in error.message
    await change(pos, request_id="c3", enter_days=31)


@pytest.mark.parametrize("name", ["shop", "lapse"])
def test_the_sample_programmes_are_edited_and_read_back(name: str) -> None:
    text = documented(name)
    settings = ClubSettings(enter_amount=1, enter_days=2, keep_amount=3, keep_days=4)
    changed = settings_of(with_settings(text, "club", settings), "club")
    assert (changed.enter_amount, changed.enter_days) == (1, 2)
    assert (changed.keep_amount, changed.keep_days) == (3, 4)
    assert changed.percent == settings_of(text, "club").percent
    assert with_settings(text, "club", ClubSettings()) == text


def test_a_status_without_a_keep_window_gets_one_whole_or_not_at_all() -> None:
    text = CLUB.replace('keep = { at_least = 300000, within = "60d" }\n', "")
    assert settings_of(text, "club").keep_days is None
    with pytest.raises(ProgrammeError, match="say both the amount and the days"):
        with_settings(text, "club", ClubSettings(keep_days=60))
    made = with_settings(text, "club", ClubSettings(keep_amount=300_000, keep_days=60))
    assert settings_of(made, "club") == settings_of(CLUB, "club")
