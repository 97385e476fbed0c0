from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from card_formats.apdu import Dialogue
from card_formats.chip.desfire import commands
from card_formats.chip.desfire.ev2 import Ev2Channel
from card_formats.chip.desfire.files import (
    FREE,
    NEVER,
    DataFile,
    File,
    FileKind,
    RecordFile,
    Rights,
    ValueFile,
    decode_settings,
    encode_creation,
    kind_of,
)
from card_formats.chip.desfire.wire import (
    ANSWER_FRAMES_MAX,
    COMMAND_BYTES_MAX,
    Command,
    CommMode,
    OpenChannel,
    Status,
    exchange,
    send,
)
from card_formats.errors import CardFormatError
from daemon.readers.channel import run_dialogue

ELMUE = Rights(read=0, write=0, read_write=1, change=1)


def script(*exchanges: tuple[str, str]) -> Callable[[bytes], bytes]:
    """Answer as told, and insist on what is asked."""
    rest = iter(exchanges)

    def transmit(command: bytes) -> bytes:
        expected, answer = next(rest)
        assert command == bytes.fromhex(expected)
        return bytes.fromhex(answer)

    return transmit


def refusal(answer: bytes) -> str:
    with pytest.raises(CardFormatError) as caught:
        run_dialogue(exchange(0x60, b""), lambda _: answer)
    return caught.value.code


def test_the_frames_of_an_answer_are_joined() -> None:
    wire = script(
        ("9060000000", "04010101001805 91AF"),
        ("90AF000000", "04010101041805 91AF"),
        ("90AF000000", "04632F0A1B5880 BA34551A90 2010 9100"),
    )
    version = run_dialogue(commands.get_version(OpenChannel()), wire)
    assert (version.vendor, version.kind, version.major) == (4, 1, 1)
    assert version.uid == bytes.fromhex("04632F0A1B5880")


def test_a_command_that_is_too_long_for_a_frame_goes_in_several() -> None:
    body = bytes(range(100)) + bytes(20)
    heard: list[bytes] = []

    def transmit(command: bytes) -> bytes:
        heard.append(command)
        return b"\x91\x00" if len(heard) == 3 else b"\x91\xaf"

    run_dialogue(exchange(0x3D, body), transmit)
    assert [command[1] for command in heard] == [0x3D, 0xAF, 0xAF]
    assert b"".join(command[5:-1] for command in heard) == body
    assert [command[4] for command in heard] == [COMMAND_BYTES_MAX, COMMAND_BYTES_MAX, 10]


def test_a_command_that_just_fits_goes_in_one() -> None:
    command = bytes(COMMAND_BYTES_MAX)
    expected = "903D0000" + "37" + command.hex() + "00"
    run_dialogue(exchange(0x3D, command), script((expected, "9100")))


def test_a_card_that_stops_listening_is_refused() -> None:
    with pytest.raises(CardFormatError) as caught:
        run_dialogue(exchange(0x3D, bytes(COMMAND_BYTES_MAX + 1)), lambda _: b"\x91\x00")
    assert caught.value.code == "desfire.bad-status"


def test_an_answer_without_an_end_is_ended() -> None:
    heard: list[bytes] = []

    def transmit(command: bytes) -> bytes:
        heard.append(command)
        return b"x\x91\xaf"

    with pytest.raises(CardFormatError) as caught:
        run_dialogue(exchange(0x60, b""), transmit)
    assert caught.value.code == "desfire.too-long"
    assert len(heard) == ANSWER_FRAMES_MAX


def test_an_answer_of_just_so_many_frames_is_taken() -> None:
    frames = iter([b"x\x91\xaf"] * (ANSWER_FRAMES_MAX - 1) + [b"x\x91\x00"])
    answer = run_dialogue(exchange(0x60, b""), lambda _: next(frames))
    assert answer == b"x" * ANSWER_FRAMES_MAX


@pytest.mark.parametrize("status", Status)
def test_every_status_has_a_name_of_its_own(status: Status) -> None:
    assert refusal(bytes((0x91, status))) == status.code
    assert status.code == "desfire." + status.name.lower().replace("_", "-")


