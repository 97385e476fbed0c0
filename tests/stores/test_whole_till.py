"""A whole till's day on every store: codes, gift cards, the club, a new programme, midnight."""

from pathlib import Path
from typing import Any

from daemon.ledger.audit import audit
from daemon.ledger.storage.registry import open_store
from tests.scenarios.shops import HEAD, goods, sku
from tests.support.clock import HandClock
from tests.support.postgres import PostgresServer
from tests.support.till import PLASTIC, Pos, lay_out, open_till

GIFT = "2900000000032"
SHOP = (
    HEAD
    + """
[[lane]]
id = "card"
[[purse]]
id = "bonus"
unit = "UAH"
expire = "10d"
[[meter]]
id = "spend"
of = "paid"
[[status]]
id = "club"
of = "spend"
enter = { at_least = 10000, within = "30d" }
keep = { at_least = 10000, within = "30d" }
[[rule]]
id = "sell"
scope = { sku = "COUPON" }
give = { issue = "coupon", each = 1 }
[[rule]]
id = "coupon"
lane = "card"
when = { codes = "coupon" }
give = { amount = 1000 }
limit = { per_code = 1 }
[[rule]]
id = "first"
lane = "card"
when = { ordinal = { day = 1 } }
give = { percent = 1 }
[[rule]]
id = "earn"
give = { earn = "bonus", percent = 10 }
[[rule]]
id = "burn"
give = { burn = "bonus" }
"""
)
METER = '[[meter]]\nid = "visits"\nof = "visits"\n'


async def morning(pos: Pos) -> dict[str, Any]:
    """Live a day; return what the card and the lists show at its end."""
    await pos.call("card.issue", request_id="i1", kind="gift", number=GIFT)
    await pos.call("card.topup", topup_id="t1", card=GIFT, amount=5_000)
    first = await pos.call("sale.commit", sale_id="s1", lines=[sku("COUPON", 1_000)])
    assert first["total"] == 990
    [issued] = first["receipt"]["issued"]
    terms: dict[str, Any] = {"card": PLASTIC, "lines": goods(20_000), "burn": {"bonus": 2_000}}
    codes = [issued["code"], GIFT]
    await pos.call("sale.hold", sale_id="s2", codes=codes, **terms)
    posted = await pos.call("sale.commit", sale_id="s2")
    assert posted["total"] == 17_000
    assert posted["gifts"][GIFT]["bonus"]["available"] == 3_000
    [listed] = (await pos.call("club.list", status="club", list="join"))["members"]
    whom = {"status": "club", "list": "join", "accounts": [listed["account"]]}
    decided = await pos.call("club.decide", request_id="g1", granted=True, **whom)
    assert [(one["done"], one["stage"]) for one in decided["accounts"]] == [(True, "member")]
    await pos.call("programme.activate", request_id="p1", text=SHOP + METER)
    shown: dict[str, Any] = await pos.call("card.show", card=PLASTIC)
    return shown


async def test_a_day_and_the_days_after_it(location: str, tmp_path: Path) -> None:
    clock = HandClock()
    lay_out(tmp_path, SHOP, **{'"tillcard.db"': f'"{location}"'})
    async with open_till(tmp_path, clock) as till, Pos.connect(till.socket) as pos:
        shown = await morning(pos)
        assert (shown["statuses"], shown["meters"]) == (["club"], {"spend": 17_000, "visits": 1})
        assert shown["balances"] == {"bonus": {"available": 1_700, "pending": 0}}
    clock.move(days=31)
    for _ in range(2):  # what was earned has lapsed unspent: the return takes it no second time
        async with open_till(tmp_path, clock) as till, Pos.connect(till.socket) as pos:
            listing = await pos.call("club.list", status="club", list="exclude")
            assert [one["name"] for one in listing["members"]] == ["Olena"]
            checked = await pos.call("club.checked")
            assert (checked["day"], checked["since"]) == ("2026-12-24", "2026-11-23")
            assert (checked["expired"], checked["closed"]) == (2, 1)  # the gift card has a lot, too
            shown = await pos.call("card.show", card=PLASTIC)
            assert shown["balances"] == {"bonus": {"available": 0, "pending": 0}}
            back = await pos.call("sale.return", return_id="r1", sale_id="s2", whole=True)
            assert (back["refund"], back["burned_back"]) == (17_000, {"bonus": 2_000})
            assert (await pos.call("card.show", card=PLASTIC))["meters"]["visits"] == 0
    store = open_store(location, tmp_path, read_only=True)
    try:
        assert audit(store).findings == ()
    finally:
        store.close()


async def test_tills_that_share_a_ledger_share_the_day_s_work(
    postgres: PostgresServer, postgres_template: str, tmp_path: Path
) -> None:
    address, clock = postgres.new_database(postgres_template), HandClock()
    for n in range(3):
        home = tmp_path / f"till-{n}"
        lay_out(home, SHOP, **{'"tillcard.db"': f'"{address}"', "till-1": f"till-{n}"})
        async with open_till(home, clock):
            pass
    store = open_store(address, tmp_path / "till-0", read_only=True)
    try:
        assert store.counters(["@day"]) == {"@day": clock.now().date().toordinal()}
        assert audit(store).findings == ()
    finally:
        store.close()
