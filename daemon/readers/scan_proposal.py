"""A scanner's settings, guessed from three scans of a sheet whose codes are known. Pure."""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import msgspec

from card_formats.symbology.aim import IDENTIFIER_CHARS, split_identifier
from daemon.readers.framing import Framer, Frames, Terminator
from daemon.readers.hid_descriptor import ScanLayout
from daemon.readers.hid_reports import PosDecoder
from daemon.readers.keyboard import KeyDecoder
from daemon.readers.keyboard_layouts import LAYOUTS
from daemon.readers.reader_settings import HidrawSettings, KeyboardSettings, SerialSettings
from daemon.readers.ssi import SsiDecoder

GS = "\x1d"
# The sheet: a product, the characters that differ from layout to layout, and a GS1-128 code.
PRODUCT, SIGNS, ELEMENTS = "4006381333931", 'Zy-=/@#;:"', f"10AB{GS}211"
SHEET = (PRODUCT, SIGNS, ELEMENTS)
GS_TEXT_CHARS_MAX = 8

TURN_ON_AIM = "switch AIM identifiers on, or GS1 codes and live cards cannot be told for sure"
TURN_ON_GS = "the scanner leaves out GS (FNC1): switch it on, or batches run into numbers"
NOT_THE_SHEET = "these are not the three codes of the sheet, in its order: scan them again"

Settings = TypeVar("Settings", SerialSettings, KeyboardSettings)
AnySettings = SerialSettings | KeyboardSettings | HidrawSettings


class Proposal(NamedTuple):
    """``settings`` to put into the configuration, or None; ``advice`` what else to do."""

    settings: AnySettings | None
    advice: tuple[str, ...] = ()


class _Lines(NamedTuple):
    """How scans that come as characters are wrapped."""

    suffix: str
    prefix: str
    has_aim: bool
    gs_text: str | None  # None: left out


def propose_serial(settings: SerialSettings, scans: Sequence[bytes]) -> Proposal:
    """Complete ``settings`` from the bytes of each of the three scans."""
    ssi = [_only(SsiDecoder().receive(scan)) for scan in scans]
    if (lines := _wrapping(ssi)) and lines.has_aim:
        return _proposal(msgspec.structs.replace(settings, protocol="ssi"), lines)
    return _completed(settings, scans)


def propose_keyboard(settings: KeyboardSettings, scans: Sequence[bytes]) -> Proposal:
    """Complete ``settings`` from the key events of each scan; a layout that fits is chosen."""
    for layout in LAYOUTS:
        with_layout = msgspec.structs.replace(settings, layout=layout)
        proposal = _completed(with_layout, [_typed(layout, scan) for scan in scans])
        if proposal.settings is not None:
            return proposal
    return Proposal(None, (NOT_THE_SHEET,))


def propose_hidraw(
    settings: HidrawSettings, layout: ScanLayout, scans: Sequence[Sequence[bytes]]
) -> Proposal:
    """Check that the reports of each scan are those of the sheet, read by the scanner's layout."""
    lines = _wrapping([_reported(layout, scan) for scan in scans])
    return _proposal(settings, lines) if lines else Proposal(None, (NOT_THE_SHEET,))


def _completed(settings: Settings, scans: Sequence[bytes]) -> Proposal:
    lines = _wrapping(scans)
    if lines is None:
        return Proposal(None, (NOT_THE_SHEET,))
    wrapped = msgspec.structs.replace(settings, suffix=lines.suffix, prefix=lines.prefix)
    return _proposal(wrapped, lines)


def _proposal(settings: AnySettings, lines: _Lines) -> Proposal:
    advice = () if lines.has_aim else (TURN_ON_AIM,)
    if lines.gs_text is None:
        return Proposal(settings, (*advice, TURN_ON_GS))
    return Proposal(msgspec.structs.replace(settings, gs_text=lines.gs_text), advice)


def _wrapping(scans: Sequence[bytes]) -> _Lines | None:
    """Return what wraps all three codes of the sheet alike, or None."""
    texts = [scan.decode("utf-8", "replace") for scan in scans]
    unwrapped = [_unwrap(text) for text in texts]
    if len(texts) != len(SHEET) or len({suffix for suffix, _ in unwrapped}) != 1:
        return None
    gs_text = _gs_text(unwrapped[2][1])
    contents = (PRODUCT, SIGNS, ELEMENTS.replace(GS, gs_text))
    heads = [
        body.removesuffix(content) if body.endswith(content) else None
        for (_, body), content in zip(unwrapped, contents, strict=True)
    ]
    if None in heads:
        return None
    split = [_split_head(head or "") for head in heads]
    if len(set(split)) != 1:
        return None
    prefix, has_aim = split[0]
    literal = {"": None, GS: ""}.get(gs_text, gs_text)
    return _Lines(unwrapped[0][0], prefix, has_aim, literal)


def _unwrap(text: str) -> tuple[str, str]:
    """Return the name of the suffix and what stands before it."""
    if text.startswith("\x02") and text.rstrip("\r\n").endswith("\x03"):
        return "stx-etx", text.rstrip("\r\n")[1:-1]
    body = text.rstrip("\r\n")
    if body.endswith("\t"):
        return "tab", body[:-1]
    return ("line" if body != text else "gap"), body


def _gs_text(body: str) -> str:
    """Return what stands where the sheet's third code has its separator."""
    before, after = ELEMENTS.split(GS)
    begin = body.rfind(before)
    between = body[begin + len(before) : -len(after)]
    fits = begin >= 0 and body.endswith(after) and len(between) <= GS_TEXT_CHARS_MAX
    return between if fits else GS


def _split_head(head: str) -> tuple[str, bool]:
    """Return the prefix in front of a code, and whether an identifier follows it."""
    aim, _, _ = split_identifier(head[-IDENTIFIER_CHARS:] + "x")
    return head.removesuffix(aim) if aim else head, bool(aim)


def _typed(layout: str, events: bytes) -> bytes:
    decoder = KeyDecoder(layout, Framer(Terminator.GAP))
    return _only([*decoder.receive(events), *decoder.gap()])


def _reported(layout: ScanLayout, reports: Sequence[bytes]) -> bytes:
    decoder = PosDecoder(layout)
    return _only([frame for report in reports for frame in decoder.receive(report)])


def _only(frames: Frames) -> bytes:
    return frames[0] if len(frames) == 1 and isinstance(frames[0], bytes) else b""
