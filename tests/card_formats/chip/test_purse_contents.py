"""Prizes and the customer's pseudonym: their bytes, and how they travel with a payment."""

from contextlib import suppress
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from card_formats.chip.purse import (
    ChipPayment,
    ChipPurse,
    Messaging,
    TillKey,
    open_purse,
    pay,
    read_customer,
    read_prizes,
    write_customer,
)
from card_formats.chip.purse_contents import (
    CUSTOMER_ID_BYTES,
    PRIZE_SLOTS,
    Customer,
    Prize,
    decode_customer,
    decode_prizes,
    encode_customer,
    encode_prize,
)
from card_formats.chip.purse_issue import CardKeys, personalise
from card_formats.chip.purse_layout import CUSTOMER_BYTES, DEBIT_KEY, LOAD_KEY, PRIZE_BYTES
from card_formats.errors import CardFormatError
from daemon.readers.channel import run_dialogue
from daemon.readers.simulated.desfire.card import DesfireCard
from daemon.readers.simulated.desfire.faults import Fault, FaultyCard
from daemon.readers.simulated.desfire.memory import Generation, Memory

KEYS = CardKeys(1, (b"0" * 16, b"1" * 16, b"2" * 16, b"3" * 16))
BOTH = pytest.mark.parametrize("generation", Generation, ids=lambda g: g.name.lower())
PAYMENT = ChipPayment(b"txid-one", -300, shop=3, till=2, time_s=1_700_000_000)
CAKE = Prize(number=7, count=2, expires=20_000)
WHOSE = Customer(b"customer", tier=2, birth_month=11)


class Desk:
    """A card with 1,000 on it, and a till that lays it down again and again."""

    def __init__(self, generation: Generation) -> None:
        self.random = Random(3)
        memory = Memory(uid=bytes.fromhex("04A1B2C3D4E580"), generation=generation)
        self.card = DesfireCard(memory, self.random.randbytes)
        self.messaging = Messaging.EV1 if generation is Generation.EV1 else Messaging.EV2
        nonces = bytes(16), bytes(16), bytes(16)
        run_dialogue(personalise(KEYS, nonces, cap=9_000, balance=1_000), self.card.transmit)
        self.lying = FaultyCard(self.card)

    def tap(self, number: int = LOAD_KEY) -> ChipPurse:
        self.lying = FaultyCard(self.card)
        self.lying.reset()
        key = TillKey(number, {1: KEYS.secrets[number]})
        opening = open_purse(key, self.random.randbytes(16), messaging=self.messaging)
        return run_dialogue(opening, self.lying.transmit)


prizes = (
    st.builds(Prize, st.integers(0, 0xFFFF), st.integers(1, 0xFF), st.integers(0, 0xFFFF))
    | st.none()
)


@given(st.lists(prizes, min_size=PRIZE_SLOTS, max_size=PRIZE_SLOTS))
def test_prizes_are_read_as_they_were_written(slots: list[Prize | None]) -> None:
    raw = b"".join(map(encode_prize, slots)).ljust(PRIZE_BYTES, b"\0")
    assert decode_prizes(raw) == tuple(slots)


@given(st.binary(max_size=80) | st.binary(min_size=PRIZE_BYTES, max_size=PRIZE_BYTES))
def test_any_bytes_are_prizes_or_our_own_error(raw: bytes) -> None:
    with suppress(CardFormatError):
        slots = decode_prizes(raw)
        assert b"".join(map(encode_prize, slots)).ljust(PRIZE_BYTES, b"\0") == raw


@given(
    st.builds(
        Customer,
        st.binary(min_size=CUSTOMER_ID_BYTES, max_size=CUSTOMER_ID_BYTES),
        st.integers(0, 0xFF),
        st.integers(0, 12),
    )
)
def test_a_customer_is_read_as_written(customer: Customer) -> None:
    assert decode_customer(encode_customer(customer)) == customer


@given(st.binary(max_size=80) | st.binary(min_size=CUSTOMER_BYTES, max_size=CUSTOMER_BYTES))
def test_any_bytes_are_a_customer_or_our_own_error(raw: bytes) -> None:
    with suppress(CardFormatError):
        assert encode_customer(decode_customer(raw)) == raw


@BOTH
def test_a_prize_goes_with_its_payment_in_ten_apdus(generation: Generation) -> None:
    desk = Desk(generation)
    run_dialogue(pay(desk.tap(), PAYMENT, {4: CAKE}), desk.lying.transmit)
    assert desk.lying.count == 10
    purse = desk.tap()
    slots = run_dialogue(read_prizes(purse), desk.lying.transmit)
    assert slots == (*[None] * 4, CAKE, *[None] * 7)
    run_dialogue(pay(purse, PAYMENT, {4: None}), desk.lying.transmit)
    assert not any(run_dialogue(read_prizes(desk.tap()), desk.lying.transmit))


@BOTH
@pytest.mark.parametrize("fault", [Fault.TORN_BEFORE, Fault.TORN_AFTER])
def test_a_prize_and_its_payment_are_written_together_or_not_at_all(
    generation: Generation, fault: Fault
) -> None:
    for left in range(5):
        desk = Desk(generation)
        purse = desk.tap()
        desk.lying.plan(fault, after_exchanges=left)
        with pytest.raises(Exception, match=r"torn|lost"):
            run_dialogue(pay(purse, PAYMENT, {0: CAKE}), desk.lying.transmit)
        purse = desk.tap()
        has_prize = any(run_dialogue(read_prizes(purse), desk.lying.transmit))
        assert (
            has_prize is (purse.state.balance == 700) is (left == 4 and fault is fault.TORN_AFTER)
        )


@BOTH
def test_the_customer_is_written_by_the_load_key_and_the_change_is_counted(
    generation: Generation,
) -> None:
    desk = Desk(generation)
    after = run_dialogue(write_customer(desk.tap(), WHOSE), desk.lying.transmit)
    assert (after.flags, after.seq) == (1, 0)
    purse = desk.tap()
    assert purse.state == after
    assert run_dialogue(read_customer(purse), desk.lying.transmit) == WHOSE


@BOTH
def test_the_debit_key_neither_reads_nor_writes_the_customer(generation: Generation) -> None:
    desk = Desk(generation)
    for dialogue in (read_customer, lambda purse: write_customer(purse, WHOSE)):
        with pytest.raises(CardFormatError) as caught:
            run_dialogue(dialogue(desk.tap(DEBIT_KEY)), desk.lying.transmit)
        assert caught.value.code == "desfire.authentication"
