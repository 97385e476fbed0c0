"""Draws a card's number as a picture that a till's scanner reads off a phone.

python-barcode and qrcode compute the modules; the pictures are made here, because the libraries'
own have uneven bars, and because every module must cover the same whole number of pixels.
"""

import io
from collections.abc import Callable, Iterator
from enum import StrEnum
from itertools import groupby
from typing import Any, assert_never

import msgspec
from barcode import EAN13, Code128
from PIL import Image, ImageDraw
from qrcode import QRCode
from qrcode.constants import ERROR_CORRECT_M, ERROR_CORRECT_Q

from card_formats.errors import CardFormatError
from card_formats.phone.static_number import parse_ean13

QR_DIGITS_MAX = 27  # what version 1 holds at level Q: every card's QR has the same 29 x 29 modules
CODE128_DIGITS_MAX = 22  # 178 modules; more is too fine for a screen 60 mm wide
BAR_HEIGHT_MODULES = 48
QUIET_QR_MODULES = 4  # ISO/IEC 18004
QUIET_BARS_MODULES = 11  # ISO/IEC 15417 asks for 10, EAN-13 for 11 on the left
QR_MASK_PATTERN = 3  # any is legal; trying all eight costs eight times the work
PIXELS_PER_QR_MODULE = 24
PIXELS_PER_LINK_MODULE = 12
LINK_CHARS_MAX = 300  # version 13 at most: what is longer, phones read badly off a screen
PIXELS_PER_BAR_MODULE = 8


class CodeKind(StrEnum):
    """The symbologies a card can be shown in."""

    QR = "qr"
    CODE128 = "code128"
    EAN13 = "ean13"


class ImageFormat(StrEnum):
    """The picture formats a code is drawn in."""

    SVG = "svg"
    PNG = "png"


class Modules(msgspec.Struct, frozen=True):
    """A symbol without its quiet zone: rows of ``1`` (dark) and ``0``, all equally wide."""

    rows: tuple[str, ...]
    row_height: int
    quiet: int
    pixels: int

    @property
    def width(self) -> int:
        """Return the modules from left to right, quiet zones included."""
        return len(self.rows[0]) + 2 * self.quiet

    @property
    def height(self) -> int:
        """Return the modules from top to bottom, quiet zones included."""
        return len(self.rows) * self.row_height + 2 * self.quiet

    @property
    def path(self) -> str:
        """Return the dark runs as an SVG path, one user unit a module."""
        return "".join(f"M{x} {y}h{w}v{self.row_height}h-{w}z" for x, y, w in self.dark())

    def dark(self) -> Iterator[tuple[int, int, int]]:
        """Yield (x, y, width) of every dark run, each ``row_height`` high."""
        for index, row in enumerate(self.rows):
            x = self.quiet
            for colour, run in groupby(row):
                width = len(list(run))
                if colour == "1":
                    yield x, self.quiet + index * self.row_height, width
                x += width


def draw(kind: CodeKind, number: str, image: ImageFormat) -> bytes:
    """Draw ``number``, black on white with its quiet zone and without text.

    kind:    ``qr`` takes 1 to 27 digits; ``code128`` an even count up to 22, not beginning with
             99; ``ean13`` 13 with their right check digit.
    Returns: an SVG one user unit a module, or a PNG of one bit a pixel, 24 or 8 pixels a module.
    Raises:  CardFormatError ``qr.bad-number``, ``code128.bad-number``, ``code128.starts-with-99``,
             ``ean13.bad-length``, ``ean13.bad-digits``, ``ean13.bad-check``.
    """
    return _picture(modules_of(kind, number), image)


def draw_link(address: str, image: ImageFormat) -> bytes:
    """Draw a web address as a QR code, for a customer's phone to read off a screen or a poster.

    Raises: CardFormatError ``qr.bad-link`` for one that is empty or over LINK_CHARS_MAX.
    """
    if not 0 < len(address) <= LINK_CHARS_MAX:
        raise CardFormatError("qr.bad-link", f"an address has 1 to {LINK_CHARS_MAX} characters")
    code = QRCode(error_correction=ERROR_CORRECT_M, border=0, mask_pattern=QR_MASK_PATTERN)
    code.add_data(address)
    code.make()
    return _picture(_qr_modules(code, PIXELS_PER_LINK_MODULE), image)


