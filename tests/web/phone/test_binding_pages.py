import re

import msgspec
import pytest

from daemon.base.config import convert
from daemon.base.refusals import ErrorCode
from daemon.shop.phone_card_views import LiveCard, ShownBalance
from tests.web.conftest import Answer, OpenShop, Shop, answer_of
from web.phone.binding_pages import WORKER
from web.web_settings import WebSettings

UNKNOWN = "A" * 22


async def post(shop: Shop, path: str) -> Answer:
    async with shop.client.post(shop.url + path) as response:
        return await answer_of(response)


async def test_the_first_phone_takes_a_new_card_and_a_second_does_not(shop: Shop) -> None:
    token = shop.desk.add()
    assert 'data-generation="0"' in (await shop.get(f"/c/{token}")).text
    given = await post(shop, f"/c/{token}/phone")
    assert given.headers["Cache-Control"] == "no-store"
    live = msgspec.json.decode(given.body, type=LiveCard)
    assert live == shop.desk.live[token]
    assert 'data-generation="1"' in (await shop.get(f"/c/{token}")).text
    assert (await post(shop, f"/c/{token}/phone")).status == 409
    assert (await post(shop, f"/c/{UNKNOWN}/phone")).status == 409


async def test_a_link_is_not_used_up_by_looking_at_it(shop: Shop) -> None:
    token = shop.desk.add()
    code = shop.desk.offer(token)
    for _ in range(2):
        shown = await shop.get(f"/bind/{code}")
        assert shown.status == 200
        assert "Use this phone" in shown.text
    live = msgspec.json.decode((await post(shop, f"/bind/{code}")).body, type=LiveCard)
    assert live.token != token
    assert (await post(shop, f"/bind/{code}")).status == 404
    assert (await shop.get(f"/bind/{code}")).status == 404


async def test_the_old_address_of_a_card_that_moved_says_so(shop: Shop) -> None:
    token = shop.desk.add()
    answer = await post(shop, f"/bind/{shop.desk.offer(token)}")
    live = msgspec.json.decode(answer.body, type=LiveCard)
    here = await shop.get(f"/c/{token}")
    assert shop.desk.cards[live.token].number in here.text, "where it moved to, it leads on"
    shop.client.cookie_jar.clear()
    old = await shop.get(f"/c/{token}")
    assert old.status == 410
    assert "This card has moved to another phone" in old.text
    assert shop.desk.cards[live.token].number not in old.text
    assert (await shop.get(f"/c/{token}/code.svg")).status == 404
    assert (await shop.get(f"/c/{live.token}")).status == 200


async def test_the_front_door_leads_to_the_card_of_a_link(shop: Shop) -> None:
    token = shop.desk.add()
    answer = await post(shop, f"/bind/{shop.desk.offer(token)}")
    live = msgspec.json.decode(answer.body, type=LiveCard)
    assert f'href="/c/{live.token}"' in (await shop.get("/")).text, "by its cookie"


async def test_another_card_s_cookie_leads_nowhere_from_an_old_address(shop: Shop) -> None:
    first, second = shop.desk.add(), shop.desk.add()
    await post(shop, f"/bind/{shop.desk.offer(first)}")
    await post(shop, f"/bind/{shop.desk.offer(second)}")
    assert (await shop.get(f"/c/{first}")).status == 410
    assert (await shop.get(f"/c/{second}")).status == 200


@pytest.mark.parametrize("path", [f"/bind/{UNKNOWN}", "/bind/short", f"/bind/{UNKNOWN}A"])
async def test_a_link_that_was_never_made_is_not_found(shop: Shop, path: str) -> None:
    assert (await shop.get(path)).status == 404
    assert (await post(shop, path)).status == 404


async def test_a_purse_has_the_name_that_the_shop_gives_it(open_shop: OpenShop) -> None:
    settings = convert({"balances": {"Coffees": {"uk": "Кава"}}}, WebSettings, "web")
    async with open_shop(settings) as shop:
        card = (
            f"/c/{shop.desk.add(balances=(ShownBalance('Coffees', 7), ShownBalance('bonus', 1)))}"
        )
        for language, names in (("uk", ["Кава", "Bonus"]), ("en", ["Coffees", "Bonus"])):
            page = (await shop.get(f"{card}?lang={language}")).text
            assert re.findall("<dt>(.*?)</dt>", page) == names


async def test_bars_of_a_tills_own_kind_say_that_they_only_collect(shop: Shop) -> None:
    card = f"/c/{shop.desk.add(ean13='0412345678903')}"
    says = "This code stays the same: it collects, and it does not pay."
    assert (
        f'<p class="notice" data-notice="static">{says}'
        in (await shop.get(f"{card}?kind=ean13")).text
    )
    assert f'<noscript><p class="notice">{says}' in (await shop.get(card)).text


async def test_a_desk_that_refuses_keeps_its_key(shop: Shop) -> None:
    token = shop.desk.add()
    shop.desk.refusal = ErrorCode.CARD_BLOCKED
    assert (await post(shop, f"/c/{token}/phone")).status == 409
    shop.desk.refusal = None
    assert shop.desk.cards[token].generation == 0


async def test_a_card_page_may_stand_on_the_home_screen_and_work_without_a_network(
    shop: Shop,
) -> None:
    token = shop.desk.add()
    manifest = await shop.get(f"/c/{token}/app.webmanifest")
    assert manifest.headers["Content-Type"] == "application/manifest+json"
    assert msgspec.json.decode(manifest.body)["start_url"] == f"/c/{token}"
    assert f'href="/c/{token}/app.webmanifest"' in (await shop.get(f"/c/{token}")).text
    worker = await shop.get("/sw.js")
    assert worker.headers["Content-Type"].startswith("text/javascript")
    assert worker.body == WORKER.read_bytes()


def test_no_repr_holds_a_key() -> None:
    live = LiveCard("t" * 22, "1234567890", 1, "97", "5ec7e7" * 6, 1)
    assert "5ec7e7" not in repr(live)
    assert "ttt" not in repr(live)
