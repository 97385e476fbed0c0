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
    assert (await shop.get(card)).status == 200, "a right one is not slowed by wrong ones"
    assert (await shop.get("/join")).status == 200
    shop.clock.move(seconds=GUESSES_PER_S)
    assert (await shop.get(path.format(guess(GUESSES_MAX)))).status == 404


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
        wrong = f"/c/{guess(GUESSES_MAX)}"
        assert (await shop.get(wrong, **{"X-Forwarded-For": "203.0.113.1"})).status == 429
        assert (await shop.get(wrong, **{"X-Forwarded-For": "203.0.113.2"})).status == 404
        assert (await shop.get(card, **{"X-Forwarded-For": "203.0.113.1"})).status == 200


@pytest.mark.parametrize(
    ("forwarded", "visitor"),
    [
        ("203.0.113.1", "203.0.113.1"),
        ("203.0.113.1:4711", "203.0.113.1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("198.51.100.7, 203.0.113.1, 10.0.0.2", "203.0.113.1"),
        ("198.51.100.7, 203.0.113.1:80 , 10.0.0.2:80,10.0.0.3", "203.0.113.1"),
        ("10.0.0.2", "10.0.0.2"),
        ("203.0.113.1, unknown, 10.0.0.2", "10.0.0.2"),
        ("garbage", "127.0.0.1"),
        ("", "127.0.0.1"),
    ],
)
async def test_the_chain_is_walked_back_through_our_proxies_and_no_further(
    open_shop: OpenShop, forwarded: str, visitor: str
) -> None:
    proxies = frozenset({"127.0.0.1", "10.0.0.2", "10.0.0.3"})
    async with open_shop(WebSettings(proxies=proxies)) as shop:
        wrong = f"/c/{guess(1)}"
        for _ in range(GUESSES_MAX):
            await shop.get(wrong, **{"X-Forwarded-For": forwarded})
        assert (await shop.get(wrong, **{"X-Forwarded-For": visitor})).status == 429
        assert (await shop.get(wrong, **{"X-Forwarded-For": "192.0.2.9"})).status == 404


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
