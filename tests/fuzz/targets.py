"""Every decoder of what comes from outside, with what must hold for any bytes at all.

A target takes bytes and returns a word for what came of them; it raises only when a promise is
broken: a value or our own error, whatever comes in, and the same however it was chunked.
"""

import io
import random
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Any, NamedTuple, Protocol

from PIL import Image

from card_formats.apdu import ResponseApdu
from card_formats.atr import decode_atr, encode_storage, storage_card
from card_formats.check_digits import Check
from card_formats.chip.uid import read_uid
from card_formats.credential import Medium, Reading, Shown
from card_formats.errors import CardFormatError
from card_formats.number_ranges import NumberRange
from card_formats.registry import decode, recognise
from card_formats.stripe.bits import ALPHABETS, decode_track
from card_formats.stripe.magtek import REPORT_BYTES, swipe_of_report
from daemon.base.spreadsheets import TableFileError, csv_rows
from daemon.customers import questionnaire
from daemon.customers.pictures import KEPT_BYTES_MAX, PictureError, small_picture
from daemon.mailing.message_text import Known, MessageTextError, read_text
from daemon.mailing.sms_parts import parts_of
from daemon.readers.channel import run_dialogue
from daemon.readers.framing import FRAME_BYTES_MAX, Framer, Frames, Garbage, Terminator
from daemon.readers.hid_descriptor import DescriptorError, scan_layout
from daemon.readers.hid_reports import PosDecoder
from daemon.readers.keyboard import KeyDecoder
from daemon.readers.keyboard_layouts import LAYOUTS
from daemon.readers.msr605 import Msr605Decoder
from daemon.readers.simulated.wires import (
    POS_DESCRIPTOR,
    POS_LAYOUT,
    as_msr605,
    as_pos_reports,
    as_resent,
    as_ssi,
)
from daemon.readers.ssi import MULTIPACKET, SCANNER, SsiDecoder, encode_packet
from tests.support.keys import keys

BLOCK_BYTES_MAX = 63  # as a USB packet has at most, more or less
BANK_NUMBER = "4111111111111111"
RANGES = (
    NumberRange(name="a", prefix="29", length=13, check=Check.EAN),
    NumberRange(name="b", prefix="77", length=10, check=Check.LUHN),
    NumberRange(name="c", prefix="7", length=12, check=Check.MOD97),
    NumberRange(name="d", prefix="1234567", length=18, check=Check.EAN),
)
# Pieces that steer into the decoders' branches; noise alone would stop at the first of them.
PIECES = [b"]", b"]E0", b"]E3", b"]E4", b"]C1", b"]Q3", b"%B", b";", b"+", b"?", b"^", b"=",
          b"4111111111111111", b"4006381333931", b"2900000000179", b"7700000016",
          b"036000291452", b"E", b"\x1d", b"\r\n", b"\xd0\x9a", b"8018", b"123456789012345675",
          b"]F0A", b"]A1*", b"]I00", b"*", b"|]e0", b"]Q2", b"\\000026", b"\\000020", b"\\",
          b"255", b"17261231", b"https://", b"/8018/", b"id.example", b"[",
          b"\xff", b"\x00", b" ", b"-", b"0" * 40, b"3"]  # fmt: skip
ATR_PIECES = [b"\x3b", b"\x3f", b"\x8f\x80\x01", b"\x80", b"\x4f\x0c\xa0\x00\x00\x03\x06", b"\xf0",
              b"\x08", b"\x04\x01\x02\x03", b"\x11"]  # fmt: skip
