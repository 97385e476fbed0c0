"""Cables, names and rights, on a real pcscd behind calls that can be made to fail."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from smartcard import scard

from card_formats.chip.uid import read_uid
from daemon.readers import Presented, ReaderState, Removed, StateChanged
from daemon.readers.chip import UID_TIMEOUT_S
from daemon.readers.errors import CardLostError, ReaderLostError
from daemon.readers.pcsc import PcscLink, PcscReader, PcscWatch
from daemon.readers.reader_settings import PcscSettings
from daemon.readers.simulated.sample_cards import PlayedCard, TokenCard
from daemon.readers.simulated.vpcd import VpcdCard
from daemon.readers.supervisor import Supervisor
from tests.support.clock import HandClock
from tests.support.events import next_event, running, until_state
from tests.support.faulty_scard import FaultyScard
from tests.support.pcscd import Pcscd

UID = bytes.fromhex("04A1B2C3D4E580")
LEFT, RIGHT = "Virtual PCD 00 00", "Virtual PCD 00 01"
ACR = "ACS ACR1252 Dual Reader [ACR1252 Dual Reader PICC] (RR123-000001) 00 00"
ACR_MOVED = "ACS ACR1252 Dual Reader [ACR1252 Dual Reader PICC] (RR123-000001) 02 00"
ACR_SAM = "ACS ACR1252 Dual Reader [ACR1252 Dual Reader SAM] (RR123-000001) 01 00"
OTHER = "OMNIKEY 5022 (KN-000007) 00 00"
AT_ONCE_S = 8.0  # far less than a wait, far more than a busy machine needs


@pytest.fixture
def calls(pcscd: Pcscd) -> FaultyScard:
    calls = FaultyScard()
    calls.show(LEFT, ACR)
    calls.show(RIGHT, OTHER)
    return calls


def supervised(calls: FaultyScard, **devices: str) -> Supervisor:
    watch, clock = PcscWatch(calls), HandClock()
    settings = [PcscSettings(name=name, device=device) for name, device in devices.items()]
    return Supervisor([PcscReader(one, clock, watch) for one in settings], clock)


@pytest.fixture
async def till(calls: FaultyScard) -> AsyncIterator[Supervisor]:
    async with running(supervised(calls, acr="PICC] (RR123-000001)", other="KN-000007")) as till:
        await until_state(till, "acr", ReaderState.READY)
        await until_state(till, "other", ReaderState.READY)
        yield till


async def acr_is(till: Supervisor, state: ReaderState, *, within_s: float) -> None:
    async with asyncio.timeout(within_s):
        await until_state(till, "acr", state)


async def test_an_unplugged_reader_is_absent_at_once_and_back_at_once(
    calls: FaultyScard, till: Supervisor
) -> None:
    for _ in range(3):
        calls.show(LEFT, "")
        await acr_is(till, ReaderState.ABSENT, within_s=AT_ONCE_S)
        assert till.details["acr"] == "the reader was unplugged"
        with pytest.raises(ReaderLostError):
            await till.converse("acr", read_uid(), timeout_s=1)
        calls.show(LEFT, ACR)
        await acr_is(till, ReaderState.READY, within_s=AT_ONCE_S)
    assert till.states["other"] is ReaderState.READY
    with VpcdCard(PlayedCard(TokenCard(UID))):
        assert (await next_event(till, Presented)).reader == "acr"
    await until_state(till, "acr", ReaderState.READY)


async def test_a_hub_that_resets_gives_the_readers_back_in_another_order(
    calls: FaultyScard, till: Supervisor
) -> None:
    calls.show(LEFT, "")
    calls.show(RIGHT, "")
    await acr_is(till, ReaderState.ABSENT, within_s=AT_ONCE_S)
    await until_state(till, "other", ReaderState.ABSENT)
    calls.show(RIGHT, OTHER)
    calls.show(LEFT, ACR_MOVED)
    await acr_is(till, ReaderState.READY, within_s=AT_ONCE_S)
    await until_state(till, "other", ReaderState.READY)
    with VpcdCard(PlayedCard(TokenCard(UID))):
        assert (await next_event(till, Presented)).reader == "acr"
    await until_state(till, "acr", ReaderState.READY)


async def test_a_reader_that_leaves_with_its_card_reports_the_card_when_it_is_back(
    calls: FaultyScard, till: Supervisor
) -> None:
    with VpcdCard(PlayedCard(TokenCard(UID))):
        await next_event(till, Presented, reader="acr")
        calls.show(LEFT, "")
        await acr_is(till, ReaderState.ABSENT, within_s=AT_ONCE_S)
        calls.show(LEFT, ACR)
        assert (await next_event(till, Presented, patience_s=AT_ONCE_S)).shown.raw == UID
    await until_state(till, "acr", ReaderState.READY)


async def test_a_card_that_has_left_is_not_reset_it_might_be_the_next_customer_s(
    calls: FaultyScard,
) -> None:
    async with running(supervised(calls, acr="RR123")) as till:
        with VpcdCard(PlayedCard(TokenCard(UID))):
            await next_event(till, Presented)
        await next_event(till, Removed)
        with VpcdCard(PlayedCard(TokenCard(UID))):
            await next_event(till, Presented)  # behind the first card's end
            assert calls.let_go_as == [scard.SCARD_LEAVE_CARD]
        await until_state(till, "acr", ReaderState.READY)


class Fleeting:
    """pcscd's calls, with a card that is connected to and leaves before it can be held."""

    def __init__(self) -> None:
        self.let_go_as: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(scard, name)

    def SCardEstablishContext(self, scope: int) -> tuple[int, int]:  # noqa: N802
        return scard.SCARD_S_SUCCESS, 1

    def SCardConnect(self, *asked: object) -> tuple[int, int, int]:  # noqa: N802
        return scard.SCARD_S_SUCCESS, 2, scard.SCARD_PROTOCOL_T1

    def SCardBeginTransaction(self, card: int) -> int:  # noqa: N802
        return int(scard.SCARD_W_REMOVED_CARD)

    def SCardDisconnect(self, card: int, end: int) -> int:  # noqa: N802
        self.let_go_as.append(end)
        return int(scard.SCARD_S_SUCCESS)

    def SCardReleaseContext(self, context: int) -> int:  # noqa: N802
        self.let_go_as += [] if self.let_go_as else [scard.SCARD_RESET_CARD]  # as pcscd does
        return int(scard.SCARD_S_SUCCESS)


