"""Who may do what, for how long, and what the card says when it will not."""

from collections.abc import Callable

import pytest

from daemon.readers.simulated.desfire.card import DesfireCard
from daemon.readers.simulated.desfire.card_channel import Command
from daemon.readers.simulated.desfire.card_ev2 import COUNTER_MAX, Ev2Channel
from daemon.readers.simulated.desfire.card_files import (
    FREE,
    NEVER,
    CommMode,
    DataFile,
    File,
    RecordFile,
    Rights,
    ValueFile,
)
from daemon.readers.simulated.desfire.card_state import Traits
from daemon.readers.simulated.desfire.memory import Generation
from daemon.readers.simulated.desfire.status_codes import Status, StatusError
from tests.daemon.readers.simulated.desfire.cards import AID, KEYS, UID, card, seeded
from tests.daemon.readers.simulated.desfire.reader import (
    FULL,
    MAC,
    PLAIN,
    Ev1,
    Ev2,
    Reader,
    extent,
    refused,
)

PURSE = Rights(read=2, write=2, read_write=3, change=0)
MAC_BYTES = 8
CHANNELS = pytest.mark.parametrize("kind", ["ev1", "ev2"])


def purse_files(mode: CommMode = CommMode.FULL) -> dict[int, File]:
    return {
        1: ValueFile(mode, PURSE, 0, 1000, 100, limited_credit_enabled=True),
        2: DataFile(mode, PURSE, bytes(28), backup=True),
        3: RecordFile(mode, PURSE, 28, 5, cyclic=True),
        5: DataFile(mode, Rights(1, NEVER, 3, 0), bytes(64)),
    }


def in_session(
    kind: str, key: int, model: DesfireCard | None = None, *, wrapped: bool = False
) -> Reader:
    reader = Reader(model or card(purse_files()), wrapped=wrapped)
    reader.select(AID)
    reader.authenticate(kind, key, KEYS[key])
    return reader


@CHANNELS
def test_an_authenticated_session_carries_every_mode_both_ways(kind: str) -> None:
    for mode in CommMode:
        reader = in_session(kind, 3, card(purse_files(mode)), wrapped=mode is CommMode.MAC)
        reader.write(5, 4, b"tier gold", mode)
        assert reader.read(5, 4, 9, mode) == b"tier gold"
        reader.change_value(0xDC, 1, 30, mode)
        reader.write(3, 0, bytes(range(28)), mode, ins=0x3B)
        reader.commit()
        assert reader.value(1, mode) == 70
        assert reader.read(3, 0, 0, mode, ins=0xBB) == bytes(range(28))


def test_a_session_goes_on_while_everything_is_right() -> None:
    reader = in_session("ev2", 2)
    for _ in range(300):
        assert reader.value(1, FULL) == 100
    assert isinstance(reader.channel, Ev2)
    assert reader.channel.counter == 300


@CHANNELS
def test_a_wrong_mac_is_an_integrity_error_and_ends_the_session(kind: str) -> None:
    for bit in range(8 * MAC_BYTES):
        reader = in_session(kind, 3, card(purse_files(CommMode.MAC)))
        body = reader.channel.seal(0x3D, extent(5, 0, 4), b"gold", MAC)
        flipped = int.from_bytes(body, "big") ^ 1 << bit
        with refused(Status.INTEGRITY):
            reader.send(0x3D, flipped.to_bytes(len(body), "big"))
        with refused(Status.AUTHENTICATION):
            reader.read(5, 0, 4, MAC)


@CHANNELS
def test_a_wrong_crc_or_padding_is_an_integrity_error(kind: str) -> None:
    reader = in_session(kind, 3)
    body = bytearray(reader.channel.seal(0x3D, extent(5, 0, 4), b"gold", FULL))
    body[10] ^= 0x40
    with refused(Status.INTEGRITY):
        reader.send(0x3D, bytes(body))


def test_a_stale_counter_is_an_integrity_error() -> None:
    reader = in_session("ev2", 2)
    assert isinstance(reader.channel, Ev2)
    replayed = reader.channel.seal(0x6C, b"\x01", b"", FULL)
    reader.channel.unseal(reader.send(0x6C, replayed), FULL)
    with refused(Status.INTEGRITY):
        reader.send(0x6C, replayed)


def test_a_counter_that_has_run_out_ends_the_session() -> None:
    channel = Ev2Channel(bytes(16), bytes(16), bytes(4), COUNTER_MAX)
    with pytest.raises(StatusError) as ended:
        channel.open(Command(0x6C, b"\x01"), 1, 0, CommMode.PLAIN)
    assert ended.value.status is Status.AUTHENTICATION


