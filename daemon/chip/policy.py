"""What a till may do with purses on chips."""

import msgspec


class ChipPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A till's numbers and limits, as in ``[chip]``; a limit of 0 is none."""

    shop: int
    till: int
    cap: int
    sale_max: int = 0
    card_day_max: int = 0
    till_max: int = 0