def _picture(modules: Modules, image: ImageFormat) -> bytes:
    match image:
        case ImageFormat.SVG:
            return _svg(modules)
        case ImageFormat.PNG:
            return _png(modules)
        case _:
            assert_never(image)


def is_drawable(kind: CodeKind, number: str) -> bool:
    """Whether ``draw`` draws ``number`` as ``kind``."""
    try:
        _CHECKS[kind](number)
    except CardFormatError:
        return False
    return True


def modules_of(kind: CodeKind, number: str) -> Modules:
    """Return the symbol of ``number``, as ``draw`` draws it. Raises what ``draw`` raises."""
    _CHECKS[kind](number)
    match kind:
        case CodeKind.QR:
            return _qr(number)
        case CodeKind.CODE128:
            return _bars(_code128(number))
        case CodeKind.EAN13:
            return _bars(EAN13(number).build()[0])
        case _:
            assert_never(kind)


def _check_qr(number: str) -> None:
    if not (number.isascii() and number.isdigit() and len(number) <= QR_DIGITS_MAX):
        raise CardFormatError("qr.bad-number", f"a card's QR holds 1 to {QR_DIGITS_MAX} digits")


def _qr(number: str) -> Modules:
    code = QRCode(
        version=1, error_correction=ERROR_CORRECT_Q, border=0, mask_pattern=QR_MASK_PATTERN
    )
    code.add_data(number)
    code.make(fit=False)
    return _qr_modules(code, PIXELS_PER_QR_MODULE)


def _qr_modules(code: "QRCode[Any]", pixels: int) -> Modules:
    rows = tuple("".join("1" if dark else "0" for dark in row) for row in code.get_matrix())
    return Modules(rows, row_height=1, quiet=QUIET_QR_MODULES, pixels=pixels)


def _check_code128(number: str) -> None:
    if not (number.isascii() and number.isdigit() and len(number) <= CODE128_DIGITS_MAX):
        raise CardFormatError("code128.bad-number", f"bars hold up to {CODE128_DIGITS_MAX} digits")
    if len(number) % 2:
        raise CardFormatError("code128.bad-number", "bars hold an even count of digits")
    if number.startswith("99"):
        # python-barcode 0.16.1 takes the pair 99 for "switch to code set C" and drops it.
        raise CardFormatError("code128.starts-with-99", "bars cannot begin with 99")


# The library corrects an EAN-13's wrong check digit without a word: another card's number.
_CHECKS: dict[CodeKind, Callable[[str], object]] = {
    CodeKind.QR: _check_qr,
    CodeKind.CODE128: _check_code128,
    CodeKind.EAN13: parse_ean13,
}


def _code128(number: str) -> str:
    """Return the bars of an even count of digits, all in code set C: two digits a character."""
    return str(Code128(number).build()[0])


def _bars(pattern: str) -> Modules:
    return Modules(
        (pattern,),
        row_height=BAR_HEIGHT_MODULES,
        quiet=QUIET_BARS_MODULES,
        pixels=PIXELS_PER_BAR_MODULE,
    )


def _svg(modules: Modules) -> bytes:
    size = f"{modules.width} {modules.height}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" width="{modules.width}" '
        f'height="{modules.height}" shape-rendering="crispEdges">'
        f'<rect width="100%" height="100%" fill="#fff"/><path d="{modules.path}"/></svg>'
    ).encode()


def _png(modules: Modules) -> bytes:
    scale = modules.pixels
    picture = Image.new("1", (modules.width * scale, modules.height * scale), 1)
    canvas = ImageDraw.Draw(picture)
    for x, y, width in modules.dark():
        right, bottom = (x + width) * scale - 1, (y + modules.row_height) * scale - 1
        canvas.rectangle((x * scale, y * scale, right, bottom), fill=0)
    png = io.BytesIO()
    picture.save(png, "PNG")
    return png.getvalue()
