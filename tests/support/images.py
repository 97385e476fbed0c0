"""Image files of customers, as telephones, scanners and ill will make them."""

import struct
import zlib
from io import BytesIO
from typing import Any

from PIL import Image

PNG = b"\x89PNG\r\n\x1a\n"
ORIENTATION, DESCRIPTION = 0x0112, 0x010E
PLACE = "49.8397 N, 24.0297 E"
"""What a telephone writes into a file, and nobody wants to keep."""
RED, BLUE, WHITE = (200, 30, 30), (30, 30, 200), (255, 255, 255)


def upright(width: int = 600, height: int = 800) -> Image.Image:
    """Return a picture with a red head on a blue ground: which way it stands can be seen."""
    image = Image.new("RGB", (width, height), BLUE)
    image.paste(RED, (0, 0, width, height // 2))
    return image


def file_of(image: Image.Image, form: str = "JPEG", **more: Any) -> bytes:
    file = BytesIO()
    image.save(file, form, **more)
    return file.getvalue()


def said_by_telephone(orientation: int) -> Image.Exif:
    """Return EXIF that says how the telephone was held, and where."""
    exif = Image.Exif()
    exif[ORIENTATION], exif[DESCRIPTION] = orientation, PLACE
    return exif


def opened(file: bytes) -> Image.Image:
    image = Image.open(BytesIO(file))
    image.load()
    return image


def chunk(kind: bytes, body: bytes) -> bytes:
    """Return a chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_that_says(width: int, height: int, rows: bytes = b"") -> bytes:
    """Return a PNG that claims a size, whatever it holds."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    return PNG + chunk(b"IHDR", head) + body


def jpeg_that_says(width: int, height: int) -> bytes:
    """Return a JPEG of a few pixels that claims another size."""
    file = bytearray(file_of(upright(16, 16)))
    at = file.index(b"\xff\xc0") + 5
    file[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(file)


def jpeg_of_many_scans(width: int, height: int, bytes_max: int) -> bytes:
    """Return a JPEG that says the same thing about every pixel again and again, and means it."""
    file = file_of(Image.new("L", (width, height), 90), progressive=True)
    scan = file[file.rindex(b"\xff\xda") : -2]
    return file[:-2] + scan * ((bytes_max - len(file)) // len(scan)) + file[-2:]


def webp_that_says(width: int, height: int) -> bytes:
    """Return a WebP of a few pixels whose canvas claims another size."""
    still = file_of(upright(16, 16), "WEBP")[12:]
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBP" + b"VP8X" + struct.pack("<I", 10) + bytes(4) + size + still
    return b"RIFF" + struct.pack("<I", len(body)) + body


def moving(form: str) -> bytes:
    first, second = upright(60, 80), upright(60, 80).transpose(Image.Transpose.ROTATE_180)
    return file_of(first, form, save_all=True, append_images=[second], duration=100)
