"""Who tries addresses of cards, links and passes is slowed down, and nobody else."""

import pytest

from tests.web.conftest import OpenShop, Shop, answer_of
from web.guesses import GUESSES_MAX, GUESSES_PER_S
from web.web_settings import WebSettings


def guess(number: int) -> str:
    return f"{number:022d}"


@pytest.mark.parametrize("path", ["/c/{}", "/c/{}/code.svg", "/bind/{}", "/bind/{}.png"])
async def test_an_address_that_tries_others_waits_and_then_goes_on(shop: Shop, path: str) -> None:
    card = f"/c/{shop.desk.add()}"
    for number in range(GUESSES_MAX):
        assert (await shop.get(path.format(guess(number)))).status == 404
    slowed = await shop.get(path.format(guess(GUESSES_MAX)))
    assert slowed.status == 429
    assert slowed.headers["Retry-After"] == str(GUESSES_PER_S)
    assert (await shop.get(card)).status == 429, "a right one does not stand out"
    assert (await shop.get("/join")).status == 200
    shop.clock.move(seconds=GUESSES_PER_S)
    assert (await shop.get(card)).status == 200


async def test_a_phone_that_asks_for_what_is_not_its_own_is_counted(shop: Shop) -> None:
    token = shop.desk.add(generation=1)
    for _ in range(GUESSES_MAX):
        async with shop.client.post(f"{shop.url}/c/{token}/renewal", data=b"0" * 40) as answer:
            assert answer.status == 409
    async with shop.client.post(f"{shop.url}/c/{token}/renewal", data=b"0" * 40) as answer:
        assert (await answer_of(answer)).status == 429


async def test_customers_behind_one_proxy_are_told_apart(open_shop: OpenShop) -> None:
    async with open_shop(WebSettings(proxies=frozenset({"127.0.0.1"}))) as shop:
        card = f"/c/{shop.desk.add()}"
        for number in range(GUESSES_MAX):
            await shop.get(f"/c/{guess(number)}", **{"X-Forwarded-For": "203.0.113.1"})
        assert (await shop.get(card, **{"X-Forwarded-For": "203.0.113.1"})).status == 429
        assert (await shop.get(card, **{"X-Forwarded-For": "203.0.113.2"})).status == 200


async def test_the_till_comes_before_a_rush_of_visitors(open_shop: OpenShop) -> None:
    async with open_shop(WebSettings(requests_per_s=20)) as shop:
        card = f"/c/{shop.desk.add()}"
        assert [(await shop.get(card)).status for _ in range(20)] == [200] * 20
        refused = await shop.get(card)
        assert (refused.status, refused.headers["Retry-After"]) == (503, "1")
        assert refused.headers["Cache-Control"] == "no-store"
        shop.clock.move(seconds=1)
        assert (await shop.get(card)).status == 200


async def test_what_customers_do_is_no_guess(shop: Shop) -> None:
    card = f"/c/{shop.desk.add()}"
    for _ in range(GUESSES_MAX + 1):
        assert (await shop.get(card)).status == 200
        assert (await shop.get("/c/short")).status == 404, "no card has such an address"
        shop.clock.move(seconds=0.1)
    assert (await shop.get(card)).status == 200
