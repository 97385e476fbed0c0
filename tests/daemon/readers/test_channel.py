import asyncio
import logging
import threading
from collections.abc import Callable

import pytest

from card_formats.apdu import CommandApdu, Dialogue
from card_formats.chip.uid import read_uid
from card_formats.errors import CardFormatError
from daemon.readers.channel import ABANDONED_MAX, CardChannel
from daemon.readers.errors import CardLostError, CardSilentError
from daemon.readers.traffic import TRAFFIC

WAIT_S = 10


class FakeLink:
    """A card whose answers are given by ``answer``; it notes what is done to it."""

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self._answer = answer
        self.sent: list[bytes] = []
        self.closed = threading.Event()
        self.had_left = False

    def transmit(self, command: bytes) -> bytes:
        self.sent.append(command)
        return self._answer(command)

    def close(self, *, has_left: bool = False) -> None:
        self.had_left = has_left
        self.closed.set()


class Gate:
    """A card that stops at its first command until it is let go."""

    def __init__(self) -> None:
        self.reached, self.open = threading.Event(), threading.Event()

    def __call__(self, command: bytes) -> bytes:
        self.reached.set()
        assert self.open.wait(WAIT_S)
        return b"\x90\x00"


def write(steps: int) -> Dialogue[str]:
    for step in range(steps):
        yield CommandApdu(cla=0, ins=0xD6, p1=0, p2=step, data=b"a")
    return "written"


async def test_a_dialogue_returns_what_it_made_of_the_answers() -> None:
    link = FakeLink(lambda command: b"\x04\x01\x02\x03\x90\x00")
    channel = CardChannel(lambda: link, name="test")
    assert await channel.converse(read_uid(), timeout_s=WAIT_S) == b"\x04\x01\x02\x03"
    assert link.sent == [bytes.fromhex("FFCA000000")]
    await channel.close()
    assert link.closed.is_set()


async def test_cancelling_a_write_lets_the_card_finish_it() -> None:
    gate = Gate()
    link = FakeLink(gate)
    channel = CardChannel(lambda: link, name="test")
    writing = asyncio.create_task(channel.converse(write(3), timeout_s=WAIT_S))
    await asyncio.to_thread(gate.reached.wait, WAIT_S)
    for _ in range(2):  # whoever insists waits too
        writing.cancel()
        await asyncio.sleep(0)
    gate.open.set()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert len(link.sent) == 3
    await channel.close()


async def test_cancelling_does_not_wait_for_a_card_that_never_answers() -> None:
    gate = Gate()
    channel = CardChannel(lambda: FakeLink(gate), name="test")
    writing = asyncio.create_task(channel.converse(write(1), timeout_s=0.05))
    await asyncio.to_thread(gate.reached.wait, WAIT_S)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert channel.stuck
    gate.open.set()


async def test_the_deadline_is_each_exchange_s_own() -> None:
    """Thirty exchanges take longer than the deadline together, and none does alone."""
    pause = threading.Event()

    def answer_slowly(command: bytes) -> bytes:
        pause.wait(0.05)
        return b"\x90\x00"

    channel = CardChannel(lambda: FakeLink(answer_slowly), name="test")
    assert await channel.converse(write(30), timeout_s=1) == "written"
    await channel.close()


async def test_a_late_answer_leads_to_no_further_command_and_frees_the_channel() -> None:
    gate, recovered = Gate(), asyncio.Event()
    link = FakeLink(gate)
    channel = CardChannel(lambda: link, name="test", on_recovered=recovered.set)
    with pytest.raises(CardSilentError):
        await channel.converse(write(3), timeout_s=0.05)
    with pytest.raises(CardSilentError):
        await channel.converse(write(3), timeout_s=WAIT_S)
    gate.open.set()
    async with asyncio.timeout(WAIT_S):
        await recovered.wait()
    assert len(link.sent) == 1
    assert link.closed.is_set()
    assert await channel.converse(write(2), timeout_s=WAIT_S) == "written"
    await channel.close()


@pytest.mark.parametrize("has_left", [True, False])
async def test_a_card_that_left_while_its_thread_hung_is_left_alone_when_it_returns(
    has_left: bool,
) -> None:
    gate, recovered = Gate(), asyncio.Event()
    hanging, following = FakeLink(gate), FakeLink(lambda command: b"\x90\x00")
    links = iter((hanging, following))
    channel = CardChannel(lambda: next(links), name="test", on_recovered=recovered.set)
    with pytest.raises(CardSilentError):
        await channel.converse(write(1), timeout_s=0.05)
    if has_left:
        channel.release()
        assert channel.renew()
        assert await channel.converse(write(2), timeout_s=WAIT_S) == "written"
    gate.open.set()
    assert await asyncio.to_thread(hanging.closed.wait, WAIT_S)
    assert hanging.had_left == has_left, "a reset would meet the card that lies there now"
    await channel.close(has_left=has_left)
    if has_left:
        assert following.had_left


async def test_threads_that_hang_are_replaced_up_to_a_limit() -> None:
    gate, recovered = Gate(), asyncio.Event()
    channel = CardChannel(lambda: FakeLink(gate), name="test", on_recovered=recovered.set)
    for _ in range(ABANDONED_MAX):
        assert channel.renew()
        with pytest.raises(CardSilentError):
            await channel.converse(write(1), timeout_s=0.02)
    assert not channel.renew()
    gate.open.set()
    async with asyncio.timeout(WAIT_S):
        await recovered.wait()
    assert not channel.stuck


async def test_a_lost_card_is_let_go_and_the_next_dialogue_connects_anew() -> None:
    def lose(command: bytes) -> bytes:
        raise CardLostError("torn")

    links = [FakeLink(lose), FakeLink(lambda command: b"\x90\x00")]
    connections = iter(links)
    channel = CardChannel(lambda: next(connections), name="test")
    with pytest.raises(CardLostError):
        await channel.converse(write(2), timeout_s=WAIT_S)
    assert links[0].closed.is_set()
    assert await channel.converse(write(2), timeout_s=WAIT_S) == "written"
    await channel.close()


async def test_what_the_dialogue_finds_wrong_reaches_who_asked() -> None:
    channel = CardChannel(lambda: FakeLink(lambda command: b"\x69"), name="test")
    with pytest.raises(CardFormatError) as caught:
        await channel.converse(write(1), timeout_s=WAIT_S)
    assert caught.value.code == "apdu.short"
    await channel.close()


@pytest.mark.parametrize("has_left", [True, False])
async def test_the_link_is_told_whether_the_card_that_it_lets_go_has_left(has_left: bool) -> None:
    link = FakeLink(lambda command: b"\x90\x00")
    channel = CardChannel(lambda: link, name="test")
    await channel.converse(write(1), timeout_s=WAIT_S)
    if has_left:
        channel.release()
        assert await asyncio.to_thread(link.closed.wait, WAIT_S)
    await channel.close()
    assert link.had_left is has_left


async def test_traffic_is_logged_with_its_data_masked(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(TRAFFIC, "tillcard.traffic")
    channel = CardChannel(
        lambda: FakeLink(lambda c: bytes.fromhex("04A1B2C3D4E580 9000")), name="chip"
    )
    await channel.converse(read_uid(), timeout_s=WAIT_S)
    await channel.close()
    assert caplog.messages == ["chip > FFCA0000 - < 04A1…E580 9000"]
    assert caplog.records[0].levelno == TRAFFIC < logging.DEBUG
