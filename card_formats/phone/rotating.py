"""The code a phone shows for half a minute: made from a key the phone keeps, checked by the till.

Two layouts carry the same 10-digit card number N and the same 6-digit value T:

- ours, 22 digits: prefix, N, S, T, C. S is the step modulo 100, C two ISO/IEC 7064 MOD 97-10
  digits over the rest. It fits Code 128 on a phone, QR version 1, and a keypad.
- Google Wallet's, 28 digits: prefix, N, the second the code was made in, T. It has no check digits.

T is RFC 4226's HOTP of the step (RFC 6238 with 30 s), HMAC-SHA1, as Google Wallet computes it.
"""

import hmac
from typing import TypeAlias

import msgspec

from card_formats.check_digits import Check, append_check, has_valid_check, is_digits
from card_formats.errors import CardFormatError
from card_formats.phone.static_number import PREFIXES

PREFIX_DEFAULT = "97"
GOOGLE_PREFIX = "96"
PERIOD_S = 30
NUMBER_DIGITS = 10
VALUE_DIGITS = 6
CODE_DIGITS = 22
GOOGLE_CODE_DIGITS = 28
CARD_KEY_BYTES = 20
GENERATION_MAX = 2**32 - 1

WINDOW_STEPS = 1
"""A code is good one step before and after its own: clocks differ, and scanning takes time."""
REACH_STEPS = 50
"""How far off a right code is still told from a wrong one: 25 minutes, half of what S counts."""


class Code(msgspec.Struct, frozen=True):
    """A code taken apart. ``step_100`` is the step modulo 100; ``step`` is whole where it is said.

    The value is a secret for a minute: the repr hides it.
    """

    number: str
    value: str
    step_100: int
    step: int | None = None

    def __repr__(self) -> str:
        """Hide the value."""
        return f"Code({self.number})"


class Live(msgspec.Struct, frozen=True):
    """Made by this card's phone, now."""

    step: int


class Old(msgspec.Struct, frozen=True):
    """Made by this card's phone, too long ago: a screenshot, or a phone clock that is slow."""

    step: int
    age_s: int


class Early(msgspec.Struct, frozen=True):
    """Made by this card's phone for a time to come: its clock is fast."""

    step: int
    ahead_s: int


class NotValid(msgspec.Struct, frozen=True):
    """Not made with this key within ``REACH_STEPS``: far too old, another key, or invented."""


Verdict: TypeAlias = Live | Old | Early | NotValid


def card_key(shop_key: bytes, number: str, generation: int) -> bytes:
    """Derive a card's key; a phone of another generation has another key."""
    assert 0 <= generation <= GENERATION_MAX
    message = b"rot1" + number.encode("ascii") + generation.to_bytes(4, "big")
    return hmac.digest(shop_key, message, "sha256")[:CARD_KEY_BYTES]


def renewal_proof(key: bytes) -> str:
    """Return what a phone proves with that it has a key, to be given a newer one; in hex.

    A half minute's counter has 8 bytes and this message has not: it proves nothing at a till.
    """
    return hmac.digest(key, b"renew", "sha1").hex()


def hotp(key: bytes, counter: int, digits: int) -> str:
    """Return the counter's one-time password. Source: RFC 4226, 5.3; SHA-1."""
    mac = hmac.digest(key, counter.to_bytes(8, "big"), "sha1")
    offset = mac[-1] & 0x0F
    truncated = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFF_FFFF
    return f"{truncated % 10**digits:0{digits}d}"


def compose(prefix: str, number: str, key: bytes, step: int) -> str:
    """Return the 22 digits that a phone shows in ``step``: whole half minutes since 1970.

    Raises: CardFormatError ``rotating.bad-prefix`` (90 to 98, never 99), ``rotating.bad-number``.
    """
    _check(prefix, number)
    body = f"{prefix}{number}{step % 100:02d}{hotp(key, step, VALUE_DIGITS)}"
    return append_check(Check.MOD97, body)


def compose_google(prefix: str, number: str, key: bytes, at_s: int) -> str:
    """Return the 28 digits that Google Wallet shows at ``at_s``, in seconds since 1970.

    Its pattern is ``<prefix><number>{totp_timestamp_seconds}{totp_value_0}``.
    """
    # Google Wallet makes these, not we: this is the phone of tests, and what `parse` undoes.
    _check(prefix, number)
    return f"{prefix}{number}{at_s:010d}{hotp(key, at_s // PERIOD_S, VALUE_DIGITS)}"


def parse(text: str) -> Code:
    """Take a code apart, whatever its prefix.

    text:   22 or 28 digits; spaces of a typed code are already gone.
    Raises: CardFormatError ``rotating.bad-length``, ``rotating.bad-digits``,
            ``rotating.bad-prefix``, and ``rotating.bad-check``: misread, scan again.
    """
    if len(text) not in (CODE_DIGITS, GOOGLE_CODE_DIGITS):
        raise CardFormatError("rotating.bad-length", "a code has 22 or 28 digits")
    if not is_digits(text):
        raise CardFormatError("rotating.bad-digits", "a code is decimal digits only")
    _check(text[:2], text[2:12])
    if len(text) == GOOGLE_CODE_DIGITS:
        step = int(text[12:22]) // PERIOD_S
        return Code(number=text[2:12], value=text[22:], step_100=step % 100, step=step)
    if not has_valid_check(Check.MOD97, text):
        raise CardFormatError("rotating.bad-check", "a digit was misread; scan it again")
    return Code(number=text[2:12], value=text[14:20], step_100=int(text[12:14]))


def verify(code: Code, key: bytes, now_step: int) -> Verdict:
    """Say what ``code`` is worth to a card with ``key`` in the till's own ``now_step``."""
    step = _nearest(code, now_step)
    ahead = step - now_step
    if step < 0 or not -REACH_STEPS <= ahead <= REACH_STEPS:
        return NotValid()
    if not hmac.compare_digest(hotp(key, step, VALUE_DIGITS), code.value):
        return NotValid()
    if ahead < -WINDOW_STEPS:
        return Old(step, age_s=-ahead * PERIOD_S)
    if ahead > WINDOW_STEPS:
        return Early(step, ahead_s=ahead * PERIOD_S)
    return Live(step)


def _nearest(code: Code, now_step: int) -> int:
    if code.step is not None:
        return code.step
    behind = (now_step - code.step_100) % 100
    return now_step - behind if behind <= REACH_STEPS else now_step - behind + 100


def _check(prefix: str, number: str) -> None:
    if prefix not in PREFIXES:
        raise CardFormatError("rotating.bad-prefix", "the prefix is 90 to 98, never 99", offset=0)
    if len(number) != NUMBER_DIGITS or not is_digits(number):
        raise CardFormatError("rotating.bad-number", f"a card has {NUMBER_DIGITS} digits")
