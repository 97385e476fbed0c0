"""The chips' vector files (tests/vectors/chip), as pytest parameters."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

VECTORS = Path(__file__).parents[2] / "vectors" / "chip"


def load(*names: str) -> list[Any]:
    params = []
    for name in names:
        document = tomllib.loads((VECTORS / f"{name}.toml").read_text("utf-8"))
        assert document["format"] == name
        for vector in document["vector"]:
            assert vector["source"], "a vector names its source"
            params.append(pytest.param(vector, id=f"{name}: {vector['name']}"))
    return params


def unhex(text: str) -> bytes:
    return bytes.fromhex(text)