def test_ev1_commands_chain_into_each_other_so_none_can_be_left_out() -> None:
    reader = in_session("ev1", 3, card(purse_files(CommMode.MAC)))
    assert isinstance(reader.channel, Ev1)
    reader.channel.mac(b"\x6c\x01")  # the reader believes it has sent this
    with refused(Status.INTEGRITY):
        reader.write(5, 0, b"gold", MAC)


def test_a_commit_without_its_mac_has_the_wrong_length_after_ev2_authentication() -> None:
    reader = in_session("ev2", 2, card(purse_files(CommMode.PLAIN)))
    reader.change_value(0xDC, 1, 1, PLAIN)
    with refused(Status.LENGTH):
        reader.send(0xC7)


@CHANNELS
def test_a_right_of_another_key_is_an_authentication_error(kind: str) -> None:
    attempts: list[tuple[int, Callable[[Reader], object]]] = [
        (2, lambda reader: reader.change_value(0x0C, 1, 5, FULL)),
        (1, lambda reader: reader.change_value(0xDC, 1, 5, FULL)),
        (2, lambda reader: reader.read(5, 0, 4, FULL)),
        (3, lambda reader: reader.call(0x5F, b"\x05", bytes(3), FULL)),
    ]
    for key, attempt in attempts:
        reader = in_session(kind, key)
        with refused(Status.AUTHENTICATION):
            attempt(reader)
        assert reader.frame(0x51)[0] == Status.AUTHENTICATION  # nothing is left of the session


def test_a_right_that_nobody_has_is_denied() -> None:
    model = card({7: DataFile(CommMode.PLAIN, Rights(FREE, NEVER, NEVER, NEVER), b"engraved")})
    reader = in_session("ev2", 0, model)
    with refused(Status.PERMISSION_DENIED):
        reader.write(7, 0, b"x", PLAIN)
    reader = in_session("ev2", 0, model)
    with refused(Status.PERMISSION_DENIED):
        reader.call(0x5F, b"\x07", bytes(3), FULL)


@CHANNELS
def test_a_right_that_is_free_makes_the_access_plain_whatever_the_file_says(kind: str) -> None:
    model = card({7: DataFile(CommMode.FULL, Rights(FREE, 1, 1, 0), b"for everybody")})
    reader = Reader(model)
    reader.select(AID)
    assert reader.read(7, 0, 0, PLAIN) == b"for everybody"
    reader.authenticate(kind, 2, KEYS[2])
    assert reader.read(7, 4, 5, PLAIN) == b"every"
    reader.authenticate(kind, 1, KEYS[1])
    assert reader.read(7, 4, 5, FULL) == b"every"


@CHANNELS
def test_a_reader_with_the_wrong_key_is_not_let_in(kind: str) -> None:
    reader = Reader(card())
    reader.select(AID)
    with refused(Status.AUTHENTICATION):
        reader.authenticate(kind, 1, KEYS[2])
    with refused(Status.NO_SUCH_KEY):
        reader.authenticate(kind, 4, KEYS[0])


@pytest.mark.parametrize("ins", [0x0A, 0x1A])
def test_an_aes_key_is_not_proven_by_a_des_handshake(ins: int) -> None:
    reader = Reader(card())
    reader.select(AID)
    with refused(Status.AUTHENTICATION):
        reader.send(ins, b"\x00")


def test_a_des_key_is_not_proven_by_an_aes_handshake() -> None:
    for kind in ("ev1", "ev2"):
        with refused(Status.AUTHENTICATION):
            Reader(card()).authenticate(kind, 0, bytes(16))


def test_a_token_of_the_wrong_length_is_refused() -> None:
    for ins, parameters in ((0xAA, b"\x00"), (0x71, b"\x00\x00")):
        reader = Reader(card())
        reader.select(AID)
        assert reader.frame(ins, parameters)[0] == Status.ADDITIONAL_FRAME
        assert reader.frame(0xAF, bytes(31)) == (Status.LENGTH, b"")