TRACKS = ("01A823FC", "3FC41580", "8015C43F", "FE57DC03", "A30FE6E0", "00", "FF", "D4", "1F")
TRACK_PIECES = [bytes.fromhex(track) for track in TRACKS]
LINE_PIECES = [b"\r", b"\n", b"\t", b"\x02", b"\x03", b"\x00", b"S:", b"590", b"x" * 20]
SSI_PIECES = [
    *as_ssi(b"]E04006381333931"),
    *as_ssi(b"]Q1" + b"y" * 260),
    as_resent(as_ssi(b"]C0K")[0]),
    as_ssi(b"]C0K")[0][:-1] + b"!",
    bytes.fromhex("04D00000FF2C"),
    encode_packet(MULTIPACKET, b"\x00\xf3" + bytes(249), source=SCANNER),
    encode_packet(MULTIPACKET, b"\x01abc", source=SCANNER),
    b"\x00",
    b"\x04",
    b"\x06\xf3",
]
MSR605_PIECES = [
    *as_msr605(b"%B77^C^?;77=1?"),
    *as_msr605(b";12?"),
    b"\x1bs\x1b\x01\x00\x1b\x02\x00\x1b\x03\x00?\x1c\x1b0",
    b"\x1bs",
    b"\x1b\x01\x04\x01\xa8\x23\xfc",
    b"?\x1c\x1b0",
]
STROKES = ("30", "2", "28", "41", "58", "dropped", "shift+3", "altgr+16", "ctrl+27", "ctrl+2",
           "ctrl+12", "alt(82 80 81)", "alt(82 82 82 82 82 82 82 82 82)",
           "alt(76 76 80 73 77)")  # fmt: skip
KEY_PIECES = [*map(keys, STROKES), keys("30")[:-7]]
POS_PIECES = [
    *as_pos_reports(b"]Q1" + b"z" * 90),
    *as_pos_reports(b"K"),
    b"\x02\xff" + bytes(62),
    b"\x04" + bytes(63),
]
DESCRIPTOR_ITEMS = ("058C", "0501", "0902", "A101", "A100", "C0", "8502", "7508", "7501", "9501",
                    "9538", "97FFFFFFFF", "093B", "09FB", "19FB", "29FE", "09FE", "09FF",
                    "0BFE008C00", "8102", "8103", "820201", "9102", "A4", "B4", "A901", "A900",
                    "FE0200", "26")  # fmt: skip
DESCRIPTOR_PIECES = [
    *map(bytes.fromhex, DESCRIPTOR_ITEMS),
    POS_DESCRIPTOR,
    bytes.fromhex("058C0902A101 7508 9504 09FE 8102"),
]
MAGTEK_PIECES = [
    bytes(7),
    bytes((0, 0, 0, 24, 15, 0, 0)),
    bytes((1, 0, 1, 9, 9, 200, 0)),
    b"%B77^C^?".ljust(110, b"\0"),
    b";77=1?".ljust(110, b"\0"),
    bytes(110),
]


QUESTIONNAIRE_PIECES = [
    b"[[question]]\n",
    b'id = "phone"\nkind = "phone"\n',
    b'id = "size"\nkind = "multi"\nchoices = ["a", "b"]\n',
    b'[[question]]\nid = "for_whom"\nkind = "choice"\nchoices = ["me"]\n',
    b'one_of = "contact"\n',
    b"required = false\n",
    b"sensitive = true\n",
    b'ask.en = "For whom?"\n',
    b'[[consent]]\nid = "marketing"\nchannels = ["sms"]\n',
    b'text.uk = "\xd0\x9a"\n',
    b"x" + b".x" * 9,
    b'"',
    b"\\u0000",
    b"1e99999",
]


CSV_PIECES = [
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"name;phone;card\r\n",
    b"name,phone\n",
    b"name\tphone\r",
    b"sep=;\n",
    b'"Olha ""the first"""',
    b'"',
    b";",
    b",",
    b"\r\n",
    b"\xd0\x9e",
    b"\xd0",
    b"=1+1",
    b"\x00",
    b"x" * 9_000,
]


def _webp(kind: bytes, body: bytes) -> bytes:
    chunk = kind + len(body).to_bytes(4, "little") + body
    return b"RIFF" + (4 + len(chunk)).to_bytes(4, "little") + b"WEBP" + chunk


def _drawn(form: str, **more: Any) -> bytes:
    file = BytesIO()
    Image.linear_gradient("L").resize((9, 6)).save(file, form, **more)
    return file.getvalue()


