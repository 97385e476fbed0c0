"""What those who work at the tills are rewarded for, ``[[plan]]``.

    [[plan]]
    role = "cashier"
    period = "month"
    cards_used = 30
    card_share = 40
    questionnaires = 90
    per_card = 500
    bonus = 30000

Of the cards that a cashier has issued in a month, 30 are to be used; 40 % of the receipts are to
be with a card, and 90 % of the questionnaires filled whole. Each card that is used brings 5.00, and
all targets met 300.00 more. 28 used bring 140.00 and no bonus, 30 bring 450.00.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from daemon.base.currency import Currency
from daemon.programme.amounts import parse_whole
from daemon.programme.errors import ProgrammeError
from daemon.programme.numbers.number import parse_percent
from daemon.programme.syntax import FileTable, PercentValue, Whole

TARGET_MAX = 100_000
"""Cards of one cashier in a month."""


class PlanTable(FileTable, frozen=True, kw_only=True):
    """``[[plan]]``. ``card_share``, ``questionnaires``: per cent. A target left out is met."""

    role: Literal["cashier", "senior", "manager", "owner"]
    period: Literal["month"] = "month"
    cards_used: int = 0
    card_share: PercentValue = None
    questionnaires: PercentValue = None
    per_card: Whole | None = None
    bonus: Whole | None = None


class StaffPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Targets of a month, 0 for none, and what they bring; shares in bp, money in minor units."""

    role: str
    cards_used: int
    card_share: int
    questionnaires: int
    per_card: int
    bonus: int

    def reward(self, used: int, card_share: int, questionnaires: int) -> tuple[int, int]:
        """Return what so many cards used bring, and the bonus; shares in basis points."""
        met = (
            used >= self.cards_used
            and card_share >= self.card_share
            and questionnaires >= self.questionnaires
        )
        return self.per_card * used, self.bonus if met else 0


def compile_plans(tables: Sequence[PlanTable], currency: Currency) -> Mapping[str, StaffPlan]:
    """Compile all ``[[plan]]``, by role. Raises: ProgrammeError."""
    plans: dict[str, StaffPlan] = {}
    for i, table in enumerate(tables):
        if table.role in plans:
            raise ProgrammeError(f"plan[{i}].role", f"{table.role!r} has a plan already")
        plans[table.role] = _compiled(table, f"plan[{i}]", currency)
    return plans


def _compiled(table: PlanTable, path: str, currency: Currency) -> StaffPlan:
    if not 0 <= table.cards_used <= TARGET_MAX:
        raise ProgrammeError(f"{path}.cards_used", f"write 0 to {TARGET_MAX}")
    shares, sums = {}, {}
    for key in ("card_share", "questionnaires"):
        raw = getattr(table, key)
        shares[key] = parse_percent(raw, f"{path}.{key}") if raw is not None else 0
    for key in ("per_card", "bonus"):
        raw = getattr(table, key)
        sums[key] = parse_whole(raw, f"{path}.{key}", currency) if raw is not None else 0
        if sums[key] < 0:
            raise ProgrammeError(f"{path}.{key}", "write 0 or more")
    return StaffPlan(role=table.role, cards_used=table.cards_used, **shares, **sums)
