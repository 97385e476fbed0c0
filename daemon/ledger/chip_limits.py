"""What chips may pay: a card at once, a card in a day, all that pay at this till in a day. Pure.

A limit binds what a sale burns from the chip's purse, whatever it earns there at once.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from daemon.base.chip_section import ChipSection
from daemon.base.refusals import ErrorCode, RefusedError


class ChipLimit(msgspec.Struct, frozen=True):
    """``counter`` may count to ``most``; "" counts nothing: it binds one sale alone."""

    most: int
    counter: str
    detail: str


def limits_of(
    policy: ChipSection, text: Callable[[int], str], uid: str, today: int
) -> tuple[ChipLimit, ...]:
    """Return the limits of a card (its UID in hex) on a local day (ordinal).

    text: writes an amount of the purse on the chips for people.
    """
    at_once, card_day, till_day = map(
        text, (policy.sale_max, policy.card_day_limit, policy.till_day_max)
    )
    till = f"{policy.shop}.{policy.till}"
    limits = (
        ChipLimit(policy.sale_max, "", f"A card pays {at_once} at once, no more."),
        ChipLimit(
            policy.card_day_limit,
            f"chip:{uid}:day:{today}",
            f"A card may pay {card_day} a day at this till, no more.",
        ),
        ChipLimit(
            policy.till_day_max,
            f"till:{till}:day:{today}",
            f"Chips may pay {till_day} a day at this till, no more.",
        ),
    )
    return tuple(limit for limit in limits if limit.most)


def counters_of(limits: Sequence[ChipLimit]) -> tuple[str, ...]:
    """Return what the limits count with."""
    return tuple(limit.counter for limit in limits if limit.counter)


def burn_max(limits: Sequence[ChipLimit], counters: Mapping[str, int], most: int) -> int:
    """Return how much of ``most`` the limits leave; ``counters`` as they stand."""
    return max(0, min([most, *(_left(limit, counters) for limit in limits)]))


def check(limits: Sequence[ChipLimit], counters: Mapping[str, int], paid: int) -> None:
    """Raise RefusedError LIMIT_REACHED with the limit that is passed, and what it leaves."""
    for limit in limits:
        left = _left(limit, counters)
        if paid > left:
            extra: dict[str, int | str] = {"burn_max": max(0, left)}
            raise RefusedError(ErrorCode.LIMIT_REACHED, limit.detail, extra=extra)


def _left(limit: ChipLimit, counters: Mapping[str, int]) -> int:
    return limit.most - (counters.get(limit.counter, 0) if limit.counter else 0)
