"""AIM symbology identifiers (ISO/IEC 15424): which kind of code a scanner has read."""

IDENTIFIER_CHARS = 3  # "]", the code character, the modifier

# By code character and modifier first, then by code character alone.
# Source: ISO/IEC 15424:2008, table 1 and the option values of each symbology; ISO/IEC 20830 for Han
# Xin, AIM Rev 4.0 for DotCode, ISO/IEC 24723 for what follows ]e0.
_SYMBOLOGIES = {
    "A": "code39",
    "B": "telepen",
    "C": "code128",
    "C1": "gs1-128",
    "D": "code-one",
    "E": "ean",
    "F": "codabar",
    "G": "code93",
    "H": "code11",
    "I": "itf",
    "K": "code16k",
    "K1": "gs1-code16k",
    "L": "pdf417",
    "L3": "gs1-pdf417",
    "M": "msi",
    "N": "anker",
    "O": "codablock",
    "O5": "gs1-codablock",
    "P": "plessey",
    "Q": "qr",
    "Q3": "gs1-qr",
    "Q4": "gs1-qr",
    "R": "straight-2-of-5",
    "S": "straight-2-of-5",
    "T": "code49",
    "T1": "gs1-code49",
    "U": "maxicode",
    "X": "other",
    "Z": "not-a-barcode",
    "c": "channel-code",
    "d": "datamatrix",
    "d2": "gs1-datamatrix",
    "d5": "gs1-datamatrix",
    "e": "composite",
    "e0": "gs1-databar",
    "h": "han-xin",
    "h2": "gs1-han-xin",
    "h3": "gs1-han-xin",
    "J": "dotcode",
    "J1": "gs1-dotcode",
    "J4": "gs1-dotcode",
    "z": "aztec",
    **dict.fromkeys(("z1", "z4", "z7", "zA"), "gs1-aztec"),
}
# With these the scanner names character sets within the content, see ``eci.py``.
_INTERPRETED = {
    "L": "1",
    "Q": "246",
    "U": "23",
    "d": "456",
    "e": "3",
    "h": "13",
    "J": "345",
    "z": "3459AB",
}


def is_interpreted(identifier: str) -> bool:
    """Whether the identifier (``]Q2``) says that the ECI protocol is on."""
    return bool(identifier) and identifier[2] in _INTERPRETED.get(identifier[1], "")


def split_identifier(text: str) -> tuple[str, str, str]:
    """Split what a scanner sent into (identifier, symbology, content).

    Without a known identifier the first two are "" and the content is the whole text: a QR
    payload may begin with ``]`` too.
    """
    head = text[:IDENTIFIER_CHARS]
    known = len(head) == IDENTIFIER_CHARS and head[0] == "]" and head[2].isalnum()
    if not (known and head.isascii() and head[1] in _SYMBOLOGIES):
        return "", "", text
    symbology = _SYMBOLOGIES.get(head[1:]) or _SYMBOLOGIES[head[1]]
    return head, symbology, text[IDENTIFIER_CHARS:]
