"""A photo is kept small, upright and without anything else; whatever comes, the till sells on."""

import asyncio
import random
import subprocess
import sys
from io import BytesIO
from zipfile import ZipFile, is_zipfile

import pytest
from PIL import Image

from daemon.base.refusals import ErrorCode, RefusedError
from daemon.customers.picture_maker import WAITING_MAX, PictureMaker
from daemon.customers.picture_process import MEMORY_BYTES_MAX, PROCESSOR_S_MAX
from daemon.customers.pictures import (
    KEPT_BYTES_MAX,
    PICTURE_BYTES_MAX,
    PIXELS_MAX,
    SIDE_MAX,
    PictureError,
    Problem,
    small_picture,
)
from tests.support.images import (
    BLUE,
    DESCRIPTION,
    PLACE,
    RED,
    WHITE,
    file_of,
    jpeg_of_many_scans,
    jpeg_that_says,
    moving,
    opened,
    png_that_says,
    said_by_telephone,
    upright,
    webp_that_says,
)

FORMS = ("JPEG", "PNG", "WEBP")
HELD = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""How the sensor's picture lies under each word of EXIF."""


GREY_OF_RED = (81, 81, 81)


def is_like(image: Image.Image, at: tuple[float, float], colour: tuple[int, int, int]) -> bool:
    """Whether a picture has a colour at a place, given in parts of its sides."""
    pixel = image.getpixel((int(at[0] * image.width), int(at[1] * image.height)))
    assert isinstance(pixel, tuple)
    return all(abs(one - other) < 20 for one, other in zip(pixel, colour, strict=True))


def check_kept(kept: bytes) -> Image.Image:
    image = opened(kept)
    assert (image.format, image.mode) == ("JPEG", "RGB")
    assert max(image.size) <= SIDE_MAX
    assert len(kept) <= KEPT_BYTES_MAX
    assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert not image.getexif()
    return image


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("orientation", HELD)
async def test_a_picture_is_turned_upright_made_small_and_stripped(
    form: str, orientation: int
) -> None:
    turn, image = HELD[orientation], upright()
    lying = image if turn is None else image.transpose(turn)
    file = file_of(lying, form, exif=said_by_telephone(orientation))
    assert opened(file).getexif()[DESCRIPTION] == PLACE
    kept = await PictureMaker().kept(file)
    assert kept == small_picture(file), "in the process of its own, too"
    image = check_kept(kept)
    assert image.size == (384, 512)
    assert is_like(image, (0.5, 0.2), RED)
    assert is_like(image, (0.5, 0.8), BLUE)
    assert PLACE.encode() not in kept


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16", "CMYK"])
async def test_every_way_to_keep_colours_is_read(mode: str) -> None:
    grey = upright().convert("L")
    image = grey.convert("I").point(lambda v: v * 256) if mode == "I;16" else upright()
    image = image.convert(mode)
    kept = check_kept(
        await PictureMaker().kept(file_of(image, "JPEG" if mode == "CMYK" else "PNG"))
    )
    if mode in ("L", "LA", "I;16"):
        assert is_like(kept, (0.5, 0.2), GREY_OF_RED)
    elif mode != "1":  # which has black and white dots for it
        assert is_like(kept, (0.5, 0.2), RED)


async def test_what_is_transparent_is_white() -> None:
    image = Image.new("RGBA", (100, 100), (0, 0, 0, 0))
    image.paste((*RED, 255), (0, 0, 100, 50))
    for form in ("PNG", "WEBP"):
        kept = check_kept(await PictureMaker().kept(file_of(image, form)))
        assert kept.size == (100, 100), "nothing is made larger"
        assert is_like(kept, (0.5, 0.2), RED)
        assert is_like(kept, (0.5, 0.8), WHITE)


@pytest.mark.parametrize("form", FORMS)
async def test_40_megapixels_are_read_within_the_limits_and_one_row_more_is_refused(
    form: str,
) -> None:
    assert PIXELS_MAX == 8_000 * 5_000
    more = {
        "JPEG": {"progressive": True, "subsampling": 0},
        "WEBP": {"lossless": True, "method": 0},
    }
    kept = await PictureMaker().kept(file_of(upright(8_000, 5_000), form, **more.get(form, {})))
    assert check_kept(kept).size == (512, 320)
    if form != "WEBP":
        with pytest.raises(PictureError) as refused:
            await PictureMaker().kept(file_of(upright(8_000, 5_001), form))
        assert refused.value.problem is Problem.TOO_LARGE


def test_the_busiest_picture_is_kept_within_its_limit() -> None:
    noise = random.Random(1).randbytes(3 * SIDE_MAX * SIDE_MAX)
    image = Image.frombytes("RGB", (SIDE_MAX, SIDE_MAX), noise)
    assert len(small_picture(file_of(image, "PNG"))) < KEPT_BYTES_MAX


