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

    10.00 over three equal weights: 333 each, and the minor unit that is left goes to the first of
    the three equal remainders: 334, 333, 333.

    Returns: as many integers as weights; they sum to ``total`` unless all weights are 0.
    Source:  Hamilton's method; the ties are the programme's rule (docs/programme.md).
    """
    assert total >= 0
    whole = sum(weights)
    if whole == 0:
        return [0] * len(weights)
    parts = [total * weight // whole for weight in weights]
    missing = total - sum(parts)
    if missing:
        short = [part * whole - total * weight for part, weight in zip(parts, weights, strict=True)]
        for i in sorted(range(len(weights)), key=short.__getitem__)[:missing]:
            parts[i] += 1
    return parts


def share_within(total: int, weights: Sequence[int], rooms: Sequence[int]) -> list[int]:
    """Share ``total`` by ``weights``, no part above its room; what does not fit moves on.

    Returns: as many integers as weights; they sum to ``total``, or to all the room that lines
             with a weight have.

    share_within(100, [1, 1, 2], [10, 40, 60]) is [10, 30, 60]: 25, 25, 50 would give the first
    line 15 more than it has; the 90 that remain are shared 1 : 2 over the others, 30 and 60.
    """
    # Each round fills at least one line for good, so there are at most as many rounds as lines. A
    # line that is full is closed before the rest is shared anew: only so does the outcome not
    # depend on the order of lines.
    parts = [0] * len(weights)
    open_lines = [i for i, weight in enumerate(weights) if weight]
    rest = total
    while open_lines and rest:
        shares = share(rest, [weights[i] for i in open_lines])
        full = {i for i, part in zip(open_lines, shares, strict=True) if part > rooms[i]}
        if not full:
            for i, part in zip(open_lines, shares, strict=True):
                parts[i] = part
            break
        for i in full:
            parts[i] = rooms[i]
            rest -= rooms[i]
        open_lines = [i for i in open_lines if i not in full]
    return parts


def share_all(total: int, weights: Sequence[int]) -> list[int]:
    """Share ``total`` as `share` does, evenly when there is nothing to weigh by.

    Returns: at least one part; they always sum to ``total``.
    """
    return share(total, weights if any(weights) else [1] * len(weights))
