"""What chips may pay: at once, a card in a day, a till in a day; whatever the sale earns."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from daemon.base.ids import PosSaleId
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.keys.chip_keys import load_chip_keys
from daemon.ledger.ledger import RequestKey
from daemon.readers.simulated.desfire.faults import Fault
from daemon.sale.terms import SaleTerms
from tests.support.chip_till import LINES, LOADED, ChipShop, HandTill, make_home

LIMIT, BACK = 700, 250
DAY_LIMITS = ("card_day_max", "till_day_max")
TWO_DAYS_S = 2 * 24 * 3600
LIMITS = ("sale_max", *DAY_LIMITS)


@pytest.fixture
async def shop(tmp_path: Path) -> ChipShop:
    shop = ChipShop(tmp_path)
    await make_home(tmp_path / "a", [shop.wallet], shop.clock, tmp_path / "keys")
    return shop


async def pays(shop: ChipShop, till: HandTill, sale_id: str, burn: int, **more: Any) -> Any:
    presentation = (await till.tap(shop.wallet)).presentation
    return await till.buy(sale_id, presentation, burn, **more)


async def is_over_limit(
    shop: ChipShop, till: HandTill, sale_id: str, burn: int, **more: Any
) -> RefusedError:
    balance = shop.wallet.balance
    with pytest.raises(RefusedError) as refused:
        await pays(shop, till, sale_id, burn, **more)
    assert refused.value.code is ErrorCode.LIMIT_REACHED
    assert shop.wallet.balance == balance
    return refused.value


@pytest.mark.parametrize("limit", LIMITS)
async def test_what_a_chip_may_pay_has_limits(shop: ChipShop, limit: str) -> None:
    async with shop.till(**{limit: LIMIT}) as till:
        if limit in DAY_LIMITS:
            await pays(shop, till, "s1", 500)
            await pays(shop, till, "s2", 200)
        over = LIMIT + 1 if limit == "sale_max" else 1
        refusal = await is_over_limit(shop, till, "s3", over)
        assert refusal.extra["burn_max"] == over - 1
        assert "7.00" in refusal.detail
        shop.clock.move(days=1)
        await pays(shop, till, "s4", LIMIT)


async def test_a_card_pays_a_fifth_of_its_cap_in_a_day_where_the_shop_does_not_say(
    shop: ChipShop,
) -> None:
    async with shop.till(cap=5 * LIMIT + 4) as till:
        await pays(shop, till, "s1", LIMIT)
        assert (await is_over_limit(shop, till, "s2", 1)).extra["burn_max"] == 0
        shop.clock.move(days=1)
        await pays(shop, till, "s3", LIMIT)
    async with shop.till(cap=5 * LIMIT, card_day_max=0) as till:
        await pays(shop, till, "s4", LIMIT + 1)


@pytest.mark.parametrize("limit", LIMITS)
async def test_a_limit_binds_what_is_paid_and_not_what_is_left_after_earning(
    shop: ChipShop, limit: str
) -> None:
    async with shop.till(**{limit: BACK - 1}) as till:
        for number, burn in enumerate((BACK + 10, BACK)):  # takes 10 net, and nothing net
            await is_over_limit(shop, till, f"s{number}", burn, codes=("BACK",))


@pytest.mark.parametrize("limit", DAY_LIMITS)
async def test_a_sale_that_earns_what_it_pays_is_counted_and_written_on_the_chip(
    shop: ChipShop, limit: str
) -> None:
    async with shop.till(**{limit: 2 * BACK}) as till:
        for number in range(2):
            posted = await pays(shop, till, f"s{number}", BACK, codes=("BACK",))
            assert posted["chip"]["apdus"] <= 10
            assert posted["balances"]["bonus"]["available"] == LOADED
        await is_over_limit(shop, till, "s2", BACK, codes=("BACK",))


@pytest.mark.parametrize("limit", DAY_LIMITS)
async def test_a_till_that_may_not_load_counts_what_a_card_pays_all_the_same(
    shop: ChipShop, limit: str
) -> None:
    path = shop.home / "a" / "chip.keys"
    kept = [one for one in path.read_text("utf-8").splitlines() if not one.startswith("load")]
    path.write_text("\n".join(kept), "utf-8")
    keys = load_chip_keys(path)
    async with shop.till(keys=keys, **{limit: 150}) as till:
        posted = await pays(shop, till, "s1", 100, codes=("BACK",))
        assert posted["balances"]["bonus:owed"]["available"] == BACK - 100
        await is_over_limit(shop, till, "s2", 100, codes=("BACK",))


@pytest.mark.parametrize("limit", DAY_LIMITS)
async def test_holds_together_do_not_pass_a_limit(shop: ChipShop, limit: str) -> None:
    async with shop.till(**{limit: LIMIT}) as till:
        for sale_id in ("s1", "s2"):
            await till.hold(sale_id, (await till.tap(shop.wallet)).presentation, 500)
        await pays(shop, till, "s1", 500)
        await is_over_limit(shop, till, "s2", 500)


@pytest.mark.parametrize("limit", LIMITS)
async def test_a_quote_tells_what_the_limits_leave(shop: ChipShop, limit: str) -> None:
    async with shop.till(**{limit: LIMIT}) as till:
        terms = SaleTerms(presentation=(await till.tap(shop.wallet)).presentation, lines=LINES)
        assert (await till.checkout.quote(terms)).burn_max == {"bonus": LIMIT}
        await pays(shop, till, "s1", 500)
        terms = SaleTerms(presentation=(await till.tap(shop.wallet)).presentation, lines=LINES)
        left = LIMIT - (500 if limit in DAY_LIMITS else 0)
        assert (await till.checkout.quote(terms)).burn_max == {"bonus": left}
        burning = msgspec.structs.replace(terms, burn={"bonus": left + 1})
        with pytest.raises(RefusedError) as refused:
            await till.checkout.quote(burning)
        assert refused.value.code is ErrorCode.LIMIT_REACHED


@pytest.mark.parametrize("limit", DAY_LIMITS)
async def test_a_limit_is_given_back_with_what_was_not_written(shop: ChipShop, limit: str) -> None:
    async with shop.till(**{limit: LIMIT}) as till:
        presentation = (await till.tap(shop.wallet, {7: Fault.TORN_BEFORE})).presentation
        with pytest.raises(RefusedError):
            await till.buy("s1", presentation, LIMIT)
        till.readers.lay(shop.wallet)
        await till.buy("s1", presentation, LIMIT)


@pytest.mark.parametrize("burn", [BACK, BACK - 10])
async def test_with_an_old_hot_list_a_chip_does_not_pay_what_it_earns_at_once(
    shop: ChipShop, burn: int
) -> None:
    path = shop.home / "a" / "hot.list"
    path.write_text(shop.hot_list(), "ascii")
    async with shop.till(hot_list="hot.list", hot_list_days=7) as till:
        shop.clock.move(days=8)
        with pytest.raises(RefusedError) as refused:
            await pays(shop, till, "s1", burn, codes=("BACK",))
        assert refused.value.code is ErrorCode.OFFLINE


@pytest.mark.parametrize("limit", DAY_LIMITS)
async def test_what_was_held_yesterday_counts_for_the_day_on_which_it_is_paid(
    shop: ChipShop, limit: str
) -> None:
    async with shop.till(**{limit: LIMIT}) as till:
        terms = SaleTerms(
            presentation=(await till.tap(shop.wallet)).presentation,
            lines=LINES,
            burn={"bonus": LIMIT},
        )
        key = RequestKey.of("sale.hold", "held", terms)
        await till.checkout.hold(key, PosSaleId("held"), terms, TWO_DAYS_S)
        shop.clock.move(days=1)
        await pays(shop, till, "s1", LIMIT)
        await is_over_limit(shop, till, "held", LIMIT)
        shop.clock.move(hours=23)
        await pays(shop, till, "held", LIMIT)
    assert shop.hold() == -2 * LIMIT


async def test_a_sale_at_a_chip_is_counted_by_its_intent_and_given_back_unwritten(
    shop: ChipShop,
) -> None:
    async with shop.till() as till:
        till.limit(card_day_sales=1)
        presentation = (await till.tap(shop.wallet, {7: Fault.TORN_BEFORE})).presentation
        with pytest.raises(RefusedError):
            await till.buy("s1", presentation, LIMIT)
        till.readers.lay(shop.wallet)
        await till.buy("s1", presentation, LIMIT)
        error = await is_over_limit(shop, till, "s2", LIMIT)
        assert error.extra["limit"] == "card_day_sales"
        shop.clock.move(days=1)
        await pays(shop, till, "s3", LIMIT)


async def test_a_held_sale_that_a_chip_pays_is_counted_once(shop: ChipShop) -> None:
    async with shop.till() as till:
        till.limit(card_day_sales=2)
        for sale_id in ("h1", "h2", "h3"):
            await till.hold(sale_id, (await till.tap(shop.wallet)).presentation, 100)
        await pays(shop, till, "h1", 100)
        await pays(shop, till, "h2", 100)
        await is_over_limit(shop, till, "h3", 100)