def test_an_unknown_status_and_a_foreign_status_word_are_told_apart() -> None:
    assert refusal(b"\x91\x77") == "desfire.status"
    assert refusal(b"\x6a\x82") == "desfire.foreign"
    assert refusal(b"\x90\x00") == "desfire.foreign"
    assert refusal(b"\x91") == "apdu.short"


@pytest.mark.parametrize("answer", ["919D", "6A82", "9100", "0000 9100", ""])
def test_whatever_goes_wrong_ends_the_session(answer: str) -> None:
    channel = Ev2Channel(bytes(16), bytes(16), bytes(4))
    with pytest.raises(CardFormatError):
        run_dialogue(commands.commit(channel), lambda _: bytes.fromhex(answer))
    with pytest.raises(CardFormatError) as caught:
        run_dialogue(commands.commit(channel), lambda _: pytest.fail("asked all the same"))
    assert caught.value.code == "desfire.session-over"


def test_a_dialogue_that_is_dropped_ends_the_session() -> None:
    channel = Ev2Channel(bytes(16), bytes(16), bytes(4))
    dialogue = commands.commit(channel)
    next(dialogue)
    dialogue.close()
    assert not channel.alive


@given(st.lists(st.binary(max_size=60), max_size=5))
def test_any_answers_are_data_or_our_own_error(answers: list[bytes]) -> None:
    rest = iter(answers)
    try:
        run_dialogue(commands.get_version(OpenChannel()), lambda _: next(rest, b"\x91\x00"))
    except CardFormatError as error:
        assert error.code.startswith(("desfire.", "apdu."))  # noqa: PT017


@pytest.mark.parametrize(
    ("file", "command"),
    [
        (DataFile(CommMode.PLAIN, ELMUE, 80, is_backup=False), "CD 05 00 1100 500000"),
        (DataFile(CommMode.MAC, ELMUE, 28, is_backup=True), "CB 05 01 1100 1C0000"),
        (
            ValueFile(CommMode.FULL, Rights(2, 2, 3, 0), -1, 100, 7, True, True),
            "CC 05 03 3022 FFFFFFFF 64000000 07000000 03",
        ),
        (
            RecordFile(CommMode.FULL, Rights(FREE, NEVER, 3, 0), 28, 21, is_cyclic=True),
            "C0 05 03 30EF 1C0000 150000",
        ),
        (RecordFile(CommMode.PLAIN, ELMUE, 16, 5, is_cyclic=False), "C1 05 00 1100 100000 050000"),
    ],
)
def test_files_are_made_by_the_bytes_of_the_data_sheet(file: File, command: str) -> None:
    native = bytes.fromhex(command)
    wrapped = bytes((0x90, native[0], 0, 0, len(native) - 1)) + native[1:] + b"\0"
    wire = script((wrapped.hex(), "9100"))
    run_dialogue(commands.create_file(OpenChannel(), 5, file), wire)


@pytest.mark.parametrize(
    ("raw", "file"),
    [
        ("00 00 1100 500000", DataFile(CommMode.PLAIN, ELMUE, 80, is_backup=False)),
        (
            "02 03 3022 00000000 64000000 05000000 01",
            ValueFile(CommMode.FULL, Rights(2, 2, 3, 0), 0, 100, 5, limited_credit=True),
        ),
        (
            "04 03 3022 1C0000 150000 020000",
            RecordFile(CommMode.FULL, Rights(2, 2, 3, 0), 28, 21, is_cyclic=True, records=2),
        ),
        (  # NXP AN12196 rev. 2.0, table 7
            "0040EEEE000100D1FE001F00004400004400002000006A0000",
            DataFile(
                CommMode.PLAIN,
                Rights(FREE, FREE, FREE, FREE),
                256,
                is_backup=False,
                options=bytes.fromhex("D1FE001F00004400004400002000006A0000"),
            ),
        ),
    ],
)
def test_file_settings_are_read(raw: str, file: File) -> None:
    wire = script(("90F50000010100", raw + "9100"))
    assert run_dialogue(commands.get_file_settings(OpenChannel(), 1), wire) == file


