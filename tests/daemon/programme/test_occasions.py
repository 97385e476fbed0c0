"""One birthday, one gift: across New Year, on 29 February, wherever its days lie."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from daemon.programme.basket import Fact, Facts
from daemon.programme.price import price
from daemon.programme.programme import Programme
from daemon.programme.windows import counters
from tests.daemon.programme.shops import A_CARD, basket, sample, shop

RULE = """
[[rule]]
id = "gift"
when = {{ near = {{ of = "birthday", from = {}, to = {} }} }}
give = {{ percent = 20 }}
limit = {{ per_card = 1, per = "occasion" }}
"""


def gifts(programme: Programme, born: str, days: list[date]) -> list[date]:
    """Buy on each of these days; on which of them there was a gift."""
    used: Counter[str] = Counter()
    given_on = []
    for day in days:
        facts: dict[str, Fact] = {**A_CARD, "card.birthday": born}
        # Only the counters that the ledger is asked for are known, as at a till.
        asked = counters(programme, "a1", day, ())
        facts |= {f"used.{name}": used[name] for name in asked}
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        quote = price(programme, basket(10_000), Facts(noon, facts))
        assert {use.counter for use in quote.uses} <= asked.keys()
        used.update(use.counter for use in quote.uses)
        if quote.discount:
            given_on.append(day)
    return given_on


def every_day(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def test_a_birthday_at_new_year_brings_one_gift_and_the_next_one_another() -> None:
    days = every_day(date(2026, 12, 20), date(2028, 1, 20))
    given_on = gifts(sample("birthday"), "1990-01-01", days)
    assert given_on == [date(2026, 12, 25), date(2027, 12, 25)]
    late = gifts(sample("birthday"), "1990-12-31", [date(2026, 12, 24), date(2027, 1, 7)])
    assert late == [date(2026, 12, 24)]


def test_a_birthday_on_29_february_brings_one_gift_a_year() -> None:
    days = every_day(date(2026, 2, 1), date(2028, 12, 31))
    assert gifts(sample("birthday"), "2000-02-29", days) == [
        date(2026, 2, 21),
        date(2027, 2, 21),
        date(2028, 2, 22),
    ]


@given(
    st.dates(date(1950, 1, 1), date(2010, 1, 1)),
    st.integers(-180, 180),
    st.integers(-180, 180),
)
def test_whoever_buys_every_day_has_one_gift_for_each_birthday(
    born: date, one: int, other: int
) -> None:
    first, last = sorted((one, other))
    years = range(2024, 2028)
    turns = [anniversary_of(born, year) for year in (*years, 2028)]
    programme = shop(RULE.format(first, last))
    for turn, following in pairwise(turns):
        begin, end = (turn + timedelta(days=n) for n in (first, last))
        days = [begin, begin + (end - begin) / 2, end, following + timedelta(days=first)]
        expected = [begin, following + timedelta(days=first)]
        assert gifts(programme, str(born), days) == expected


def anniversary_of(born: date, year: int) -> date:
    """The same day of a year, told otherwise: 29 February as the day before 1 March."""
    if (born.month, born.day) == (2, 29):
        return date(year, 3, 1) - timedelta(days=1)
    return born.replace(year=year)
