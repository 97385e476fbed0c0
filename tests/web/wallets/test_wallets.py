"""Wallet passes of a whole till: made, believed, kept fresh."""

import json
import logging
import re
from collections.abc import AsyncIterator
from pathlib import Path

import jwt
import pytest
from aiohttp import ClientSession, CookieJar

from daemon.accounts.cards import NewCard, Profile
from daemon.app.running import App
from daemon.base.config import ConfigError
from daemon.shop.wallet_cards import DEVICES_PER_CARD_MAX
from tests.scenarios.baskets import sell
from tests.support.clock import MORNING, HandClock
from tests.support.till import Pos, lay_out, open_till
from tests.web.authority import PASS_TYPE, Authority, believed_by_openssl
from tests.web.decode import open_png
from tests.web.wallets.iphone import ADDRESS, GOOGLE_KEY, Phone, unpacked
from web.phone.pass_signing import PassCertificateError
from web.phone.wallet_pages import (
    LOG_CHARS_MAX,
    LOG_LINES_MAX,
    LOGS_MAX,
    LOGS_PER_S,
    PUSH_TOKEN_CHARS_MAX,
)


@pytest.fixture
async def pos(till: App) -> AsyncIterator[Pos]:
    async with Pos.connect(till.socket) as connected:
        yield connected


async def test_a_pass_is_whole_and_openssl_believes_it(home: Path, phone: Phone) -> None:
    answer = await phone.add()
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/vnd.apple.pkpass"
    files = unpacked(answer.body)
    for name, scale in (("icon.png", 1), ("icon@2x.png", 2), ("icon@3x.png", 3)):
        assert open_png(files[name]).size == (29 * scale, 29 * scale)
    for name in ("manifest.json", "signature"):
        (home / name).write_bytes(files[name])
    assert believed_by_openssl(home).returncode == 0
    assert json.loads(files["manifest.json"]).keys() == files.keys() - {
        "manifest.json",
        "signature",
    }
    assert phone.content["webServiceURL"] == f"{ADDRESS}/passes"


async def test_a_pass_identifies_at_the_till_and_its_balance_follows_the_sale(
    phone: Phone, pos: Pos, clock: HandClock
) -> None:
    await phone.add()
    assert phone.content["storeCard"]["primaryFields"][0]["value"] == "0.00\xa0UAH"
    identified = await pos.call("card.identify", scan=phone.number)
    assert (identified["name"], identified["trust"]) == ("Ольга", "static")
    registered = await phone.authorised("POST", phone.held(), {"pushToken": "p1"})
    assert registered.status == 201
    clock.move(seconds=5)
    had = await phone.authorised("GET", phone.mine)
    unchanged = {"If-Modified-Since": had.headers["Last-Modified"]}
    assert (await phone.authorised("GET", phone.mine, **unchanged)).status == 304
    listed = json.loads((await phone.call("GET", phone.held(serial=False))).body)
    assert listed["serialNumbers"] == [phone.content["serialNumber"]]
    since = f"{phone.held(serial=False)}?passesUpdatedSince={listed['lastUpdated']}"
    assert (await phone.call("GET", since)).status == 204

    await sell(pos, "s1", identified["presentation"])
    assert json.loads((await phone.call("GET", since)).body)["serialNumbers"]
    fresh = await phone.authorised("GET", phone.mine, **unchanged)
    assert fresh.status == 200
    content = json.loads(unpacked(fresh.body)["pass.json"])
    assert content["storeCard"]["primaryFields"][0]["value"] == "35.00\xa0UAH"
    assert content["authenticationToken"] == phone.content["authenticationToken"]
    assert content["serialNumber"] == phone.content["serialNumber"]


async def test_a_change_in_the_same_second_is_never_taken_for_none(
    phone: Phone, pos: Pos, clock: HandClock
) -> None:
    await phone.add()
    clock.move(seconds=3)
    identified = await pos.call("card.identify", scan=phone.number)
    await sell(pos, "s1", identified["presentation"])
    had = await phone.authorised("GET", phone.mine)
    clock.move(milliseconds=500)
    again = await pos.call("card.identify", scan=phone.number)
    await sell(pos, "s2", again["presentation"])
    clock.move(seconds=5)
    unchanged = {"If-Modified-Since": had.headers["Last-Modified"]}
    fresh = await phone.authorised("GET", phone.mine, **unchanged)
    assert fresh.status == 200
    assert had.headers["Last-Modified"] == "Mon, 23 Nov 2026 08:00:02 GMT", "the second before"
    value = json.loads(unpacked(fresh.body)["pass.json"])["storeCard"]["primaryFields"][0]["value"]
    assert value == "68.25\xa0UAH", "35.00 and, at 5 % off, 33.25"