@given(
    st.binary(max_size=20)
    | st.builds(
        lambda kind, mode, rest: bytes((kind, mode)) + rest,
        st.integers(0, 5),
        st.integers(0, 4) | st.just(0x40),
        st.sampled_from([5, 11, 15, 7]).flatmap(
            lambda size: st.binary(min_size=size, max_size=size)
        ),
    )
)
def test_any_bytes_are_file_settings_or_our_own_error(raw: bytes) -> None:
    try:
        file = decode_settings(raw)
    except CardFormatError as error:
        assert error.code == "desfire.bad-file"  # noqa: PT017 - either outcome is right
        return
    if isinstance(file, DataFile) and file.options:
        assert raw.endswith(file.options)
        return
    tail = file.records.to_bytes(3, "little") if isinstance(file, RecordFile) else b""
    assert bytes((kind_of(file),)) + encode_creation(file) + tail == raw
    assert kind_of(file) is FileKind(raw[0])


@pytest.mark.parametrize(
    ("dialogue", "command"),
    [
        (commands.select_application(bytes.fromhex("3042F5")), "905A0000033042F500"),
        (commands.create_application(OpenChannel(), b"TLC", 9, 4), "90CA000005544C43098400"),
        (commands.delete_application(OpenChannel(), b"TLC"), "90DA000003544C4300"),
        (commands.format_card(OpenChannel()), "90FC000000"),
        (commands.commit(OpenChannel()), "90C7000000"),
        (commands.abort(OpenChannel()), "90A7000000"),
        (commands.debit(OpenChannel(), 1, 300, CommMode.PLAIN), "90DC000005012C01000000"),
        (commands.credit(OpenChannel(), 1, 300, CommMode.PLAIN), "900C000005012C01000000"),
        (commands.limited_credit(OpenChannel(), 1, 1, CommMode.PLAIN), "901C000005010100000000"),
        (
            commands.write_data(OpenChannel(), 2, 4, b"ab", CommMode.PLAIN),
            "903D0000090204000002000061 6200",
        ),
        (
            commands.write_record(OpenChannel(), 3, 0, b"ab", CommMode.PLAIN),
            "903B0000090300000002000061 6200",
        ),
        (
            commands.change_file_settings(OpenChannel(), 2, bytes.fromhex("033022")),
            "905F0000040203302200",
        ),
    ],
)
def test_commands_are_the_bytes_of_the_data_sheet(dialogue: Dialogue[None], command: str) -> None:
    run_dialogue(dialogue, script((command, "9100")))


def test_what_is_read_must_have_the_length_that_was_asked_for() -> None:
    plain = CommMode.PLAIN
    for dialogue, command in (
        (commands.read_data(OpenChannel(), 2, 0, 2, plain), "90BD0000070200000002000000"),
        (commands.get_value(OpenChannel(), 1, plain), "906C0000010100"),
        (commands.get_key_version(OpenChannel(), 1), "90640000010100"),
        (commands.get_card_uid(OpenChannel()), "9051000000"),
    ):
        with pytest.raises(CardFormatError) as caught:
            run_dialogue(dialogue, script((command, "010203 9100")))
        assert caught.value.code == "desfire.bad-length"


def test_a_value_is_signed() -> None:
    wire = script(("906C0000010100", "FEFFFFFF 9100"))
    assert run_dialogue(commands.get_value(OpenChannel(), 1, CommMode.PLAIN), wire) == -2


def test_an_application_is_selected_by_name() -> None:
    name = bytes.fromhex("D2760000850101")
    select = "00A4040007D276000085010100"
    run_dialogue(commands.select_iso(name), script((select, "9000")))
    with pytest.raises(CardFormatError) as caught:
        run_dialogue(commands.select_iso(name), script((select, "6A82")))
    assert caught.value.code == "iso.not-found"


def test_a_command_is_shown_without_its_data() -> None:
    assert "secret" not in repr(Command(0xC4, b"\0", b"secret"))


def test_what_an_open_channel_sends_is_what_was_said() -> None:
    wire = script(("90BD0000020102 00", "6162 9100"))
    command = Command(0xBD, b"\x01", b"\x02", CommMode.FULL)
    assert run_dialogue(send(OpenChannel(), command), wire) == b"ab"
