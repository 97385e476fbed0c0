"""How somebody compares with the others of a store: their median, and how far they lie from it.

    others 4.00 %  4.20 %  4.40 %  5.00 %     m = 4.30 %, deviations 10 10 30 70 bp, MAD = 20 bp
    3 x max(1.4826 x 20, 50) = 150 bp         5.80 % is among them, 5.81 % is not

The median deviation (MAD) and not the mean: one who is far off must not hide the next. The floor of
50 basis points stands where all are nearly the same. Pure.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from daemon.base.money import BASIS_POINTS, half_up

K = TypeVar("K")
SALES_MIN = 50
"""Sales of a cashier within the days, who is compared only then."""
CASHIERS_MIN = 4
"""Such cashiers of a store; with fewer nobody is compared."""
_MAD, _FLOOR_BP, _ONE, _TIMES = 14_826, 50, 10_000, 3


def signed_half_up(numerator: int, denominator: int) -> int:
    """Return a quotient, halves up on the absolute value."""
    rounded = half_up(abs(numerator), denominator)
    return -rounded if numerator < 0 else rounded


def share_bp(part: int, whole: int) -> int:
    """Return ``part`` in basis points of ``whole``, which is more than 0."""
    return signed_half_up(BASIS_POINTS * part, whole)


def median(values: Iterable[int]) -> int:
    """Return the middle one, or half of the sum of two, halves up; there must be some."""
    ordered = sorted(values)
    middle, is_odd = divmod(len(ordered), 2)
    if is_odd:
        return ordered[middle]
    return signed_half_up(ordered[middle - 1] + ordered[middle], 2)


def most_of(others: Iterable[int]) -> int:
    """Return the greatest value, in basis points, that is not far off from others."""
    values = list(others)
    middle = median(values)
    mad = median(abs(value - middle) for value in values)
    return middle + _TIMES * max(_MAD * mad, _FLOOR_BP * _ONE) // _ONE


def far_off(shares: Mapping[K, int]) -> Iterator[tuple[K, int, int]]:
    """Yield who has far more than the others, with the share and the most that is not, in bp."""
    if len(shares) < CASHIERS_MIN:
        return
    for key, share in shares.items():
        most = most_of(value for other, value in shares.items() if other != key)
        if share > most:
            yield key, share, most
