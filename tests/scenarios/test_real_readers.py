"""A whole till on a real pcscd and a real serial line, from the card to the sale."""

import re
from pathlib import Path

import aiohttp
import pytest

from daemon.readers.simulated.pseudo_terminal import Terminal
from daemon.readers.simulated.sample_cards import PlayedCard, TokenCard
from daemon.readers.simulated.vpcd import VpcdCard
from tests.scenarios.baskets import BASKET
from tests.support.clock import HandClock
from tests.support.pcscd import Pcscd
from tests.support.till import CHIP_UID, PLASTIC, Pos, audited, lay_out, open_till
from tests.web.decode import read_codes, to_picture
from web.phone.code_images import CodeKind, ImageFormat

HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')
SIMULATED = {
    "chip": ('kind = "simulated"\ndevice = "chip"', 'kind = "pcsc"\ndevice = "Virtual PCD 00 00"'),
    "scanner": ('kind = "simulated"\ndevice = "scanner"', 'kind = "serial"\ndevice = "{port}"'),
}


async def wait_until_ready(pos: Pos, reader: str) -> None:
    await pos.call("events.subscribe", from_seq=1)
    while True:
        event = await pos.event("reader.state")
        if (event["reader"], event["state"]) == (reader, "ready"):
            return


async def test_a_chip_on_a_real_pcscd_is_its_customer_s_and_a_sale_is_made_with_it(
    pcscd: Pcscd, tmp_path: Path
) -> None:
    lay_out(tmp_path, **dict([SIMULATED["chip"]]))
    async with open_till(tmp_path, HandClock()) as app, Pos.connect(app.socket) as pos:
        await wait_until_ready(pos, "chip")
        with VpcdCard(PlayedCard(TokenCard(bytes.fromhex(CHIP_UID)))):
            assert (await pos.event("card.presented"))["reader"] == "chip"
            identified = await pos.call("card.identify", reader="chip")
            assert (identified["name"], identified["trust"]) == ("Taras", "uid")
            sale = {"sale_id": "s1", "presentation": identified["presentation"], "lines": BASKET}
            assert (await pos.call("sale.commit", **sale))["state"] == "posted"
        assert (await pos.event("card.removed"))["reader"] == "chip"
    assert audited(tmp_path).findings == ()


@pytest.mark.parametrize(
    "sent", [f"]E0{PLASTIC}\r", f"{PLASTIC}\r\n", f"]C0{PLASTIC}\r", f"]Q1{PLASTIC}\n"]
)
async def test_a_serial_scanner_s_bytes_lead_to_the_customer(sent: str, tmp_path: Path) -> None:
    terminal = Terminal(tmp_path / "scanner")
    terminal.plug()
    old, new = SIMULATED["scanner"]
    lay_out(tmp_path, **{old: new.format(port=tmp_path / "scanner")})
    try:
        async with open_till(tmp_path, HandClock()) as app, Pos.connect(app.socket) as pos:
            await wait_until_ready(pos, "scanner")
            terminal.send(sent.encode())
            await pos.event("card.presented")
            assert (await pos.call("card.identify", reader="scanner"))["name"] == "Olena"
    finally:
        terminal.unplug()


@pytest.mark.parametrize("image", ImageFormat, ids=str)
@pytest.mark.parametrize("kind", CodeKind, ids=str)
async def test_a_phone_card_is_drawn_decoded_by_another_s_decoder_scanned_and_sold_with(
    kind: CodeKind, image: ImageFormat, tmp_path: Path
) -> None:
    terminal = Terminal(tmp_path / "scanner")
    terminal.plug()
    old, new = SIMULATED["scanner"]
    lay_out(tmp_path, **{old: new.format(port=tmp_path / "scanner")})
    aim = {CodeKind.QR: "]Q1", CodeKind.CODE128: "]C0", CodeKind.EAN13: "]E0"}[kind]
    try:
        async with open_till(tmp_path, HandClock()) as app, Pos.connect(app.socket) as pos:
            await wait_until_ready(pos, "scanner")
            page, picture = await join(app.web_url, kind, image)
            (code,) = read_codes(to_picture(picture, image), kind)
            terminal.send(f"{aim}{code}\r".encode())
            assert (await pos.event("card.presented"))["medium"] == "barcode"
            identified = await pos.call("card.identify", reader="scanner")
            assert identified["name"] == "Марія"
            sale = {"sale_id": "s1", "presentation": identified["presentation"], "lines": BASKET}
            posted = await pos.call("sale.commit", **sale)
            assert posted["balances"] == {"bonus": {"available": 3_500, "pending": 0}}
            async with aiohttp.ClientSession() as phone, phone.get(page) as response:
                assert "35.00" in await response.text()
    finally:
        terminal.unplug()


async def join(url: str, kind: CodeKind, image: ImageFormat) -> tuple[str, bytes]:
    """Fill in the form; return the card page's address and the picture of its code."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as phone:
        async with phone.get(f"{url}/join") as response:
            hidden = dict(HIDDEN.findall(await response.text()))
        form = hidden | {"name": "Марія", "personal_data": "yes"}
        async with phone.post(f"{url}/join", data=form) as response:
            assert response.status == 200, await response.text()
            page = str(response.url)
        path = page.partition("?")[0]
        async with phone.get(f"{path}/code.{image}?kind={kind}") as response:
            assert response.status == 200
            return page, await response.read()
