"""The pictures of the documents can be drawn at any time, and stand in their place."""

import io
from pathlib import Path

import pytest
from PIL import Image

from tests.pictures import PICTURE_BYTES_MAX, PICTURES, draw_all

pytestmark = pytest.mark.browser


async def test_the_pictures_can_be_drawn_anew_as_large_as_they_are(tmp_path: Path) -> None:
    drawn = await draw_all(tmp_path)
    assert drawn.keys() == {path.name for path in PICTURES.iterdir()}
    for name, png in drawn.items():
        kept = (PICTURES / name).read_bytes()
        assert len(kept) <= PICTURE_BYTES_MAX
        assert Image.open(io.BytesIO(kept)).size == Image.open(io.BytesIO(png)).size, name
