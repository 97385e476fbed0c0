"""What a cashier is told when a card is shown: the first thing that is worth saying. Pure.

    its birthday is within three days               "Happy birthday, Olha!"
    it comes back after `dormant_days`              "Welcome back, Olha!"
    it has bought enough to join                    "Bought enough to join friends."
    it must buy more to stay a member, soon         "1250.00 more until 2026-11-29 to stay in …"
    something on it expires soon                    "25.00 of bonus expire on 2026-12-01."
    none of these                                   "Good day, Olha!"

A shop may say each in its own words, by language; a text of its own that is not there in the
cashier's language is said in the daemon's.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta

import msgspec

from daemon.accounts.cards import Profile
from daemon.base.config import GreetingSection
from daemon.base.ids import AccountId
from daemon.ledger.status_moves import states_of
from daemon.ledger.storage.customer_queries import GREETED
from daemon.ledger.storage.rows import MemberRow
from daemon.ledger.storage.store import Store
from daemon.programme.names import card_fact
from daemon.programme.occasions import Occasion
from daemon.programme.programme import Programme
from daemon.programme.status import StatusState, holds, tick, window_to

SOON_DAYS = 14
BIRTHDAY = Occasion(card_fact("birthday"), -3, 3)


class Greeted(msgspec.Struct, frozen=True):
    """What the ledger knows of an account that is greeted.

    last_day: of its newest sale, or None. lots: that expire soon, (purse, last day, amount).
    """

    last_day: date | None = None
    lots: tuple[tuple[str, date, int], ...] = ()
    states: Mapping[str, StatusState] = {}


def greeted(store: Store, account: AccountId, today: date) -> Greeted:
    """Read what a greeting may say of an account."""
    soon = (today + timedelta(days=SOON_DAYS)).toordinal()
    rows = store.ask(GREETED, account, account, today.toordinal(), soon, account)
    days = [row.day for row in rows if row.kind == "day" and row.day > 0]
    members = [
        MemberRow(account, row.name, row.state, 0, "") for row in rows if row.kind == "member"
    ]
    lots = sorted((r.day, r.name, r.amount) for r in rows if r.kind == "lot")
    return Greeted(
        last_day=date.fromordinal(days[0]) if days else None,
        lots=tuple((purse, date.fromordinal(day), amount) for day, purse, amount in lots),
        states=states_of(members),
    )


class Greeter(msgspec.Struct, frozen=True):
    """Says the greeting of a day, in the shop's words where it has some."""

    texts: GreetingSection
    programme: Programme
    today: date

    def message(self, profile: Profile, known: Greeted, language: str) -> str:
        """Return the sentence for the cashier: English, or the shop's own in ``language``."""
        kind, values = next(self.worth_saying(profile, known))
        values = {"name": profile.name} | values
        own = getattr(getattr(self.texts, kind), language)
        if own and (profile.name or "{name}" not in own):
            return str(own.format_map(values))
        if not profile.name and kind in _NAMELESS:
            return _NAMELESS[kind]
        return _SENTENCES[kind](values)

    def worth_saying(
        self, profile: Profile, known: Greeted
    ) -> Iterator[tuple[str, dict[str, str]]]:
        """Yield what holds, the most worth saying first: its kind and its values."""
        if profile.birthday and BIRTHDAY.year_of(profile.birthday, self.today) is not None:
            yield "birthday", {}
        dormant = timedelta(days=self.texts.dormant_days)
        if known.last_day is not None and self.today - known.last_day >= dormant:
            yield "back", {}
        yield from self.of_statuses(known.states)
        for purse_id, last, amount in known.lots:
            if (purse := self.programme.purses.get(purse_id)) is not None:
                said = {"amount": purse.text(amount), "purse": purse_id, "day": str(last)}
                yield "expiring", said
        yield "hello", {}

    def of_statuses(
        self, states: Mapping[str, StatusState]
    ) -> Iterator[tuple[str, dict[str, str]]]:
        """Yield who may join, then who must buy more to stay."""
        now = {
            status: tick(status, states[name], self.today)
            for name, status in self.programme.statuses.items()
            if name in states
        }
        for status, state in now.items():
            if state.stage == "candidate":
                yield "candidate", {"status": status.id}
        for status, state in now.items():
            end, missing = window_to(status, state), status.keep_at_least - state.total
            is_soon = end is not None and (end - self.today).days <= SOON_DAYS
            if holds(state) and is_soon and missing > 0:
                meter = self.programme.meters[status.meter]
                money = self.programme.currency.text(missing)
                amount = money if meter.counts_money else str(missing)
                yield "stay", {"amount": amount, "day": str(end), "status": status.id}


_SENTENCES: Mapping[str, Callable[[Mapping[str, str]], str]] = {
    "birthday": lambda said: f"Happy birthday, {said['name']}!",
    "back": lambda said: f"Welcome back, {said['name']}!",
    "candidate": lambda said: f"Bought enough to join {said['status']}.",
    "stay": lambda said: f"{said['amount']} more until {said['day']} to stay in {said['status']}.",
    "expiring": lambda said: f"{said['amount']} of {said['purse']} expire on {said['day']}.",
    "hello": lambda said: f"Good day, {said['name']}!",
}
_NAMELESS = {
    "birthday": "Happy birthday!",
    "back": "Welcome back!",
    "hello": "Card accepted.",
}
"""What is said to somebody whose name nobody knows."""
