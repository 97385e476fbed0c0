"""What a linear code puts around a number, and a printed number does not have.

    ]F0 A12345678B   -> 12345678     the letters that start and stop a Codabar
    ]A1 *K12345Z*    -> K12345       Code 39: its asterisks, and the check character
    ]I0 0123456789   -> 123456789    the zero that makes ITF's digits even in number

Nothing is taken off that the identifier does not tell of, but for the asterisks: no content of a
Code 39 has one.
"""

_CODABAR_ENDS = frozenset("ABCDTNE*")  # EN 798: A to D; T N * E are their older names
# ISO/IEC 15424, option values: the check character was verified, and sent all the same.
_WITH_CHECK = ("]A1", "]A5", "]F2")


def bare_contents(aim: str, symbology: str, text: str) -> tuple[str, ...]:
    """Return what ``text`` may be without what its symbology adds: the likelier first."""
    if symbology == "codabar":
        return (_checked(aim, _codabar(text)),)
    if symbology == "code39" or (symbology == "unknown" and _is_starred(text)):
        return (_checked(aim, text[1:-1] if _is_starred(text) else text),)
    if symbology == "itf" and text.startswith("0"):
        return (text, text[1:])  # only whoever knows the number's length knows which
    return (text,)


def _codabar(text: str) -> str:
    ends = {text[:1].upper(), text[-1:].upper()}
    return text[1:-1] if len(text) > 1 and ends <= _CODABAR_ENDS else text


def _is_starred(text: str) -> bool:
    return len(text) > 1 and text[0] == text[-1] == "*"


def _checked(aim: str, text: str) -> str:
    return text[:-1] if aim in _WITH_CHECK else text
