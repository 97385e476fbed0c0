"""docs/readers.md names every kind, key and value that a reader's table may have."""

import re
from pathlib import Path
from typing import Literal, get_args, get_origin

import msgspec
import pytest

from card_formats.check_digits import Check
from card_formats.number_ranges import NumberRange
from daemon.readers import ReaderState
from daemon.readers.channel import ABANDONED_MAX
from daemon.readers.framing import FRAME_BYTES_MAX
from daemon.readers.reader_settings import ReaderSettings
from daemon.readers.supervisor import EVENTS_MAX

PAGE = (Path(__file__).parents[3] / "docs/readers.md").read_text("utf-8")
KINDS = get_args(ReaderSettings)


def is_named(word: object) -> bool:
    return (
        re.search(rf"[`\"]{re.escape(str(word))}[`\"]|(?<![\w.]){word}(?![\w.])", PAGE) is not None
    )


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.__name__))
def test_every_key_and_value_of_a_kind_is_named(kind: type[msgspec.Struct]) -> None:
    assert f'kind = "{kind.__struct_config__.tag}"' in PAGE
    for field in msgspec.structs.fields(kind):
        assert f"`{field.encode_name}`" in PAGE, field.encode_name
        words = get_args(field.type) if get_origin(field.type) is Literal else ()
        for word in words:
            assert is_named(word), f"{field.encode_name} = {word}"


def test_every_key_of_a_number_range_and_every_check_is_named() -> None:
    for name in (field.encode_name for field in msgspec.structs.fields(NumberRange)):
        assert name == "live" or re.search(rf"^{name} = ", PAGE, re.MULTILINE), name
    for check in Check:
        assert f"`{check.value}`" in PAGE


def test_every_state_and_limit_is_the_daemon_s() -> None:
    for state in ReaderState:
        assert f"`{state.value}`" in PAGE
    rows = dict(re.findall(r"^\| ([a-z][^|]+) \| ([\d,]+)", PAGE, re.MULTILINE))
    limits = [int(number.replace(",", "")) for number in rows.values()]
    assert limits == [FRAME_BYTES_MAX, EVENTS_MAX, ABANDONED_MAX]
