"""A photo as it is kept, made out of whatever file came: small, upright, and nothing but pixels.

What is kept is drawn anew from the pixels, so that nothing else of the file comes along: no place
where it was taken, no preview, no profile, no archive behind its end.

    a telephone's JPEG, 4000 x 3000, turned by EXIF, 4 MB   ->   JPEG, 384 x 512, some 40 KB

A file says its size itself, and a few bytes may claim a billion pixels. So the size is looked at
before anything is decoded; that of a WebP here, as its decoder makes room while it opens the file.
Pure, but slow and as safe as the decoders are: ``picture_process`` runs it beside the daemon.
"""

from enum import IntEnum
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image, Transpose

PICTURE_BYTES_MAX = 8_000_000
PIXELS_MAX = 40_000_000
SIDE_MAX = 512
KEPT_BYTES_MAX = 500_000
"""Of a kept picture: noise of 512 x 512 has some 190,000."""
_QUALITY = 85
_WHITE = (255, 255, 255)
_ORIENTATION = 0x0112
"""The tag of EXIF that says how the camera was held."""
_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"


class Problem(IntEnum):
    """What is wrong with a file; also how the process that read it ends."""

    TOO_LONG = 10
    UNKNOWN = 11
    TOO_LARGE = 12
    MOVING = 13
    BROKEN = 14
    TOO_HARD = 15
    """It took more memory or time than a picture may."""


SENTENCES = {
    Problem.TOO_LONG: f"has more than {PICTURE_BYTES_MAX} bytes; send a smaller file",
    Problem.UNKNOWN: "is no JPEG, PNG or WebP; send one of these",
    Problem.TOO_LARGE: f"has more than {PIXELS_MAX} pixels; send a smaller picture",
    Problem.MOVING: "is a moving picture; send one that stands still",
    Problem.BROKEN: "is damaged and cannot be read; send another file",
    Problem.TOO_HARD: "takes too much memory or time to read; send a simpler file",
}


class PictureError(ValueError):
    """The file is no picture that is kept. The text says what to send instead."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(SENTENCES[problem])
        self.problem = problem


def small_picture(file: bytes) -> bytes:
    """Return the picture of a file as it is kept: JPEG, at most SIDE_MAX each way.

    What was transparent is white. Raises: PictureError, whatever the bytes are.
    """
    if len(file) > PICTURE_BYTES_MAX:
        raise PictureError(Problem.TOO_LONG)
    try:
        return _as_kept(_shrunk(_opened(file)))
    except PictureError:
        raise
    except MemoryError:
        raise PictureError(Problem.TOO_HARD) from None
    except Exception as error:  # decoders raise whatever their last check has missed
        raise PictureError(Problem.BROKEN) from error


def _opened(file: bytes) -> "Image":
    """Return the picture of a file, not decoded yet."""
    from PIL.JpegImagePlugin import JpegImageFile
    from PIL.PngImagePlugin import PngImageFile
    from PIL.WebPImagePlugin import WebPImageFile

    image: Image
    if file.startswith(_JPEG):
        image = JpegImageFile(BytesIO(file))
    elif file.startswith(_PNG):
        image = PngImageFile(BytesIO(file))
    elif file[:4] == b"RIFF" and file[8:12] == b"WEBP":
        _check_size(*_webp_size(file))
        image = WebPImageFile(BytesIO(file))
    else:
        raise PictureError(Problem.UNKNOWN)
    _check_size(*image.size)
    if getattr(image, "n_frames", 1) > 1:
        raise PictureError(Problem.MOVING)
    return image


def _webp_size(file: bytes) -> tuple[int, int]:
    """Return width and height as the first chunk says them (RFC 9649)."""
    kind, body = file[12:16], file[20:30]
    if len(body) < 10:
        raise PictureError(Problem.BROKEN)
    if kind == b"VP8X":
        width, height = body[4:7], body[7:10]
        return 1 + int.from_bytes(width, "little"), 1 + int.from_bytes(height, "little")
    if kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = body[6:8], body[8:10]
        return int.from_bytes(width, "little") & 0x3FFF, int.from_bytes(height, "little") & 0x3FFF
    raise PictureError(Problem.BROKEN)


def _check_size(width: int, height: int) -> None:
    if width * height > PIXELS_MAX:
        raise PictureError(Problem.TOO_LARGE)
    if width < 1 or height < 1:
        raise PictureError(Problem.BROKEN)


def _shrunk(image: "Image") -> "Image":
    """Return the picture at most SIDE_MAX each way, upright."""
    from PIL.Image import Image

    # A JPEG is decoded at an eighth, a fourth or a half where that is still large enough.
    image.draft(None, (2 * SIDE_MAX, 2 * SIDE_MAX))
    image.load()
    turn = _turn_of(image)
    if image.mode.startswith("I"):  # 16 bits of grey
        image = image.convert("I").point(lambda level: level * (1 / 256)).convert("L")
    elif image.mode not in ("L", "RGB", "RGBA", "CMYK"):
        image = image.convert("L" if image.mode == "1" else "RGBA")
    image.thumbnail((SIDE_MAX, SIDE_MAX))
    return image if turn is None else Image.transpose(image, turn)


def _turn_of(image: "Image") -> "Transpose | None":
    """Return how a picture is turned to stand upright; None where it does, or does not say."""
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    said = image.getexif().get(_ORIENTATION)
    return turns.get(said) if isinstance(said, int) else None


def _as_kept(image: "Image") -> bytes:
    """Return the pixels alone, on white, as JPEG."""
    from PIL.Image import new

    pixels = new("RGB", image.size, _WHITE)
    pixels.paste(image, mask=image if image.mode == "RGBA" else None)
    file = BytesIO()
    pixels.save(file, "JPEG", quality=_QUALITY, optimize=True)
    return file.getvalue()
