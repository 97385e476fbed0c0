"""Whose occasion a day is: of whom a trigger makes a message on it.

    birthday, days 3       whose birthday is in three days          2026
    expiring, days 7       whose points have their last day then    2026-12-05
    club_due, days 14      who still lacks something for a window   club:2026-12-12
                           that ends in fourteen days
    first_sale, days 1     who bought yesterday, the first time     first
    sale, days 1           who bought yesterday                     2026-11-27
    back, days 90          who bought yesterday, the first time     2026-11-27
                           for 90 days
    dormant, days 90       who was here 90 days ago and not since   2026-08-30

What stands behind is the occasion: none of a customer's is seen twice, whatever changes later, such
as the birthday or ``days``.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import NamedTuple

import msgspec

from daemon.accounts.cards import profile_in
from daemon.base.ids import NO_ACCOUNT, AccountId
from daemon.base.mailing_config import TriggerSection
from daemon.ledger.storage import mailing_queries as questions
from daemon.ledger.storage.store import Store
from daemon.programme.occasions import anniversary
from daemon.programme.programme import Programme
from daemon.programme.status import StatusState, holds, window_to

FIRST = "first"


class Seen(NamedTuple):
    """A customer and the occasion."""

    account: AccountId
    occasion: str


class _Day(NamedTuple):
    """A day on which a trigger is asked."""

    store: Store
    programme: Programme
    today: int
    days: int

    @property
    def ahead(self) -> date:
        """The day that lies so many days ahead."""
        return date.fromordinal(min(self.today + self.days, date.max.toordinal()))

    @property
    def ago(self) -> int:
        """The day that lies so many days behind."""
        return max(self.today - self.days, 1)


def occasions_on(
    store: Store, programme: Programme, trigger: TriggerSection, today: int
) -> Iterator[Seen]:
    """Yield who is to be written to on a day (ordinal)."""
    return _OF_KIND[trigger.on](_Day(store, programme, today, trigger.days))


def _birthday(on: _Day) -> Iterator[Seen]:
    target, after = on.ahead, NO_ACCOUNT
    while rows := on.store.ask(questions.PROFILES_AFTER, after):
        for account, body in rows:
            if anniversary(profile_in(body).birthday, target.year) == target:
                yield Seen(account, str(target.year))
        after = rows[-1][0]


def _expiring(on: _Day) -> Iterator[Seen]:
    for account in on.store.ask(questions.EXPIRING_ON, on.ahead.toordinal()):
        yield Seen(account, on.ahead.isoformat())


def _club_due(on: _Day) -> Iterator[Seen]:
    for account, name, body in on.store.ask(questions.DUE_ON, on.ahead.toordinal() + 1):
        status = on.programme.statuses.get(name)
        state = msgspec.json.decode(body, type=StatusState)
        if status is None or not holds(state) or window_to(status, state) != on.ahead:
            continue
        if state.total < status.keep_at_least:
            yield Seen(account, f"{name}:{on.ahead}")


def _first_sale(on: _Day) -> Iterator[Seen]:
    for account in on.store.ask(questions.FIRST_BOUGHT_ON, on.ago, 0, on.ago - 1):
        yield Seen(account, FIRST)


def _sale(on: _Day) -> Iterator[Seen]:
    for account in on.store.ask(questions.BOUGHT_ON, on.ago):
        yield Seen(account, date.fromordinal(on.ago).isoformat())


def _back(on: _Day) -> Iterator[Seen]:
    came = max(on.today - 1, 1)
    away = max(came - on.days, 0)
    for account in on.store.ask(questions.BACK_ON, came, 0, away, away + 1, came - 1):
        yield Seen(account, date.fromordinal(came).isoformat())


def _dormant(on: _Day) -> Iterator[Seen]:
    for account in on.store.ask(questions.LAST_SEEN_ON, on.ago):
        yield Seen(account, date.fromordinal(on.ago).isoformat())


_OF_KIND: Mapping[str, Callable[[_Day], Iterator[Seen]]] = {
    "birthday": _birthday,
    "expiring": _expiring,
    "club_due": _club_due,
    "first_sale": _first_sale,
    "sale": _sale,
    "back": _back,
    "dormant": _dormant,
}
