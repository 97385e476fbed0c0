"""What is scanned and is no card reaches the POS whole: the till has one scanner for both."""

from typing import Any

import pytest

from tests.scenarios.shops import refusal
from tests.support.till import Pos

SCANS: dict[str, tuple[str, dict[str, Any]]] = {
    "Latin-1": ("hex:5D43304DFC6C6C6572", {"symbology": "code128", "text": "Müller"}),
    "bytes": ("hex:5D51310001FE", {"symbology": "qr", "text": "", "bytes": "0001FE"}),
    "bytes of no known symbology": ("hex:8081", {"symbology": "unknown", "bytes": "8081"}),
    "ECI": ("]Q2\\000026ЖЮ", {"aim": "]Q2", "text": "ЖЮ"}),
    "Codabar": ("]F0A123456B", {"symbology": "codabar", "text": "A123456B"}),
    "GS1-128": ("]C19112345678901234", {"symbology": "gs1-128", "text": "9112345678901234"}),
    "an EAN whose scanner leaves digits out": ("]E0123456", {"symbology": "ean", "text": "123456"}),
    "composite": (
        "]E04006381333931|]e01715123110AB",
        {"symbology": "ean13", "text": "4006381333931", "composite": "1715123110AB"},
    ),
    "Digital Link": (
        "]Q1https://id.example/8018/123456789012345675/01/04006381333931",
        {"text": "https://id.example/8018/123456789012345675/01/04006381333931"},
    ),
}


@pytest.mark.parametrize("name", SCANS)
async def test_whatever_is_no_card_passes_through_as_a_scan(pos: Pos, name: str) -> None:
    data, told = SCANS[name]
    await pos.call("events.subscribe")
    await pos.call("input.simulate", reader="scanner", do="scan", data=data)
    event = await pos.event("scan", "scan.unreadable", "card.presented")
    assert event["type"] == "scan"
    assert event.items() >= told.items()
    assert ("bytes" in event, "composite" in event) == ("bytes" in told, "composite" in told)
    assert await refusal(pos, "card.identify", reader="scanner") == (204, "no_card")


@pytest.mark.parametrize(
    "data",
    ["]F0A2900000000018B", "*2900000000018*", "]I002900000000018", "]Q2\\0000262900000000018"],
)
async def test_a_card_is_found_in_what_its_symbology_puts_around_it(pos: Pos, data: str) -> None:
    await pos.call("input.simulate", reader="scanner", do="scan", data=data)
    plain = await pos.call("card.identify", scan="2900000000018")
    assert (await pos.call("card.identify", reader="scanner"))["account"] == plain["account"]
