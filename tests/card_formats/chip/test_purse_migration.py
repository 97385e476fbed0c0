"""A purse of the old layout is brought to the new one, torn anywhere; what it holds stays."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from card_formats.chip.desfire import commands
from card_formats.chip.purse import (
    ChipPayment,
    Messaging,
    TillKey,
    open_purse,
    pay,
    read_customer,
    read_history,
    read_prizes,
    understood,
    write_customer,
)
from card_formats.chip.purse_contents import Customer, Prize
from card_formats.chip.purse_issue import CardKeys, personalise, renew_layout
from card_formats.chip.purse_layout import (
    DEBIT_KEY,
    LOAD_KEY,
    MODE,
    OLDEST_SCHEMA,
    SCHEMA,
    VALUE_FILE,
)
from card_formats.errors import CardFormatError
from daemon.readers.channel import run_dialogue
from daemon.readers.simulated.desfire.card import DesfireCard
from daemon.readers.simulated.desfire.card_files import ValueFile
from daemon.readers.simulated.desfire.memory import Generation, Memory
from tests.support.chip_till import of_the_old_layout

UID = bytes.fromhex("04A1B2C3D4E580")
KEYS = CardKeys(1, (b"0" * 16, b"1" * 16, b"2" * 16, b"3" * 16))
WHOSE = Customer(b"somebody", tier=2, birth_month=7)
MIGRATION_APDUS = 11
SPOKEN = [
    (Generation.EV1, Messaging.EV1),
    (Generation.EV2, Messaging.EV1),
    (Generation.EV2, Messaging.EV2),
]
CARDS = pytest.mark.parametrize(("generation", "messaging"), SPOKEN)


class TornError(Exception):
    """The card is gone."""


class OldCard:
    """A card of the old layout, with payments, a prize and a customer."""

    def __init__(self, generation: Generation, messaging: Messaging) -> None:
        self.random, self.messaging = Random(9), messaging
        self.card = DesfireCard(Memory(uid=UID, generation=generation), self.random.randbytes)
        one, two, three = self.nonces(3)
        making = personalise(KEYS, (one, two, three), cap=5_000, balance=900, messaging=messaging)
        run_dialogue(making, self.card.transmit)
        purse = self.opened()
        for number in range(3):
            payment = ChipPayment(bytes((number,)) * 8, -100, 1, 1, 1_700_000_000 + number)
            run_dialogue(pay(purse, payment, {4: Prize(7, 1)}), self.card.transmit)
        run_dialogue(write_customer(purse, WHOSE), self.card.transmit)
        of_the_old_layout(self.card)
        self.first = self.card.snapshot()

    def nonces(self, count: int) -> list[bytes]:
        return [self.random.randbytes(16) for _ in range(count)]

    def opened(self, key: int = LOAD_KEY) -> Any:
        (nonce,) = self.nonces(1)
        till_key = TillKey(key, {1: KEYS.secrets[key]})
        opening = open_purse(till_key, nonce, messaging=self.messaging)
        return run_dialogue(opening, self.card.transmit)

    def migrate(self, transmit: Callable[[bytes], bytes]) -> bool:
        one, two = self.nonces(2)
        return run_dialogue(renew_layout(KEYS, (one, two), messaging=self.messaging), transmit)

    def holds(self) -> tuple[Any, ...]:
        """Return what it holds, but for its schema; read with the till's own key."""
        purse = self.opened()
        records = run_dialogue(read_history(purse, count=99), self.card.transmit)
        prizes = run_dialogue(read_prizes(purse), self.card.transmit)
        customer = run_dialogue(read_customer(purse), self.card.transmit)
        state = understood(purse.state)
        kept = (state.balance, state.status, state.seq, state.last_txid, state.flags)
        return (*kept, records, prizes, customer)

    def torn(self, at: int, *, answer_lost: bool) -> Callable[[bytes], bytes]:
        sent = 0

        def transmit(command: bytes) -> bytes:
            nonlocal sent
            sent += 1
            if sent - 1 == at:
                if answer_lost:
                    self.card.transmit(command)
                raise TornError
            return self.card.transmit(command)

        return transmit


def may_give_back(card: OldCard) -> bool:
    purse = card.opened(DEBIT_KEY)
    try:
        giving = commands.limited_credit(purse.channel, VALUE_FILE, 100, MODE)
        run_dialogue(giving, card.card.transmit)
    except CardFormatError:
        return False
    return True


@CARDS
def test_the_debit_key_of_an_old_card_could_give_back_and_of_a_migrated_one_cannot(
    generation: Generation, messaging: Messaging
) -> None:
    card = OldCard(generation, messaging)
    before, state = card.holds(), card.opened().state
    assert (state.schema, may_give_back(card)) == (OLDEST_SCHEMA, True)
    assert card.migrate(card.card.transmit)
    assert (card.opened().state.schema, may_give_back(card)) == (SCHEMA, False)
    assert card.holds() == before
    assert not card.migrate(card.card.transmit), "once is enough"


@CARDS
@pytest.mark.parametrize("answer_lost", [False, True])
def test_a_migration_torn_at_any_apdu_is_finished_when_the_card_is_laid_down_again(
    generation: Generation, messaging: Messaging, answer_lost: bool
) -> None:
    card = OldCard(generation, messaging)
    before = card.holds()
    for at in range(MIGRATION_APDUS):
        card.card.restore(card.first)
        with pytest.raises(TornError):
            card.migrate(card.torn(at, answer_lost=answer_lost))
        card.card.reset()
        assert card.holds() == before, "in use meanwhile"
        is_done = at == MIGRATION_APDUS - 1 and answer_lost
        assert card.migrate(card.card.transmit) is not is_done
        assert card.holds() == before
        assert (card.opened().state.schema, may_give_back(card)) == (SCHEMA, False)


@CARDS
def test_a_purse_of_the_old_layout_pays_and_stays_of_the_old_layout(
    generation: Generation, messaging: Messaging
) -> None:
    card = OldCard(generation, messaging)
    payment = ChipPayment(b"old card", -50, 1, 1, 1_700_000_100)
    run_dialogue(pay(card.opened(), payment), card.card.transmit)
    state = card.opened().state
    assert (state.balance, state.schema) == (550, OLDEST_SCHEMA)


def test_a_card_that_does_not_change_its_rights_is_not_said_to_have_them() -> None:
    card = OldCard(Generation.EV2, Messaging.EV2)
    memory = card.card.snapshot()
    ((aid, application),) = memory.applications.items()
    deaf = application.files[VALUE_FILE]
    assert isinstance(deaf, ValueFile)

    def transmit(command: bytes) -> bytes:
        answer = card.card.transmit(command)
        if command[1] == 0x5F:  # it says yes and does nothing
            kept = card.card.snapshot().applications[aid]
            kept.files[VALUE_FILE] = deaf  # type: ignore[index]
        return answer

    with pytest.raises(CardFormatError) as caught:
        card.migrate(transmit)
    assert caught.value.code == "purse.bad-layout"
    assert card.opened().state.schema == OLDEST_SCHEMA
