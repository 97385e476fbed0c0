"""A card's own master key: the factory's is changed first, and the card then tells its real UID."""

from collections.abc import Callable
from random import Random

import pytest

from card_formats.chip.card_master import (
    FACTORY_KEY,
    CardMaster,
    TransportKey,
    take_over,
)
from card_formats.chip.desfire import commands
from card_formats.chip.purse import Messaging, authenticate
from card_formats.errors import CardFormatError
from daemon.readers.channel import run_dialogue
from daemon.readers.simulated.desfire.card import DesfireCard
from daemon.readers.simulated.desfire.cipher import Key, KeyKind
from daemon.readers.simulated.desfire.memory import Generation, Memory

UID = bytes.fromhex("04A1B2C3D4E580")
MASTER = CardMaster(1, b"the card's own.!")
NEXT = CardMaster(2, b"and the next one")
TWO_DES = b"maker's two keys"
DELIVERED = {
    "factory": (Key(KeyKind.DES, bytes(16)), FACTORY_KEY),
    "two DES keys": (Key(KeyKind.DES, TWO_DES, 0x55), TransportKey(TWO_DES)),
    "one DES key": (Key(KeyKind.DES, b"halfkey." * 2, 0x10), TransportKey(b"halfkey." * 2)),
    "AES": (Key(KeyKind.AES, b"maker's AES key.", 9), TransportKey(b"maker's AES key.", True)),
    "AES, numbered as ours": (
        Key(KeyKind.AES, b"maker's AES key.", 1),
        TransportKey(b"maker's AES key.", True),
    ),
}
CARDS = pytest.mark.parametrize("generation", Generation, ids=lambda g: g.name.lower())


class TornError(Exception):
    """The card is gone."""


def nonces(random: Random, count: int = 6) -> list[bytes]:
    return [random.randbytes(16) for _ in range(count)]


def delivered(key: Key, generation: Generation, *, random_uid: bool = False) -> DesfireCard:
    memory = Memory(uid=UID, generation=generation, master_key=key, random_uid=random_uid)
    return DesfireCard(memory, Random(3).randbytes)


def formats(card: DesfireCard, secret: bytes) -> bool:
    """Whether a card lets somebody with this AES key format it."""
    run_dialogue(commands.select_application(commands.PICC), card.transmit)
    try:
        proof = authenticate(0, secret, bytes(range(16)), Messaging.EV1)
        channel, _ = run_dialogue(proof, card.transmit)
        run_dialogue(commands.format_card(channel), card.transmit)
    except CardFormatError:
        return False
    return True


@CARDS
@pytest.mark.parametrize("name", DELIVERED)
def test_however_a_card_is_delivered_its_master_key_becomes_its_own(
    generation: Generation, name: str
) -> None:
    key, transport = DELIVERED[name]
    card = delivered(key, generation)
    known = [FACTORY_KEY, transport]
    for _ in range(2):  # the second time there is nothing to change
        uid = run_dialogue(take_over(MASTER, known, nonces(Random(4))), card.transmit)
        assert uid == UID
        now = card.snapshot().master_key
        assert (now.kind, now.value) == (KeyKind.AES, MASTER.secret)
        assert now.version & 0x7F == 1


@CARDS
@pytest.mark.parametrize("answer_lost", [False, True])
def test_torn_at_any_apdu_it_is_taken_over_when_it_is_laid_down_again(
    generation: Generation, answer_lost: bool
) -> None:
    for at in range(40):
        card = delivered(Key(KeyKind.DES, bytes(16)), generation)
        try:
            transmit = torn(card, at, answer_lost=answer_lost)
            run_dialogue(take_over(MASTER, [FACTORY_KEY], nonces(Random(at))), transmit)
        except TornError:
            card.reset()
            again = take_over(MASTER, [FACTORY_KEY], nonces(Random(99)))
            assert run_dialogue(again, card.transmit) == UID
            assert card.snapshot().master_key.value == MASTER.secret
            continue
        assert at >= 8, "so many APDUs can be torn"
        return
    raise AssertionError("it never ended")


def torn(card: DesfireCard, at: int, *, answer_lost: bool) -> Callable[[bytes], bytes]:
    sent = 0

    def transmit(command: bytes) -> bytes:
        nonlocal sent
        sent += 1
        if sent - 1 == at:
            if answer_lost:
                card.transmit(command)
            raise TornError
        return card.transmit(command)

    return transmit


@CARDS
def test_the_next_generation_takes_the_place_of_the_one_before(generation: Generation) -> None:
    card = delivered(Key(KeyKind.DES, bytes(16)), generation)
    run_dialogue(take_over(MASTER, [FACTORY_KEY], nonces(Random(1))), card.transmit)
    old = TransportKey(MASTER.secret, is_aes=True)
    run_dialogue(take_over(NEXT, [old, FACTORY_KEY], nonces(Random(2))), card.transmit)
    assert card.snapshot().master_key.value == NEXT.secret
    assert not formats(card, MASTER.secret)
    assert not formats(card, bytes(16)), "no phone formats it"
    assert formats(card, NEXT.secret)


@CARDS
def test_a_key_that_is_not_known_is_said_so_and_left_as_it_is(generation: Generation) -> None:
    card = delivered(Key(KeyKind.AES, b"somebody else's.", 1), generation)
    with pytest.raises(CardFormatError) as caught:
        run_dialogue(take_over(MASTER, [FACTORY_KEY], nonces(Random(1))), card.transmit)
    assert caught.value.code == "card.master-unknown"
    assert card.snapshot().master_key.value == b"somebody else's."


@CARDS
def test_a_card_that_hides_its_uid_tells_it_in_the_session(generation: Generation) -> None:
    card = delivered(Key(KeyKind.DES, bytes(16)), generation, random_uid=True)
    uid = run_dialogue(take_over(MASTER, [FACTORY_KEY], nonces(Random(1))), card.transmit)
    assert uid == UID


def test_keys_are_not_shown() -> None:
    shown = f"{MASTER} {FACTORY_KEY} {TransportKey(TWO_DES)}"
    assert "own" not in shown
    assert "maker" not in shown
    assert "0000" not in shown
