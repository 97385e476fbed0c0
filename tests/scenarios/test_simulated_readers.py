"""``input.simulate`` over the socket: every kind of reader, and an answer that can be built on."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import get_args

import pytest

from card_formats.credential import Medium
from daemon.app.running import App
from daemon.pos.protocol import SimulatedAction
from daemon.readers.simulated.simulator import KINDS
from tests.support.clock import HandClock
from tests.support.till import Pos, RefusedByTillError, lay_out_all_readers, open_till

CARDS = {Medium.BARCODE: "plastic", Medium.STRIPE: "stripe", Medium.TYPED: "plastic"}
STRIPE = "7700770000000014"


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[App]:
    lay_out_all_readers(tmp_path)
    async with open_till(tmp_path, HandClock()) as app:
        yield app


@pytest.mark.parametrize("reader", KINDS)
async def test_a_card_may_be_asked_about_as_soon_as_it_was_played(pos: Pos, reader: str) -> None:
    kind = KINDS[reader]
    if kind.medium is Medium.STRIPE:
        await pos.call("card.issue", request_id="i1", number=STRIPE)
    await pos.call("input.simulate", reader=reader, do=kind.verb, card=CARDS[kind.medium])
    identified = await pos.call("card.identify", reader=reader)
    assert identified["medium"] == kind.medium
    assert identified["card"] in ("2900…0018", "7700…0014")


async def test_a_chip_may_be_asked_about_as_soon_as_it_lies_there(pos: Pos) -> None:
    await pos.call("input.simulate", reader="chip", do="present", card="chip")
    assert (await pos.call("card.identify", reader="chip"))["name"] == "Taras"
    await pos.call("input.simulate", reader="chip", do="remove")
    with pytest.raises(RefusedByTillError, match="Show a card"):
        await pos.call("card.identify", reader="chip")


@pytest.mark.parametrize("reader", ["chip", "scanner", "pos-scanner"])
async def test_a_reader_is_absent_when_unplug_is_answered_and_there_when_plug_is(
    pos: Pos, reader: str
) -> None:
    for do, expected in (("unplug", "absent"), ("unplug", "absent"), ("plug", "ready")):
        await pos.call("input.simulate", reader=reader, do=do)
        states = {r["name"]: r["state"] for r in (await pos.call("status"))["readers"]}
        assert states[reader] == expected


async def test_bytes_that_cause_nothing_are_answered_too(pos: Pos) -> None:
    await pos.call("input.simulate", reader="scanner", do="scan", data="hex:0D")


async def test_everything_that_a_reader_can_be_made_to_do_can_be_asked_for(pos: Pos) -> None:
    simulated = (await pos.call("status"))["simulated"]
    assert set(simulated["readers"]) == {"chip", *KINDS}
    asked = {do for device in (await actions(pos)).values() for do in device}
    assert asked == set(get_args(SimulatedAction))


async def test_a_word_that_is_none_is_answered_with_those_that_are(pos: Pos) -> None:
    with pytest.raises(RefusedByTillError) as refused:
        await pos.call("input.simulate", reader="scanner", do="jump")
    assert refused.value.message.startswith("do: 'jump' is not one of 'present', 'remove', ")


async def actions(pos: Pos) -> dict[str, list[str]]:
    """Return what each reader can, as it says when asked for what it cannot."""
    found = {}
    for reader in (await pos.call("status"))["simulated"]["readers"]:
        wrong = "scan" if reader == "chip" else "present"
        with pytest.raises(RefusedByTillError) as refused:
            await pos.call("input.simulate", reader=reader, do=wrong)
        found[reader] = refused.value.message.partition("it can ")[2].rstrip(".").split()
    return found


async def test_what_a_simulated_reader_cannot_show_is_the_caller_s_mistake(tmp_path: Path) -> None:
    lay_out_all_readers(tmp_path)
    async with open_till(tmp_path, HandClock()) as app, Pos.connect(app.socket) as pos:
        for reader, do, data, said in (
            ("msr605-stripe", "swipe", "hex:ff00", "data: "),
            ("msr605-stripe", "swipe", "Ж", "data: "),
            ("magtek-stripe", "swipe", f";{'1' * 200}?", "data: "),
            ("keyboard-scanner", "scan", "hex:ff00", "data: a keyboard types text"),
            ("chip", "present", "04112233445566", "data: a UID is bytes; write it such as hex:"),
        ):
            with pytest.raises(RefusedByTillError) as refused:
                await pos.call("input.simulate", reader=reader, do=do, data=data)
            assert refused.value.code == -32602, (reader, data)
            assert said in refused.value.message


@pytest.mark.parametrize("method", ["card.identify", "reader.claim", "reader.release"])
async def test_a_reader_that_is_not_configured_is_a_wrong_parameter_and_no_broken_device(
    pos: Pos, method: str
) -> None:
    params = {"reader": "nope", **({"ttl_s": 60} if method == "reader.claim" else {})}
    with pytest.raises(RefusedByTillError) as refused:
        await pos.call(method, **params)
    assert (refused.value.code, refused.value.data["retryable"]) == (-32602, False)
    assert "reader: there is no reader 'nope'; configured: chip, " in refused.value.message
