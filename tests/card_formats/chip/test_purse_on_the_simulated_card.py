"""The purse against the simulated card, which shares no code with it: bytes in, bytes out."""

from collections.abc import Callable
from random import Random

import pytest

from card_formats.chip.desfire import commands
from card_formats.chip.identify import ChipKind, identify
from card_formats.chip.purse import (
    ChipPayment,
    ChipPurse,
    Handover,
    Messaging,
    Outcome,
    TillKey,
    open_purse,
    pay,
    read_history,
    set_status,
    settle,
)
from card_formats.chip.purse_issue import CardKeys, erase, personalise, renew_keys
from card_formats.chip.purse_layout import (
    DEBIT_KEY,
    HISTORY_RECORDS_MAX,
    LOAD_KEY,
    MASTER_KEY,
    MODE,
    VALUE_FILE,
    PurseState,
    PurseStatus,
)
from card_formats.errors import CardFormatError
from daemon.readers.channel import run_dialogue
from daemon.readers.simulated.desfire.card import DesfireCard
from daemon.readers.simulated.desfire.memory import Generation, Memory

UID = bytes.fromhex("04A1B2C3D4E580")
KEYS = CardKeys(1, (b"0" * 16, b"1" * 16, b"2" * 16, b"3" * 16))
NEXT_KEYS = CardKeys(2, (b"a" * 16, b"b" * 16, b"c" * 16, b"d" * 16))
CAP = 50_000
SPOKEN = [
    (Generation.EV1, Messaging.EV1),
    (Generation.EV2, Messaging.EV1),
    (Generation.EV2, Messaging.EV2),
]
CARDS = pytest.mark.parametrize(("generation", "messaging"), SPOKEN)


class TornError(Exception):
    """The card is gone."""


class Till:
    """A card that was issued with 1,000 on it, and who talks to it; ``heard`` are the APDUs."""

    def __init__(self, generation: Generation, messaging: Messaging) -> None:
        self.random = Random(7)
        self.generation = generation
        self.messaging = messaging
        self.heard: list[bytes] = []
        self.blank()
        self.first = self.make(self.transmit)

    def blank(self) -> None:
        """Take another card, as it comes from the factory."""
        memory = Memory(uid=UID, generation=self.generation)
        self.card = DesfireCard(memory, self.random.randbytes)

    def make(self, transmit: Callable[[bytes], bytes]) -> PurseState:
        one, two, three = (self.random.randbytes(16) for _ in range(3))
        spoken, nonces = self.messaging, (one, two, three)
        making = personalise(KEYS, nonces, cap=CAP, balance=1000, messaging=spoken)
        return run_dialogue(making, transmit)

    def transmit(self, command: bytes) -> bytes:
        self.heard.append(command)
        return self.card.transmit(command)

    def tap(self, number: int = LOAD_KEY, keys: CardKeys = KEYS) -> ChipPurse:
        self.card.reset()
        self.heard.clear()
        key = TillKey(number, {keys.generation: keys.secrets[number]})
        dialogue = open_purse(key, self.random.randbytes(16), messaging=self.messaging)
        return run_dialogue(dialogue, self.transmit)

    def torn(self, at: int, *, answer_lost: bool) -> Callable[[bytes], bytes]:
        """Lose the command number ``at`` from now, or only its answer."""
        left = at

        def transmit(command: bytes) -> bytes:
            nonlocal left
            left -= 1
            if left >= 0:
                return self.transmit(command)
            if answer_lost:
                self.transmit(command)
            raise TornError

        return transmit


def payment(amount: int, txid: bytes = b"txid-one") -> ChipPayment:
    return ChipPayment(txid, amount, shop=3, till=2, time_s=1_700_000_000)


@CARDS
def test_a_purchase_is_nine_apdus_each_within_one_frame(
    generation: Generation, messaging: Messaging
) -> None:
    till = Till(generation, messaging)
    purse = till.tap()
    assert purse.state == till.first
    after = run_dialogue(pay(purse, payment(-300)), till.transmit)
    assert len(till.heard) == 9
    assert max(len(command) for command in till.heard) <= 6 + 47
    assert purse.messaging is messaging
    assert till.tap().state == after


