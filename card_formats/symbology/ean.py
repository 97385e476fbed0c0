"""EAN and UPC (ISO/IEC 15420): which member of the family it is, and whether it was read well."""

from card_formats.check_digits import Check, has_valid_check, is_digits
from card_formats.errors import CardFormatError

EAN13_DIGITS, UPCA_DIGITS, EAN8_DIGITS = 13, 12, 8
ADDON_DIGITS = (2, 5)


def name_plain(text: str) -> str:
    """Return ``ean13 upca ean8`` for digits that came without an identifier, or ``unknown``.

    Only a valid check digit tells them from any other number of that length.
    """
    names = {EAN13_DIGITS: "ean13", UPCA_DIGITS: "upca", EAN8_DIGITS: "ean8"}
    name = names.get(len(text), "unknown")
    return name if has_valid_check(Check.EAN, text) else "unknown"


def name_identified(aim: str, text: str) -> str:
    """Return ``ean13 upca ean8 upce ean-addon`` for ``text`` that came as EAN/UPC, else ``ean``.

    aim:    ``]E0`` to ``]E4``. With ``]E3`` two or five digits of add-on follow the code.
            Scanners send a UPC-A as 12 or 13 digits, a UPC-E as 8, all under ``]E0``. One that
            is set to leave digits out sends other lengths: nothing tells whether they are right.
    Raises: CardFormatError ``ean.bad-check``.
    Source: ISO/IEC 15424, EAN/UPC option values.
    """
    if aim in ("]E1", "]E2"):
        return "ean-addon" if is_digits(text) and len(text) in ADDON_DIGITS else "ean"
    main = _without_addon(text) if aim == "]E3" else text
    if not is_digits(text) or len(main) not in (EAN13_DIGITS, UPCA_DIGITS, EAN8_DIGITS):
        return "ean"
    if aim != "]E4" and _is_upce(main):  # an EAN-8 has an identifier of its own
        return "upce"
    name = name_plain(main)
    if name == "unknown":
        raise CardFormatError("ean.bad-check", "the check digit is wrong: scan it again")
    return name


def _without_addon(text: str) -> str:
    for main_digits in (EAN13_DIGITS, UPCA_DIGITS):
        if len(text) - main_digits in ADDON_DIGITS and has_valid_check(
            Check.EAN, text[:main_digits]
        ):
            return text[:main_digits]
    return text


def _is_upce(text: str) -> bool:
    return len(text) == EAN8_DIGITS and has_valid_check(Check.EAN, expand_upce(text))


def expand_upce(text: str) -> str:
    """Return the 12 digits of the UPC-A that the 8 digits of a UPC-E stand for.

    Source: GS1 General Specifications 5.2.2.4: the sixth digit tells where the zeros were.
    """
    assert len(text) == EAN8_DIGITS
    system, body, rule, check = text[0], text[1:6], text[6], text[7]
    if rule in "012":
        middle = f"{body[:2]}{rule}0000{body[2:]}"
    elif rule == "3":
        middle = f"{body[:3]}00000{body[3:]}"
    elif rule == "4":
        middle = f"{body[:4]}00000{body[4:]}"
    else:
        middle = f"{body}0000{rule}"
    return f"{system}{middle}{check}"