def test_a_card_that_leaves_while_it_is_connected_to_is_not_reset() -> None:
    calls = Fleeting()
    with pytest.raises(CardLostError):
        PcscLink("any", calls)
    assert calls.let_go_as == [scard.SCARD_LEAVE_CARD]


async def test_a_user_whom_polkit_refuses_is_told_so_and_works_once_the_rule_is_there(
    calls: FaultyScard,
) -> None:
    calls.refused = scard.SCARD_W_SECURITY_VIOLATION
    async with running(supervised(calls, acr="RR123")) as till:
        await acr_is(till, ReaderState.DENIED, within_s=AT_ONCE_S)
        assert till.details["acr"] == "this user may not use card readers: see the polkit rule"
        calls.refused = scard.SCARD_S_SUCCESS
        await acr_is(till, ReaderState.READY, within_s=AT_ONCE_S)


async def test_a_reader_that_hangs_is_stuck_and_the_other_one_goes_on(
    calls: FaultyScard, till: Supervisor
) -> None:
    calls.hung.set()
    with VpcdCard(PlayedCard(TokenCard(UID))):
        await acr_is(till, ReaderState.STUCK, within_s=UID_TIMEOUT_S + AT_ONCE_S)
        assert till.details["acr"] == "the card does not answer"
        calls.hung.clear()
        with VpcdCard(PlayedCard(TokenCard(UID)), slot=1):
            assert (await next_event(till, Presented)).reader == "other"
        calls.let_go.set()
        assert (await next_event(till, Presented, reader="acr")).shown.raw == UID
    await until_state(till, "acr", ReaderState.READY)
    await until_state(till, "other", ReaderState.READY)


async def test_the_slot_of_the_shop_s_own_key_card_is_no_reader_for_customers(
    calls: FaultyScard,
) -> None:
    calls.show(RIGHT, ACR_SAM)
    async with running(supervised(calls, acr="", second="")) as till:
        await until_state(till, "acr", ReaderState.READY)
        absent = await next_event(till, StateChanged, reader="second")
        assert absent == StateChanged("second", ReaderState.ABSENT, "no card reader")


async def test_the_slot_of_a_key_card_may_be_named(calls: FaultyScard) -> None:
    calls.show(RIGHT, ACR_SAM)
    async with running(supervised(calls, acr="SAM] (RR123-000001)")) as till:
        await until_state(till, "acr", ReaderState.READY)
        with VpcdCard(PlayedCard(TokenCard(UID)), slot=1):
            assert (await next_event(till, Presented)).reader == "acr"
        await until_state(till, "acr", ReaderState.READY)
