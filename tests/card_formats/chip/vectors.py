"""Vector files, as pytest parameters."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

VECTORS = Path(__file__).parents[2] / "vectors"


def load(*names: str) -> list[Any]:
    documents = [tomllib.loads((VECTORS / f"{name}.toml").read_text("utf-8")) for name in names]
    return [
        pytest.param(vector, id=f"{document['format']}: {vector['name']}")
        for document in documents
        for vector in document["vector"]
        if vector["source"]
    ]


def unhex(text: str) -> bytes:
    return bytes.fromhex(text)
