"""(cost) What a stranger sends costs at most in proportion to its length.

Shapes are made from the pieces that a parser knows: something repeated, between a beginning and an
end that may spoil it. Twice as much of it may take three times as long, measured in processor time
and the best of several runs, so that a busy machine does not fail it.
"""

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from typing import NamedTuple

import pytest

from card_formats.bank_card import holds_bank_card
from card_formats.credential import Medium, Shown
from card_formats.errors import CardFormatError
from card_formats.registry import decode, recognise
from daemon.pos.cashier_language import SENTENCE_CHARS_MAX, say
from daemon.pos.dispatch import Method, dispatch
from daemon.pos.lines import LINE_BYTES_MAX, LineBuffer, LineTooLongError
from daemon.pos.peers import Role
from daemon.pos.protocol import SCAN_CHARS_MAX, CommitParams, IdentifyParams, SimulateParams
from daemon.pos.session import Session
from daemon.programme.errors import ProgrammeError
from daemon.programme.file import PROGRAMME_BYTES_MAX
from daemon.programme.programme import load
from daemon.readers.hid_descriptor import (
    DESCRIPTOR_BYTES_MAX,
    DescriptorError,
    scan_layout,
)
from daemon.readers.hid_reports import PosDecoder
from daemon.readers.msr605 import Msr605Decoder
from daemon.readers.simulated.wires import POS_LAYOUT
from daemon.readers.ssi import SsiDecoder
from tests.daemon.pos.shop import GREETING, new_ring
from tests.fuzz.targets import (
    DESCRIPTOR_PIECES,
    LINE_PIECES,
    MSR605_PIECES,
    PIECES,
    POS_PIECES,
    RANGES,
    SSI_PIECES,
    StreamDecoder,
    any_framer,
    any_key_decoder,
)
from web.page_language import accepted_language
from web.phone.join_form import JoinFormError, check_join_form
from web.phone.join_pages import BODY_BYTES_MAX
from web.web_settings import WebSettings

SEED, SHAPES, SHAPES_SOAK = 20261128, 25, 1_500
GROWTH_MAX = 3.0
SMALL_S = 0.01  # what takes less is not worth the clock's noise
ANSWER_S_MAX = 0.2
ATTEMPTS = 6
HEAD = '[programme]\nid = "a"\ncurrency = "UAH"\ntz = "Europe/Kyiv"\n'
DIGIT_PIECES = ["4", "4-", "4444-", "4111 ", "4000000000000000", "1", "-", " ", ".", "   ", "=",
                "%", ";", "+", "?", "a", "B", "VISA", "x1", "1x", "é", "/", "_", "4/1_", "4 1 ",
                "\uff14", "\u0664 ", "\u00a0"]  # fmt: skip
TOML_PIECES = ["x.", ".", "x", "a.b = 1\n", "[", "]", "[a]\n", "[[rule]]\n", "{", "}", "{a=", "=",
               " = 1\n", '"', '"""', "'", "'''", "\\", "\\\n", "\\n", "#", "\n", "\r\n", " ", ",",
               "1", "1_", "0x", "1.", "1e9", "-nan", "2026-01-01", "true", '"a".', "k.k.k.k.",
               '[[rule]]\nid = "r"\ngive = { percent = 5 }\n']  # fmt: skip
JSON_PIECES = ['{"', '":', "[", "]", "{", "}", ",", '"', "\\", "\\u0034", "\\ud800", "1", "1e9",
               "-", ".", " ", "null", "true", '"a":1,', '{"a":', "4-", "4111 1", "é"]  # fmt: skip
WORDS = [
    "a",
    " ",
    ".",
    "@",
    "@a.",
    "1",
    "+",
    "(",
    "-",
    "é",
    "\u200d",
    "\x00",
    "'",
    "0",
    "00",
    "+380",
]
HEADER_PIECES = ["uk", "en", ";q=", "0.", "1", ",", ";", "=", "-", " ", "*", "nan"]
SENTENCE_PIECES = ["The code ", " has been used already.", " is not known here", " ", "'", "a",
                   ": ", "No rule names the campaign ", "configured: ", ", ", "."]  # fmt: skip


class Parser(NamedTuple):
    """``run`` is given texts of up to ``most`` characters made of ``pieces``."""

    run: Callable[[str], object]
    pieces: list[str]
    most: int


def bank_card(text: str) -> None:
    holds_bank_card(text, RANGES)


