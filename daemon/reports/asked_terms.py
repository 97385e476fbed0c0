"""What some reports ask beside a period and filters, such as a threshold as it is."""

from typing import Annotated

import msgspec

from daemon.base.params import Params
from daemon.base.text_limits import Text
from daemon.reports.filters import BOUND_MAX

GROWTH_BP_MAX = 10_000_000
"""By how much incomes may have grown: a thousandfold."""


class Terms(Params, frozen=True, kw_only=True):
    """Of ``thresholds`` a period to compare with, a threshold, and how incomes have grown.

    base_from, base_to: local days, both included. old: minor units; None is what the programme
    asks for. income_growth: basis points, 800 where incomes grew by 8 %. status: of ``effect``.
    """

    base_from: Text = ""
    base_to: Text = ""
    old: Annotated[int, msgspec.Meta(ge=1, le=BOUND_MAX)] | None = None
    income_growth: Annotated[int, msgspec.Meta(ge=-10_000, le=GROWTH_BP_MAX)] = 0
    status: Text = ""

    @property
    def named(self) -> frozenset[str]:
        """The terms that say something."""
        default = Terms()
        names = self.__struct_fields__
        return frozenset(name for name in names if getattr(self, name) != getattr(default, name))
