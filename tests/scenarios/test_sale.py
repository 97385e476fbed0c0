import asyncio
from contextlib import AsyncExitStack

import msgspec
import pytest

from daemon.app.running import App
from tests.scenarios.baskets import BASKET, BASKET_TOTAL, COFFEE, sell, show_chip, show_plastic
from tests.support.clock import HandClock
from tests.support.pos import refused, take_away
from tests.support.till import PHONE, PLASTIC, Pos


async def test_a_card_is_scanned_priced_and_committed(pos: Pos) -> None:
    await pos.call("events.subscribe")
    await pos.call("input.simulate", reader="scanner", do="scan", card="plastic")
    event = await pos.event("card.presented")
    assert event["card"] == "2900…0018"
    identified = await pos.call("card.identify", reader="scanner")
    assert (identified["name"], identified["trust"]) == ("Olena", "static")

    quote = await pos.call("sale.quote", presentation=identified["presentation"], lines=BASKET)
    assert (quote["list_total"], quote["total"]) == (BASKET_TOTAL, BASKET_TOTAL)
    assert quote["next"][0]["missing"] == 30_000
    posted = await pos.call(
        "sale.commit", sale_id="s1", quote_id=quote["quote_id"], expect_total=quote["total"]
    )
    assert posted["state"] == "posted"
    assert posted["balances"] == {"bonus": {"available": 3_500, "pending": 0}}
    assert posted["replayed"] is False


async def test_what_was_spent_before_opens_the_next_threshold(pos: Pos) -> None:
    totals = []
    for n in range(4):
        posted = await sell(pos, f"s{n}", await show_plastic(pos))
        totals.append(posted["total"])
    # 0 before: 0 %; 700.00: 5 %; 1,365.00: 5 %; 2,030.00: 7 %.
    assert totals == [70_000, 66_500, 66_500, 65_100]


async def test_a_chip_spends_bonus_and_a_printed_number_does_not(pos: Pos) -> None:
    await sell(pos, "s1", await show_chip(pos))
    terms = {"presentation": await show_chip_again(pos), "lines": BASKET}
    assert (await pos.call("sale.quote", **terms))["burn_max"] == {"bonus": 3_500}
    quote = await pos.call("sale.quote", **terms, burn=3_500)
    posted = await pos.call("sale.commit", sale_id="s2", quote_id=quote["quote_id"])
    assert posted["total"] == 66_500 - 3_500
    assert posted["receipt"]["burn"] == {"bonus": 3_500}

    await sell(pos, "s3", await show_plastic(pos))
    error = await refused(
        pos,
        "sale.commit",
        sale_id="s4",
        presentation=await show_plastic(pos),
        lines=BASKET,
        burn=100,
    )
    assert (error.code, error.data["name"]) == (1021, "needs_live_card")
    by = {"by": "senior", "reason": "the phone is broken"}
    posted = await sell(pos, "s5", await show_plastic(pos), burn=100, override=by)
    assert posted["receipt"]["burn"] == {"bonus": 100}


async def show_chip_again(pos: Pos) -> str:
    await take_away(pos)
    return await show_chip(pos)


async def test_the_same_call_again_gets_the_same_bytes_and_changes_nothing(pos: Pos) -> None:
    terms = {"sale_id": "s1", "presentation": await show_plastic(pos), "lines": BASKET}
    first = msgspec.json.decode(await pos.call_raw("sale.commit", **terms), type=Answer)
    again = msgspec.json.decode(await pos.call_raw("sale.commit", **terms), type=Answer)
    assert bytes(again.result) == bytes(first.result).replace(
        b'"replayed":false', b'"replayed":true'
    )
    error = await refused(pos, "sale.commit", **(terms | {"lines": [COFFEE]}))
    assert (error.code, error.data["name"]) == (1001, "id_reused")
    status = await pos.call("sale.status", sale_id="s1")
    assert (status["state"], status["total"]) == ("posted", BASKET_TOTAL)


class Answer(msgspec.Struct):
    result: msgspec.Raw


