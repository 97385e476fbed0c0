"""Whatever counts or shows days goes by the shop's: by its zone, and by when its day starts."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import ClientSession

from daemon.accounts.cards import NewCard, Profile
from tests.scenarios.shops import HEAD, documented, goods, refusal
from tests.support.clock import HandClock
from tests.support.till import PLASTIC, Pos, lay_out, open_till

TOKEN, NUMBER = "d" * 22, "2900000000117"
EARN = """
[[purse]]
id = "bonus"
unit = "UAH"
expire = "1d"

[[rule]]
id = "earn"
give = { earn = "bonus", percent = 5 }

[[rule]]
id = "pay"
give = { burn = "bonus" }
"""
DAY = re.compile(r'<time datetime="(\d{4}-\d\d-\d\d)"')


def in_zone(zone: str, starts: str = "00:00") -> str:
    return HEAD.replace("Europe/Kyiv", zone) + f'day_starts = "{starts}"\n' + EARN


@pytest.mark.parametrize(
    ("programme", "sold_at", "day"),
    [
        (in_zone("Pacific/Auckland"), "2026-11-21T12:30", "2026-11-22"),
        (in_zone("Pacific/Auckland", "05:00"), "2026-11-21T12:30", "2026-11-21"),
        (in_zone("America/New_York"), "2026-11-23T01:30", "2026-11-22"),
        (in_zone("America/New_York", "05:00"), "2026-11-23T09:30", "2026-11-22"),
    ],
)
async def test_a_sale_stands_on_the_card_s_page_under_the_shop_s_day(
    tmp_path: Path, programme: str, sold_at: str, day: str
) -> None:
    lay_out(tmp_path, programme)
    clock = HandClock(datetime.fromisoformat(sold_at).replace(tzinfo=UTC))
    async with open_till(tmp_path, clock) as app, Pos.connect(app.socket) as pos:
        card = NewCard(
            kind="plastic", number=NUMBER, token=TOKEN, identifiers=(("number", NUMBER),)
        )
        await app.cards.issue(card, Profile(name="Ann"))
        await pos.call("sale.commit", sale_id="s1", card=NUMBER, lines=goods(10_000))
        async with ClientSession() as web, web.get(f"{app.web_url}/c/{TOKEN}") as page:
            assert DAY.findall(await page.text()) == [day]


async def test_points_of_a_night_are_good_until_the_shop_s_next_day(tmp_path: Path) -> None:
    lay_out(tmp_path, in_zone("Europe/Kyiv", "05:00"))
    clock = HandClock(datetime(2026, 11, 21, 23, 30, tzinfo=UTC))  # 01:30 on Sunday
    async with open_till(tmp_path, clock) as app, Pos.connect(app.socket) as pos:
        await pos.call("sale.commit", sale_id="s1", card=PLASTIC, lines=goods(10_000))
        await app.look_after()
        clock.move(hours=27, minutes=29)  # one day more, and the night after it
        assert await available(pos) == 500
        clock.move(minutes=1)  # 05:00 on Monday
        await app.look_after()
        assert await available(pos) == 0


async def available(pos: Pos) -> int:
    left: int = (await pos.call("card.show", card=PLASTIC))["balances"]["bonus"]["available"]
    return left


async def test_a_card_s_last_day_ends_when_the_shop_s_next_day_starts(tmp_path: Path) -> None:
    lay_out(tmp_path, documented("bar"))
    clock = HandClock(datetime(2026, 11, 27, 10, tzinfo=UTC))
    async with open_till(tmp_path, clock) as app, Pos.connect(app.socket) as pos:
        terms = {"until": "2026-11-27", "by": "olha", "reason": "asked for"}
        await pos.call("card.extend", request_id="e1", card=PLASTIC, **terms)
        clock.move(hours=16, minutes=59)  # 04:59 on Saturday
        quote = await pos.call("sale.quote", card=PLASTIC, lines=goods(10_000))
        assert quote["total"] == 9_000, "it is Friday night"
        clock.move(minutes=1)
        over = await refusal(pos, "sale.quote", card=PLASTIC, lines=goods(10_000))
        assert over == (1012, "card_expired")
