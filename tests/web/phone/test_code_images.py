import random

import pytest
from barcode import Code128
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from card_formats.errors import CardFormatError
from card_formats.phone.static_number import PREFIXES, compose, compose_ean13
from tests.web.decode import open_png, paint_svg, read_codes, to_picture
from web.phone.code_images import (
    CODE128_DIGITS_MAX,
    PIXELS_PER_BAR_MODULE,
    PIXELS_PER_QR_MODULE,
    QR_DIGITS_MAX,
    CodeKind,
    ImageFormat,
    draw,
)

NUMBERS_EACH = 150


def digits(rng: random.Random, count: int) -> str:
    return f"{rng.randrange(10**count):0{count}d}"


def random_number(rng: random.Random, kind: CodeKind) -> str:
    if kind is CodeKind.EAN13:
        return compose_ean13("04", digits(rng, 10))
    return compose(rng.choice(sorted(PREFIXES)), digits(rng, 12))


@pytest.mark.parametrize("image", ImageFormat)
@pytest.mark.parametrize("kind", CodeKind)
def test_every_card_number_is_read_back_from_its_picture(
    kind: CodeKind, image: ImageFormat
) -> None:
    rng = random.Random(f"{kind} {image}")
    for _ in range(NUMBERS_EACH):
        number = random_number(rng, kind)
        assert read_codes(to_picture(draw(kind, number, image), image), kind) == [number]


@pytest.mark.parametrize("image", ImageFormat)
@pytest.mark.parametrize(
    ("kind", "count"),
    [
        *((CodeKind.CODE128, count) for count in range(4, CODE128_DIGITS_MAX + 1, 2)),
        *((CodeKind.QR, count) for count in range(1, QR_DIGITS_MAX + 1)),
    ],
)
def test_every_length_is_read_back(kind: CodeKind, count: int, image: ImageFormat) -> None:
    rng = random.Random(count)
    number = "9" + "7" * (count > 1) + digits(rng, count)[2:]
    assert read_codes(to_picture(draw(kind, number, image), image), kind) == [number]


def test_every_leading_pair_but_99_is_read_back_as_bars() -> None:
    for pair in range(99):
        number = f"{pair:02d}99123456"
        picture = paint_svg(draw(CodeKind.CODE128, number, ImageFormat.SVG))
        assert read_codes(picture, CodeKind.CODE128) == [number]


def test_the_library_still_loses_a_leading_99_so_bars_refuse_it() -> None:
    bars = Code128("9912345678").build()[0]
    row = Image.new("L", (len(bars) + 40, 1), 255)
    for x, bar in enumerate(bars):
        row.putpixel((20 + x, 0), 0 if bar == "1" else 255)
    picture = row.resize((row.width * 3, 90), Image.Resampling.NEAREST)
    assert read_codes(picture, CodeKind.CODE128) == ["12345678"]
    with pytest.raises(CardFormatError) as caught:
        draw(CodeKind.CODE128, "9912345678", ImageFormat.SVG)
    assert caught.value.code == "code128.starts-with-99"
    as_qr = draw(CodeKind.QR, "9912345678", ImageFormat.PNG)
    assert read_codes(open_png(as_qr), CodeKind.QR) == ["9912345678"]


@pytest.mark.parametrize(
    ("kind", "number", "code"),
    [
        (CodeKind.QR, "", "qr.bad-number"),
        (CodeKind.QR, "9" * (QR_DIGITS_MAX + 1), "qr.bad-number"),
        (CodeKind.QR, "91a", "qr.bad-number"),
        (CodeKind.QR, "\u0661\u0662", "qr.bad-number"),
        (CodeKind.CODE128, "", "code128.bad-number"),
        (CodeKind.CODE128, "1" * (CODE128_DIGITS_MAX + 2), "code128.bad-number"),
        (CodeKind.CODE128, "911", "code128.bad-number"),
        (CodeKind.CODE128, "9a", "code128.bad-number"),
        (CodeKind.EAN13, "0412345678904", "ean13.bad-check"),
        (CodeKind.EAN13, "041234567890", "ean13.bad-length"),
        (CodeKind.EAN13, "04123456789030", "ean13.bad-length"),
        (CodeKind.EAN13, "04123456789x3", "ean13.bad-digits"),
    ],
)
@pytest.mark.parametrize("image", ImageFormat)
def test_a_number_that_would_be_printed_wrongly_is_refused(
    kind: CodeKind, number: str, code: str, image: ImageFormat
) -> None:
    with pytest.raises(CardFormatError) as caught:
        draw(kind, number, image)
    assert caught.value.code == code


@given(st.sampled_from(CodeKind), st.text(max_size=30) | st.text("0123456789", max_size=30))
def test_any_text_is_a_picture_or_our_own_error(kind: CodeKind, number: str) -> None:
    try:
        picture = draw(kind, number, ImageFormat.SVG)
    except CardFormatError:
        return
    assert picture.startswith(b"<svg ")


@pytest.mark.parametrize(
    ("kind", "quiet", "scale"),
    [
        (CodeKind.QR, 4, PIXELS_PER_QR_MODULE),
        (CodeKind.CODE128, 10, PIXELS_PER_BAR_MODULE),
        (CodeKind.EAN13, 11, PIXELS_PER_BAR_MODULE),
    ],
)
def test_a_png_has_whole_pixels_per_module_and_a_wide_white_margin(
    kind: CodeKind, quiet: int, scale: int
) -> None:
    picture = open_png(draw(kind, random_number(random.Random(1), kind), ImageFormat.PNG))
    small = picture.resize((picture.width // scale, picture.height // scale), Image.Resampling.BOX)
    assert {value for _, value in small.getcolors() or []} == {0, 255}, "a module is one colour"
    dark = ImageOps.invert(small).getbbox()
    assert dark is not None
    left, top, right, bottom = dark
    assert min(left, top, small.width - right, small.height - bottom) >= quiet


def test_bars_of_a_card_are_fit_for_a_screen_60_mm_wide() -> None:
    picture = paint_svg(draw(CodeKind.CODE128, compose("91", "0" * 12), ImageFormat.SVG), scale=1)
    millimetres_per_module = 60 / picture.width
    assert millimetres_per_module >= 0.33
