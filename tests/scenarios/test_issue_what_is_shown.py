"""Issuing a card by what stands on it, however that is written, or by what lies at the reader."""

import pytest

from daemon.app.running import App
from tests.scenarios.shops import FRIEND, override, refusal
from tests.support.clock import HandClock
from tests.support.pos import refused
from tests.support.till import CHIP_UID, PHONE, PLASTIC, Pos

UID = "04DEADBEEF1280"
SPELT = ("04:de:ad:be:ef:12:80", "04 DE AD BE EF 12 80", "04-de-ad-be-ef-12-80", f"0x{UID}")
TAKEN = (1017, "number_taken")


@pytest.mark.parametrize("uid", SPELT)
async def test_a_uid_is_one_uid_however_it_is_written(pos: Pos, uid: str) -> None:
    issued = await pos.call("card.issue", request_id="i1", kind="chip", uid=uid)
    for spelt in (UID, UID.lower(), *SPELT):
        shown = await pos.call("card.show", card=spelt)
        assert shown["account"] == issued["account"]
        again = {"request_id": "i2", "uid": spelt}
        assert await refusal(pos, "card.issue", **again) == TAKEN
    await pos.call("card.block", request_id="b1", card=uid, by="anna", reason="lost")


@pytest.mark.parametrize(
    ("uid", "word"),
    [
        ("08A1B2C3", "another number at every tap"),
        ("04A1B2C3D4", "4, 7 or 10 bytes"),
        ("04A1B2C3D4E58", "hex"),
        ("no uid", "hex"),
    ],
)
async def test_what_is_no_uid_is_refused_beside_its_field(pos: Pos, uid: str, word: str) -> None:
    for method, more in (("card.issue", {}), ("card.replace", {"card": PLASTIC} | override())):
        error = await refused(pos, method, request_id="i1", uid=uid, **more)
        assert error.code == -32602
        assert "uid" in error.message
        assert word in error.message


async def test_the_chip_that_lies_at_the_reader_is_issued(pos: Pos) -> None:
    await pos.call("events.subscribe")
    blank = {"request_id": "i1", "kind": "chip", "reader": "chip"}
    assert await refusal(pos, "card.issue", **blank) == (204, "no_card")
    await pos.call("input.simulate", reader="chip", do="present", card="chip")
    await pos.event("card.presented")
    assert await refusal(pos, "card.issue", **blank) == TAKEN, "the sample chip has an owner"
    await pos.call("input.simulate", reader="chip", do="remove")
    await pos.call("input.simulate", reader="chip", do="present", data=f"hex:{UID}")
    terms = blank | {"profile": {"name": "Petro"}}
    issued = await pos.call("card.issue", **terms)
    assert (await pos.call("card.show", card=UID))["account"] == issued["account"]
    assert (await pos.call("card.identify", reader="chip"))["name"] == "Petro"
    await pos.call("input.simulate", reader="chip", do="remove")
    again = await pos.call("card.issue", **terms)
    assert (again["replayed"], again["account"]) == (True, issued["account"])


async def test_the_number_that_was_scanned_is_issued(pos: Pos, clock: HandClock) -> None:
    terms = {"request_id": "i1", "reader": "scanner"}
    await pos.call("input.simulate", reader="scanner", do="scan", data=f"]C0{FRIEND}")
    assert (await pos.call("card.issue", **terms))["number"] == FRIEND
    await pos.call("input.simulate", reader="scanner", do="scan", data="]E04006381333931")
    product = await refusal(pos, "card.issue", request_id="i2", reader="scanner")
    assert product == (204, "no_card")
    await pos.call("input.simulate", reader="scanner", do="scan", data="]C02900000000033")
    misread = await refusal(pos, "card.issue", request_id="i3", reader="scanner")
    assert misread == (1015, "misread")
    both = {"reader": "scanner", "number": FRIEND}
    assert await refusal(pos, "card.issue", request_id="i4", **both) == (-32602, "invalid_params")


async def test_a_reader_that_another_client_has_claimed_issues_nothing(till: App, pos: Pos) -> None:
    unknown = await refusal(pos, "card.issue", request_id="i1", reader="attic")
    assert unknown == (-32602, "invalid_params")
    async with Pos.connect(till.socket) as other:
        await other.call("reader.claim", reader="scanner", ttl_s=60)
        assert (await refusal(pos, "card.issue", request_id="i1", reader="scanner"))[0] == 102


async def test_nothing_that_was_sent_is_dropped_in_silence(pos: Pos) -> None:
    family = {"request_id": "i1", "number": FRIEND, "with_card": PLASTIC} | override()
    error = await refused(pos, "card.issue", **family, profile={"name": "Petro"})
    assert error.code == -32602
    assert "profile" in error.message
    assert (await pos.call("card.issue", **family))["number"] == FRIEND
    assert (await pos.call("card.show", card=FRIEND))["name"] == "Olena"
    two = {"request_id": "i2", "number": PHONE, "uid": CHIP_UID}
    assert await refusal(pos, "card.issue", **two) == TAKEN