async def test_a_hold_reserves_until_it_is_committed_voided_or_runs_out(
    pos: Pos, clock: HandClock, till: App
) -> None:
    presentation = await show_chip(pos)
    await sell(pos, "s1", presentation)
    presentation = await show_chip_again(pos)
    held = await pos.call(
        "sale.hold", sale_id="h1", presentation=presentation, lines=BASKET, burn=3_000, ttl_s=60
    )
    assert held["state"] == "held"
    assert held["balances"] == {"bonus": {"available": 500, "pending": 0}}

    posted = await pos.call("sale.commit", sale_id="h1", burn=1_000)
    assert posted["total"] == 66_500 - 1_000
    assert posted["balances"]["bonus"]["available"] == 3_500 - 1_000 + 3_275
    assert (await refused(pos, "sale.void", sale_id="h1")).code == 1003

    presentation = await show_chip_again(pos)
    terms = {"presentation": presentation, "lines": BASKET, "burn": 100}
    await pos.call("sale.hold", sale_id="h2", **terms)
    voided = await pos.call("sale.void", sale_id="h2", reason="changed their mind")
    assert voided["balances"]["bonus"]["available"] == 5_775
    assert (await refused(pos, "sale.commit", sale_id="h2")).code == 1002

    terms["presentation"] = await show_chip_again(pos)
    await pos.call("sale.hold", sale_id="h3", ttl_s=60, **terms)
    clock.move(seconds=60)
    assert (await refused(pos, "sale.commit", sale_id="h3")).code == 1004


async def test_a_commit_never_takes_more_than_was_held(pos: Pos) -> None:
    await sell(pos, "s1", await show_chip(pos))
    terms = {"presentation": await show_chip_again(pos), "lines": BASKET}
    await pos.call("sale.hold", sale_id="h1", burn=1_000, **terms)
    assert (await refused(pos, "sale.commit", sale_id="h1", burn=1_001)).code == 1005
    await pos.call("sale.hold", sale_id="h2", burn=0, **terms | {"presentation": None})
    error = await refused(pos, "sale.commit", sale_id="h2", lines=[COFFEE])
    assert (error.code, error.data["name"]) == (1005, "exceeds_hold")


async def test_a_return_gives_back_money_and_points_line_by_line(pos: Pos) -> None:
    await sell(pos, "s1", await show_chip(pos))
    presentation = await show_chip_again(pos)
    await sell(pos, "s2", presentation, burn=3_500)
    before = 3_500 - 3_500 + 3_150
    refunds, balances = [], []
    for n in range(3):
        back = await pos.call(
            "sale.return",
            return_id=f"r{n}",
            sale_id="s2",
            lines=[{"line": 2, "qty": 1}],
            cashier="c1",
            reason="broken",
        )
        refunds.append(back["refund"])
        balances.append(back["balances"]["bonus"]["available"])
    assert sum(refunds) == 27_000  # 3 x 100.00 less 5 % and its share of the bonus
    assert max(refunds) - min(refunds) <= 1
    assert balances[-1] == before + 1_500 - 1_350
    error = await refused(
        pos, "sale.return", return_id="r9", sale_id="s2", lines=[{"line": 2, "qty": 1}]
    )
    assert (error.code, error.data["name"]) == (1031, "returned_already")
    rest = await pos.call("sale.return", return_id="r10", sale_id="s2", whole=True)
    assert rest["refund"] == 63_000 - 27_000
    assert rest["balances"]["bonus"]["available"] == 3_500
    assert (await pos.call("sale.status", sale_id="s2"))["refunded"] == 63_000


async def test_points_already_spent_leave_the_purse_below_zero_and_are_earned_back_first(
    pos: Pos,
) -> None:
    await sell(pos, "s1", await show_chip(pos))
    await sell(pos, "s2", await show_chip_again(pos), burn=3_500)
    back = await pos.call("sale.return", return_id="r1", sale_id="s1", whole=True)
    assert back["balances"]["bonus"]["available"] == 3_150 - 3_500
    posted = await sell(pos, "s3", await show_chip_again(pos))
    assert (
        posted["balances"]["bonus"]["available"]
        == 3_150 - 3_500 + posted["receipt"]["earn"][0]["amount"]
    )


async def test_a_sale_without_a_card_is_a_sale(pos: Pos) -> None:
    posted = await pos.call("sale.commit", sale_id="s1", lines=BASKET)
    assert (posted["total"], posted["balances"], posted["receipt"]["earn"]) == (70_000, {}, [])


async def test_a_return_names_its_lines_or_the_whole_and_not_both(pos: Pos) -> None:
    terms = {"return_id": "r", "sale_id": "s1", "cashier": "olha"}
    for both in ({}, {"whole": True, "lines": [{"line": 1, "qty": 1}]}):
        said = (await refused(pos, "sale.return", **terms, **both)).message
        assert said.endswith("or whole: true for all that is left: one of the two.")


