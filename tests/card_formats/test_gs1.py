"""Element strings behind every application identifier that a foreign list knows."""

import re

from biip import ParseError
from biip.gs1_application_identifiers import GS1ApplicationIdentifier

from card_formats.symbology.gs1 import GS, loyalty_numbers, split_elements

GSRN = "123456789012345675"


def known_identifiers() -> dict[str, GS1ApplicationIdentifier]:
    """Every application identifier that biip knows, by its digits."""
    found = {}
    for number in range(10_000):
        try:
            identifier = GS1ApplicationIdentifier.extract(f"{number:04d}")
        except ParseError:
            continue
        found[identifier.ai] = identifier
    return found


def longest_value(identifier: GS1ApplicationIdentifier) -> str:
    """Digits as many as the identifier's format allows (``N2+X..20`` begins with its own)."""
    lengths = [int(n) for n in re.findall(r"[NXYZ](?:\.\.)?(\d+)", identifier.format)]
    return "9" * sum(lengths[1:])


def test_a_loyalty_card_is_found_behind_any_other_element() -> None:
    identifiers = known_identifiers()
    assert len(identifiers) > 400
    for ai, identifier in identifiers.items():
        value = longest_value(identifier)
        text = f"{ai}{value}{GS if identifier.separator_required else ''}8018{GSRN}"
        assert split_elements(text) == [(ai, value), ("8018", GSRN)], identifier.description
        if ai not in ("8018", "255"):
            assert loyalty_numbers("gs1-128", text) == [GSRN]


def test_separators_that_are_not_needed_do_no_harm() -> None:
    text = f"{GS}0104006381333931{GS}{GS}8018{GSRN}{GS}"
    assert split_elements(text) == [("01", "04006381333931"), ("8018", GSRN)]
