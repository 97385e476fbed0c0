"""The table ``[chip]`` of ``tillcard.toml``."""

from card_formats.chip.purse_layout import AMOUNT_MAX
from card_formats.crypto import is_p224_point
from daemon.base.config_section import Section

CARD_TIME_S_MAX = 60
CHIP_NUMBER_MAX = 0xFFFF
CARD_DAY_PARTS = 5  # of a purse's cap, of which a day takes one where the shop does not say


class ChipSection(Section, frozen=True, kw_only=True):
    """Chips that prove themselves: purses on the card, tags with a rolling link.

    keys:         the file with the shop's key, made by ``tillcard cards keys``.
    shop, till:   this till's numbers, written on every chip.
    cap:          what a purse may hold; cards are made with it.
    sale_max:     what a chip may pay at once; 0: no limit.
    card_day_max: what a chip may pay in a day at this till; unset: a fifth of ``cap``; 0: no limit.
    till_day_max: what all chips together may pay at this till in a day; 0: no limit.
    card_time_s_max: how long a card may take in all before its commit; 0: any time.
    hot_list:     a file of chips to refuse, made by ``tillcard cards hot-list``; "": none.
    hot_list_key: the public half of the key that it is signed with.
    hot_list_days: how old it may be for chips to pay; 0: any age.
    originality_keys: further public keys of chips' makers, points on secp224r1 in hex.
    """

    keys: str = "chip.keys"
    shop: int = 1
    till: int = 1
    cap: int = 1_000_000
    sale_max: int = 0
    card_day_max: int | None = None
    till_day_max: int = 0
    card_time_s_max: float = 1.5
    hot_list: str = ""
    hot_list_key: str = "hot-list.pub"
    hot_list_days: int = 0
    originality_keys: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for key in ("shop", "till"):
            if not 0 <= getattr(self, key) <= CHIP_NUMBER_MAX:
                raise ValueError(f"{key}: must be 0 to {CHIP_NUMBER_MAX}")
        if not 1 <= self.cap <= AMOUNT_MAX:
            raise ValueError(f"cap: must be 1 to {AMOUNT_MAX}")
        for key in ("sale_max", "card_day_max", "till_day_max", "hot_list_days"):
            if (getattr(self, key) or 0) < 0:
                raise ValueError(f"{key}: a limit must be 0 (none) or more")
        if not 0 <= self.card_time_s_max <= CARD_TIME_S_MAX:
            raise ValueError(f"card_time_s_max: must be 0 (any time) to {CARD_TIME_S_MAX}")
        if self.hot_list_days and not self.hot_list:
            raise ValueError("hot_list: hot_list_days is its age; name one")
        if not all(map(is_p224_point, self.originality_keys)):
            raise ValueError("originality_keys: must be points on secp224r1, 57 bytes in hex")

    @property
    def card_day_limit(self) -> int:
        """What a chip may pay in a day at this till; 0: no limit."""
        usual = max(1, self.cap // CARD_DAY_PARTS)
        return usual if self.card_day_max is None else self.card_day_max