def picture_pieces() -> list[bytes]:
    """Whole files, their beginnings and ends, and sizes that lie."""
    turned = Image.Exif()
    turned[0x0112] = 6
    whole = [_drawn("JPEG", exif=turned), _drawn("PNG", exif=turned), _drawn("WEBP", exif=turned)]
    whole += [_drawn("JPEG", progressive=True), _drawn("WEBP", lossless=True)]
    frames = [Image.new("L", (9, 6), 9)]
    moving = [_drawn(form, save_all=True, append_images=frames) for form in ("PNG", "WEBP")]
    cut = [part for file in whole for part in (file[: len(file) // 2], file[len(file) // 2 :])]
    huge = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes.fromhex("0000ea600000ea600802000000")
    lies = [
        huge + zlib.crc32(huge[12:]).to_bytes(4, "big"),
        _webp(b"VP8X", bytes(4) + b"\xff" * 6),
        _webp(b"VP8L", b"\x2f" + b"\xff" * 9),
        _webp(b"VP8 ", b"\x30\x01\x00\x9d\x01\x2a" + b"\xff\x3f" * 2),
        b"\xff\xd8\xff\xc0\x00\x0b\x08\xff\xff\xff\xff\x01\x01\x11\x00",
    ]
    return [*whole, *moving, *cut, *lies, b"GIF89a", b"\xff\xd8\xff\xe1", b"Exif\0\0", b"PK\3\4"]


class Target(NamedTuple):
    """``run`` is tried with bytes made of ``pieces``; it must come to each of ``reaches``."""

    run: Callable[[bytes], str]
    pieces: list[bytes]
    reaches: tuple[str, ...]


class StreamDecoder(Protocol):
    def receive(self, data: bytes) -> Frames: ...

    def gap(self) -> Frames: ...


def shown_as(medium: Medium) -> Callable[[bytes], str]:
    def run(raw: bytes) -> str:
        half = len(raw) // 2 if medium is Medium.CHIP and raw[:1] == b"\x3b" else len(raw)
        try:
            reading = decode(Shown(medium, raw[half:] or raw, raw[:half]))
            assert isinstance(reading, Reading)
            assert BANK_NUMBER not in repr(reading)
            recognise(reading, RANGES)
        except CardFormatError as error:
            said = error
        else:
            return "credential"
        assert BANK_NUMBER not in str(said)
        return said.code

    return run


def run_atr(raw: bytes) -> str:
    try:
        atr = decode_atr(raw)
    except CardFormatError as error:
        return error.code
    assert atr.historical in raw
    memory = storage_card(atr)
    if memory is None:
        return "atr"
    assert storage_card(decode_atr(encode_storage(memory))) == memory
    return "memory"


def run_uid(raw: bytes) -> str:
    try:
        uid = run_dialogue(read_uid(), lambda command: raw)
    except CardFormatError as error:
        return error.code
    assert uid in (b"", ResponseApdu.decode(raw).data)
    return "uid"


def track(name: str) -> Callable[[bytes], str]:
    def run(raw: bytes) -> str:
        try:
            content = decode_track(raw, name)
        except CardFormatError as error:
            return error.code
        base, bits = ALPHABETS[name].base, ALPHABETS[name].bits
        assert all(0 <= ord(char) - base < 1 << bits for char in content)
        return "track"

    return run


def run_magtek(raw: bytes) -> str:
    report = (raw * (REPORT_BYTES // len(raw) + 1))[:REPORT_BYTES] if raw else raw
    try:
        swipe = swipe_of_report(report)
        decode(Shown(Medium.STRIPE, swipe))
    except CardFormatError as error:
        return error.code
    return "swipe"


def stream(make: Callable[[], StreamDecoder]) -> Callable[[bytes], str]:
    """A decoder of a byte stream: single bytes and blocks must come to the same as all at once."""

    def run(raw: bytes) -> str:
        expected = in_blocks(make(), raw, len(raw) or 1)
        assert in_blocks(make(), raw, 1) == expected
        assert in_blocks(make(), raw, 2 + sum(raw) % BLOCK_BYTES_MAX) == expected
        return verdict(expected)

    return run


def in_blocks(decoder: StreamDecoder, raw: bytes, size: int) -> Frames:
    blocks = (raw[at : at + size] for at in range(0, len(raw), size))
    frames = [frame for block in blocks for frame in decoder.receive(block)]
    return [*frames, *decoder.gap(), *decoder.gap()]


def verdict(frames: Frames) -> str:
    for frame in frames:
        assert isinstance(frame, Garbage) or 0 < len(frame) <= FRAME_BYTES_MAX
    good = any(isinstance(frame, bytes) for frame in frames)
    bad = any(isinstance(frame, Garbage) for frame in frames)
    return "both" if good and bad else "frame" if good else "garbage" if bad else "nothing"


def run_pos(raw: bytes) -> str:
    decoder, frames = PosDecoder(POS_LAYOUT), list[bytes | Garbage]()
    for at in range(0, len(raw), POS_LAYOUT.size):
        frames += decoder.receive(raw[at : at + POS_LAYOUT.size])
    return verdict([*frames, *decoder.gap(), *decoder.gap()])


def run_descriptor(raw: bytes) -> str:
    """Read a descriptor; whatever it says, reports of any bytes are read by it."""
    try:
        layout = scan_layout(raw)
    except DescriptorError as error:
        return error.code
    decoder, chance = PosDecoder(layout), random.Random(raw)
    number = bytes((layout.number,)) if layout.number else b""
    reports = [number + chance.randbytes(chance.randrange(layout.size + 2)) for _ in range(3)]
    frames = [frame for report in reports for frame in decoder.receive(report)]
    verdict([*frames, *decoder.gap(), *decoder.gap()])
    return "layout"


def run_questionnaire(raw: bytes) -> str:
    try:
        asked = questionnaire.load(raw.decode("utf-8", "surrogateescape"))
    except questionnaire.QuestionnaireError as error:
        return error.path.partition("[")[0]
    assert len(asked.questions) <= questionnaire.QUESTIONS_MAX
    assert asked.missing(frozenset(question.id for question in asked.questions)) == ()
    assert questionnaire.load(asked.text).version == asked.version
    questionnaire.doubts(asked)
    return "questionnaire" if asked.questions else "nothing"


def run_csv(raw: bytes) -> str:
    """Read a table; its rows are numbered upwards, and none of them is empty."""
    last = 0
    try:
        for row in csv_rows(io.BufferedReader(io.BytesIO(raw))):
            assert row.number > last
            assert any(cell.strip() for cell in row.cells)
            last = row.number
    except TableFileError as error:
        return "quotes" if "quotation" in str(error) else "encoding"
    return "rows" if last else "nothing"


KNOWN_TO_TEXTS = Known(purses=["bonus"], statuses=["club"], campaigns=["Spring-10"])
MAILING_PIECES = [
    b"{name}", b"{balance.bonus}", b"{expiring.bonus.30d}", b"{club.missing}", b"{code.SPRING10}",
    b"{", b"}", b"{{", b"}}", b"\n", b"Hello ", "Вітаємо ".encode(), "\N{ROSE}".encode(),
    b"{expiring.bonus.0d}", b"{club}", b"{unsubscribe}", b"x" * 200,
]  # fmt: skip


def run_mailing_text(raw: bytes) -> str:
    """Read a text, and fill it: no brace is left but those that were meant, and parts are few."""
    said = raw.decode("utf-8", "replace")
    counted = parts_of(said)
    assert counted.parts <= counted.units <= 2 * len(said)
    try:
        text = read_text(said, KNOWN_TO_TEXTS)
    except MessageTextError as error:
        return _where_it_is_wrong(said, error)
    filled = text.filled({one.name: "" for one in text.variables})
    assert filled == "".join(piece for piece in text.pieces if isinstance(piece, str))
    return "variables" if text.variables else "words"


def _where_it_is_wrong(said: str, error: MessageTextError) -> str:
    if not error.line:
        return "whole"
    assert said.split("\n")[error.line - 1][error.column - 1] in "{}"
    return "single" if "single" in str(error) else "unknown"


def run_picture(raw: bytes) -> str:
    try:
        kept = small_picture(raw)
    except PictureError as error:
        return error.problem.name
    assert kept.startswith(b"\xff\xd8\xff")
    assert len(kept) <= KEPT_BYTES_MAX
    return "picture"


def any_framer(choice: int) -> StreamDecoder:
    terminator = list(Terminator)[choice % len(Terminator)]
    return Framer(terminator, prefix=b"S:" if choice % 3 == 0 else b"")


def any_key_decoder(choice: int) -> StreamDecoder:
    return KeyDecoder(list(LAYOUTS)[choice % len(LAYOUTS)], Framer(Terminator.LINE))


def chosen(make: Callable[[int], StreamDecoder]) -> Callable[[bytes], str]:
    """The length of the input decides how the decoder is set."""
    return lambda raw: stream(lambda: make(len(raw)))(raw)


STREAM_ENDS = ("frame", "garbage", "both", "nothing")
TARGETS = {
    "chip": Target(shown_as(Medium.CHIP), ATR_PIECES, ("credential",)),
    "barcode": Target(shown_as(Medium.BARCODE), PIECES, ("credential", "gs1.bad-number")),
    "stripe": Target(shown_as(Medium.STRIPE), PIECES, ("credential", "card.bank")),
    "typed": Target(shown_as(Medium.TYPED), PIECES, ("credential", "card.bank")),
    "atr": Target(run_atr, ATR_PIECES, ("atr", "atr.bad-length", "atr.bad-start")),
    "uid": Target(run_uid, [b"\x90\x00", b"\x6a\x81", b"\x04\xa1\xb2"], ("uid", "apdu.short")),
    "track1": Target(track("track1"), TRACK_PIECES, ("track", "track.bad-parity")),
    "track2": Target(track("track2"), TRACK_PIECES, ("track", "track.bad-parity")),
    "track3": Target(track("track3"), TRACK_PIECES, ("track", "track.bad-parity")),
    "magtek": Target(run_magtek, MAGTEK_PIECES, ("swipe", "magtek.empty", "stripe.unreadable")),
    "lines": Target(chosen(any_framer), LINE_PIECES, STREAM_ENDS),
    "msr605": Target(stream(Msr605Decoder), MSR605_PIECES, STREAM_ENDS),
    "ssi": Target(stream(SsiDecoder), SSI_PIECES, STREAM_ENDS),
    "keyboard": Target(chosen(any_key_decoder), KEY_PIECES, STREAM_ENDS),
    "pos": Target(run_pos, POS_PIECES, STREAM_ENDS),
    "questionnaire": Target(
        run_questionnaire, QUESTIONNAIRE_PIECES, ("questionnaire", "nothing", "question")
    ),
    "csv": Target(run_csv, CSV_PIECES, ("rows", "nothing", "quotes", "encoding")),
    "mailing": Target(
        run_mailing_text, MAILING_PIECES, ("variables", "words", "single", "unknown", "whole")
    ),
    "picture": Target(
        run_picture,
        picture_pieces(),
        ("picture", "UNKNOWN", "TOO_LARGE", "MOVING", "BROKEN"),
    ),
    "descriptor": Target(run_descriptor, DESCRIPTOR_PIECES, ("layout", "reader.no-scanner")),
}


def some_bytes(chance: random.Random, pieces: list[bytes]) -> bytes:
    """Mostly pieces, sometimes noise, now and then a byte of it changed."""
    parts = [
        chance.choice(pieces) if chance.random() < 0.8 else chance.randbytes(chance.randrange(6))
        for _ in range(chance.randrange(8))
    ]
    data = bytearray(b"".join(parts))
    if data and chance.random() < 0.1:
        data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data)


def try_many(name: str, *, seed: int, inputs: int) -> set[str]:
    """Run a target ``inputs`` times; return what came of them."""
    target, chance = TARGETS[name], random.Random(seed)
    return {target.run(some_bytes(chance, target.pieces)) for _ in range(inputs)}
