"""What a mailing has brought: those who were to get it against its control group.

    ready      1,000   bought 18.00 %   net per head 90.00
    control      200   bought 15.00 %   net per head 80.00
    difference           3.00 %                      10.00    and the mailing's cost beside it

Compared are all who were ready, also those whose message came back: the control group has such
people, too. Days are the shop's, from the day on which it began. With fewer than ENOUGH in either
group a difference would be chance, and none is told.
"""

from datetime import date, datetime

import msgspec

from daemon.base.money import BASIS_POINTS, half_up
from daemon.ledger.storage.mailing_queries import BEGAN_AT, BOUGHT_AFTER, PAID_PARTS
from daemon.ledger.storage.mailing_rows import MailingRow
from daemon.ledger.storage.store import Store
from daemon.programme.programme import Programme, local_day

ENOUGH = 100
TOO_FEW = "too few to say"
EFFECT_DAYS = 30
"""Within how many days of its beginning, where nobody says."""


class EffectGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Who was to get it, or who was not: how many, who bought, for how much (minor units).

    share_bp: buyers of all; net_per_head: of all, also of those who bought nothing; null for none.
    """

    count: int
    buyers: int
    net: int
    share_bp: int | None
    net_per_head: int | None


NOBODY = EffectGroup(count=0, buyers=0, net=0, share_bp=None, net_per_head=None)


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """Both groups between two local days."""

    first: date
    last: date
    ready: EffectGroup
    control: EffectGroup

    @property
    def is_enough(self) -> bool:
        """Whether both are large enough to be held against each other."""
        return are_enough(self.ready.count, self.control.count)

    @property
    def share_difference_bp(self) -> int | None:
        """By how much more of those who were ready bought; None for too few."""
        return self._less(self.ready.share_bp, self.control.share_bp)

    @property
    def net_difference(self) -> int | None:
        """By how much more each of those who were ready bought for; None for too few."""
        return self._less(self.ready.net_per_head, self.control.net_per_head)

    def _less(self, one: int | None, other: int | None) -> int | None:
        if not self.is_enough or one is None or other is None:
            return None
        return one - other


def are_enough(ready: int, control: int) -> bool:
    """Whether groups of so many can be held against each other."""
    return min(ready, control) >= ENOUGH


def compared(store: Store, programme: Programme, number: str, days: int) -> Compared | None:
    """Return both groups within days of a mailing's beginning; None for one that has not begun."""
    began = store.ask_one(BEGAN_AT, number)
    if not began:
        return None
    first = local_day(programme, datetime.fromisoformat(began))
    last = date.fromordinal(first.toordinal() + days - 1)
    asked = store.ask(BOUGHT_AFTER, first.toordinal(), last.toordinal(), number)
    groups = {is_control: _group(*sums) for is_control, *sums in asked}
    ready, control = groups.get(0, NOBODY), groups.get(1, NOBODY)
    return Compared(first=first, last=last, ready=ready, control=control)


def cost_of(store: Store, row: MailingRow) -> int:
    """Return what a mailing has cost by now, in minor units."""
    return row.cost * (store.ask_one(PAID_PARTS, row.mailing) or 0)


def _group(count: int, buyers: int, net: int) -> EffectGroup:
    head = half_up(abs(net), count)
    return EffectGroup(
        count=count,
        buyers=buyers,
        net=net,
        share_bp=half_up(BASIS_POINTS * buyers, count),
        net_per_head=-head if net < 0 else head,
    )
