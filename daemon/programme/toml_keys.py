"""How long the dotted keys of a TOML text are, before it is parsed. Pure.

A parser of TOML visits every table on the way to a key, for each of the key's parts: ``x.x.x… = 1``
takes the square of its length, two minutes for a file of 128,000 bytes. So dots are counted first,
in one walk over the text that knows of strings and comments and of nothing else:

    a."b.c".d = 1.5     two dots in the key, one in the value

Where the text is no TOML the walk may count something else than a parser would see; but a parser
stops at the first mistake, and up to there both see the same.
"""

import re

KEY_DOTS_MAX = 8
_TOKEN = re.compile(
    # Strings and comments are passed over; one that does not end takes the rest of its line, or
    # of the text, so that no character is looked at twice.
    r'"""(?:[^"\\]|\\.|"(?!""))*(?:"{3,5}|\\?\Z)'
    r"|'''(?:[^']|'(?!''))*(?:'{3,5}|\Z)"
    r'|"(?:[^"\\\n]|\\[^\n])*(?:"|\\?$|\\?\Z)'
    r"|'[^'\n]*(?:'|$)"
    r"|#[^\n]*"
    r"|(?P<dot>\.)"
    r"|(?P<end>[=,\n\[\]{}])",
    re.DOTALL | re.MULTILINE,
)


def has_long_key(text: str) -> bool:
    """Whether a key or a table's name has more than KEY_DOTS_MAX dots."""
    dots = 0
    for token in _TOKEN.finditer(text):
        if token.lastgroup == "dot":
            dots += 1
            if dots > KEY_DOTS_MAX:
                return True
        elif token.lastgroup == "end":
            dots = 0
    return False
