"""What a mailing has brought: those who were to get it against its control group.

    ready      1,000   bought 18.00 %   net per head 90.00
    control      200   bought 15.00 %   net per head 80.00
    difference           3.00 %                      10.00    and the mailing's cost beside it

Compared are all who were ready, also those whose message came back: the control group has such
people, too. Days are the shop's, from the day on which it began. With fewer than ENOUGH in either
group a difference would be chance, and none is told.
"""

from datetime import datetime

from daemon.base.money import BASIS_POINTS, half_up
from daemon.base.refusals import ErrorCode, RefusedError
from daemon.ledger.storage.mailing_queries import BEGAN_AT, BOUGHT_AFTER, PAID_PARTS
from daemon.ledger.storage.store import Store
from daemon.mailing.mailing_terms import Effect, EffectGroup, EffectTerms
from daemon.mailing.mailings import mailing_named
from daemon.programme.programme import Programme, local_day

ENOUGH = 100
NOBODY = EffectGroup(count=0, buyers=0, net=0, share_bp=None, net_per_head=None)


def effect(store: Store, programme: Programme, terms: EffectTerms) -> Effect:
    """Return what a mailing has brought within days of its beginning.

    Raises: RefusedError CARD_UNKNOWN; NOT_UNDOABLE for one that has not begun.
    """
    row = mailing_named(store, terms.mailing)
    began = store.ask_one(BEGAN_AT, row.mailing)
    if not began:
        raise RefusedError(ErrorCode.NOT_UNDOABLE, f"{row.mailing} has not begun yet.")
    first = local_day(programme, datetime.fromisoformat(began))
    days = first.toordinal(), first.toordinal() + terms.days - 1
    groups = {is_control: _group(*sums) for is_control, *sums in _asked(store, days, row.mailing)}
    ready, control = groups.get(0, NOBODY), groups.get(1, NOBODY)
    is_enough = min(ready.count, control.count) >= ENOUGH
    return Effect(
        mailing=row.mailing,
        first=first.isoformat(),
        last=first.fromordinal(days[1]).isoformat(),
        ready=ready,
        control=control,
        share_difference_bp=_less(ready.share_bp, control.share_bp) if is_enough else None,
        net_difference=_less(ready.net_per_head, control.net_per_head) if is_enough else None,
        cost=row.cost * (store.ask_one(PAID_PARTS, row.mailing) or 0),
        verdict="" if is_enough else "too few to say",
    )


def _asked(store: Store, days: tuple[int, int], number: str) -> list[tuple[int, int, int, int]]:
    return store.ask(BOUGHT_AFTER, *days, number)


def _group(count: int, buyers: int, net: int) -> EffectGroup:
    head = half_up(abs(net), count)
    return EffectGroup(
        count=count,
        buyers=buyers,
        net=net,
        share_bp=half_up(BASIS_POINTS * buyers, count),
        net_per_head=-head if net < 0 else head,
    )


def _less(one: int | None, other: int | None) -> int | None:
    return one - other if one is not None and other is not None else None
