"""Payment cards are refused: their numbers are looked at here, kept nowhere, quoted never."""

import re

import msgspec

from card_formats.check_digits import Check, has_valid_check, passes_luhn
from card_formats.credential import Credential, Medium, Reading
from card_formats.errors import BankCardError
from card_formats.number_ranges import NumberRange
from card_formats.symbology.linear import bare_contents

IIN_DIGITS_MIN = 6
PAN_DIGITS_MIN, PAN_DIGITS_MAX = 13, 19

# Networks' ranges: first and last prefix of equal length, and the lengths in use. National
# schemes too, because a till meets every customer's wallet.
# Source: the networks' BIN tables as collected in Wikipedia, "Payment card number".
_TO_19 = (16, 17, 18, 19)
PAYMENT_RANGES: tuple[tuple[str, str, tuple[int, ...]], ...] = (
    ("4", "4", (13, 16, 18, 19)),  # Visa, Dankort, Switch
    ("51", "55", (16,)),  # Mastercard
    ("2221", "2720", (16,)),  # Mastercard
    ("34", "34", (15,)),  # American Express
    ("37", "37", (15,)),  # American Express
    ("300", "305", (14, *_TO_19)),  # Diners Club
    ("309", "309", (14, *_TO_19)),  # Diners Club
    ("36", "36", (14, *_TO_19)),  # Diners Club
    ("38", "39", (14, *_TO_19)),  # Diners Club
    ("3528", "3589", _TO_19),  # JCB
    ("50", "50", (13, 14, 15, *_TO_19)),  # Maestro, Verve
    ("56", "69", (13, 14, 15, *_TO_19)),  # Maestro, Discover, UnionPay, RuPay, Troy, UzCard
    ("81", "82", (16,)),  # RuPay
    ("2200", "2205", _TO_19),  # Mir, Borica
    ("9792", "9792", (16,)),  # Troy
    ("9860", "9860", (16,)),  # Humo
    ("8600", "8600", (16,)),  # UzCard
    ("1", "1", (15,)),  # UATP
)
_RANGES_BY_DIGIT = {
    digit: [each for each in PAYMENT_RANGES if each[0][0] <= digit <= each[1][0]]
    for digit in "0123456789"
}
# One product in ten passes Luhn too, and a third of them start like a Visa card.
_PRODUCT_SYMBOLOGIES = ("ean13", "ean8", "upca", "upce", "ean-addon")
_DIGITS = re.compile(r"[0-9]+")
_DIGIT_RUN = re.compile(r"[0-9]{13,}")
_GROUPING = re.compile(r"[ -]")
# Digits in a text, in groups or not, that are no part of a word, of a hex id, or of a telephone
# number behind its plus; a word may touch them, and so may track 1's format code. Between groups
# stands anything but letters and digits, as far as three characters.
_BEFORE, _BEHIND = r"(?<![0-9A-Za-z+])(?:[A-Za-z]{3,}|B)?", r"(?![0-9A-Za-z])"
_GROUPS = re.compile(_BEFORE + r"([0-9]+(?:[\W_]{1,3}[0-9]+)*)" + _BEHIND)
_SINGLES = re.compile(_BEFORE + r"([0-9]([\W_]{1,3})[0-9](?:\2[0-9]){11,})" + _BEHIND)
_NO_DIGITS = re.compile(r"[^0-9]+")
_FOREIGN_DIGIT = re.compile(r"(?![0-9])\d")  # of another script, or of full width
_GROUP_DIGITS_MIN = 4  # of all groups but the last, as numbers are embossed and printed
_GROUPS_MAX = PAN_DIGITS_MAX // _GROUP_DIGITS_MIN + 1
_PRINTED_HEADS, _PRINTED_TAIL_MAX = ([4, 4, 4], [4, 4, 4, 4], [4, 6]), 5
_USUAL_BETWEEN = " .-"
_PRODUCT_DIGITS = 8  # of an EAN-8
# A swipe that came as something else: a stripe reader that is configured as a scanner. Digits
# behind a track's sentinel, or before a separator (ISO/IEC 7813).
_TRACK = re.compile(r"[%;+][A-Z]?[0-9 ]{13}|[0-9 ]{13}[=^]")
_TRACK_IN_TEXT = re.compile(r"[%;][A-Z]?[0-9 ]{13}|[0-9 ]{13}[=^]")  # + leads a telephone number
_BETWEEN_FIELDS = re.compile(r"[%;+=^?\r\n]+")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_FORMAT_CODE = re.compile(r"\AB(?=[0-9])")  # of track 1; it is none of the number's characters


