"""What ends with a lost phone and with a move, and what no phone ever carries."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from card_formats.phone.rotating import PERIOD_S
from daemon.accounts.cards import NewCard, Profile
from daemon.app.running import App
from daemon.base.clock import rfc3339
from daemon.base.refusals import RefusedError
from tests.scenarios.baskets import BASKET
from tests.scenarios.shops import issue, refusal
from tests.support.clock import HandClock
from tests.support.phone import account_of, bind
from tests.support.till import PHONE, Pos, lay_out, open_till

FLYER, FLYER_TOKEN = "2900000000094", "f" * 22
OLD_FLYER, OLD_CARD_TOKEN = "2900000000087", "o" * 22
WHY = {"by": "senior", "reason": "stolen in the tram"}


@pytest.fixture
async def till(tmp_path: Path, clock: HandClock) -> AsyncIterator[App]:
    """A till whose flyers are coupons."""
    lay_out(tmp_path, **{"port = 0": "port = 0\n[web.coupons.flyer]\n"})
    async with open_till(tmp_path, clock) as app:
        yield app


async def revoke(pos: Pos, presentation: str) -> None:
    await pos.call("card.phone_revoke", presentation=presentation, **WHY)


async def test_a_revocation_ends_the_links_that_wait(till: App, pos: Pos) -> None:
    shown = (await pos.call("card.identify", scan=PHONE))["presentation"]
    link = await pos.call("card.phone_link", presentation=shown, override=WHY)
    code = link["url"].rpartition("/")[2]
    assert await till.phones.is_offered(code)
    await revoke(pos, shown)
    assert not await till.phones.is_offered(code)
    assert await till.phones.accept(code) is None
    again = await till.phones.offer(await account_of(till, PHONE))
    assert await till.phones.accept(again) is not None, "a link of afterwards is good"


async def test_a_revocation_ends_the_trust_in_what_the_phone_showed_before(
    till: App, pos: Pos, clock: HandClock
) -> None:
    phone = await bind(till, PHONE, clock)
    live = (await pos.call("card.identify", scan=phone.code()))["presentation"]
    await pos.call("sale.quote", presentation=live, lines=BASKET)
    static = (await pos.call("card.identify", scan=PHONE))["presentation"]
    await revoke(pos, static)
    assert await refusal(pos, "card.phone_link", presentation=live) == (204, "no_card")
    quote = {"presentation": live, "lines": BASKET}
    assert await refusal(pos, "sale.quote", **quote) == (204, "no_card")
    await pos.call("sale.quote", presentation=static, lines=BASKET)


async def test_what_other_customers_showed_stays(till: App, pos: Pos, clock: HandClock) -> None:
    await issue(till, FLYER)
    other = await bind(till, FLYER, clock)
    live = (await pos.call("card.identify", scan=other.code()))["presentation"]
    await revoke(pos, (await pos.call("card.identify", scan=PHONE))["presentation"])
    await pos.call("sale.quote", presentation=live, lines=BASKET)


async def test_one_link_of_a_card_waits_at_a_time(till: App) -> None:
    account = await account_of(till, PHONE)
    first, second = await till.phones.offer(account), await till.phones.offer(account)
    assert not await till.phones.is_offered(first)
    assert await till.phones.accept(first) is None
    assert await till.phones.accept(second) is not None


async def test_whatever_moves_the_card_ends_its_link(till: App) -> None:
    account = await account_of(till, PHONE)
    link = await till.phones.offer(account)
    assert await till.phones.bind_first(account) is not None
    assert not await till.phones.is_offered(link)
    assert await till.phones.accept(link) is None


@pytest.mark.parametrize("missing", [{"by": ""}, {"reason": ""}, {"by": " "}, {"reason": "\t"}])
async def test_somebody_answers_for_a_revocation(pos: Pos, missing: dict[str, str]) -> None:
    shown = (await pos.call("card.identify", scan=PHONE))["presentation"]
    said: dict[str, Any] = {"presentation": shown} | WHY | missing
    assert (await refusal(pos, "card.phone_revoke", **said))[1] == "invalid_params"


async def test_the_token_of_before_a_move_or_a_revocation_is_known_to_have_moved(
    till: App, pos: Pos
) -> None:
    token = "k" * 22
    number = "2900000000087"
    known = NewCard(kind="phone", number=number, identifiers=(("number", number),), token=token)
    await till.cards.issue(known, Profile())
    assert not await till.phones.moved_card(token)
    binding = await till.phones.accept(await till.phones.offer(await account_of(till, number)))
    assert binding is not None
    assert await till.phones.moved_card(token)
    assert not await till.phones.moved_card(binding.token)
    async with ClientSession() as browser, browser.get(f"{till.web_url}/c/{token}") as answer:
        assert answer.status == 410
        text = await answer.text()
        assert "This card has moved to another phone" in text
        assert number not in text
    await till.phones.revoke(await account_of(till, number))
    assert await till.phones.moved_card(token)
    assert await till.phones.moved_card(binding.token)


async def test_no_phone_carries_a_coupon(till: App, pos: Pos) -> None:
    flyer = NewCard(kind="flyer", number=FLYER, identifiers=(("number", FLYER),), token=FLYER_TOKEN)
    await till.cards.issue(flyer, Profile())
    async with ClientSession() as browser:
        async with browser.post(f"{till.web_url}/c/{FLYER_TOKEN}/phone") as answer:
            assert answer.status == 409
        async with browser.get(f"{till.web_url}/c/{FLYER_TOKEN}") as page:
            assert 'data-generation="0"' in await page.text()
            assert "Set-Cookie" not in page.headers
    shown = (await pos.call("card.identify", scan=FLYER))["presentation"]
    for method, said in (("card.phone_link", {"override": WHY}), ("card.phone_revoke", WHY)):
        refused = await refusal(pos, method, presentation=shown, **said)
        assert refused == (1011, "card_blocked")


async def test_a_card_that_is_over_gets_no_key(till: App, clock: HandClock) -> None:
    last = rfc3339(clock.now() + timedelta(seconds=PERIOD_S))
    identifiers = (("number", OLD_FLYER),)
    card = NewCard(
        kind="phone",
        number=OLD_FLYER,
        identifiers=identifiers,
        token=OLD_CARD_TOKEN,
        until=last,
    )
    await till.cards.issue(card, Profile())
    account = await account_of(till, OLD_FLYER)
    clock.move(seconds=PERIOD_S)
    with pytest.raises(RefusedError, match="expired"):
        await till.phones.bind_first(account)
    with pytest.raises(RefusedError, match="expired"):
        await till.phones.offer(account)
