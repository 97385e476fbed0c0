"""kill -9 while a trigger writes its mailing: the day is written whole, once, whenever it dies."""

from contextlib import suppress
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from tests.faults.dying_till import process
from tests.scenarios.shops import goods
from tests.stores.test_reports_of_people import BEGIN, number
from tests.stores.test_triggers import SALE, lay, mailings, ready, till
from tests.support.clock import HandClock
from tests.support.till import Pos, audited

COUNT = 5


@pytest.mark.parametrize("burns_at", [*range(1, 30, 4), 60])
async def test_a_day_is_asked_whole_and_once_whenever_the_till_is_killed(
    tmp_path: Path, burns_at: int
) -> None:
    lay(tmp_path, "tillcard.db", SALE)
    async with till(tmp_path) as shop:
        for n in range(COUNT):
            await shop.issue(number(20 + n), name=f"C{n}", phone=f"+38067123456{n}")
            await shop.sell(number(20 + n), 1_000)
    tomorrow = BEGIN + timedelta(days=1)
    with suppress(ConnectionError, EOFError):  # it may die before it is ready
        async with (
            process(tmp_path, burns_at, HandClock(tomorrow)),
            Pos.connect(tmp_path / "pos.sock") as pos,
        ):
            for n in count():
                await pos.call("sale.commit", sale_id=f"k{n}", lines=goods(100))
    async with till(tmp_path, tomorrow) as shop:
        await shop.app.look_after()
        [mailing] = await mailings(shop)
        assert (mailing["ready"], mailing["state"]) == (COUNT, "approved")
        assert await ready(shop, mailing["mailing"]) == [f"C{n}" for n in range(COUNT)]
    assert audited(tmp_path).findings == ()