BAD = {
    "a PNG of 60,000 x 60,000": (png_that_says(60_000, 60_000, bytes(10_000)), Problem.TOO_LARGE),
    "a JPEG of 65,500 x 65,500": (jpeg_that_says(65_500, 65_500), Problem.TOO_LARGE),
    "a WebP of 16,384 x 16,384": (webp_that_says(16_384, 16_384), Problem.TOO_LARGE),
    "a PNG of a row": (png_that_says(40_000_000, 1, bytes(10_000)), Problem.BROKEN),
    "a PNG of nothing": (png_that_says(0, 9), Problem.BROKEN),
    "a PNG that ends": (file_of(upright(), "PNG")[:-900], Problem.BROKEN),
    "a JPEG that ends": (file_of(upright())[:-900], Problem.BROKEN),
    "a WebP that ends": (file_of(upright(), "WEBP")[:-90], Problem.BROKEN),
    "a WebP whose parts do not fit": (webp_that_says(15, 15), Problem.BROKEN),
    "a moving WebP": (moving("WEBP"), Problem.MOVING),
    "a moving PNG": (moving("PNG"), Problem.MOVING),
    "a moving GIF": (moving("GIF"), Problem.UNKNOWN),
    "a TIFF": (file_of(upright(), "TIFF"), Problem.UNKNOWN),
    "a page": (b"<html><img src='x'></html>", Problem.UNKNOWN),
    "nothing": (b"", Problem.UNKNOWN),
    "a beginning": (b"\xff\xd8\xff", Problem.BROKEN),
    "8 MB and a byte": (bytes(PICTURE_BYTES_MAX + 1), Problem.TOO_LONG),
}


@pytest.mark.parametrize("what", BAD)
async def test_what_is_no_picture_of_a_person_is_refused_with_a_sentence(what: str) -> None:
    file, problem = BAD[what]
    for refusing in (PictureMaker().kept(file), asyncio.to_thread(small_picture, file)):
        with pytest.raises(PictureError) as refused:
            await refusing
        assert refused.value.problem is problem


async def test_a_jpeg_that_says_more_than_it_has_costs_no_more_than_its_size() -> None:
    kept = await PictureMaker().kept(jpeg_that_says(4_000, 3_000))
    assert check_kept(kept).size == (512, 384), "the decoder fills in what is not there"


async def test_of_a_file_that_is_two_things_only_the_pixels_are_kept() -> None:
    archive = BytesIO()
    with ZipFile(archive, "w") as made:
        made.writestr("run.sh", "rm -rf /")
    page = b"<script>alert(1)</script>"
    for form, more in (("JPEG", {"comment": page}), ("PNG", {}), ("WEBP", {"xmp": page})):
        file = file_of(upright(), form, **more) + archive.getvalue()
        assert is_zipfile(BytesIO(file))
        kept = await PictureMaker().kept(file)
        assert check_kept(kept).size == (384, 512)
        assert not is_zipfile(BytesIO(kept))
        assert page not in kept


CONFINED = """
import resource as r, socket
from daemon.customers.picture_process import confine
confine()
"""


@pytest.mark.parametrize(
    ("tries", "ends"),
    [
        ("open('/proc/self/status')", b"Too many open files"),
        ("socket.socket()", b"Too many open files"),
        (f"bytes({MEMORY_BYTES_MAX})", b"MemoryError"),
        ("print(r.getrlimit(r.RLIMIT_CPU))", f"({PROCESSOR_S_MAX}, {PROCESSOR_S_MAX})".encode()),
        ("print(r.getrlimit(r.RLIMIT_NPROC))", b"(0, 0)"),
        ("print(r.getrlimit(r.RLIMIT_FSIZE))", b"(0, 0)"),
    ],
)
def test_whoever_takes_over_a_decoder_has_nothing_there(tries: str, ends: bytes) -> None:
    words = [sys.executable, "-c", CONFINED + tries]
    done = subprocess.run(words, capture_output=True, check=False)
    assert ends in done.stdout + done.stderr


@pytest.mark.parametrize("limit_s", [0.001, 1.0])
async def test_a_picture_that_takes_too_long_is_ended(limit_s: float) -> None:
    endless = jpeg_of_many_scans(8_000, 5_000, PICTURE_BYTES_MAX)
    with pytest.raises(PictureError) as refused:
        await PictureMaker(limit_s=limit_s).kept(endless)
    assert refused.value.problem is Problem.TOO_HARD


@pytest.mark.soak
async def test_a_picture_that_takes_too_much_of_the_processor_is_ended() -> None:
    endless = jpeg_of_many_scans(8_000, 5_000, PICTURE_BYTES_MAX)
    with pytest.raises(PictureError) as refused:
        await PictureMaker(limit_s=100 * PROCESSOR_S_MAX).kept(endless)
    assert refused.value.problem is Problem.TOO_HARD


async def test_pictures_are_read_one_at_a_time_and_few_wait() -> None:
    maker, file = PictureMaker(), file_of(upright())
    done = await asyncio.gather(
        *(maker.kept(file) for _ in range(WAITING_MAX + 3)), return_exceptions=True
    )
    refused = [one for one in done if isinstance(one, RefusedError)]
    assert [one.code for one in refused] == [ErrorCode.BUSY] * 2
    assert done[: WAITING_MAX + 1] == [small_picture(file)] * (WAITING_MAX + 1)
    assert await maker.kept(file) == done[0]


async def test_any_file_that_is_cut_or_changed_gives_a_picture_or_our_own_error() -> None:
    chance, maker = random.Random(20261128), PictureMaker()
    for form in FORMS:
        whole = file_of(upright(60, 80), form, exif=said_by_telephone(6))
        for _ in range(4):
            file = bytearray(whole[: chance.randrange(len(whole) // 2, len(whole) + 1)])
            file[chance.randrange(16, len(file))] = chance.randrange(256)
            try:
                check_kept(await maker.kept(bytes(file)))
            except PictureError:
                continue
