"""Reads codes back: zxing-cpp on pictures, after an SVG's rectangles were painted as pixels."""

import io
import re
from xml.etree import ElementTree

import zxingcpp
from PIL import Image, ImageDraw

from web.phone.code_images import CodeKind, ImageFormat

SVG = "{http://www.w3.org/2000/svg}"
RUN = re.compile(r"M(\d+) (\d+)h(\d+)v(\d+)h-(\d+)z")
FORMATS = {
    CodeKind.QR: zxingcpp.BarcodeFormat.QRCode,
    CodeKind.CODE128: zxingcpp.BarcodeFormat.Code128,
    CodeKind.EAN13: zxingcpp.BarcodeFormat.EAN13,
}


def open_png(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data), formats=["PNG"]).convert("L")


def paint_svg(data: bytes, scale: int = 3) -> Image.Image:
    root = ElementTree.fromstring(data)
    assert root.get("shape-rendering") == "crispEdges"
    width, height = int(root.get("width", "")), int(root.get("height", ""))
    assert root.get("viewBox") == f"0 0 {width} {height}"
    background, path = root
    assert background.attrib == {"width": "100%", "height": "100%", "fill": "#fff"}
    picture = Image.new("L", (width * scale, height * scale), 255)
    canvas = ImageDraw.Draw(picture)
    data_text = path.get("d", "")
    assert path.tag == f"{SVG}path"
    assert RUN.sub("", data_text) == "", "only rectangles are drawn"
    for run in RUN.finditer(data_text):
        x, y, w, h, back = (int(number) for number in run.groups())
        assert w == back
        box = (x * scale, y * scale, (x + w) * scale - 1, (y + h) * scale - 1)
        canvas.rectangle(box, fill=0)
    return picture


def to_picture(data: bytes, image: ImageFormat) -> Image.Image:
    return open_png(data) if image is ImageFormat.PNG else paint_svg(data)


def read_codes(picture: Image.Image, kind: CodeKind) -> list[str]:
    found = zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormats(FORMATS[kind]))
    return [code.text for code in found]