@CARDS
@pytest.mark.parametrize("answer_lost", [False, True])
@pytest.mark.parametrize("at", range(4))
def test_a_purchase_torn_anywhere_is_settled_by_the_next_tap(
    generation: Generation, messaging: Messaging, at: int, answer_lost: bool
) -> None:
    till = Till(generation, messaging)
    purse = till.tap()
    with pytest.raises(TornError):
        run_dialogue(pay(purse, payment(-300)), till.torn(at, answer_lost=answer_lost))
    assert purse.handover is (Handover.SENT if at == 3 else Handover.NOT_SENT)
    again = till.tap()
    outcome = run_dialogue(settle(again, 1, b"txid-one"), till.transmit)
    was_written = at == 3 and answer_lost
    assert outcome is (Outcome.WRITTEN if was_written else Outcome.NOT_WRITTEN)
    if not was_written:
        run_dialogue(pay(again, payment(-300)), till.transmit)
    assert (again.state.balance, len(till.heard)) == (700, 5 if was_written else 9)


@CARDS
def test_a_long_history_is_kept_to_its_length_and_settles_what_it_holds(
    generation: Generation, messaging: Messaging
) -> None:
    till = Till(generation, messaging)
    purse = till.tap()
    for seq in range(1, 28):
        run_dialogue(pay(purse, payment(-1, seq.to_bytes(8, "big"))), till.transmit)
    records = run_dialogue(read_history(purse, count=99), till.transmit)
    assert [record.seq for record in records] == list(range(8, 28))
    assert len(records) == HISTORY_RECORDS_MAX
    outcomes = [
        run_dialogue(settle(purse, seq, seq.to_bytes(8, "big")), till.transmit)
        for seq in (7, 8, 27, 28)
    ]
    written, undecided = Outcome.WRITTEN, Outcome.UNDECIDED
    assert outcomes == [undecided, written, written, Outcome.NOT_WRITTEN]


@CARDS
def test_the_card_itself_keeps_the_debit_key_from_adding_and_everybody_below_the_cap(
    generation: Generation, messaging: Messaging
) -> None:
    till = Till(generation, messaging)
    purse = till.tap(DEBIT_KEY)
    with pytest.raises(CardFormatError):
        run_dialogue(commands.credit(purse.channel, VALUE_FILE, 1, MODE), till.transmit)
    purse = till.tap()
    with pytest.raises(CardFormatError) as caught:
        run_dialogue(pay(purse, payment(CAP - 999)), till.transmit)
    assert (caught.value.code, purse.handover) == ("desfire.boundary", Handover.NOT_SENT)
    assert till.tap().state == till.first


@CARDS
@pytest.mark.parametrize("answer_lost", [False, True])
def test_a_card_torn_at_any_apdu_of_its_making_is_taken_up_where_it_was_left(
    generation: Generation, messaging: Messaging, answer_lost: bool
) -> None:
    till = Till(generation, messaging)
    apdus = len(till.heard)
    for at in range(apdus):
        till.blank()
        with pytest.raises(TornError):
            till.make(till.torn(at, answer_lost=answer_lost))
        till.card.reset()
        is_done = at == apdus - 1 and answer_lost
        if is_done:
            with pytest.raises(CardFormatError) as caught:
                till.make(till.transmit)
            assert caught.value.code == "purse.exists"
        else:
            assert till.make(till.transmit) == till.first
        assert till.tap().state == till.first


@CARDS
def test_a_card_s_whole_life(generation: Generation, messaging: Messaging) -> None:
    till = Till(generation, messaging)
    run_dialogue(set_status(till.tap(), PurseStatus.BLOCKED), till.transmit)
    challenge = till.random.randbytes(16)
    run_dialogue(renew_keys(KEYS, NEXT_KEYS, challenge, messaging=messaging), till.transmit)
    with pytest.raises(CardFormatError) as caught:
        till.tap()
    assert caught.value.code == "desfire.authentication"
    purse = till.tap(DEBIT_KEY, NEXT_KEYS)
    assert run_dialogue(set_status(purse, PurseStatus.ACTIVE), till.transmit) == till.first
    master = NEXT_KEYS.secrets[MASTER_KEY]
    run_dialogue(erase(master, challenge, messaging=messaging), till.transmit)
    with pytest.raises(CardFormatError) as caught:
        till.tap()
    assert caught.value.code == "desfire.no-application"


@pytest.mark.parametrize(
    ("generation", "kind"),
    [(Generation.EV1, ChipKind.DESFIRE_EV1), (Generation.EV2, ChipKind.DESFIRE_EV2)],
)
def test_the_card_is_identified_and_an_old_one_found_out_by_opening_it(
    generation: Generation, kind: ChipKind
) -> None:
    till = Till(generation, Messaging.EV1)
    till.card.reset()
    chip = run_dialogue(identify(bytes.fromhex("3B8180018080")), till.transmit)
    assert (chip.kind, chip.version.uid if chip.version else b"") == (kind, UID)
    till.messaging = Messaging.EV2
    assert till.tap().messaging == ("ev1" if generation is Generation.EV1 else "ev2")