async def test_a_device_is_registered_once_and_forgotten_when_it_says_so(phone: Phone) -> None:
    await phone.add()
    for status in (201, 200):
        answer = await phone.authorised("POST", phone.held(), {"pushToken": "p1"})
        assert answer.status == status
    assert (await phone.call("GET", phone.held("d2", serial=False))).status == 204
    assert (await phone.authorised("DELETE", phone.held())).status == 200
    assert (await phone.call("GET", phone.held(serial=False))).status == 204
    assert (await phone.authorised("POST", phone.held(), {"pushToken": "p1"})).status == 201


async def test_a_flood_of_devices_ends_at_the_limit(phone: Phone) -> None:
    await phone.add()
    statuses = [
        (await phone.authorised("POST", phone.held(f"d{n}"), {"pushToken": "p"})).status
        for n in range(DEVICES_PER_CARD_MAX + 1)
    ]
    assert statuses == [201] * DEVICES_PER_CARD_MAX + [409]
    assert (await phone.authorised("POST", phone.held("d0"), {"pushToken": "q"})).status == 200


@pytest.mark.parametrize("token", ["", "x" * 64, "ї"])
async def test_no_pass_without_its_token(phone: Phone, token: str) -> None:
    await phone.add()
    header = {"Authorization": f"ApplePass {token}"} if token else {}
    other = phone.mine.replace(phone.content["serialNumber"], "c0000000000000000")
    for path in (phone.mine, other):
        assert (await phone.call("GET", path, **header)).status == 401
    assert (await phone.call("POST", phone.held(), {"pushToken": "p"}, **header)).status == 401
    assert (await phone.call("DELETE", phone.held(), **header)).status == 401
    bearer = {"Authorization": f"Bearer {phone.content['authenticationToken']}"}
    assert (await phone.call("GET", phone.mine, **bearer)).status == 401


@pytest.mark.parametrize("body", [None, [], {"pushToken": 1}, {"pushToken": "p" * 257}, {}])
async def test_a_registration_that_is_none_is_a_bad_request(phone: Phone, body: object) -> None:
    assert PUSH_TOKEN_CHARS_MAX == 256
    await phone.add()
    assert (await phone.authorised("POST", phone.held(), body)).status == 400


async def test_another_pass_type_is_not_found(phone: Phone) -> None:
    await phone.add()
    other = phone.mine.replace(PASS_TYPE, "pass.example.other")
    assert (await phone.authorised("GET", other)).status == 404


