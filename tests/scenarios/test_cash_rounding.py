"""What is paid in cash is rounded, and what comes back of it sums up to what was paid."""

from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from daemon.app.running import App
from daemon.ledger.entries import decode
from daemon.ledger.storage.sqlite import SQLiteStore
from tests.scenarios.shops import FRIEND, HEAD, goods, issue, override
from tests.support.chips import PROGRAMME as CHIPS
from tests.support.chips import lay_out_chips
from tests.support.clock import HandClock
from tests.support.pos import lay_down, refused
from tests.support.till import PLASTIC, Pos, audited, open_till

CASH = '[cash_rounding]\nstep = 10\npayment = ["cash", "coins"]\n'
RULES = """
[[lane]]
id = "card"

[[meter]]
id = "spend"
of = "paid"

[[purse]]
id = "bonus"
unit = "UAH"
may_go_negative = "never"

[[purse]]
id = "star"
unit = "star"
worth = 7

[[purse]]
id = "gift"
unit = "UAH"

[[rule]]
id = "volume"
lane = "card"
give = { percent = { by = "basket.total", steps = [[9000, 3]] } }

[[rule]]
id = "earn"
give = { earn = "bonus", percent = 7 }

[[rule]]
id = "pay"
give = { burn = "bonus" }

[[rule]]
id = "stars"
give = { burn = "star" }

[[rule]]
id = "gifts"
give = { burn = "gift" }
"""
POLICIES = ("keep", "recompute")
LINES = goods(3_337, 3_334, 3_333)
"""Of 100.04; with 3 % off 97.04, paid in cash as 97.00."""
Answer = dict[str, Any]


@pytest.fixture(params=POLICIES)
def programme(request: pytest.FixtureRequest) -> str:
    return f'{HEAD}return_policy = "{request.param}"\n{CASH}{RULES}'


async def sell(pos: Pos, sale_id: str, **terms: Any) -> Answer:
    sale = {"card": PLASTIC, "lines": LINES, "payment": "cash", **override()} | terms
    answer: Answer = await pos.call("sale.commit", sale_id=sale_id, **sale)
    return answer


async def back(pos: Pos, sale_id: str, *lines: int, **more: Any) -> Answer:
    asked = {"lines": [{"line": n, "qty": 1} for n in lines]} if lines else {"whole": True}
    number = "-".join(map(str, lines)) or "all"
    answer: Answer = await pos.call(
        "sale.return", return_id=f"r{sale_id}-{number}", sale_id=sale_id, **asked, **more
    )
    return answer


async def one_by_one(pos: Pos, sale_id: str) -> list[Answer]:
    return [await back(pos, sale_id, line) for line in (3, 1, 2)]


def check_sums_up(sold: Answer, backs: list[Answer]) -> None:
    """All of a sale is back: its money to the last unit, and each refund can be paid in coins."""
    assert sum(b["refund"] + b["kept"] for b in backs) == sold["total"] + sold["rounding"]
    assert sum(b["rounding"] for b in backs) == sold["rounding"]
    for one in backs:
        assert one["refund"] >= 0
        assert one["refund"] == sum(line["money"] for line in one["lines"]) + one["rounding"]
        assert one["kept"] or one["refund"] % 10 == 0


async def test_the_rounding_stands_beside_the_total_on_no_line_and_in_no_meter(pos: Pos) -> None:
    terms = {"card": PLASTIC, "lines": LINES, "payment": "cash"}
    quote = await pos.call("sale.quote", **terms)
    assert (quote["total"], quote["rounding"]) == (9_704, -4)
    assert sum(line["paid"] for line in quote["lines"]) == 9_704
    held = await pos.call("sale.hold", sale_id="s1", quote_id=quote["quote_id"])
    assert (held["total"], held["rounding"]) == (9_704, -4)
    sold = await pos.call("sale.commit", sale_id="s1", expect_total=9_704)
    assert (sold["total"], sold["rounding"]) == (9_704, -4)
    assert (sold["receipt"]["total"], sold["receipt"]["rounding"]) == (9_704, -4)
    assert (await pos.call("card.show", card=PLASTIC))["meters"]["spend"] == 9_704
    status = await pos.call("sale.status", sale_id="s1")
    assert (status["total"], status["rounding"], status["refunded"]) == (9_704, -4, 0)
    assert sold == await pos.call("sale.commit", sale_id="s1", expect_total=9_704) | {
        "replayed": False
    }


@pytest.mark.parametrize("payment", ["", "card", "Cash", "cash,card"])
async def test_a_payment_that_is_not_said_or_not_in_cash_is_paid_to_the_last_unit(
    pos: Pos, payment: str
) -> None:
    sold = await sell(pos, "s1", payment=payment)
    assert (sold["total"], sold["rounding"]) == (9_704, 0)
    backs = await one_by_one(pos, "s1")
    assert [one["rounding"] for one in backs] == [0, 0, 0]
    assert sum(one["refund"] for one in backs) == 9_704


@pytest.mark.parametrize("payment", ["cash", "coins"])
async def test_each_word_of_the_table_is_rounded(pos: Pos, payment: str) -> None:
    sold = await sell(pos, "s1", payment=payment)
    assert sold["rounding"] == -4
    check_sums_up(sold, await one_by_one(pos, "s1"))


async def test_a_whole_return_refunds_what_was_paid(pos: Pos) -> None:
    for sale_id, price in (("s1", 5_004), ("s2", 5_005), ("s3", 5_000), ("s4", 3)):
        sold = await sell(pos, sale_id, lines=goods(price))
        asked = await back(pos, sale_id, dry=True)
        done = await back(pos, sale_id)
        assert done == asked | {"dry": False}
        assert done["refund"] == sold["total"] + sold["rounding"]
        assert (await pos.call("sale.status", sale_id=sale_id))["refunded"] == done["refund"]


