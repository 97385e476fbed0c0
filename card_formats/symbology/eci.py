r"""Character sets that a code announces (AIM ECI), and how the bytes of a scan become text.

A scanner with the ECI protocol on says so in its identifier. Then ``\`` and six digits name the
character set of what follows, and a backslash of the content itself is sent twice:

    b"\\000026\xd0\x96 \\\\ 2" -> "Ж \ 2"

Source: AIM ITS/04-001, Extended Channel Interpretations, part 1 (protocol) and 3 (register).
"""

import re

# By assignment number: the codecs of character sets. Others say what bytes are for, not what they
# mean (encryption, structure), and are not read.
_CODECS = {
    0: "cp437", 1: "iso8859-1", 2: "cp437", 3: "iso8859-1",
    **{number: f"iso8859-{number - 2}" for number in (*range(4, 14), *range(15, 19))},
    20: "shift_jis", 21: "cp1250", 22: "cp1251", 23: "cp1252", 24: "cp1256", 25: "utf-16-be",
    26: "utf-8", 27: "ascii", 28: "big5", 29: "gb2312", 30: "euc_kr", 31: "gbk", 32: "gb18030",
    33: "utf-16-le", 34: "utf-32-be", 35: "utf-32-le", 170: "ascii",
}  # fmt: skip
ENCODING_DEFAULT, ENCODING_LAST = "utf-8", "iso8859-1"
ENCODINGS = (
    ENCODING_DEFAULT,
    *sorted({codec for codec in _CODECS.values() if not codec.startswith("utf-")}),
)
"""What a reader may be told that its codes are written in: each holds ASCII unchanged."""
_ESCAPE = re.compile(rb"\\(?:([0-9]{6})|\\)")
# Inside a code: GS1's separator and ISO/IEC 15434's, and the line ends of a written QR payload.
_CONTROLS_KEPT = "\x1c\x1d\x1e\x04\t\r\n"


def text_of(content: bytes, encoding: str) -> str | None:
    """Return ``content`` as text in ``encoding``, else in Latin-1; None where it is neither.

    Text has no control characters but those that codes have: all bytes are Latin-1 otherwise.
    """
    for codec in (encoding, ENCODING_LAST):
        text = _decoded(content, codec)
        if text is not None and not has_controls(text):
            return text
    return None


def text_of_interpreted(content: bytes, encoding: str) -> str | None:
    """Return as text what came with the ECI protocol on; None where it cannot be read.

    encoding: of what stands before the first character set that is named; see ``text_of``.
    A backslash with neither behind it stands for itself: some scanners do not send it twice.
    """
    parts: list[str | None] = []
    codec, begin, waiting = "", 0, b""
    for escape in _ESCAPE.finditer(content):
        waiting += content[begin : escape.start()]
        begin = escape.end()
        if escape[1] is None:
            waiting += b"\\"
            continue
        parts.append(_part(waiting, codec, encoding))
        codec, waiting = _CODECS.get(int(escape[1]), "unknown"), b""
    parts.append(_part(waiting + content[begin:], codec, encoding))
    read = [part for part in parts if part is not None]
    return "".join(read) if len(read) == len(parts) else None


def has_controls(text: str) -> bool:
    """Whether ``text`` has a control character that no written code has."""
    return any(
        (char < " " or "\x7f" <= char < "\xa0") and char not in _CONTROLS_KEPT for char in text
    )


def _part(content: bytes, codec: str, encoding: str) -> str | None:
    if not codec or not content:
        return text_of(content, encoding)
    text = None if codec == "unknown" else _decoded(content, codec)
    return None if text is None or has_controls(text) else text


def _decoded(content: bytes, codec: str) -> str | None:
    try:
        return content.decode(codec)
    except UnicodeDecodeError:
        return None