def refuse_bank_card(reading: Reading, ranges: tuple[NumberRange, ...]) -> Credential | None:
    """Raise BankCardError ``card.bank`` if ``reading`` holds a payment card's number.

    A number passes if one of ``ranges`` claims it with a prefix of IIN_DIGITS_MIN digits or
    more: that is the shop's own prefix, and a shorter one would let other people's cards in.
    Such a range claims a whole field, so nothing is looked for within it: the first 16 of its 22
    digits may well look like a bank's number.
    """
    if reading.medium is Medium.CHIP:
        return None
    if any(_looks_like_one(part, ranges) for part in _parts(reading)):
        # Raised where no variable holds the number: a dump of the frames shows none.
        raise BankCardError("card.bank", "this is a bank card")
    return None


def holds_bank_card(
    text: str, ranges: tuple[NumberRange, ...], digits_min: int = PAN_DIGITS_MIN
) -> bool:
    """Return whether a payment card's number stands in ``text``: alone, among words, on a track.

    digits_min: fewer digits than that are something else here, such as a product's.
    A number of the shop's own ``ranges`` is none, as in ``refuse_bank_card``.
    """
    if len(text) < PAN_DIGITS_MIN or _is_ours(text, ranges, tuple(Medium)):
        return False
    if _TRACK_IN_TEXT.search(text) and _is_in_a_track(text, ranges, tuple(Medium), digits_min):
        return True
    own = [r for r in ranges if len(r.prefix) >= IIN_DIGITS_MIN]
    long_ones = [number for number in _standing_alone(text, own) if len(number) >= digits_min]
    return _is_anothers(long_ones, ranges, tuple(Medium))


def needs_longer_prefix(own: NumberRange) -> bool:
    """Whether some numbers of ``own`` look like bank cards and its prefix is too short to count.

    EAN-13 numbers never look like one, and neither do those with too few or too many digits:
    unless they are swiped and have no check, for a swipe of a bank card may have lost the
    separator behind its number.
    """
    if len(own.prefix) >= IIN_DIGITS_MIN or own.media == (Medium.CHIP,):
        return False
    if own.length == PAN_DIGITS_MIN and own.check is Check.EAN:
        return False
    is_swiped = not own.media or Medium.STRIPE in own.media
    is_unsure = own.length > PAN_DIGITS_MAX and own.check is Check.NONE and is_swiped
    return any(
        (own.length in lengths or is_unsure)
        and first[: len(own.prefix)] <= own.prefix[: len(first)] <= last
        for first, last, lengths in PAYMENT_RANGES
    )


def _is_ours(field: str, ranges: tuple[NumberRange, ...], media: tuple[Medium, ...]) -> bool:
    """Whether ``field``, all of it, is a number of the shop's, whatever stands within it.

    A prefix of IIN_DIGITS_MIN digits says so. So does a valid number that is too long for a PAN:
    a phone's code in groups.
    """
    number = _GROUPING.sub("", field)
    return any(
        r.claim(number, medium)
        and (
            len(r.prefix) >= IIN_DIGITS_MIN
            or (len(number) > PAN_DIGITS_MAX and has_valid_check(r.check, number))
        )
        for r in ranges
        for medium in media
    )


def _is_anothers(
    numbers: list[str], ranges: tuple[NumberRange, ...], media: tuple[Medium, ...]
) -> bool:
    own = [r for r in ranges if len(r.prefix) >= IIN_DIGITS_MIN]
    return any(
        is_payment_number(number)
        and not any(r.claim(number, medium) for r in own for medium in media)
        for number in dict.fromkeys(numbers)
    )


def _standing_alone(text: str, own: list[NumberRange]) -> list[str]:
    """Return what stands in ``text`` with as many digits as a PAN and may be one, joined.

    That is a whole group of digits; groups as they are printed on cards, whatever stands between
    them; other groups of four digits or more between blanks, dots and dashes; and single digits
    that always have the same between them. Other lists of short groups are sizes, times, dates.
    """
    if not text.isascii():
        text = _FOREIGN_DIGIT.sub(lambda digit: str(int(digit[0])), text)
    singles = [_NO_DIGITS.sub("", match[1]) for match in _SINGLES.finditer(text)]
    found = [number for number in singles if len(number) <= PAN_DIGITS_MAX]
    for grouped in _GROUPS.findall(text):
        if len(grouped) >= PAN_DIGITS_MIN:
            found += _grouped(_DIGITS.findall(grouped), _DIGITS.split(grouped), own)
    return found