async def test_what_a_device_complains_of_is_written_down_in_part(
    phone: Phone, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tillcard.web.wallets")
    lines = [f"{n}\n" + "x" * 2 * LOG_CHARS_MAX for n in range(LOG_LINES_MAX)]
    assert (await phone.call("POST", "/passes/v1/log", {"logs": [*lines[:5], "end"]})).status == 200
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 6
    assert all("\n" not in line and len(line) < LOG_CHARS_MAX + 50 for line in said)
    many = {"logs": ["a"] * (LOG_LINES_MAX + 1)}
    caplog.clear()
    await phone.call("POST", "/passes/v1/log", many)
    assert len(caplog.records) == LOG_LINES_MAX
    assert (await phone.call("POST", "/passes/v1/log", {"logs": 1})).status == 400


async def test_google_s_link_is_signed_and_leads_there(phone: Phone) -> None:
    answer = await phone.call("GET", f"{phone.card}/google")
    assert answer.status == 302
    token = re.sub("^https://pay.google.com/gp/v/save/", "", answer.headers["Location"])
    claims = jwt.decode(
        token,
        GOOGLE_KEY.public_key(),
        algorithms=["RS256"],
        audience="google",
        options={"verify_iat": False},
    )
    assert claims["iat"] == int(MORNING.timestamp())
    assert claims["origins"] == [ADDRESS]
    assert claims["payload"]["loyaltyObjects"][0]["accountName"] == "Ольга"


@pytest.mark.parametrize(
    ("code", "said"), [("JPY", "3,500\xa0JP¥"), ("KWD", "3.500\xa0KWD"), ("UAH", "35.00\xa0UAH")]
)
async def test_a_pass_and_google_s_card_show_money_with_its_currency_s_digits(
    home: Path, clock: HandClock, code: str, said: str
) -> None:
    programme = home / "programme.toml"
    programme.write_text(programme.read_text("utf-8").replace('"UAH"', f'"{code}"'), "utf-8")
    async with (
        open_till(home, clock) as till,
        ClientSession(cookie_jar=CookieJar(unsafe=True)) as client,
        Pos.connect(till.socket) as pos,
    ):
        phone = Phone(till, client)
        await phone.join()
        await phone.add()
        identified = await pos.call("card.identify", scan=phone.number)
        await sell(pos, "s1", identified["presentation"])
        await phone.add()
        assert phone.content["storeCard"]["primaryFields"][0]["value"] == said
        answer = await phone.call("GET", f"{phone.card}/google")
        token = answer.headers["Location"].rpartition("/")[2]
        claims = jwt.decode(token, options={"verify_signature": False})
        loyalty = claims["payload"]["loyaltyObjects"][0]
        assert loyalty["loyaltyPoints"]["balance"]["string"] == said


async def test_catima_s_link_keeps_the_number_from_every_server(phone: Phone) -> None:
    await phone.add()
    answer = await phone.call("GET", f"{phone.card}/catima")
    assert answer.status == 302
    before, _, fragment = answer.headers["Location"].partition("#")
    assert before == "https://catima.app/share"
    assert phone.number in fragment
    assert "expiry" not in fragment


async def test_the_card_page_offers_the_wallets_that_are_set_up(phone: Phone) -> None:
    page = (await phone.call("GET", phone.card)).text
    for kind in ("apple", "google", "catima"):
        assert f'href="{phone.card}/{kind}"' in page


@pytest.mark.parametrize(
    ("agent", "own"),
    [
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15", "apple"),
        ("Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/131.0", "google"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0", ""),
    ],
)
async def test_the_phone_s_own_wallet_comes_first_and_the_others_behind(
    phone: Phone, agent: str, own: str
) -> None:
    page = (await phone.call("GET", phone.card, **{"User-Agent": agent})).text
    shown, _, others = page.partition("<summary>Other wallets</summary>")
    kinds = {"apple", "google", "catima"}
    assert {kind for kind in kinds if f'href="{phone.card}/{kind}"' in shown} == ({own} - {""})
    assert {kind for kind in kinds if f'href="{phone.card}/{kind}"' in others} == kinds - {own}


@pytest.mark.parametrize("number", ["", "K12345"])
async def test_a_card_without_a_number_for_a_barcode_has_no_pass(
    till: App, phone: Phone, number: str
) -> None:
    token = "t" * 22
    assert await till.cards.issue(NewCard(kind="x", number=number, token=token), Profile())
    page = await phone.call("GET", f"/c/{token}")
    assert page.status == 200
    assert f"/c/{token}/apple" not in page.text
    for wallet in ("apple", "google", "catima"):
        assert (await phone.call("GET", f"/c/{token}/{wallet}")).status == 404


async def test_an_unknown_card_has_no_pass(phone: Phone) -> None:
    for kind in ("apple", "google", "catima"):
        assert (await phone.call("GET", f"/c/{'A' * 22}/{kind}")).status == 404


async def test_certificates_that_run_out_are_said_in_the_log_not_on_the_phone(
    phone: Phone, clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    await phone.add()
    clock.move(days=301)
    assert (await phone.call("GET", f"{phone.card}/apple")).status == 503
    assert (await phone.authorised("GET", phone.mine)).status == 503
    assert "pass certificate ran out on" in caplog.text


async def test_a_till_with_another_team_s_certificate_does_not_start(
    home: Path, clock: HandClock, authority: Authority
) -> None:
    authority.write(home, authority.pass_party(team="OTHER12345"))
    with pytest.raises(PassCertificateError, match="is of team OTHER12345"):
        async with open_till(home, clock):
            pass


async def test_a_public_address_with_a_path_is_refused(tmp_path: Path, clock: HandClock) -> None:
    lay_out(tmp_path, **{"port = 0": 'port = 0\npublic_url = "https://card.example/v1"'})
    with pytest.raises(ConfigError, match="public_url"):
        async with open_till(tmp_path, clock):
            pass


async def test_without_a_public_address_a_pass_is_never_updated(
    home: Path, clock: HandClock
) -> None:
    config = home / "tillcard.toml"
    config.write_text(config.read_text().replace(f'public_url = "{ADDRESS}"', ""))
    jar = CookieJar(unsafe=True)
    async with open_till(home, clock) as till, ClientSession(cookie_jar=jar) as client:
        phone = Phone(till, client)
        await phone.join()
        await phone.add()
    assert "webServiceURL" not in phone.content
    assert "authenticationToken" not in phone.content


async def test_reports_of_devices_have_a_limit_of_their_own(phone: Phone, clock: HandClock) -> None:
    for _ in range(LOGS_MAX):
        assert (await phone.call("POST", "/passes/v1/log", {"logs": ["x"]})).status == 200
    refused = await phone.call("POST", "/passes/v1/log", {"logs": ["x"]})
    assert (refused.status, refused.headers["Retry-After"]) == (429, str(LOGS_PER_S))
    clock.move(seconds=LOGS_PER_S)
    assert (await phone.call("POST", "/passes/v1/log", {"logs": ["x"]})).status == 200
