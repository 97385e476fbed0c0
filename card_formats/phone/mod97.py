"""ISO/IEC 7064 MOD 97-10: two decimal check digits over a string of decimal digits."""

DIGITS_MAX = 64  # far above any card's number; what is longer is not valid


def check_digits(digits: str) -> str:
    """Return the two digits that make ``digits`` + them congruent to 1 modulo 97.

    digits:  ASCII decimal digits, 1 to ``DIGITS_MAX``.
    Source:  ISO/IEC 7064:2003, MOD 97-10. Every single wrong digit and every exchange of two
             neighbours changes them, which neither Luhn nor the EAN check digit promises.
    """
    assert digits.isascii()
    assert digits.isdigit()
    return f"{98 - int(digits) * 100 % 97:02d}"


def is_valid(text: str) -> bool:
    """Whether ``text`` is 3 to ``DIGITS_MAX`` ASCII digits that end in their own check digits."""
    if not 2 < len(text) <= DIGITS_MAX or not (text.isascii() and text.isdigit()):
        return False
    return check_digits(text[:-2]) == text[-2:]
