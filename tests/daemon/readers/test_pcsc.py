"""Against a real pcscd with virtual readers; its cards come over TCP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack

import pytest

from card_formats.apdu import CommandApdu, Dialogue, ResponseApdu
from card_formats.chip.uid import read_uid
from card_formats.credential import Medium, Shown
from daemon.readers import Presented, ReaderState, Removed, StateChanged
from daemon.readers.errors import CardLostError, CardSilentError, NoCardError
from daemon.readers.pcsc import PcscLink, PcscReader, PcscWatch
from daemon.readers.reader_settings import PcscSettings
from daemon.readers.simulated.sample_cards import PlayedCard, TokenCard
from daemon.readers.simulated.vpcd import VpcdCard
from daemon.readers.supervisor import Supervisor
from tests.support.clock import HandClock
from tests.support.events import next_event, running, until_state
from tests.support.pcscd import Pcscd, until_card_is_seen

UID = bytes.fromhex("04A1B2C3D4E580")
OTHER_UID = bytes.fromhex("04FFEEDDCCBB80")
TAPS, TAP_S = 40, 0.1


def card(uid: bytes = UID) -> PlayedCard:
    return PlayedCard(TokenCard(uid))


def two_readers() -> Supervisor:
    watch, clock = PcscWatch(), HandClock()
    settings = [
        PcscSettings(name="left", device="Virtual PCD 00 00"),
        PcscSettings(name="right", device="Virtual PCD 00 01"),
    ]
    return Supervisor([PcscReader(one, clock, watch) for one in settings], clock)


@pytest.fixture
async def till(pcscd: Pcscd) -> AsyncIterator[Supervisor]:
    async with running(two_readers()) as supervisor:
        await until_state(supervisor, "left", ReaderState.READY)
        await until_state(supervisor, "right", ReaderState.READY)
        yield supervisor
        await both_empty(supervisor)


async def both_empty(till: Supervisor) -> None:
    """Wait for pcscd to see that the cards are gone; it would take the next ones for them."""
    await until_state(till, "left", ReaderState.READY)
    await until_state(till, "right", ReaderState.READY)


async def test_a_card_is_presented_with_uid_and_atr_and_then_removed(till: Supervisor) -> None:
    with VpcdCard(card()):
        event = await next_event(till, Presented)
        assert event.reader == "left"
        assert event.shown == Shown(Medium.CHIP, UID, TokenCard(UID).atr)
        assert till.states["left"] is ReaderState.CARD
        assert await till.converse("left", read_uid(), timeout_s=5) == UID
    assert (await next_event(till, Removed)).reader == "left"
    await until_state(till, "left", ReaderState.READY)
    with pytest.raises(NoCardError):
        await till.converse("left", read_uid(), timeout_s=5)


async def test_a_card_that_lies_there_at_the_start_is_presented(pcscd: Pcscd) -> None:
    with ExitStack() as stack:
        lying = stack.enter_context(VpcdCard(card(), slot=1))
        assert await asyncio.to_thread(lying.powered.wait, 10)
        async with running(two_readers()) as till:
            event = await next_event(till, Presented)
            assert (event.reader, event.shown.raw) == ("right", UID)
            stack.close()
            await both_empty(till)


async def test_a_card_torn_out_in_mid_dialogue_is_lost_and_removed(till: Supervisor) -> None:
    torn = card()
    with VpcdCard(torn):
        await next_event(till, Presented)
        torn.tear(after_exchanges=1)
        with pytest.raises(CardLostError):
            await till.converse("left", ask_for_the_uid(3), timeout_s=5)
        await next_event(till, Removed)


async def test_a_card_laid_down_at_once_after_a_tear_is_presented(till: Supervisor) -> None:
    """pcscd looks every 400 ms: it may find the second card where it left the first."""
    for uid in (UID, OTHER_UID, UID):
        torn = card(uid)
        with VpcdCard(torn):
            assert (await next_event(till, Presented)).shown.raw == uid
            torn.tear(after_exchanges=1)
            with pytest.raises(CardLostError):
                await till.converse("left", ask_for_the_uid(3), timeout_s=5)


def ask_for_the_uid(times: int) -> Dialogue[int]:
    for _ in range(times):
        answer: ResponseApdu = yield CommandApdu(cla=0xFF, ins=0xCA, p1=0, p2=0, le=256)
        assert answer.data in (UID, OTHER_UID)
    return times


async def test_a_card_that_never_answers_leaves_the_other_reader_working(
    till: Supervisor,
) -> None:
    silent = card()
    with VpcdCard(silent):
        await next_event(till, Presented)
        silent.hang()
        with pytest.raises(CardSilentError):
            await till.converse("left", read_uid(), timeout_s=0.2)
        assert till.states["left"] is ReaderState.STUCK
        with pytest.raises(CardSilentError):
            await till.converse("left", read_uid(), timeout_s=60)
        with VpcdCard(card(OTHER_UID), slot=1):
            event = await next_event(till, Presented)
            assert (event.reader, event.shown.raw) == ("right", OTHER_UID)
            assert await till.converse("right", read_uid(), timeout_s=5) == OTHER_UID
    await until_state(till, "left", ReaderState.READY)
    with VpcdCard(card()):
        assert (await next_event(till, Presented, reader="left")).shown.raw == UID


async def test_a_late_answer_frees_the_reader_and_the_card_is_presented_again(
    till: Supervisor,
) -> None:
    slow = card()
    with VpcdCard(slow):
        await next_event(till, Presented)
        slow.hang()
        with pytest.raises(CardSilentError):
            await till.converse("left", read_uid(), timeout_s=0.2)
        slow.answer()
        assert (await next_event(till, Presented)).shown.raw == UID
        await until_state(till, "left", ReaderState.CARD)


async def test_forty_quick_taps_on_one_reader_hide_neither_the_last_nor_the_other(
    till: Supervisor,
) -> None:
    for _ in range(TAPS):
        with VpcdCard(card()) as tapped:
            await asyncio.to_thread(tapped.powered.wait, TAP_S)
    with VpcdCard(card(OTHER_UID), slot=1):
        assert (await next_event(till, Presented, reader="right")).shown.raw == OTHER_UID
    await both_empty(till)
    with VpcdCard(card(OTHER_UID)):
        assert (await next_event(till, Presented, reader="left")).shown.raw == OTHER_UID


async def test_pcscd_may_be_killed_and_started_again(pcscd: Pcscd, till: Supervisor) -> None:
    pcscd.kill()
    await until_state(till, "left", ReaderState.ABSENT)
    await until_state(till, "right", ReaderState.ABSENT)
    assert till.details["left"] in ("pcscd went away", "pcscd is not running")
    await asyncio.to_thread(pcscd.start)
    await until_state(till, "left", ReaderState.READY)
    with VpcdCard(card()):
        assert (await next_event(till, Presented)).shown.raw == UID


async def test_pcscd_killed_under_a_card_that_hangs_comes_back_usable(
    pcscd: Pcscd, till: Supervisor
) -> None:
    silent = card()
    with VpcdCard(silent):
        await next_event(till, Presented)
        silent.hang()
        with pytest.raises(CardSilentError):
            await till.converse("left", read_uid(), timeout_s=0.2)
        pcscd.kill()
        await until_state(till, "left", ReaderState.ABSENT)
    await asyncio.to_thread(pcscd.start)
    await until_state(till, "left", ReaderState.READY)
    with VpcdCard(card()):
        assert (await next_event(till, Presented)).shown.raw == UID


async def test_a_till_may_start_before_pcscd(pcscd: Pcscd) -> None:
    pcscd.kill()
    async with running(two_readers()) as till:
        absent = await next_event(till, StateChanged, reader="right")
        assert absent == StateChanged("right", ReaderState.ABSENT, "pcscd is not running")
        await asyncio.to_thread(pcscd.start)
        await until_state(till, "right", ReaderState.READY)
        with VpcdCard(card(), slot=1):
            assert (await next_event(till, Presented)).shown.raw == UID
        await both_empty(till)


async def test_a_reader_that_is_not_named_takes_what_no_other_table_names(pcscd: Pcscd) -> None:
    watch, clock = PcscWatch(), HandClock()
    settings = [
        PcscSettings(name="any"),
        PcscSettings(name="left", device="Virtual PCD 00 00"),
        PcscSettings(name="missing", device="ACR1252"),
    ]
    till = Supervisor([PcscReader(one, clock, watch) for one in settings], clock)
    async with running(till):
        absent = await next_event(till, StateChanged, reader="missing")
        assert absent.detail == "no reader named like 'ACR1252'"
        await until_state(till, "any", ReaderState.READY)
        await until_state(till, "left", ReaderState.READY)
        with VpcdCard(card(), slot=1):
            assert (await next_event(till, Presented)).reader == "any"
        await until_state(till, "any", ReaderState.READY)


async def test_a_card_that_another_program_holds_is_denied_until_it_lets_go(
    pcscd: Pcscd,
) -> None:
    with VpcdCard(card()) as held:
        await asyncio.to_thread(until_card_is_seen, "Virtual PCD 00 00")
        others = PcscLink("Virtual PCD 00 00")
        async with running(two_readers()) as till:
            await until_state(till, "left", ReaderState.DENIED)
            assert till.details["left"] == "another program holds the card"
            others.close()
            assert (await next_event(till, Presented)).shown.raw == UID
            held.leave()
            await both_empty(till)
