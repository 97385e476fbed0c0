"""An entry names accounts and never people; a price that rests on a person holds all the same."""

from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from daemon.app.running import App
from daemon.base.ids import scoped
from daemon.ledger.storage.queries import SALE
from daemon.ledger.storage.sqlite import SQLiteStore
from daemon.ledger.storage.store import Store
from tests.scenarios.shops import FRIEND, HEAD, goods, issue
from tests.support.clock import HandClock
from tests.support.till import PLASTIC, Pos

NAME, BIRTHDAY = "Zofia Wiśniewska", "1987-11-24"
RULES = """
[[lane]]
id = "card"
[[rule]]
id = "birthday"
lane = "card"
when = { near = { of = "birthday", from = -3, to = 3 } }
give = { percent = 10 }
[[rule]]
id = "two"
lane = "card"
when = { basket.total = { at_least = 3000 } }
give = { percent = 5 }
"""


@pytest.fixture(params=["keep", "recompute"])
def programme(request: pytest.FixtureRequest) -> str:
    return f'{HEAD}return_policy = "{request.param}"\n{RULES}'


def said(store: Store) -> str:
    return "\n".join(chained.body.decode() for chained in store.entries())


async def test_sales_and_cards_leave_no_name_or_birthday_in_an_entry(
    pos: Pos, till: App, tmp_path: Path
) -> None:
    await issue(till, FRIEND, name=NAME, birthday=BIRTHDAY)
    terms: dict[str, Any] = {"card": FRIEND, "lines": goods(2_000, 1_000)}
    await pos.call("sale.hold", sale_id="h1", **terms)
    await pos.call("sale.commit", sale_id="h1", card=FRIEND)
    await pos.call("sale.hold", sale_id="h2", **terms)
    await pos.call("sale.void", sale_id="h2")
    await pos.call("sale.commit", sale_id="s1", **terms)
    await pos.call("sale.return", return_id="r1", sale_id="s1", lines=[{"line": 2, "qty": 1}])
    profile = {"name": NAME, "birthday": BIRTHDAY}
    await pos.call("card.issue", request_id="i1", number="2900000000032", profile=profile)
    with closing(SQLiteStore(tmp_path / "tillcard.db", read_only=True)) as store:
        text = said(store)
        row = store.ask_one(SALE, scoped(store.ledger_id, "s1"))
    assert '"kind":"return"' in text
    for word in ("Zofia", BIRTHDAY):
        assert word not in text
    assert row is not None
    assert row.record is not None
    assert row.record.sale.frozen.facts["card.birthday"] == BIRTHDAY


async def test_a_birthday_s_price_is_given_back_as_it_was_made(pos: Pos, till: App) -> None:
    await issue(till, FRIEND, name=NAME, birthday=BIRTHDAY)
    sold = await pos.call("sale.commit", sale_id="s1", card=FRIEND, lines=goods(2_000, 1_000))
    assert sold["total"] == 2_700
    half = await pos.call(
        "sale.return", return_id="r1", sale_id="s1", lines=[{"line": 2, "qty": 1}]
    )
    rest = await pos.call("sale.return", return_id="r2", sale_id="s1", whole=True)
    assert (half["refund"], rest["refund"]) == (900, 1_800)


async def test_the_answer_of_a_quarter_ago_is_repeated_to_the_byte(
    pos: Pos, till: App, clock: HandClock
) -> None:
    terms: dict[str, Any] = {"sale_id": "s1", "card": PLASTIC, "lines": goods(2_000, 1_000)}

    async def answer() -> bytes:
        raw = await pos.call_raw("sale.commit", **terms)
        return bytes(msgspec.json.decode(raw, type=dict[str, msgspec.Raw])["result"])

    first = await answer()
    for _ in range(90):
        clock.move(days=1)
        await till.look_after()
    assert await answer() == first.replace(b'"replayed":false', b'"replayed":true')
