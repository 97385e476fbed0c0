"""Every code of the protocol's error table, as a POS gets it over the socket.

One witness for each code: what a till must do to be refused so. The other tests say when else.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import pytest

from card_formats.phone.rotating import PERIOD_S
from daemon.accounts.guess_limit import FAILURES_MAX
from daemon.app.running import App
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.pos.cashier_language import ENGLISH
from daemon.pos.errors import refusal
from daemon.pos.server import CONNECTIONS_MAX
from tests.scenarios.baskets import BASKET, show_chip, show_plastic
from tests.scenarios.shops import documented, goods, override, sku
from tests.support.chip_till import ChipShop, make_home
from tests.support.chips import lay_out_chips
from tests.support.clock import HandClock
from tests.support.disks import fill, small_disk
from tests.support.phone import bind
from tests.support.pos import refused, take_away
from tests.support.till import PHONE, PLASTIC, Pos, RefusedByTillError, lay_out, open_till


class Shop:
    """A till and a POS at its counter."""

    def __init__(self, home: Path) -> None:
        self.home, self.clock = home, HandClock()
        self.app: App
        self.pos: Pos

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Pos]:
        async with (
            open_till(self.home, self.clock) as self.app,
            Pos.connect(self.app.socket) as self.pos,
        ):
            await self.pos.call("events.subscribe")
            yield self.pos

    @asynccontextmanager
    async def with_programme(self, text: str = "") -> AsyncIterator[Pos]:
        lay_out(self.home, text)
        async with self.open() as pos:
            yield pos

    @asynccontextmanager
    async def with_chips(self, bonus: int = 3_500, **section: int | str) -> AsyncIterator[Pos]:
        """A till whose sample chip holds ``bonus``, a twentieth of what it bought for."""
        keys = "".join(f"{key} = {value}\n" for key, value in ({"cap": 100_000} | section).items())
        lay_out_chips(self.home, f'[chip]\n{keys}\n[simulated]\nchip = "purse"\n')
        async with self.open() as pos:
            shown = await show_chip(self.pos)
            await pos.call("sale.commit", sale_id="s0", presentation=shown, lines=goods(20 * bonus))
            await take_away(self.pos)
            yield pos

    async def burn_on_chip(self, presentation: str) -> RefusedByTillError:
        terms = {"presentation": presentation, "lines": goods(10_000), "burn": {"bonus": 3_000}}
        return await refused(self.pos, "sale.commit", sale_id="s1", **terms)

    async def issue_code(self, **more: Any) -> str:
        terms = {"request_id": "c1", "campaign": "hundred", "count": 1} | more
        code: str = (await self.pos.call("code.issue", **terms))["codes"][0]["code"]
        return code


SALES_TO_FILL_MAX = 1_000
DEBIT_APDU = 6
"""The first of a purchase that writes, after five that open the purse."""
Witness: TypeAlias = Callable[[Shop], Awaitable[RefusedByTillError]]
WITNESSES: dict[ErrorCode, Witness] = {}


def refused_with(code: ErrorCode) -> Callable[[Witness], Witness]:
    """Enter a witness in the table: what it is told at the end is this refusal."""

    def entered(witness: Witness) -> Witness:
        assert code not in WITNESSES
        WITNESSES[code] = witness
        return witness

    return entered


@refused_with(ErrorCode.CLAIMED)
async def of_another_client(shop: Shop) -> RefusedByTillError:
    async with shop.with_programme() as pos, Pos.connect(shop.app.socket) as other:
        await other.call("reader.claim", reader="scanner", ttl_s=60)
        return await refused(pos, "card.identify", reader="scanner")


@refused_with(ErrorCode.NO_HARDWARE)
async def unplugged(shop: Shop) -> RefusedByTillError:
    async with shop.with_programme() as pos:
        await pos.call("input.simulate", reader="scanner", do="unplug")
        while (await pos.event("reader.state"))["state"] != "absent":
            pass
        return await refused(pos, "card.identify", reader="scanner")


@refused_with(ErrorCode.OFFLINE)
async def with_no_hot_list_that_is_new_enough(shop: Shop) -> RefusedByTillError:
    async with shop.with_chips(hot_list='"hot.list"', hot_list_days=7):
        return await shop.burn_on_chip(await show_chip(shop.pos))


@refused_with(ErrorCode.TIMEOUT)
async def a_chip_that_falls_silent(shop: Shop) -> RefusedByTillError:
    async with shop.with_chips() as pos:
        presentation = await show_chip(shop.pos)
        await pos.call("input.simulate", reader="chip", do="hang")
        return await shop.burn_on_chip(presentation)


@refused_with(ErrorCode.BUSY)
async def one_connection_too_many(shop: Shop) -> RefusedByTillError:
    async with shop.with_programme(), AsyncExitStack() as others:
        for _ in range(CONNECTIONS_MAX - 1):
            await others.enter_async_context(Pos.connect(shop.app.socket))
        reader, writer = await asyncio.open_unix_connection(str(shop.app.socket))
        refusal = msgspec.json.decode(await reader.readline())
        writer.close()
        return RefusedByTillError(refusal["error"])


@refused_with(ErrorCode.WRITE_FAILED)
async def a_chip_whose_answer_to_a_debit_is_garbled(shop: Shop) -> RefusedByTillError:
    home = shop.home / "chips"
    home.mkdir()
    chips = ChipShop(home)
    await make_home(chips.home / "a", [chips.wallet], chips.clock, chips.home / "keys")
    async with chips.till() as till:
        shown = await till.tap(chips.wallet, noise={DEBIT_APDU: lambda answer: answer[::-1]})
        with pytest.raises(RefusedError) as refusal_of_the_chip:
            await till.buy("s1", shown.presentation, burn=100)
    # No simulated reader garbles answers: what the till says is put into words as the socket does.
    body = refusal(refusal_of_the_chip.value, ENGLISH)
    return RefusedByTillError(msgspec.to_builtins(body))


@refused_with(ErrorCode.TORN)
async def torn_while_it_is_written(shop: Shop) -> RefusedByTillError:
    async with shop.with_chips() as pos:
        presentation = await show_chip(shop.pos)
        await pos.call("input.simulate", reader="chip", do="tear", data="3")
        return await shop.burn_on_chip(presentation)


@refused_with(ErrorCode.NO_CARD)
async def nothing_was_scanned(shop: Shop) -> RefusedByTillError:
    async with shop.with_programme() as pos:
        return await refused(pos, "card.identify", reader="scanner")


@refused_with(ErrorCode.ID_REUSED)
async def another_basket(shop: Shop) -> RefusedByTillError:
    async with shop.with_programme() as pos:
        await pos.call("sale.commit", sale_id="s1", lines=BASKET)
        return await refused(pos, "sale.commit", sale_id="s1", lines=goods(1))


@refused_with(ErrorCode.ALREADY_VOIDED)
async def voided(shop: Shop) -> RefusedByTillError:
    async with shop.with_programme() as pos:
        await pos.call("sale.void", sale_id="s1")
        return await refused(pos, "sale.commit", sale_id="s1", lines=BASKET)


@refused_with(ErrorCode.ALREADY_POSTED)
async def posted(shop: Shop) -> RefusedByTillError:
    async with shop.with_programme() as pos:
        await pos.call("sale.commit", sale_id="s1", lines=BASKET)
        return await refused(pos, "sale.void", sale_id="s1")


@refused_with(ErrorCode.HOLD_EXPIRED)
async def after_its_time(shop: Shop) -> RefusedByTillError:
    async with shop.with_programme() as pos:
        await pos.call("sale.hold", sale_id="s1", lines=BASKET, ttl_s=60)
        shop.clock.move(seconds=60)
        return await refused(pos, "sale.commit", sale_id="s1")


@refused_with(ErrorCode.EXCEEDS_HOLD)
async def more_than_was_held(shop: Shop) -> RefusedByTillError:
    async with shop.with_programme() as pos:
        await pos.call("sale.hold", sale_id="s1", lines=BASKET)
        return await refused(pos, "sale.commit", sale_id="s1", lines=goods(80_000))


@refused_with(ErrorCode.QUOTE_UNKNOWN)
async def after_a_quarter_of_an_hour(shop: Shop) -> RefusedByTillError:
    async with shop.with_programme() as pos:
        quote = await pos.call("sale.quote", lines=BASKET)
        shop.clock.move(minutes=15)
        return await refused(pos, "sale.commit", sale_id="s1", quote_id=quote["quote_id"])


@refused_with(ErrorCode.QUOTE_DIFFERS)
async def other_lines_beside_a_quote(shop: Shop) -> RefusedByTillError:
    async with shop.with_programme() as pos:
        quote = await pos.call("sale.quote", lines=goods(1_000))
        terms = {"quote_id": quote["quote_id"], "lines": goods(2_000)}
        return await refused(pos, "sale.commit", sale_id="s1", **terms)


@refused_with(ErrorCode.TOTAL_CHANGED)
async def another_total(shop: Shop) -> RefusedByTillError:
    async with shop.with_programme() as pos:
        return await refused(pos, "sale.commit", sale_id="s1", lines=BASKET, expect_total=1)


@refused_with(ErrorCode.CARD_UNKNOWN)
async def a_number_that_nobody_has(shop: Shop) -> RefusedByTillError:
    async with shop.with_programme() as pos:
        return await refused(pos, "card.identify", number="2900000000025")


@refused_with(ErrorCode.CARD_BLOCKED)
async def lost(shop: Shop) -> RefusedByTillError:
    async with shop.with_programme() as pos:
        await pos.call("card.block", request_id="b1", card=PLASTIC, by="olha", reason="lost")
        return await refused(pos, "card.identify", number=PLASTIC)


@refused_with(ErrorCode.NUMBER_TAKEN)
async def a_number_that_is_on_a_card(shop: Shop) -> RefusedByTillError:
    async with shop.with_programme() as pos:
        return await refused(pos, "card.issue", request_id="i1", number=PLASTIC)


@refused_with(ErrorCode.CARD_EXPIRED)
async def after_its_last_day(shop: Shop) -> RefusedByTillError:
    async with shop.with_programme() as pos:
        terms = {"request_id": "e1", "card": PLASTIC, "by": "olha", "reason": "a year"}
        await pos.call("card.extend", until=str(shop.clock.now().date()), **terms)
        shop.clock.move(days=1)
        return await refused(pos, "card.identify", number=PLASTIC)


@refused_with(ErrorCode.CARD_FORGED)
async def a_code_of_no_phone_s(shop: Shop) -> RefusedByTillError:
    async with shop.with_programme() as pos:
        phone = await bind(shop.app, PHONE, shop.clock)
        return await refused(pos, "card.identify", scan=phone.picture_by(10**6).code())


@refused_with(ErrorCode.CODE_NOT_NOW)
async def a_screenshot(shop: Shop) -> RefusedByTillError:
    async with shop.with_programme() as pos:
        phone = await bind(shop.app, PHONE, shop.clock)
        code = phone.code()
        shop.clock.move(minutes=12)
        return await refused(pos, "card.identify", scan=code)


@refused_with(ErrorCode.MISREAD)
async def a_digit_wrong(shop: Shop) -> RefusedByTillError:
    async with shop.with_programme() as pos:
        return await refused(pos, "card.identify", number="2900000000019")


@refused_with(ErrorCode.CODE_USED)
async def shown_by_two(shop: Shop) -> RefusedByTillError:
    async with shop.with_programme() as pos:
        phone = await bind(shop.app, PHONE, shop.clock)
        code = phone.code()
        shown = await pos.call("card.identify", scan=code)
        terms = {"presentation": shown["presentation"], "lines": BASKET}
        await pos.call("sale.commit", sale_id="s1", **terms)
        return await refused(pos, "card.identify", scan=code)


@refused_with(ErrorCode.NOT_ENOUGH)
async def an_empty_purse(shop: Shop) -> RefusedByTillError:
    async with shop.with_programme() as pos:
        terms = {"card": PLASTIC, "lines": BASKET, "burn": 1} | override()
        return await refused(pos, "sale.quote", **terms)


@refused_with(ErrorCode.NEEDS_LIVE_CARD)
async def a_printed_number_that_spends(shop: Shop) -> RefusedByTillError:
    async with shop.with_programme() as pos:
        await pos.call("sale.commit", sale_id="s1", card=PLASTIC, lines=BASKET)
        return await refused(pos, "sale.quote", card=PLASTIC, lines=BASKET, burn=1)


@refused_with(ErrorCode.NEEDS_OVERRIDE)
async def a_link_for_a_printed_number(shop: Shop) -> RefusedByTillError:
    async with shop.with_programme() as pos:
        return await refused(pos, "card.phone_link", presentation=await show_plastic(pos))


@refused_with(ErrorCode.LIMIT_REACHED)
async def over_what_a_chip_may_pay_at_once(shop: Shop) -> RefusedByTillError:
    async with shop.with_chips(sale_max=99):
        return await shop.burn_on_chip(await show_chip(shop.pos))


@refused_with(ErrorCode.CODE_UNKNOWN)
async def a_code_of_nobody_s(shop: Shop) -> RefusedByTillError:
    async with shop.with_programme(documented("coupon")) as pos:
        return await refused(pos, "code.show", code="NO-SUCH-CODE")


@refused_with(ErrorCode.CODE_USED_UP)
async def used_once(shop: Shop) -> RefusedByTillError:
    async with shop.with_programme(documented("coupon")) as pos:
        terms = {"lines": goods(30_000), "codes": [await shop.issue_code()]}
        await pos.call("sale.commit", sale_id="s1", **terms)
        return await refused(pos, "sale.quote", **terms)


@refused_with(ErrorCode.CODE_EXPIRED)
async def a_day_late(shop: Shop) -> RefusedByTillError:
    async with shop.with_programme(documented("coupon")) as pos:
        code = await shop.issue_code(until=str(shop.clock.now().date()))
        shop.clock.move(days=1)
        return await refused(pos, "sale.quote", lines=goods(30_000), codes=[code])


@refused_with(ErrorCode.CONDITION_UNMET)
async def to_somebody_else(shop: Shop) -> RefusedByTillError:
    async with shop.with_programme() as pos:
        numbers = await handed_out(pos)
        return await refused(pos, "card.issue", request_id="i1", number=numbers[0], by="vira")


@refused_with(ErrorCode.NOT_UNDOABLE)
async def an_act_whose_card_was_issued_since(shop: Shop) -> RefusedByTillError:
    async with shop.with_programme() as pos:
        numbers = await handed_out(pos)
        await pos.call("card.issue", request_id="i1", number=numbers[0], by="anna")
        void = {"act": "A-2026-000001", "by": "olha", "reason": "by mistake"}
        return await refused(pos, "act.void", request_id="v1", **void)


async def handed_out(pos: Pos) -> list[str]:
    """Hand a new card out to anna; return its number, alone."""
    await pos.call("batch.make", request_id="b1", count=1, kind="plastic")
    await pos.call("batch.show", batch="B-2026-0001", beyond=0)
    [card] = (await pos.call("batch.cards", batch="B-2026-0001"))["cards"]
    numbers = [card["number"]]
    await pos.call("card.hand_out", request_id="h1", numbers=numbers, to="anna", by="olha")
    return numbers


@refused_with(ErrorCode.NOT_RETURNABLE)
async def a_coupon_that_was_used(shop: Shop) -> RefusedByTillError:
    async with shop.with_programme(documented("coupon")) as pos:
        terms = {"sale_id": "s1", "lines": [sku("COUPON-100", 9_000)], "card": PLASTIC}
        [bought] = (await pos.call("sale.commit", **terms))["receipt"]["issued"]
        await pos.call("sale.commit", sale_id="s2", lines=goods(30_000), codes=[bought["code"]])
        return await refused(pos, "sale.return", return_id="r1", sale_id="s1", whole=True)


@refused_with(ErrorCode.RETURNED_ALREADY)
async def twice(shop: Shop) -> RefusedByTillError:
    async with shop.with_programme() as pos:
        await pos.call("sale.commit", sale_id="s1", lines=BASKET)
        await pos.call("sale.return", return_id="r1", sale_id="s1", whole=True)
        return await refused(pos, "sale.return", return_id="r2", sale_id="s1", whole=True)


@refused_with(ErrorCode.PERMISSION)
async def without_the_token(shop: Shop) -> RefusedByTillError:
    lay_out(shop.home, **{'path = "pos.sock"': 'path = "pos.sock"\ntcp_port = 0'})
    async with shop.open():
        assert shop.app.tcp_port is not None
        async with Pos.connect(shop.app.tcp_port) as stranger:
            return await refused(stranger, "sale.quote", lines=BASKET)


@refused_with(ErrorCode.RATE_LIMITED)
async def guessing(shop: Shop) -> RefusedByTillError:
    async with shop.with_programme() as pos:
        phone = await bind(shop.app, PHONE, shop.clock)
        for n in range(FAILURES_MAX):
            code = phone.picture_by(10**6 + PERIOD_S * n).code()
            assert (await refused(pos, "card.identify", scan=code)).code == ErrorCode.CARD_FORGED
        return await refused(pos, "card.identify", scan=phone.picture_by(2 * 10**6).code())


@refused_with(ErrorCode.STORAGE_FULL)
async def on_a_full_disk(shop: Shop) -> RefusedByTillError:
    with small_disk(shop.home):
        async with shop.with_programme() as pos:
            fill(shop.home)
            for n in range(SALES_TO_FILL_MAX):
                try:
                    await pos.call("sale.commit", sale_id=f"s{n}", lines=BASKET)
                except RefusedByTillError as refusal:
                    return refusal
    raise AssertionError("the disk never filled")


@refused_with(ErrorCode.LEDGER_DAMAGED)
async def on_a_ledger_that_was_moved_away(shop: Shop) -> RefusedByTillError:
    async with shop.with_programme() as pos:
        (shop.home / "tillcard.db").rename(shop.home / "elsewhere.db")
        return await refused(pos, "sale.commit", sale_id="s1", lines=BASKET)


@refused_with(ErrorCode.TOO_NEW)
async def of_a_sale_in_a_state_that_comes_later(shop: Shop) -> RefusedByTillError:
    async with shop.with_programme() as pos:
        await pos.call("sale.hold", sale_id="s1", lines=BASKET)
        with closing(sqlite3.connect(shop.home / "tillcard.db")) as db:
            db.execute("UPDATE sale SET state = 'lent'")
            db.commit()
        return await refused(pos, "sale.status", sale_id="s1")


def test_every_code_has_its_witness() -> None:
    assert set(WITNESSES) == set(ErrorCode)


@pytest.mark.parametrize("code", sorted(WITNESSES), ids=lambda code: code.wire_name)
async def test_the_till_refuses_with_the_code_of_the_table(code: ErrorCode, tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    error = await WITNESSES[code](shop)
    assert (error.code, error.data["name"]) == (code, code.wire_name)
    assert error.data["retryable"] is code.retryable
    assert error.data["state_unknown"] is (code is ErrorCode.TORN)
    assert error.message == error.data["detail"]
    assert error.message.endswith("."), "a sentence for the cashier"