async def test_parts_sum_up_to_what_was_paid_and_each_can_be_paid_in_coins(pos: Pos) -> None:
    sold = await sell(pos, "s1")
    backs = await one_by_one(pos, "s1")
    check_sums_up(sold, backs)
    assert (await pos.call("sale.status", sale_id="s1"))["refunded"] == 9_700
    again = await refused(pos, "sale.return", return_id="r9", sale_id="s1", whole=True)
    assert again.data["name"] == "returned_already"


async def test_small_lines_come_back_before_a_large_one_and_nothing_is_owed(pos: Pos) -> None:
    sold = await sell(pos, "s1", lines=goods(1, 2, 1, 1_000))
    assert (sold["total"], sold["rounding"]) == (1_004, -4)
    backs = [await back(pos, "s1", line) for line in (4, 1, 2, 3)]
    assert [one["refund"] for one in backs] == [1_000, 0, 0, 0]
    check_sums_up(sold, backs)


async def test_points_and_gift_cards_pay_exactly_and_the_rest_is_rounded(
    till: App, pos: Pos
) -> None:
    await issue(till, FRIEND, kind="gift")
    for card, purse, amount in ((PLASTIC, "star", 333), (FRIEND, "gift", 1_111)):
        await pos.call("card.topup", topup_id=purse, card=card, purse=purse, amount=amount)
    burn = {"star": 333, "gift": 1_111}
    sold = await sell(pos, "s1", codes=[FRIEND], burn=burn)
    assert (sold["total"], sold["rounding"]) == (9_704 - 333 * 7 - 1_111, -2)
    backs = await one_by_one(pos, "s1")
    check_sums_up(sold, backs)
    returned = {p: sum(one["burned_back"].get(p, 0) for one in backs) for p in burn}
    assert returned == burn


async def test_a_sale_that_points_pay_whole_has_nothing_to_round(pos: Pos) -> None:
    await pos.call("card.topup", topup_id="t1", card=PLASTIC, purse="bonus", amount=5_004)
    sold = await sell(pos, "s1", lines=goods(5_004), burn={"bonus": 5_004})
    assert (sold["total"], sold["rounding"]) == (0, 0)
    assert (await back(pos, "s1"))["refund"] == 0


async def test_what_is_kept_and_what_is_refunded_are_what_was_paid(pos: Pos) -> None:
    sold = await sell(pos, "s1")
    earned = sold["balances"]["bonus"]["available"]
    spent = await sell(pos, "s2", lines=goods(earned), burn={"bonus": earned})
    assert spent["total"] == 0
    backs = await one_by_one(pos, "s1")
    assert sum(one["kept"] for one in backs) == earned
    check_sums_up(sold, backs)
    status = await pos.call("sale.status", sale_id="s1")
    assert status["refunded"] == 9_700 - earned


async def test_the_entries_say_what_was_rounded(pos: Pos, tmp_path: Path) -> None:
    sold = await sell(pos, "s1")
    backs = await one_by_one(pos, "s1")
    with closing(SQLiteStore(tmp_path / "tillcard.db", read_only=True)) as store:
        entries = [decode(chained.body) for chained in store.entries()]
    details = [(e.kind, msgspec.json.decode(e.detail)) for e in entries]
    [sale] = [detail for kind, detail in details if kind == "sale"]
    assert (sale["quote"]["total"], sale["quote"]["rounding"]) == (9_704, -4)
    returns = [(d["refund"], d["rounding"]) for kind, d in details if kind == "return"]
    assert returns == [(one["refund"], one["rounding"]) for one in backs]
    assert sum(refund for refund, _ in returns) == sold["total"] + sold["rounding"]


async def test_a_sale_is_rounded_back_by_the_programme_that_rounded_it(
    till: App, pos: Pos, programme: str
) -> None:
    sold = await sell(pos, "s1")
    await pos.call(
        "programme.activate", request_id="p1", text=programme.replace(CASH, ""), by="olha"
    )
    assert (await sell(pos, "s2"))["rounding"] == 0
    check_sums_up(sold, await one_by_one(pos, "s1"))


@pytest.mark.parametrize("policy", POLICIES)
async def test_a_chip_pays_exactly_and_the_rest_is_rounded(
    tmp_path: Path, clock: HandClock, policy: str
) -> None:
    lay_out_chips(tmp_path)
    text = CHIPS.replace("[[purse]]", f'return_policy = "{policy}"\n{CASH}\n[[purse]]', 1)
    (tmp_path / "programme.toml").write_text(text, "utf-8")
    async with open_till(tmp_path, clock) as till, Pos.connect(till.socket) as pos:
        shown = (await lay_down(pos))["presentation"]
        terms = {"lines": LINES, "payment": "cash"}
        first = await pos.call("sale.commit", sale_id="s1", presentation=shown, **terms)
        assert (first["total"], first["rounding"], first["chip"]["apdus"]) == (10_004, -4, 9)
        await pos.call("input.simulate", reader="chip", do="remove")
        shown = (await lay_down(pos))["presentation"]
        burn = {"bonus": 333}
        sold = await pos.call("sale.commit", sale_id="s2", presentation=shown, burn=burn, **terms)
        assert (sold["total"], sold["rounding"]) == (9_671, -1)
        for sale_id, sale in (("s1", first), ("s2", sold)):
            check_sums_up(sale, await one_by_one(pos, sale_id))
    assert audited(tmp_path).findings == ()
