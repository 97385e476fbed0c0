"""Embossed numbers that the cashier types: the shop's ranges, what they may do, how they count."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from card_formats.check_digits import Check, append_check
from daemon.ledger.entries import decode
from daemon.ledger.storage.sqlite import SQLiteStore
from tests.scenarios.baskets import BASKET, sell
from tests.support.clock import HandClock
from tests.support.pos import refused
from tests.support.till import PLASTIC, Pos, audited, lay_out, open_till

EMBOSSED = "2900 0000-0001 8"


@asynccontextmanager
async def till_with(home: Path, clock: HandClock, **replace: str) -> AsyncIterator[Pos]:
    lay_out(home, **replace)
    async with open_till(home, clock) as app, Pos.connect(app.socket) as pos:
        yield pos


async def typed_times(pos: Pos) -> dict[str, int]:
    times: dict[str, int] = (await pos.call("card.show", card=PLASTIC))["typed"]
    return times


def swapped(number: str) -> str:
    """Return ``number`` with its last digit mistyped."""
    return number[:-1] + str((int(number[-1]) + 1) % 10)


@pytest.mark.parametrize("check", Check)
async def test_a_number_is_taken_with_its_range_s_check_digits_and_no_others(
    check: Check, tmp_path: Path, clock: HandClock
) -> None:
    number = append_check(check, "5501234567")
    table = f'[[number_range]]\nname = "own"\nprefix = "55"\nlength = {len(number)}\n'
    replace = {
        '[[reader]]\nname = "chip"': f'{table}check = "{check}"\n\n[[reader]]\nname = "chip"'
    }
    async with till_with(tmp_path, clock, **replace) as pos:
        await pos.call("card.issue", request_id="i1", number=number)
        typed = f"{number[:4]} {number[4:8]}-{number[8:]}"
        identified = await pos.call("card.identify", number=typed, typed_by="anna")
        assert (identified["medium"], identified["trust"]) == ("typed", "static")
        error = await refused(pos, "card.identify", number=swapped(number), typed_by="anna")
        wrong = "card_unknown" if check is Check.NONE else "misread"
        assert error.data["name"] == wrong


SIGNS = "SH/A.$+%7"
"""A number with all that Code 39 encodes; blanks and hyphens do not count."""


async def test_a_number_with_the_signs_of_code_39_is_taken_wherever_one_is_typed(
    tmp_path: Path, clock: HandClock
) -> None:
    table = '[[number_range]]\nname = "own"\nprefix = "SH/"\nlength = 9\ncharacters = "code39"\n\n'
    replace = {'[[reader]]\nname = "chip"': f'{table}[[reader]]\nname = "chip"'}
    async with till_with(tmp_path, clock, **replace) as pos:
        issued = await pos.call("card.issue", request_id="i1", number="sh/a.$ -+%7")
        assert issued["number"] == SIGNS
        for typed in (SIGNS, SIGNS.lower(), "SH/A . $-+%\u00a07", "\uff33\uff28/A.$+%\uff17"):
            identified = await pos.call("card.identify", number=typed, typed_by="anna")
            assert identified["account"] == issued["account"]
            shown = await pos.call("card.show", card=typed)
            assert shown["account"] == issued["account"]
            await pos.call("sale.quote", card=typed, lines=BASKET)
        await pos.call("input.simulate", reader="keypad", do="type", data="sh/a.$ -+%7")
        assert (await pos.call("card.identify", reader="keypad"))["account"] == issued["account"]
        friend = {"profile": {"referrer": "SH/A.$ +%7"}}
        await pos.call("card.issue", request_id="i2", **friend)
        gift = {"request_id": "i3", "kind": "gift", "number": "SH/GIFT/7"}
        assert (await pos.call("card.issue", **gift))["number"] == "SH/GIFT/7"
        await pos.call("card.topup", topup_id="t1", card="sh/gift/7", amount=500, cashier="anna")
        blocked = {"request_id": "b1", "card": "sh/ a.$+%7", "by": "anna", "reason": "lost"}
        await pos.call("card.block", **blocked)
        error = await refused(pos, "card.identify", number=SIGNS, typed_by="anna")
        assert error.data["name"] == "card_blocked"
        error = await refused(pos, "card.identify", number="SH/A.#+%7", typed_by="anna")
        assert error.data["name"] != "card_blocked"


async def test_a_typed_number_is_counted_each_time_for_whoever_typed_it(pos: Pos) -> None:
    assert await typed_times(pos) == {}
    typed = {"number": EMBOSSED, "typed_by": "anna", "reason": "worn"}
    shown = await pos.call("card.identify", **typed)
    assert await pos.call("card.identify", **typed) == shown, "typed again for the same sale"
    assert await typed_times(pos) == {"anna": 2}
    await sell(pos, "s1", shown["presentation"])
    await pos.call("card.identify", number=EMBOSSED, typed_by="anna")
    await pos.call("sale.commit", sale_id="s2", card=PLASTIC, lines=BASKET, cashier="olha")
    assert await typed_times(pos) == {"anna": 3, "olha": 1}
    for _ in range(2):
        await pos.call("sale.commit", sale_id="s3", card=PLASTIC, lines=BASKET, cashier="olha")
    assert await typed_times(pos) == {"anna": 3, "olha": 2}, "a repeated call is no second typing"


async def test_nobody_types_on_another_s_account(pos: Pos) -> None:
    for by in ("", "anna", "olha"):
        await pos.call("card.identify", number=PLASTIC, typed_by=by)
    assert await typed_times(pos) == {"": 1, "anna": 1, "olha": 1}
    await pos.call("sale.commit", sale_id="s1", card=PLASTIC, lines=BASKET, cashier="maria")
    assert await typed_times(pos) == {"": 1, "anna": 1, "olha": 1, "maria": 1}


async def test_a_sale_counts_its_card_once_for_its_cashier(pos: Pos) -> None:
    terms = {"card": PLASTIC, "lines": BASKET, "cashier": "olha"}
    for _ in range(3):
        await pos.call("sale.quote", **terms)
    assert await typed_times(pos) == {"olha": 1}
    refused_once = await refused(pos, "sale.hold", sale_id="s1", burn=10**9, **terms)
    assert refused_once.data["name"] == "not_enough"
    await pos.call("sale.commit", sale_id="s1", **terms)
    assert await typed_times(pos) == {"olha": 1}
    await pos.call("sale.commit", sale_id="s2", card=PLASTIC, lines=BASKET)
    assert await typed_times(pos) == {"olha": 1, "": 1}, "nobody named is a trace too"


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"codes": ["NOBODYS"]}, "code_unknown"),  # before the writer
        ({"expect_total": 1}, "total_changed"),  # in its transaction
    ],
)
async def test_a_number_counts_once_where_its_sale_is_refused_and_then_made(
    wrong: dict[str, Any], why: str, pos: Pos
) -> None:
    terms = {"sale_id": "s1", "card": PLASTIC, "lines": BASKET, "cashier": "olha"}
    assert (await refused(pos, "sale.commit", **terms | wrong)).data["name"] == why
    assert await typed_times(pos) == {"olha": 1}
    await pos.call("sale.commit", **terms)
    assert await typed_times(pos) == {"olha": 1}


async def test_what_is_keyed_in_at_the_reader_is_counted_and_a_scan_is_not(pos: Pos) -> None:
    await pos.call("input.simulate", reader="scanner", do="scan", card="plastic")
    await pos.call("card.identify", reader="scanner", typed_by="anna")
    assert await typed_times(pos) == {}
    await pos.call("input.simulate", reader="keypad", do="type", card="plastic")
    for _ in range(2):
        await pos.call("card.identify", reader="keypad")
    assert await typed_times(pos) == {"": 1}, "asked about twice, typed once"
    await pos.call("card.identify", reader="keypad", typed_by="olha")
    assert await typed_times(pos) == {"": 1, "olha": 1}


async def test_a_number_that_is_no_card_is_not_counted(pos: Pos) -> None:
    assert (await refused(pos, "card.identify", number=swapped(PLASTIC))).data["name"] == "misread"
    assert (await refused(pos, "card.identify", number="2900000000193")).code == 1010
    assert await typed_times(pos) == {}


async def test_who_typed_and_why_stands_in_the_ledger(tmp_path: Path, clock: HandClock) -> None:
    async with till_with(tmp_path, clock) as pos:
        await pos.call("card.identify", number=PLASTIC, typed_by="anna", reason="card is worn")
    store = SQLiteStore(tmp_path / "tillcard.db", read_only=True)
    entries = [decode(chained.body) for chained in store.entries()]
    store.close()
    (typed,) = [entry for entry in entries if entry.kind == "typed"]
    assert bytes(typed.detail) == b'{"by":"anna","reason":"card is worn"}'
    assert audited(tmp_path).findings == ()


@pytest.mark.parametrize(
    ("policy", "typed_most", "scanned_spends"),
    [
        ("", None, False),
        ("typed_spend_max = 0", None, False),
        ("typed_spend_max = 2000", 2_000, False),
        ('spend_from = "static"', 3_500, True),
        ('spend_from = "static"\ntyped_spend_max = 0', None, True),
    ],
)
async def test_a_typed_number_spends_as_far_as_the_shop_allows(
    policy: str, typed_most: int | None, scanned_spends: bool, tmp_path: Path, clock: HandClock
) -> None:
    replace = {"[socket]": f"[policy]\n{policy}\n\n[socket]"}
    async with till_with(tmp_path, clock, **replace) as pos:
        await pos.call("sale.commit", sale_id="s1", card=PLASTIC, lines=BASKET)  # earns 35.00
        typed = {"card": PLASTIC, "lines": BASKET, "cashier": "anna"}
        over = 100 if typed_most is None else typed_most + 1
        if over <= 3_500:
            error = await refused(pos, "sale.quote", **typed, burn=over)
            assert error.data["name"] == "needs_live_card"
        if typed_most:
            whole = (await pos.call("sale.quote", **typed))["total"]
            quote = await pos.call("sale.quote", **typed, burn=typed_most)
            assert quote["total"] == whole - typed_most
        override = {"by": "olha", "reason": "knows her"}
        await pos.call("sale.quote", **typed, burn=3_500, override=override)

        await pos.call("input.simulate", reader="scanner", do="scan", card="plastic")
        scanned = await pos.call("card.identify", reader="scanner")
        terms = {"presentation": scanned["presentation"], "lines": BASKET, "burn": 3_500}
        if scanned_spends:
            await pos.call("sale.quote", **terms)
        else:
            assert (await refused(pos, "sale.quote", **terms)).code == 1021
