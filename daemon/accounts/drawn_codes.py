"""How codes that nobody guesses are drawn."""

import secrets

CODE_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
CODE_CHARS = 12
"""12 of 31 letters, none like another: 59 bits that nobody guesses."""


def draw_code() -> str:
    """Return a random code; that somebody has it already is practically impossible."""
    return "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_CHARS))