def shown_as(medium: Medium) -> Callable[[str], None]:
    def run(text: str) -> None:
        try:
            recognise(decode(Shown(medium, text.encode("utf-8"))), RANGES)
        except CardFormatError:
            return

    return run


def programme(text: str) -> None:
    for start in (HEAD, ""):
        try:
            load(start + text)
        except ProgrammeError:
            continue


async def nothing(session: Session, params: object) -> dict[str, object]:
    return {}


METHODS = {
    "commit": Method(CommitParams, nothing, Role.NOBODY),
    "identify": Method(IdentifyParams, nothing, Role.NOBODY),
    "simulate": Method(SimulateParams, nothing, Role.NOBODY),
}
STARTS = (
    '{"jsonrpc":"2.0","id":1,"method":"commit","params":{"sale_id":"s","lines":',
    '{"jsonrpc":"2.0","id":1,"method":"commit","params":{"sale_id":"s","tenders":[{"a":"',
    '{"jsonrpc":"2.0","id":1,"method":"simulate","params":{"facts":{"',
    '{"jsonrpc":"2.0","id":1,"method":"',
    "",
)
ENDS = ("", '"}]}}', '":1}}}', "]}}", '"}')


def line(text: str) -> None:
    session = Session(Role.ADMIN, GREETING.terminal, new_ring())
    for start, end in zip(STARTS, ENDS, strict=True):
        raw = (start + text + end).replace("\n", " ").encode("utf-8", "replace")
        asyncio.run(dispatch(raw[:LINE_BYTES_MAX], METHODS, session))


def buffered(text: str) -> None:
    buffer, raw = LineBuffer(), text.encode("utf-8")
    for at in range(0, len(raw), 1_000):
        buffer.feed(raw[at : at + 1_000])
        try:
            while buffer.take() is not None:
                pass
        except LineTooLongError:
            buffer.clear()


def joined(text: str) -> None:
    for name in ("name", "phone", "email", "birthday"):
        try:
            check_join_form(
                {name: text}, form_id="f", language="en", today=date(2026, 11, 28),
                settings=WebSettings(), country="DE",
            )  # fmt: skip
        except JoinFormError:
            continue


def stream(make: Callable[[], StreamDecoder]) -> Callable[[str], None]:
    def run(text: str) -> None:
        decoder = make()
        decoder.receive(text.encode("latin-1", "replace"))
        decoder.gap()

    return run


def pos_reports(text: str) -> None:
    decoder, raw = PosDecoder(POS_LAYOUT), text.encode("latin-1", "replace")
    for at in range(0, len(raw), POS_LAYOUT.size):
        decoder.receive(raw[at : at + POS_LAYOUT.size])


def descriptor(text: str) -> None:
    with suppress(DescriptorError):
        scan_layout(text.encode("latin-1", "replace"))


def latin(pieces: list[bytes]) -> list[str]:
    return [piece.decode("latin-1") for piece in pieces]


