"""Torn at any exchange a card has the old state or the new, and the log says what was said."""

import asyncio
from collections.abc import Callable

import msgspec
import pytest

from daemon.readers.chip import Slot
from daemon.readers.errors import CardLostError
from daemon.readers.simulated.chip_reader import Field, FieldLink
from daemon.readers.simulated.desfire.card import DesfireCard
from daemon.readers.simulated.desfire.card_files import DataFile, RecordFile, ValueFile
from daemon.readers.simulated.desfire.faults import Exchange, Fault, FaultyCard
from daemon.readers.simulated.desfire.memory import Memory
from tests.daemon.readers.simulated.desfire.cards import AID, KEYS, UID, card, seeded
from tests.daemon.readers.simulated.desfire.reader import FULL, Reader
from tests.daemon.readers.simulated.desfire.test_sessions import purse_files

CHANNELS = pytest.mark.parametrize("kind", ["ev1", "ev2"])
PURCHASE_EXCHANGES, COMMIT_EXCHANGE = 7, 7
GET_UID = bytes.fromhex("FFCA000000")


def purchase(model: FaultyCard, kind: str) -> None:
    """Debit, write the record and the state, commit: seven exchanges."""
    reader = Reader(model, wrapped=True)
    reader.select(AID)
    reader.authenticate(kind, 2, KEYS[2])
    reader.change_value(0xDC, 1, 30, FULL)
    reader.write(3, 0, b"record".ljust(28), FULL, ins=0x3B)
    reader.write(2, 0, b"state".ljust(28), FULL)
    reader.commit()


def holdings(memory: Memory) -> tuple[int, bytes, int]:
    """Return the balance, the state, and the number of records."""
    files = memory.applications[AID].files
    purse, state, history = files[1], files[2], files[3]
    assert isinstance(purse, ValueFile)
    assert isinstance(state, DataFile)
    assert isinstance(history, RecordFile)
    return purse.value, state.content.rstrip(b"\0 "), len(history.records)


OLD, NEW = (100, b"", 0), (70, b"state", 1)


@CHANNELS
def test_a_purchase_without_misfortune_is_seven_exchanges_and_all_are_in_the_log(
    kind: str,
) -> None:
    faulty = FaultyCard(card(purse_files()))
    purchase(faulty, kind)
    assert faulty.count == PURCHASE_EXCHANGES
    assert faulty.exchanges[0] == Exchange(
        bytes.fromhex("905A000003") + AID.to_bytes(3, "little") + b"\0", bytes.fromhex("9100")
    )
    assert all(exchange.answer is not None for exchange in faulty.exchanges)


@CHANNELS
@pytest.mark.parametrize("fault", [Fault.TORN_BEFORE, Fault.TORN_AFTER, Fault.ANSWER_LOST])
@pytest.mark.parametrize("at", range(1, PURCHASE_EXCHANGES + 1))
def test_torn_anywhere_a_card_has_the_old_state_or_the_new(
    kind: str, fault: Fault, at: int
) -> None:
    model = card(purse_files())
    faulty = FaultyCard(model, {at: fault})
    with pytest.raises(CardLostError):
        purchase(faulty, kind)
    assert faulty.exchanges[-1].answer is None
    assert faulty.count == at
    committed = at == COMMIT_EXCHANGE and fault is not Fault.TORN_BEFORE
    again = FaultyCard(model)
    again.reset()
    assert holdings(model.snapshot()) == (NEW if committed else OLD)
    purchase(again, kind)
    assert holdings(model.snapshot())[0] == (40 if committed else 70)


def test_a_torn_card_is_silent_until_it_is_presented_again() -> None:
    model = card()
    faulty = FaultyCard(model, {2: Fault.TORN_AFTER})
    assert faulty.transmit(GET_UID) == UID + b"\x90\x00"
    for _ in range(3):
        with pytest.raises(CardLostError):
            faulty.transmit(GET_UID)
    assert FaultyCard(model).transmit(GET_UID) == UID + b"\x90\x00"