async def test_each_refusal_has_its_code(pos: Pos, clock: HandClock) -> None:
    codes = {
        "card_unknown": await refused(pos, "card.identify", number="2900000000025"),
        "misread": await refused(pos, "card.identify", number="2900000000019"),
        "no_card": await refused(pos, "card.identify", reader="scanner"),
        "quote_unknown": await refused(pos, "sale.commit", sale_id="a", quote_id="q0"),
        "total_changed": await refused(
            pos, "sale.commit", sale_id="b", lines=BASKET, expect_total=1
        ),
        "not_returnable": await refused(
            pos, "sale.return", return_id="r", sale_id="none", whole=True
        ),
    }
    assert {name: error.data["name"] for name, error in codes.items()} == {
        name: name for name in codes
    }


async def test_a_sale_that_was_refused_burns_less_under_the_same_id(pos: Pos) -> None:
    presentation = await show_chip(pos)
    terms = {"sale_id": "s1", "presentation": presentation, "lines": BASKET, "burn": 100}
    for _ in range(2):
        assert (await refused(pos, "sale.commit", **terms)).data["name"] == "not_enough"
    assert (await pos.call("sale.commit", **terms | {"burn": 0}))["state"] == "posted"
    assert (await refused(pos, "sale.commit", **terms)).code == 1001


async def test_a_quote_is_good_for_a_quarter_of_an_hour(pos: Pos, clock: HandClock) -> None:
    quote = await pos.call("sale.quote", lines=BASKET)
    clock.move(minutes=15)
    error = await refused(pos, "sale.commit", sale_id="s1", quote_id=quote["quote_id"])
    assert error.data["name"] == "quote_unknown"


async def test_a_presentation_serves_one_sale_and_a_nervous_double_scan_is_harmless(
    pos: Pos,
) -> None:
    presentation = await show_plastic(pos)
    assert await show_plastic(pos) == presentation
    await sell(pos, "s1", presentation)
    error = await refused(pos, "sale.commit", sale_id="s2", presentation=presentation, lines=BASKET)
    assert (error.data["name"], error.data["retryable"]) == ("no_card", True)
    assert await show_plastic(pos) != presentation


async def test_a_cancel_that_overtakes_its_sale_stops_it(pos: Pos) -> None:
    voided = await pos.call("sale.void", sale_id="s1", reason="power cut")
    assert voided["state"] == "voided"
    assert (await refused(pos, "sale.commit", sale_id="s1", lines=BASKET)).code == 1002


@pytest.mark.parametrize("card", ["bank", "stranger"])
async def test_a_card_that_is_not_ours_is_said_so_and_nothing_of_it_is_shown(
    pos: Pos, card: str
) -> None:
    await pos.call("events.subscribe")
    await pos.call("input.simulate", reader="stripe", do="swipe", card=card)
    event = await pos.event("scan.unreadable", "card.presented")
    assert "4111" not in str(event)
    error = await refused(pos, "card.identify", number="4111 1111 1111 1111")
    assert "bank card" in error.message
    assert "4111" not in error.message


async def test_a_product_passes_through_as_a_scan(pos: Pos) -> None:
    await pos.call("events.subscribe")
    await pos.call("input.simulate", reader="scanner", do="scan", data="]E04820000000017")
    event = await pos.event("scan")
    assert (event["symbology"], event["text"], event["aim"]) == ("ean13", "4820000000017", "]E0")


async def test_phone_and_typed_and_stripe_lead_to_their_customers(pos: Pos) -> None:
    assert (await pos.call("card.identify", scan=f"]Q1{PHONE}"))["name"] == "Iryna"
    assert (await pos.call("card.identify", scan=PHONE))["medium"] == "barcode"
    typed = await pos.call("card.identify", number=f"{PLASTIC[:4]} {PLASTIC[4:]}", typed_by="c1")
    assert (typed["name"], typed["medium"]) == ("Olena", "typed")


async def test_pieces_come_back_whole(pos: Pos) -> None:
    await pos.call("sale.commit", sale_id="s1", lines=BASKET)
    half = {"sale_id": "s1", "lines": [{"line": 2, "qty": "1.5"}]}
    error = await refused(pos, "sale.return", return_id="r1", **half)
    assert (error.data["name"], error.message) == (
        "invalid_params",
        "lines.qty: line 2: pieces come back whole",
    )
    assert (await pos.call("sale.return", return_id="r1", sale_id="s1", whole=True))["refund"]


async def test_sales_that_say_the_same_number_at_once_do_not_hinder_each_other(till: App) -> None:
    async with AsyncExitStack() as stack:
        tills = [await stack.enter_async_context(Pos.connect(till.socket)) for _ in range(8)]
        sold = await asyncio.gather(
            *(
                one.call("sale.commit", sale_id=f"s{n}", card=PLASTIC, lines=[COFFEE])
                for n, one in enumerate(tills)
            )
        )
    assert len(sold) == 8