@CHANNELS
def test_selecting_resetting_and_any_error_end_the_session_and_the_transaction(kind: str) -> None:
    def wrong_command(reader: Reader) -> None:
        assert reader.frame(0x99)[0] == Status.ILLEGAL_COMMAND

    def failed_authentication(reader: Reader) -> None:
        assert reader.frame(0xAA, b"\x09")[0] == Status.NO_SUCH_KEY

    def iso_select(reader: Reader) -> None:
        assert reader.card.transmit(bytes.fromhex("00A4040007D276000085010000")) == b"\x90\x00"
        reader.select(AID)

    def reset(reader: Reader) -> None:
        model.reset()
        reader.select(AID)

    model = card(purse_files(), traits=Traits(keeps_pending=False))
    ends: list[Callable[[Reader], None]] = [
        lambda reader: reader.select(AID),
        reset,
        wrong_command,
        failed_authentication,
        iso_select,
    ]
    for end in ends:
        reader = in_session(kind, 2, model)
        reader.change_value(0xDC, 1, 40, FULL)
        end(reader)
        reader = in_session(kind, 2, model)
        with refused(Status.NO_CHANGES):
            reader.commit()
    assert in_session(kind, 2, model).value(1, FULL) == 100


@CHANNELS
def test_nobody_has_a_session_after_a_selection(kind: str) -> None:
    reader = in_session(kind, 2)
    reader.select(AID)
    assert reader.frame(0x51)[0] == Status.AUTHENTICATION


@CHANNELS
def test_what_is_pending_outlives_a_selection_and_another_key_as_observed_on_silicon(
    kind: str,
) -> None:
    model = card(purse_files())
    in_session(kind, 2, model).change_value(0xDC, 1, 40, FULL)
    in_session(kind, 3, model).commit()
    in_session(kind, 2, model).change_value(0xDC, 1, 40, FULL)
    in_session(kind, 3, model).abort()
    assert in_session(kind, 2, model).value(1, FULL) == 60


@CHANNELS
def test_what_is_pending_does_not_outlive_an_error_another_application_or_the_power(
    kind: str,
) -> None:
    model = card(purse_files())

    def wrong_key(reader: Reader) -> None:
        assert reader.frame(0xAA, b"\x09")[0] == Status.NO_SUCH_KEY

    ends: list[Callable[[Reader], None]] = [
        lambda reader: reader.select(0),
        lambda reader: model.reset(),
        wrong_key,
    ]
    for end in ends:
        reader = in_session(kind, 2, model)
        reader.change_value(0xDC, 1, 40, FULL)
        end(reader)
        with refused(Status.NO_CHANGES):
            in_session(kind, 2, model).abort()


def test_a_second_key_can_join_an_ev2_session_and_its_transaction() -> None:
    model = card(purse_files())
    reader = in_session("ev2", 2, model)
    reader.change_value(0xDC, 1, 40, FULL)
    reader.authenticate_ev2_next(3, KEYS[3])
    reader.change_value(0x0C, 1, 15, FULL)
    reader.commit()
    assert reader.value(1, FULL) == 75


def test_a_second_key_needs_a_first() -> None:
    reader = in_session("ev1", 2)
    assert reader.frame(0x77, b"\x03")[0] == Status.AUTHENTICATION


def test_an_ev1_card_knows_nothing_of_ev2() -> None:
    model = card(purse_files(CommMode.PLAIN), generation=Generation.EV1)
    for ins, parameters in ((0x71, b"\x00\x00"), (0x77, b"\x00"), (0xAD, extent(5, 0, 1))):
        reader = in_session("ev1", 3, model)
        with refused(Status.ILLEGAL_COMMAND):
            reader.send(ins, parameters)


def test_the_real_uid_is_told_to_whoever_has_a_key_and_to_nobody_else() -> None:
    assert in_session("ev1", 1).call(0x51, answer=FULL) == UID
    assert in_session("ev2", 1).call(0x51, answer=FULL) == UID
    with refused(Status.AUTHENTICATION):
        Reader(card()).call(0x51)


def test_value_commands_go_without_a_mac_where_the_card_wants_it_so() -> None:
    model = card(purse_files(CommMode.MAC), traits=Traits(value_macs=False))
    reader = in_session("ev1", 2, model)
    body = reader.channel.seal(0xDC, b"\x01", (5).to_bytes(4, "little"), PLAIN)
    reader.channel.unseal(reader.send(0xDC, body), MAC)
    reader.commit()
    assert reader.value(1, MAC) == 95


def test_two_cards_with_other_randomness_challenge_differently() -> None:
    kept = card().snapshot()
    challenges = set()
    for seed in range(3):
        model = DesfireCard(kept, seeded(seed))
        model.transmit(b"\x5a" + AID.to_bytes(3, "little"))
        challenges.add(model.transmit(b"\xaa\x00"))
    assert len(challenges) == 3
