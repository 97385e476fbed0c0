"""AIM symbology identifiers (ISO/IEC 15424): which kind of code a scanner has read."""

IDENTIFIER_CHARS = 3  # "]", the code character, the modifier

# By code character and modifier first, then by code character alone.
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
    "L": "pdf417",
    "M": "msi",
    "N": "anker",
    "O": "codablock",
    "P": "plessey",
    "Q": "qr",
    "Q3": "gs1-qr",
    "Q4": "gs1-qr",
    "R": "straight-2-of-5",
    "S": "straight-2-of-5",
    "T": "code49",
    "U": "maxicode",
    "X": "other",
    "Z": "not-a-barcode",
    "c": "channel-code",
    "d": "datamatrix",
    "d2": "gs1-datamatrix",
    "e": "gs1-databar",
    "h": "han-xin",
    "J": "dotcode",
    "J1": "gs1-dotcode",
    "z": "aztec",
}


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