def test_a_lost_answer_leaves_the_card_where_it_lies_and_its_session_too() -> None:
    model = card(purse_files())
    faulty = FaultyCard(model)
    reader = Reader(faulty)
    reader.select(AID)
    reader.authenticate("ev2", 1, KEYS[1])
    faulty.plan(Fault.ANSWER_LOST, after_exchanges=1)
    assert faulty.transmit(GET_UID) == UID + b"\x90\x00"
    with pytest.raises(CardLostError):
        faulty.transmit(GET_UID)
    assert reader.call(0x51, answer=FULL) == UID


def _before(model: FaultyCard) -> None:
    model.release()


def _gone(model: FaultyCard) -> None:
    model.take_away()


@pytest.mark.parametrize("fault", [Fault.LATE_BEFORE, Fault.LATE_AFTER])
@pytest.mark.parametrize("end", [_before, _gone])
async def test_a_late_answer_comes_when_it_is_released_and_never_if_the_card_is_taken_away(
    fault: Fault, end: Callable[[FaultyCard], None]
) -> None:
    model = card(purse_files())
    faulty = FaultyCard(model, {COMMIT_EXCHANGE: fault})
    paying = asyncio.create_task(asyncio.to_thread(purchase, faulty, "ev2"))
    async with asyncio.timeout(10):
        assert await asyncio.to_thread(faulty.held.wait, 5)
        assert not paying.done()
        assert holdings(model.snapshot()) == (OLD if fault is Fault.LATE_BEFORE else NEW)
        end(faulty)
        if end is _gone:
            with pytest.raises(CardLostError):
                await paying
        else:
            await paying
    reached = end is _before or fault is Fault.LATE_AFTER
    assert holdings(model.snapshot()) == (NEW if reached else OLD)


def test_a_card_survives_being_stored() -> None:
    model = card(purse_files())
    purchase(FaultyCard(model), "ev1")
    restored = msgspec.json.decode(msgspec.json.encode(model.snapshot()), type=Memory)
    assert restored == model.snapshot()
    again = DesfireCard(restored, seeded(9))
    purchase(FaultyCard(again), "ev2")
    assert holdings(again.snapshot()) == (40, b"state", 2)


@CHANNELS
@pytest.mark.parametrize("fault", [Fault.COMMAND_LOST, Fault.ANSWER_LOST])
@pytest.mark.parametrize("keeps_power", [True, False])
def test_a_card_at_the_edge_of_the_field_is_reset_or_comes_back_with_what_was_pending(
    kind: str, fault: Fault, keeps_power: bool
) -> None:
    model = card(purse_files())
    faulty = FaultyCard(model, keeps_power=keeps_power)
    reader = Reader(faulty, wrapped=True)
    reader.select(AID)
    reader.authenticate(kind, 2, KEYS[2])
    reader.change_value(0xDC, 1, 30, FULL)
    faulty.plan(fault)
    with pytest.raises(CardLostError):
        faulty.transmit(GET_UID)
    assert not faulty.is_taken
    faulty.reset()
    again = Reader(faulty, wrapped=True)
    if not keeps_power:
        again.select(AID)
    again.authenticate(kind, 2, KEYS[2])
    if keeps_power:
        again.commit()
    assert holdings(model.snapshot())[0] == (70 if keeps_power else 100)


@pytest.mark.parametrize("keeps_power", [True, False])
async def test_a_field_shows_a_card_at_its_edge_again_reset_or_as_it_was(keeps_power: bool) -> None:
    field, shown, loop = Field(), list[Slot](), asyncio.get_running_loop()
    field.listen(shown.append)
    faulty = FaultyCard(card(purse_files()), keeps_power=keeps_power)
    field.put(faulty)
    link = FieldLink(field, loop)
    Reader(faulty, wrapped=True).select(AID)
    faulty.plan(Fault.ANSWER_LOST)
    with pytest.raises(CardLostError):
        link.transmit(GET_UID)
    seen = loop.create_future()
    loop.call_soon(seen.set_result, None)
    await seen
    assert [slot.present for slot in shown] == [False, True, True]
    FieldLink(field, loop)
    again = Reader(faulty, wrapped=True)
    if not keeps_power:
        again.select(AID)
    again.authenticate("ev2", 2, KEYS[2])