def _grouped(groups: list[str], between: list[str], own: list[NumberRange]) -> list[str]:
    """Return groups alone and neighbours together; ``between[n]`` stands before ``groups[n]``.

    What begins in a number of the shop's ``own`` is left out: in a list of those, the end of one
    and the beginning of the next may look like a bank's.
    """
    found: list[str] = []
    free_from, own_lengths = 0, {r.length for r in own}
    for first, group in enumerate(groups):
        if len(group) < _GROUP_DIGITS_MIN or first < free_from or between[first].endswith("+"):
            continue
        number = ""
        # Not all that follow: a copy of the rest for each group would be quadratic.
        for end in range(first, min(first + _GROUPS_MAX, len(groups))):
            number += groups[end]
            if len(number) > PAN_DIGITS_MAX:
                break
            if len(number) in own_lengths and _is_claimed(number, own):
                free_from = end + 1
            elif len(number) >= PAN_DIGITS_MIN and _may_be_one(
                groups[first : end + 1], between[first + 1 : end + 1]
            ):
                found.append(number)
            if len(groups[end]) < _GROUP_DIGITS_MIN:
                break
    return found


def _is_claimed(number: str, own: list[NumberRange]) -> bool:
    return any(
        len(number) == r.length and number.startswith(r.prefix) and has_valid_check(r.check, number)
        for r in own
    )


def _may_be_one(groups: list[str], between: list[str]) -> bool:
    if not between:
        return True
    *heads, tail = map(len, groups)
    if heads in _PRINTED_HEADS and tail <= _PRINTED_TAIL_MAX:
        return True
    is_usual = not "".join(between).strip(_USUAL_BETWEEN)
    return is_usual and not all(_is_product(group) for group in groups)


def _is_product(group: str) -> bool:
    return len(group) == _PRODUCT_DIGITS and has_valid_check(Check.EAN, group)


def is_payment_number(number: str) -> bool:
    """Return whether ``number`` is digits, passes Luhn and lies in a payment network's range.

    Thirteen digits that are a valid EAN-13 are a product: such PANs are not issued any more.
    """
    is_digits = number.isascii() and number.isdigit()
    if not is_digits or not _is_in_a_range(number) or not passes_luhn(number):
        return False
    return len(number) != PAN_DIGITS_MIN or not has_valid_check(Check.EAN, number)


def _is_in_a_range(number: str) -> bool:
    return any(
        len(number) in lengths and first <= number[: len(first)] <= last
        for first, last, lengths in _RANGES_BY_DIGIT.get(number[:1], ())
    )


def _parts(reading: Reading) -> list[Reading]:
    """Return ``reading`` in all the ways in which whoever is passed it may read it.

    Without what its symbology adds; what is no text as if it were; not as a product's number.
    """
    if reading.undecoded:
        digits = _CONTROLS.sub("", reading.undecoded.decode("latin-1"))
        return [msgspec.structs.replace(reading, text=digits)]
    texts = [reading.composite] if reading.composite else []
    if reading.symbology not in _PRODUCT_SYMBOLOGIES:
        texts += [reading.text, *bare_contents(reading.aim, reading.symbology, reading.text)]
    return [msgspec.structs.replace(reading, text=text) for text in dict.fromkeys(texts)]


def _looks_like_one(reading: Reading, ranges: tuple[NumberRange, ...]) -> bool:
    """Whether ``reading`` holds what may be a PAN.

    On a stripe, any run of digits in a field that is not the shop's own: behind two digits of
    format code on track 3 (ISO/IEC 4909), and with more digits behind it where a device lost the
    separator; the same for tracks that came as something else. Elsewhere only the whole content:
    a long number inside a web address is no card.
    """
    media = (reading.medium,)
    if reading.medium is not Medium.STRIPE and not _TRACK.search(reading.text):
        return _is_anothers([_GROUPING.sub("", reading.text)], ranges, media)
    return any(_is_in_a_track(track, ranges, media) for track in (reading.text, *reading.also))


def _is_in_a_track(
    content: str,
    ranges: tuple[NumberRange, ...],
    media: tuple[Medium, ...],
    digits_min: int = PAN_DIGITS_MIN,
) -> bool:
    """Whether a field of ``content``, one track or more, is not the shop's and may hold a PAN."""
    for field in _BETWEEN_FIELDS.split(content):
        numbers = [number for number in _in_field(field) if len(number) >= digits_min]
        looks_so = _is_anothers(numbers, ranges, media)
        if looks_so and not _is_ours(_FORMAT_CODE.sub("", field).strip(), ranges, media):
            return True
    return False


def _in_field(field: str) -> list[str]:
    found: list[str] = []
    for run in _DIGIT_RUN.findall(_GROUPING.sub("", field)):
        for number in (run, run[2:]):
            longest = min(len(number), PAN_DIGITS_MAX)
            shortest = PAN_DIGITS_MIN if len(number) > PAN_DIGITS_MAX else longest
            found += [number[:length] for length in range(shortest, longest + 1)]
    return found
