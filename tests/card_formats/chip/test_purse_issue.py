import pytest

from card_formats.chip.purse import ChipPayment, Messaging, TillKey, open_purse, pay
from card_formats.chip.purse_issue import CardKeys, erase, personalise, renew_keys
from card_formats.chip.purse_layout import DEBIT_KEY, LOAD_KEY, PurseState, PurseStatus
from card_formats.errors import CardFormatError
from daemon.readers.channel import run_dialogue
from tests.card_formats.chip.peer import Peer

BOTH = pytest.mark.parametrize("messaging", Messaging)
CHALLENGES = (bytes(range(16)), bytes(range(16, 32)), bytes(range(32, 48)))
OLD = CardKeys(1, (b"0" * 16, b"1" * 16, b"2" * 16, b"3" * 16))
NEW = CardKeys(2, (b"a" * 16, b"b" * 16, b"c" * 16, b"d" * 16))


class TornError(Exception):
    """The card is gone."""


def issued(messaging: Messaging = Messaging.EV2) -> Peer:
    peer = Peer()
    dialogue = personalise(
        OLD, CHALLENGES, cap=50_000, shop=3, time_s=1_700_000_000, messaging=messaging
    )
    run_dialogue(dialogue, peer.transmit)
    return peer


@BOTH
def test_a_blank_card_becomes_a_purse_that_a_till_can_use(messaging: Messaging) -> None:
    peer = issued(messaging)
    assert peer.keys == dict(enumerate(OLD.secrets))
    assert set(peer.versions.values()) == {1 if messaging is Messaging.EV2 else 0x81}
    expected = PurseState(0, PurseStatus.ACTIVE, 0, bytes(8), 3, 0, 0, 1_700_000_000)
    debit, load = (
        run_dialogue(open_purse(key, CHALLENGES[0], messaging=messaging), peer.transmit)
        for key in (TillKey(number, {1: OLD.secrets[number]}) for number in (DEBIT_KEY, LOAD_KEY))
    )
    assert debit.state == load.state == expected
    run_dialogue(pay(load, ChipPayment(b"txid-one", 100, 3, 1, 1_700_000_100)), peer.transmit)
    assert peer.value == 100


@BOTH
def test_the_files_are_made_as_the_layout_says(messaging: Messaging) -> None:
    # comm 03; rights; a value file's limits 0 and 50,000, value 0, no limited credit; sizes.
    expected = {
        1: "CC 01 03 302F 00000000 50C30000 00000000 00",
        2: "CB 02 03 3022 1C0000",
        3: "C0 03 03 3022 1C0000 150000",
        4: "CB 04 03 3022 400000",
        5: "CD 05 03 301F 400000",
    }
    made = issued(messaging).files
    proof = 0 if messaging is Messaging.EV1 else 8
    for number, creation in expected.items():
        assert made[number][: len(made[number]) - proof] == bytes.fromhex(creation)


@BOTH
def test_keys_are_renewed_and_tills_with_both_generations_go_on(messaging: Messaging) -> None:
    peer = issued(messaging)
    run_dialogue(renew_keys(OLD, NEW, CHALLENGES[0], messaging=messaging), peer.transmit)
    assert peer.keys == dict(enumerate(NEW.secrets))
    assert set(peer.versions.values()) == {2 if messaging is Messaging.EV2 else 0x82}
    both = TillKey(LOAD_KEY, {1: OLD.secrets[LOAD_KEY], 2: NEW.secrets[LOAD_KEY]})
    run_dialogue(open_purse(both, CHALLENGES[0], messaging=messaging), peer.transmit)


@pytest.mark.parametrize("exchanges", range(10))
def test_renewing_that_was_interrupted_is_done_again(exchanges: int) -> None:
    peer = issued()
    left = exchanges

    def torn(command: bytes) -> bytes:
        nonlocal left
        left -= 1
        if left < 0:
            raise TornError
        return peer.transmit(command)

    with pytest.raises(TornError):
        run_dialogue(renew_keys(OLD, NEW, CHALLENGES[0]), torn)
    run_dialogue(renew_keys(OLD, NEW, CHALLENGES[0]), peer.transmit)
    assert peer.keys == dict(enumerate(NEW.secrets))


def test_a_key_of_neither_generation_is_not_overwritten() -> None:
    peer = issued()
    peer.versions[DEBIT_KEY] = 9
    with pytest.raises(CardFormatError) as caught:
        run_dialogue(renew_keys(OLD, NEW, CHALLENGES[0]), peer.transmit)
    assert caught.value.code == "purse.key-generation"
    assert peer.keys[DEBIT_KEY] == OLD.secrets[DEBIT_KEY]


@BOTH
def test_a_purse_is_erased_with_its_master_key_only(messaging: Messaging) -> None:
    peer = issued(messaging)
    with pytest.raises(CardFormatError) as caught:
        run_dialogue(erase(bytes(16), CHALLENGES[0], messaging=messaging), peer.transmit)
    assert caught.value.code == "desfire.authentication"
    run_dialogue(erase(OLD.secrets[0], CHALLENGES[0], messaging=messaging), peer.transmit)
    assert peer.heard[-1] == 0xDA


def test_a_card_that_was_not_finished_is_known_as_such() -> None:
    peer = issued()
    peer.state = bytes(28)
    key = TillKey(LOAD_KEY, {1: OLD.secrets[LOAD_KEY]})
    with pytest.raises(CardFormatError) as caught:
        run_dialogue(open_purse(key, CHALLENGES[0]), peer.transmit)
    assert caught.value.code == "purse.blank"


def test_the_master_key_is_changed_last_so_that_the_rest_can_be_resumed() -> None:
    peer = issued()
    before = len(peer.heard)
    run_dialogue(renew_keys(OLD, NEW, CHALLENGES[0]), peer.transmit)
    assert peer.heard[before:] == [0x5A, 0x71, 0xAF, *[0x64, 0xC4] * 3, 0xC4]


def test_keys_are_not_shown() -> None:
    assert "3" * 16 not in repr(OLD)
