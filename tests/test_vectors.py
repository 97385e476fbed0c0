"""One runner for all vectors: decoders, recognisers and dialogues, each with its source."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from card_formats.atr import decode_atr, storage_card
from card_formats.check_digits import Check, append_check, has_valid_check
from card_formats.chip.uid import parse_uid, read_uid
from card_formats.credential import Medium, Shown
from card_formats.errors import CardFormatError
from card_formats.number_ranges import NumberRange
from card_formats.phone import rotating, static_number
from card_formats.registry import DECODERS, FORMATS, decode, recognise
from card_formats.stripe.bits import decode_track
from card_formats.stripe.magtek import swipe_of_report
from card_formats.symbology.ean import expand_upce
from card_formats.symbology.gs1 import loyalty_numbers
from daemon.readers.channel import run_dialogue
from daemon.readers.framing import Framer, Frames, Garbage, Terminator
from daemon.readers.hid_descriptor import scan_layout
from daemon.readers.hid_reports import PosDecoder
from daemon.readers.keyboard import KeyDecoder
from daemon.readers.msr605 import READ_RAW, Msr605Decoder
from daemon.readers.ssi import SsiDecoder
from tests.support.keys import keys

VECTORS = Path(__file__).parent / "vectors"
Vector = dict[str, Any]
DIALOGUES = {"read_uid": read_uid}
MEDIUM_OF = {decoder.name: medium for medium, decoder in DECODERS.items()}


def raw_of(vector: Vector) -> bytes:
    """``input`` is text, ``hex`` is bytes."""
    if "hex" in vector:
        return bytes.fromhex(vector["hex"])
    text: str = vector["input"]
    return text.encode()


def run_decoder(vector: Vector, document: Vector) -> Any:
    shown = Shown(
        MEDIUM_OF[document["format"]], raw_of(vector), bytes.fromhex(vector.get("atr", ""))
    )
    return decode(shown)


def run_recogniser(vector: Vector, document: Vector) -> Any:
    ranges = msgspec.convert(document.get("ranges", []), tuple[NumberRange, ...])
    atr = bytes.fromhex(vector.get("atr", ""))
    return recognise(decode(Shown(Medium(vector["medium"]), raw_of(vector), atr)), ranges)


def run_dialogue_vector(vector: Vector) -> Any:
    script = iter(vector["exchange"])

    def transmit(command: bytes) -> bytes:
        step = next(script)
        assert command == bytes.fromhex(step["command"])
        return bytes.fromhex(step["response"])

    value = run_dialogue(DIALOGUES[vector["dialogue"]](), transmit)
    assert next(script, None) is None, "the dialogue stopped early"
    return value.hex().upper()


def run_atr(vector: Vector, document: Vector) -> Any:
    atr = decode_atr(raw_of(vector))
    memory = storage_card(atr)
    return {
        "protocols": list(atr.protocols),
        "historical": atr.historical.hex().upper(),
        **({"storage": msgspec.to_builtins(memory)} if memory else {}),
    }


def run_check_digits(vector: Vector, document: Vector) -> Any:
    check, number = Check(vector["check"]), append_check(Check(vector["check"]), vector["input"])
    assert has_valid_check(check, number)
    return number


def shown_frames(frames: Frames) -> list[str]:
    return [f.reason if isinstance(f, Garbage) else f.decode() for f in frames]


def run_framing(vector: Vector, document: Vector) -> Any:
    framer = Framer(Terminator(vector["suffix"]), prefix=vector.get("prefix", "").encode())
    return shown_frames([*framer.receive(raw_of(vector)), *framer.gap()])


def run_ssi(vector: Vector, document: Vector) -> Any:
    decoder = SsiDecoder()
    frames = shown_frames(decoder.receive(raw_of(vector)))
    return {"frames": frames, "replies": decoder.take_replies().hex().upper()}


def run_msr605(vector: Vector, document: Vector) -> Any:
    decoder = Msr605Decoder()
    assert decoder.take_replies() == READ_RAW
    frames = shown_frames(decoder.receive(raw_of(vector)))
    return {"frames": frames, "replies": decoder.take_replies().hex().upper()}


def run_pos_reports(vector: Vector, document: Vector) -> Any:
    descriptor = bytes.fromhex({**document, **vector}["descriptor"])
    decoder = PosDecoder(scan_layout(descriptor))
    reports = [bytes.fromhex(report) for report in vector["reports"]]
    return [text for report in reports for text in shown_frames(decoder.receive(report))]


def run_keyboard(vector: Vector, document: Vector) -> Any:
    decoder = KeyDecoder(vector["layout"], Framer(Terminator.LINE))
    return shown_frames(decoder.receive(keys(vector["keys"])))


def of_text(decode_text: Callable[[str], Any]) -> Callable[[Vector, Vector], Any]:
    return lambda vector, document: decode_text(vector["input"])


def run_rotating(vector: Vector, document: Vector) -> Any:
    code, now_step = rotating.parse(vector["input"]), vector.get("now", 0) // rotating.PERIOD_S
    verdict = rotating.verify(code, bytes.fromhex(vector["key"]), now_step)
    return {type(verdict).__name__.lower(): verdict}


def run_hotp(vector: Vector, document: Vector) -> Any:
    counter = vector["now"] // vector["period"]
    return rotating.hotp(bytes.fromhex(vector["key"]), counter, len(vector["decoded"]))


RUNNERS: dict[str, Callable[[Vector, Vector], Any]] = {
    **dict.fromkeys(MEDIUM_OF, run_decoder),
    **{card_format.name: run_recogniser for card_format in FORMATS},
    "atr": run_atr,
    "gs1": lambda vector, document: loyalty_numbers(vector["symbology"], vector["input"]),
    "track-bits": lambda vector, document: decode_track(raw_of(vector), vector["track"]),
    "magtek": lambda vector, document: swipe_of_report(raw_of(vector)).decode(),
    "framing": run_framing,
    "ssi": run_ssi,
    "msr605": run_msr605,
    "pos-report": run_pos_reports,
    "keyboard": run_keyboard,
    "check-digits": run_check_digits,
    "uid-text": of_text(parse_uid),
    "upce": of_text(expand_upce),
    "static_number": of_text(static_number.parse),
    "card_ean13": of_text(static_number.parse_ean13),
    "rotating": run_rotating,
    "hotp": run_hotp,
}
# A stream goes on after what is wrong in it: its decoders report, they do not refuse.
NEVER_REFUSE = (
    "framing",
    "ssi",
    "msr605",
    "pos-report",
    "keyboard",
    "check-digits",
    "upce",
    "hotp",
)


def load() -> list[Any]:
    params = []
    for path in sorted(VECTORS.glob("*.toml")):
        document = tomllib.loads(path.read_text("utf-8"))
        for vector in document["vector"]:
            name = f"{path.stem}: {vector['name']}"
            params.append(pytest.param(document, vector, id=name))
    return params


@pytest.mark.parametrize(("document", "vector"), load())
def test_vector(document: Vector, vector: Vector) -> None:
    assert vector["source"], "a vector names its source"

    def run() -> Any:
        if "dialogue" in vector:
            return run_dialogue_vector(vector)
        return RUNNERS[document["format"]](vector, document)

    if "error" in vector:
        with pytest.raises(CardFormatError) as caught:
            run()
        assert caught.value.code == vector["error"]
        return
    expected = vector["returns" if "dialogue" in vector else "decoded"]
    value = msgspec.json.decode(msgspec.json.encode(run()))
    if isinstance(value, dict):  # a vector names the fields that it is about
        value = {key: value[key] for key in expected}
    assert value == expected


def test_every_check_has_vectors_from_two_sources() -> None:
    document = tomllib.loads((VECTORS / "check-digits.toml").read_text("utf-8"))
    sources: dict[str, set[str]] = {check.value: set() for check in Check if check.value != "none"}
    for vector in document["vector"]:
        sources[vector["check"]].add(vector["source"])
    assert {check: len(found) for check, found in sources.items() if len(found) < 2} == {}


@pytest.mark.parametrize("name", sorted(RUNNERS))
def test_every_format_has_a_vector_it_reads_and_every_refusing_one_a_vector_it_refuses(
    name: str,
) -> None:
    document = tomllib.loads((VECTORS / f"{name}.toml").read_text("utf-8"))
    assert document["format"] == name
    assert any("decoded" in vector for vector in document["vector"])
    if name not in NEVER_REFUSE:
        assert any("error" in vector for vector in document["vector"])
