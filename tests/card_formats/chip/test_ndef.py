from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from card_formats.chip.ndef import MESSAGE_BYTES_MAX, decode_link, read_link
from card_formats.errors import CardFormatError
from daemon.readers.channel import run_dialogue

SELECT = bytes.fromhex("00A4040007D276000085010100")
# NXP AN12196 rev. 2.0, table 17: the link of its example, without the length before it.
MESSAGE = bytes.fromhex(
    "D1014D550463686F6F73652E75726C2E636F6D2F6E7461673432343F653D"
    "3030303030303030303030303030303030303030303030303030303030303030"
    "26633D30303030303030303030303030303030"
)
LINK = "https://choose.url.com/ntag424?e=" + "0" * 32 + "&c=" + "0" * 16


def tag(file: bytes, heard: list[bytes]) -> Callable[[bytes], bytes]:
    def transmit(command: bytes) -> bytes:
        heard.append(command)
        if command[1] == 0xB0:
            return file[command[3] : command[3] + (command[4] or 256)] + b"\x90\x00"
        return b"\x90\x00"

    return transmit


def with_length(message: bytes) -> bytes:
    return len(message).to_bytes(2, "big") + message


def test_a_tag_s_link_is_read_in_four_apdus() -> None:
    heard: list[bytes] = []
    assert run_dialogue(read_link(), tag(with_length(MESSAGE), heard)) == LINK
    read = bytes.fromhex("00A4000C02E104"), bytes.fromhex("00B0000002"), bytes.fromhex("00B0000251")
    assert heard == [SELECT, *read]


def test_an_empty_tag_has_no_link_and_is_not_read_further() -> None:
    heard: list[bytes] = []
    with pytest.raises(CardFormatError) as caught:
        run_dialogue(read_link(), tag(bytes(2), heard))
    assert caught.value.code == "ndef.no-link"
    assert len(heard) == 3


def test_the_longest_message_is_read_and_a_longer_one_is_not() -> None:
    body = bytes(MESSAGE_BYTES_MAX - 4)
    longest = bytes((0xD1, 1, len(body), 0x55)) + body
    assert run_dialogue(read_link(), tag(with_length(longest), [])) == "\0" * (len(body) - 1)
    with pytest.raises(CardFormatError) as caught:
        run_dialogue(read_link(), tag(with_length(longest + b"x"), []))
    assert caught.value.code == "ndef.too-long"


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        (["6A82"], "iso.not-found"),
        (["9000", "6A82"], "ndef.unreadable"),
        (["9000", "9000", "6982"], "ndef.unreadable"),
        (["9000", "9000", "00519000", "6982"], "ndef.unreadable"),
        (["9000", "9000", "00 9000"], "ndef.unreadable"),
    ],
)
def test_a_tag_that_will_not_be_read_is_told_by_name(answers: list[str], code: str) -> None:
    script = iter(answers)
    with pytest.raises(CardFormatError) as caught:
        run_dialogue(read_link(), lambda _: bytes.fromhex(next(script)))
    assert caught.value.code == code


@given(
    st.binary(max_size=40)
    | st.builds(
        lambda prefix, rest: bytes((0xD1, 1, len(rest) + 1, 0x55, prefix)) + rest,
        st.integers(0, 6),
        st.binary(max_size=20),
    )
)
def test_any_message_is_a_link_or_our_own_error(message: bytes) -> None:
    try:
        link = decode_link(message)
    except CardFormatError as error:
        assert error.code == "ndef.no-link"  # noqa: PT017 - either outcome is right
        return
    assert link.endswith(message[5:].decode("ascii"))
