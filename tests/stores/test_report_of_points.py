"""What is owed in points and what of it will break, on every store."""

from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec

from daemon.base.ids import AccountId
from daemon.ledger.audit import audit
from daemon.ledger.entries import BREAKAGE, FOREVER, Entry, LotMove, Posting
from daemon.ledger.lot_sums import lot_sums_of
from daemon.ledger.storage.queries import Question
from daemon.ledger.storage.registry import open_store
from daemon.ledger.storage.store import Change, Store
from daemon.reports.points import LotSum, breaks, uses
from daemon.shop.lot_folding import fold_lots
from tests.stores.reported import Reported, reported
from tests.stores.test_reports_of_people import ANN, BOB
from tests.support.till import PLASTIC

RULES = """
[[purse]]
id = "bonus"
unit = "UAH"
expire = "90d"
[[purse]]
id = "gold"
unit = "UAH"
[[rule]]
id = "earn"
give = { earn = "bonus", percent = 10 }
[[rule]]
id = "gold"
give = { earn = "gold", percent = 1 }
[[rule]]
id = "pay"
give = { burn = "bonus", max_percent = 100 }
"""
ALL = ("2026-09-01", "2026-12-31")
SUMS: Question[tuple[Any, ...]] = Question(
    "SELECT purse, lot_month, month, kind, amount FROM lot_sum"
    " ORDER BY purse, lot_month, month, kind",
    lambda *row: row,
)
A1 = AccountId("a1")


def test_of_200_00_with_30_and_20_per_cent_to_come_112_00_break() -> None:
    used = {4: Fraction(3, 10), 5: Fraction(1, 5)}
    assert breaks(20_000, 4, 2, used) == 11_200
    assert breaks(20_000, 4, 0, used) == 20_000, "it expires within this month"
    assert breaks(20_000, 4, 3, used) is None
    assert breaks(1, 4, 1, {4: Fraction(1, 2)}) == 1, "halves go up, lot by lot"


def test_what_was_used_of_each_age_is_of_what_was_left_at_its_start() -> None:
    sums = [
        LotSum(103, 100, "accrued", 1_000),
        LotSum(103, 100, "burned", 100),
        LotSum(103, 101, "burned", 270),
        LotSum(103, 102, "burned", 126),
        LotSum(103, 103, "expired", 504),
        LotSum(106, 103, "accrued", 500),
    ]
    used = uses(sums, 3, 103)
    assert used == {0: Fraction(1, 10), 1: Fraction(3, 10), 2: Fraction(1, 5)}
    assert uses(sums, 3, 126)[1] == Fraction(0), "of two years alone"


async def spend(till: Reported, card: str, minor: int) -> None:
    override = {"by": "olha", "reason": "knows the customer"}
    await till.sell(minor, card=card, burn={"bonus": minor}, override=override)


async def test_points_are_owed_used_and_forecast_by_what_was_seen(
    tmp_path: Path, location: str
) -> None:
    async with reported(tmp_path, location, RULES) as till:
        for n, card in enumerate((ANN, BOB)):
            await till.pos.call("card.issue", request_id=f"i{n}", number=card)
        till.clock.move(days=4)
        await till.sell(100_000, card=PLASTIC)  # 100.00 until 4 December
        back = await till.sell(50_000, card=BOB)
        await till.give_back(back)
        till.clock.move(days=40)
        await spend(till, PLASTIC, 3_000)
        till.clock.move(days=21)
        await spend(till, PLASTIC, 1_400)
        await till.sell(200_000, card=ANN)  # 200.00 until February
        for days in (30, 5):
            till.clock.move(days=days)
            await till.app.look_after()
        bonus, gold = await till.rows("points", ALL)
        assert {name: bonus[name] for name in bonus if bonus[name] not in (0, "")} == {
            **{"purse": "bonus", "liability": 20_000, "accrued": 30_000, "burned": 4_400},
            **{"expired": 5_600, "breakage": 11_200, "as_of": "2026-12-09"},
        }
        assert (gold["liability"], gold["breakage"]) == (3_000, 0)
        assert "never expires" in gold["note"]
        october, _ = await till.rows("points", ("2026-10-01", "2026-10-31"))
        assert (october["accrued"], october["burned"], october["liability"]) == (0, 3_000, 20_000)
        await till.sell(10_000, card=ANN)
        till.clock.move(days=331)
        await till.app.look_after()
        _, gold = await till.rows("points", ALL)
        assert gold["breakage"] == 1_000, "Olena has not come for 366 days"
    with closing(open_store(location, tmp_path, read_only=True)) as store:
        assert audit(store).findings == ()
        assert store.ask(SUMS)


def entry(kind: str, amount: int, detail: bytes = b"{}", expires: int = FOREVER) -> Entry:
    return Entry(
        at="2026-09-30T23:00:00.000000Z",
        kind=kind,
        ref="x",
        account=A1,
        postings=(Posting(A1, "bonus", amount), Posting(BREAKAGE, "bonus", -amount)),
        lots=(LotMove(A1, "bonus", expires, 0, amount),),
        detail=msgspec.Raw(detail),
    )


def test_the_month_of_a_move_is_its_local_day_s_where_the_entry_says_one() -> None:
    september, october = 2026 * 12 + 8, 2026 * 12 + 9
    first_of_october = b'{"today":739890}'
    for made, month, kind, amount in (
        (entry("sale", 5, first_of_october), october, "accrued", 5),
        (entry("sale", -5, first_of_october), october, "burned", 5),
        (entry("adjust", -5), september, "other", -5),
        (entry("topup", 5), september, "accrued", 5),
        (entry("return", -5, first_of_october), october, "accrued", -5),
        (entry("void", 5), september, "burned", -5),
        (entry("expiry", -5, expires=739_890), october, "expired", 5),
    ):
        [(_, (_, _, there, told), (moved,))] = lot_sums_of(made)
        assert (there, told, moved) == (month, kind, amount), made.kind


def test_a_fold_that_is_cut_off_loses_nothing_and_doubles_nothing(store: Store) -> None:
    store.begin()
    for n in range(600):
        store.write(Change(entry=entry("topup", n + 1)))
    store.commit()
    before, day = "2026-10-01T00:00:00.000000Z", 739_890

    def folded(*, ends: bool) -> bool:
        store.begin()
        more = fold_lots(store, store.ledger_id, before, day)
        store.commit() if ends else store.rollback()
        return more

    assert folded(ends=False)
    assert store.ask(SUMS) == []
    while folded(ends=True):
        assert folded(ends=False) in (True, False)
    assert not folded(ends=True)
    [(*_, kind, amount)] = store.ask(SUMS)
    assert (kind, amount) == ("accrued", 600 * 601 // 2)
    store.begin()
    late = msgspec.structs.replace(entry("topup", 7), at="2026-10-01T00:00:00.000000Z")
    store.write(Change(entry=late))
    store.commit()
    assert not folded(ends=True), "a day that is not over waits"
    assert store.ask(SUMS)[0][-1] == 600 * 601 // 2
    assert audit(store).findings == ()
