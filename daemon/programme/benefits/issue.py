"""Hands out codes of a campaign, for the next visit.

    give = { issue = "flyer", expire = "7d" }

The sale prints one code, good until the seventh day after it; ``each = 1`` prints one for every
unit in scope, as for coupons that are sold.
"""

from typing import ClassVar

from daemon.programme.benefits.amount import in_all
from daemon.programme.benefits.benefit import Benefit, GivePlace, Handout
from daemon.programme.benefits.each import per_unit
from daemon.programme.days import span_days
from daemon.programme.syntax import AmountNumber, Campaign, Span


class Issue(Benefit, frozen=True, kw_only=True):
    """``issue``: the campaign. ``amount``: how many codes, one when no size is written."""

    name: ClassVar[str] = "issue"
    sizes: ClassVar[tuple[str, ...]] = ("amount", "each")
    family: ClassVar[str] = "issue"

    issue: Campaign
    amount: AmountNumber = None
    each: AmountNumber = None
    expire: Span | None = None

    def compiled(self, place: GivePlace) -> Handout:
        """Return the handout. Raises: ProgrammeError."""
        how = self.how(place.path) or "amount"
        raw = getattr(self, how)
        size = place.size(1 if raw is None else raw, how, "count")
        most = place.most(self.max, "count")
        return Handout(
            size=size,
            most=most,
            words="{} each" if how == "each" else "",
            per_unit=how == "each",
            once=how == "amount",
            campaign=self.issue,
            count=per_unit if how == "each" else in_all(0),
            expire_days=self._expire_days(place.path),
        )

    def _expire_days(self, path: str) -> int:
        return 0 if self.expire is None else span_days(self.expire, f"{path}.expire")
