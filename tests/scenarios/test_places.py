"""One programme for many shops: a rule may ask in which store and region a till sells."""

from pathlib import Path

import pytest

from daemon.base.config import ConfigError
from tests.scenarios.shops import HEAD, goods, refusal
from tests.support.clock import HandClock
from tests.support.till import Pos, lay_out, open_till

RULES = """
[[store]]
id = "1"
region = "east"
open = "08:00..21:00"
[[store]]
id = "7"
region = "west"
company = "Acme Lviv"
[[store]]
id = "8"
region = "west"
[[lane]]
id = "goods"
combine = "sum"
[[rule]]
id = "west"
lane = "goods"
when = { region = "west" }
give = { percent = 5 }
[[rule]]
id = "two"
lane = "goods"
when = { store = ["1", "8"] }
give = { percent = 2 }
"""


@pytest.mark.parametrize(("store", "total"), [("1", 9_800), ("7", 9_500), ("8", 9_300)])
async def test_a_price_hangs_on_the_place(store: str, total: int, tmp_path: Path) -> None:
    lay_out(tmp_path, HEAD + RULES, **{"[till]": f'[till]\nstore = "{store}"'})
    text = (tmp_path / "tillcard.toml").read_text("utf-8")
    assert f'store = "{store}"' in text
    async with open_till(tmp_path, HandClock()) as till, Pos.connect(till.socket) as pos:
        # What a till says of the place is not asked for.
        facts = {"region": "west", "store": "8"}
        priced = await pos.call("sale.quote", lines=goods(10_000), facts=facts)
        assert priced["total"] == total


async def test_a_till_of_a_store_that_the_programme_has_not_does_not_start(tmp_path: Path) -> None:
    lay_out(tmp_path, HEAD + RULES, **{"[till]": '[till]\nstore = "9"'})
    with pytest.raises(ConfigError, match="has no '9', where this till is; it has: 1, 7, 8"):
        async with open_till(tmp_path, HandClock()):
            pass


async def test_a_programme_without_the_till_s_store_is_not_activated(pos: Pos) -> None:
    other = HEAD + RULES.replace('id = "1"', 'id = "11"', 1)
    code, name = await refusal(pos, "programme.activate", request_id="p1", text=other)
    assert (code, name) == (-32602, "invalid_params")
    await pos.call("programme.activate", request_id="p2", text=HEAD + RULES)


@pytest.mark.parametrize(
    ("table", "what"),
    [
        ('id = "1"\nopen = "8-21"', "store\\[0\\].open"),
        ('id = "1"\n[[store]]\nid = "1"', "store\\[1\\].id"),
        (f'id = "1"\nregion = "{"x" * 65}"', "store\\[0\\].region"),
        ('id = "a b"', "store\\[0\\].id"),
        ('id = "1"\ncity = "Lviv"', "store\\[0\\].city"),
    ],
)
async def test_a_store_that_is_none_is_named(table: str, what: str, tmp_path: Path) -> None:
    lay_out(tmp_path, f"{HEAD}[[store]]\n{table}\n")
    with pytest.raises(ConfigError, match=what):
        async with open_till(tmp_path, HandClock()):
            pass