STREAM_BYTES = 64 * 1024
PARSERS = {
    "bank card": Parser(bank_card, DIGIT_PIECES, LINE_BYTES_MAX),
    "programme": Parser(programme, TOML_PIECES, PROGRAMME_BYTES_MAX - len(HEAD)),
    "line": Parser(line, JSON_PIECES + DIGIT_PIECES, LINE_BYTES_MAX - 100),
    "lines": Parser(buffered, ["a", "\n", "\r\n", "{}\n"], 2 * LINE_BYTES_MAX),
    "sentence": Parser(lambda text: say("uk", text), SENTENCE_PIECES, SENTENCE_CHARS_MAX),
    "form": Parser(joined, WORDS, BODY_BYTES_MAX),
    "languages": Parser(lambda text: accepted_language(text, "en"), HEADER_PIECES, 8_190),
    **{
        f"shown, {medium}": Parser(shown_as(medium), latin(PIECES), SCAN_CHARS_MAX // 2)
        for medium in Medium
    },
    "reader, lines": Parser(stream(lambda: any_framer(0)), latin(LINE_PIECES), STREAM_BYTES),
    "reader, keys": Parser(stream(lambda: any_key_decoder(0)), latin([bytes(24), b"\x01"]), 24_000),
    "reader, ssi": Parser(stream(SsiDecoder), latin(SSI_PIECES), STREAM_BYTES),
    "reader, msr605": Parser(stream(Msr605Decoder), latin(MSR605_PIECES), STREAM_BYTES),
    "reader, pos": Parser(pos_reports, latin(POS_PIECES), STREAM_BYTES),
    "reader, descriptor": Parser(descriptor, latin(DESCRIPTOR_PIECES), DESCRIPTOR_BYTES_MAX),
}
KNOWN = [
    ("bank card", "", "4-", ""),
    ("bank card", "", "4444-", ""),
    ("bank card", "", "4444", "x"),
    ("bank card", "", "4/", "x"),
    ("bank card", "", "4444_", "x"),
    ("bank card", "", "\uff14", ""),
    ("line", "", "4-", ""),
    ("programme", "", "x.", "x = 1"),
    ("programme", "[", "x.", "x]"),
    ("programme", "", '"x" . ', "x = 1"),
    ("programme", "a = 1e", "9", ""),
]
"""Shapes that did harm once: (parser, beginning, what is repeated, end)."""


class Shape(NamedTuple):
    start: str
    unit: str
    end: str

    def text(self, chars: int) -> str:
        """Return it with as many whole units as fit; half an escape would be refused at once."""
        middle = chars - len(self.start) - len(self.end)
        return self.start + self.unit * (middle // len(self.unit)) + self.end


def shapes(pieces: list[str], *, seed: int, count: int) -> list[Shape]:
    chance = random.Random(seed)

    def some(least: int, most: int) -> str:
        return "".join(chance.choices(pieces, k=chance.randint(least, most)))

    return [Shape(some(0, 2), some(1, 4) or "a", some(0, 2)) for _ in range(count)]


def processor_s(parser: Parser, text: str, runs: int = 1) -> float:
    """Return the least processor time that ``text`` took in some runs."""
    took = []
    for _ in range(runs):
        begun_s = time.thread_time()
        parser.run(text)
        took.append(time.thread_time() - begun_s)
    return min(took)


def check_growth(name: str, shape: Shape) -> None:
    parser = PARSERS[name]
    whole, half = shape.text(parser.most), shape.text(parser.most // 2)
    growth = twice_s = 0.0
    for attempt in range(ATTEMPTS):
        twice_s = processor_s(parser, whole, runs=1 + attempt)
        if twice_s < SMALL_S:
            return
        growth = twice_s / processor_s(parser, half, runs=1 + attempt)
        if growth <= GROWTH_MAX:
            return
    # A shape of this one length may be refused at once: others say what a half would take.
    third = shape.text(parser.most // 3)
    growth = twice_s / (3 / 2 * processor_s(parser, third, runs=ATTEMPTS))
    if growth <= GROWTH_MAX:
        return
    raise AssertionError(f"{name}: {shape!r} takes {growth:.1f} times as long for twice as much")


@pytest.mark.parametrize(("name", "start", "unit", "end"), KNOWN)
def test_what_did_harm_once_costs_no_more_than_its_length(
    name: str, start: str, unit: str, end: str
) -> None:
    shape = Shape(start, unit, end)
    check_growth(name, shape)
    assert_cheap(name, shape)


def assert_cheap(name: str, shape: Shape) -> None:
    parser = PARSERS[name]
    # ``line`` reads the text in each of STARTS.
    allowed_s = ANSWER_S_MAX * (len(STARTS) if name == "line" else 1)
    took_s = [0.0]
    for attempt in range(ATTEMPTS):
        took_s.append(processor_s(parser, shape.text(parser.most), runs=1 + attempt))
        if took_s[-1] <= allowed_s:
            return
    raise AssertionError(f"{name}: {shape!r} takes {min(took_s[1:]):.2f} s")


@pytest.mark.parametrize("name", PARSERS)
def test_twice_as_much_takes_no_more_than_three_times_as_long(name: str) -> None:
    for shape in shapes(PARSERS[name].pieces, seed=SEED, count=SHAPES):
        check_growth(name, shape)


@pytest.mark.soak
@pytest.mark.parametrize("name", PARSERS)
def test_no_shape_of_thousands_grows_faster(name: str) -> None:
    for shape in shapes(PARSERS[name].pieces, seed=SEED + 1, count=SHAPES_SOAK):
        check_growth(name, shape)


@pytest.mark.parametrize("name", ["bank card", "line"])
def test_256_kib_are_answered_in_a_fifth_of_a_second(name: str) -> None:
    for shape in shapes(PARSERS[name].pieces, seed=SEED, count=SHAPES):
        assert_cheap(name, shape)
