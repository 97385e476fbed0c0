"""Integer money: rounding, and sharing a sum over lines without losing a minor unit."""

from collections.abc import Sequence

BASIS_POINTS = 10_000


def half_up(numerator: int, denominator: int) -> int:
    """Return numerator / denominator rounded to the nearest integer, halves up.

    Both are non-negative and the denominator is positive: money that is shared is never owed.
    """
    assert numerator >= 0
    assert denominator > 0
    return (2 * numerator + denominator) // (2 * denominator)


def percent_of(base_minor: int, percent_bp: int) -> int:
    """Return ``percent_bp`` basis points of ``base_minor``, halves up."""
    return half_up(base_minor * percent_bp, BASIS_POINTS)


def share(total: int, weights: Sequence[int]) -> list[int]:
    """Share ``total`` by ``weights`` with the largest remainder, ties to the earlier.

    Returns: as many integers as weights; they sum to ``total`` unless all weights are 0.
    Source:  Hamilton's method; the ties are the programme's rule (docs/programme.md).
    """
    assert total >= 0
    assert all(weight >= 0 for weight in weights)
    whole = sum(weights)
    if whole == 0:
        return [0] * len(weights)
    parts = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: -(total * weights[i] % whole))
    for i in by_remainder[: total - sum(parts)]:
        parts[i] += 1
    return parts


def format_minor(minor: int, currency: str = "") -> str:
    """Return ``minor`` as ``12.34`` with the currency behind it, two decimal places."""
    sign = "-" if minor < 0 else ""
    amount = f"{sign}{abs(minor) // 100}.{abs(minor) % 100:02d}"
    return f"{amount} {currency}" if currency else amount
