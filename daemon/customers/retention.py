"""Who is to be erased because nothing was heard of them for years, and the work of it.

The list is as of the first day of a month, so that an owner has a month for it:

    `[retention] dormant_years = 3`, in November 2026    nothing since before 1 November 2023

Whoever bought, was asked, had a card issued or said anything since then is heard of; points that
expired, windows of statuses that closed and what a shop decided by itself are no word of theirs.
With ``auto`` the day's work erases them once a month, one by one between sales. Who has a sale that
is not finished, is a partner or has money left that was paid in stays on the list, and says so.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import Annotated, NamedTuple

import msgspec

from daemon.accounts.act_contents import names_of
from daemon.base.approval import Approvable
from daemon.base.business_day import BusinessDays
from daemon.base.clock import Clock, rfc3339
from daemon.base.config import RetentionSection
from daemon.base.ids import AccountId
from daemon.base.refusals import ParamError, RefusedError
from daemon.base.text_limits import SaidText, Text
from daemon.customers.customers import everyone_in
from daemon.customers.erased_rows import without_names, write_offs
from daemon.customers.erasing import (
    AT_ONCE_BYTES,
    Erased,
    Erasing,
    Erasure,
    check_free,
    money_left,
    years_before,
)
from daemon.customers.profiles import person_of
from daemon.ledger.chip_owed import chip_purse
from daemon.ledger.entries import CounterMove, Entry, decode
from daemon.ledger.erased import ERASED, ERASURES, erased_counter, not_overwritten
from daemon.ledger.ledger import Ledger
from daemon.ledger.storage.card_queries import ACT
from daemon.ledger.storage.customer_queries import (
    BUYERS_UNTIL,
    CUSTOMERS_AT_ONCE,
    ENTRIES_OF,
    MERGED,
    NEVER_BOUGHT,
)
from daemon.ledger.storage.store import Change, Store
from daemon.programme.programme import Programme

TO_ERASE_MAX = 100
LOOKED_AT_ONCE = 50
DAILY_BYTES = 1024 * 1024 * 1024
"""A ledger's file up to this is written anew by the day's work: sales wait for ten seconds. A
longer one is at the next start, which takes a minute for five gigabytes."""
MONTH_COUNTER = "@retention"
"""The counter that holds the last month (year * 12 + month - 1) whose list was erased."""
NOT_THEIRS = (
    *("expiry", "club", "recount", "adjust", "statement", "payout"),
    *("merge", "unmerge", ERASED),
)
"""Kinds of entries that say nothing of whether a customer is still there."""
_FAR = ("9999", "", 0)


class ToEraseTerms(Approvable, frozen=True, kw_only=True):
    """Who asks, and from where on: ``after`` is ``next`` of the page before, or ""."""

    by: SaidText
    after: Text = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=TO_ERASE_MAX)] = TO_ERASE_MAX


class Dormant(msgspec.Struct, frozen=True, kw_only=True):
    """A customer who is to be erased.

    last:  the local day (YYYY-MM-DD) on which something was heard. money: what was paid in and is
           left, by purse, in its smallest unit.
    waits: why the day's work leaves them alone: ``money``, ``sale``, ``partner``; or "".
    """

    account: AccountId
    name: str
    last: str
    money: dict[str, int]
    waits: str


class ToErase(msgspec.Struct, frozen=True, kw_only=True):
    """Who is to be erased this month (YYYY-MM): nothing was heard of them since before a day.

    auto: whether the day's work does it. units: what each purse counts.
    next: where the next page begins, or "" after the last.
    not_overwritten: of how many who were erased something may be left in the ledger's file.
    """

    month: str
    since: str
    auto: bool
    customers: tuple[Dormant, ...]
    units: dict[str, str]
    next: str
    not_overwritten: int


class Place(NamedTuple):
    """Where a page of the list begins: those who have bought come first, ``never`` behind them."""

    never: bool = False
    day: int = -1
    account: str = ""

    @classmethod
    def of(cls, text: str) -> "Place":
        """Return the place that a page has named. Raises ParamError."""
        if not text:
            return cls()
        kind, _, rest = text.partition(" ")
        day, _, account = rest.partition(" ")
        is_day = day.isascii() and day.isdecimal() and len(day) <= 7
        if kind not in ("bought", "never") or not is_day:
            raise ParamError("after", "is no place; send back the next of the page before")
        return cls(kind == "never", int(day), account)

    def __str__(self) -> str:
        return f"{'never' if self.never else 'bought'} {max(0, self.day)} {self.account}"


class Retention:
    """Lists who is to be erased, and does what the calendar asks for."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        programme: Callable[[], Programme],
        section: RetentionSection,
        erasing: Erasing,
    ) -> None:
        """programme: in force."""
        self._ledger = ledger
        self._clock = clock
        self._programme = programme
        self._section = section
        self._erasing = erasing
        self._done: date | None = None
        self._one_at_a_time = asyncio.Lock()

    @property
    def _days(self) -> BusinessDays:
        return self._programme().days

    def _since(self) -> date:
        """Return the day before which the newest word of who is to be erased lies."""
        today = self._days.day_of(self._clock.now())
        return years_before(today.replace(day=1), self._section.dormant_years)

    async def to_erase(self, terms: ToEraseTerms) -> ToErase:
        """Return a page of who is to be erased. Raises ParamError for a place that is none."""
        place: Place | None = Place.of(terms.after)
        since, today = self._since(), self._days.day_of(self._clock.now())
        found: list[Dormant] = []
        while place is not None and len(found) < terms.limit:
            some, place = await self._look(place, since, terms.limit - len(found))
            found += some
        due = await self._ledger.read(not_overwritten)
        return ToErase(
            month=f"{today:%Y-%m}",
            since=str(since),
            auto=self._section.auto,
            customers=tuple(found),
            units=self._programme().purse_units,
            next="" if place is None else str(place),
            not_overwritten=due,
        )

    async def _look(
        self, place: Place, since: date, most: int
    ) -> tuple[list[Dormant], Place | None]:
        return await self._ledger.read(lambda store: self._page(store, place, since, most))

    def _page(
        self, store: Store, place: Place, since: date, most: int
    ) -> tuple[list[Dormant], Place | None]:
        """Look at the next who may be meant; say who is, and where to go on."""
        found: list[Dormant] = []
        candidates, following = self._candidates(store, place, since)
        for at in candidates:
            dormant = self._dormant(store, AccountId(at.account), since)
            if dormant is not None:
                found.append(dormant)
            if len(found) == most:
                return found, at
        return found, following

    def _candidates(
        self, store: Store, place: Place, since: date
    ) -> tuple[list[Place], Place | None]:
        """Return the places of the next who may be meant, and the place behind them."""
        if place.never:
            known_before = rfc3339(self._days.start_of(since))
            rows = store.ask(NEVER_BOUGHT, known_before, place.account)
            found = [Place(never=True, day=0, account=one) for one, is_meant in rows if is_meant]
            is_last = len(rows) < CUSTOMERS_AT_ONCE
            return found, None if is_last else Place(never=True, day=0, account=rows[-1][0])
        until = since.toordinal()
        bought = store.ask(BUYERS_UNTIL, until, place.day, place.account, LOOKED_AT_ONCE)
        found = [Place(day=day, account=account) for day, account in bought]
        is_last = len(bought) < LOOKED_AT_ONCE
        return found, Place(never=True, day=0) if is_last else found[-1]

    def _dormant(self, store: Store, account: AccountId, since: date) -> Dormant | None:
        """Return what is said of a customer who is to be erased; None for any other."""
        person = person_of(store, account)
        if not person.answers or store.ask_one(MERGED, account) is not None:
            return None
        everyone = sorted(everyone_in(store, account))
        heard = max((_heard(store, one, self._days) for one in everyone), default=0)
        if not heard or date.fromordinal(heard) >= since:
            return None
        money = money_left(store, everyone, chip_purse(self._programme()))
        return Dormant(
            account=account,
            name=person.profile.name,
            last=str(date.fromordinal(heard)),
            money=money,
            waits=_waits(store, everyone, money),
        )

    async def keep(self) -> None:
        """Do the work of a day that is not done yet; the first time, what a cut has left, too."""
        async with self._one_at_a_time:
            is_start, today = self._done is None, self._days.day_of(self._clock.now())
            if self._done == today:
                if self._erasing.is_left:
                    await self._erasing.overwrite(AT_ONCE_BYTES)
                return
            if is_start:  # nobody waits yet
                await self._erasing.overwrite(2**63)
            await self._take_names_off_acts(today)
            if self._section.auto:
                await self._erase_dormant(today)
            await self._erasing.overwrite(2**63 if is_start else DAILY_BYTES)
            self._done = today

    async def _take_names_off_acts(self, today: date) -> None:
        """Take erased customers' names off acts that are old enough by now."""
        old = years_before(today, self._section.acts_years)
        before = rfc3339(self._days.start_of(old))
        at = rfc3339(self._clock.now())
        for key, gone in await self._ledger.read(lambda store: list(_named(store, before))):
            await self._ledger.update(_off_act(key, gone, at))

    async def _erase_dormant(self, today: date) -> None:
        """Erase whom nothing stands in the way of, once a month; each is a job of its own."""
        month = today.year * 12 + today.month - 1
        if await self._ledger.read(_last_month) >= month:
            return
        place: Place | None = Place()
        since, count = self._since(), 0
        while place is not None:
            some, place = await self._look(place, since, TO_ERASE_MAX)
            for one in some:
                count += not one.waits and await self._erase(one.account, since)
        at = rfc3339(self._clock.now())
        said: dict[str, str | int] = {"event": "month", "month": f"{today:%Y-%m}", "erased": count}

        def job(store: Store) -> None:
            before = _last_month(store)
            if before < month:  # another till may have come first
                move = CounterMove(MONTH_COUNTER, month - before)
                store.write(Change(entry=_said(at, "", said, move)))

        await self._ledger.update(job)

    async def _erase(self, account: AccountId, since: date) -> bool:
        """Erase one, unless something was heard meanwhile or stands in the way."""
        now = self._clock.now()
        how = Erasure(
            at=rfc3339(now),
            today=self._days.day_of(now),
            by="till",
            reason=f"nothing was heard since before {since}",
        )

        def job(store: Store) -> Erased | None:
            dormant = self._dormant(store, account, since)
            if dormant is None or dormant.waits:
                return None
            change, done = self._erasing.erasure(store, account, how)
            store.write(change)
            return done

        done = await self._ledger.update(job)
        if done is not None:
            self._erasing.forget(done)
        return done is not None


def _last_month(store: Store) -> int:
    return store.counters([MONTH_COUNTER]).get(MONTH_COUNTER, 0)


def _off_act(key: tuple[str, str], gone: set[AccountId], at: str) -> Callable[[Store], None]:
    def job(store: Store) -> None:
        row = store.ask_one(ACT, *key)
        assert row is not None, "acts stay"
        changed = without_names(row, gone)
        if changed == row:
            return  # another till has done it
        said = {"event": "act", "act": row.act, "company": row.company}
        entry = _said(at, row.act, said, CounterMove(ERASURES, 1))
        store.write(Change(entry=entry, rows=(changed,)))

    return job


def _heard(store: Store, account: AccountId, days: BusinessDays) -> int:
    """Return the local day (ordinal) of the newest entry that is a word of the customer, or 0."""
    place = _FAR
    while rows := store.ask(ENTRIES_OF, account, *place, LOOKED_AT_ONCE):
        for at, _, _, body in rows:
            if decode(body).kind not in NOT_THEIRS:
                return days.day_of(datetime.fromisoformat(at)).toordinal()
        place = rows[-1][:3]
    return 0


def _waits(store: Store, accounts: list[AccountId], money: dict[str, int]) -> str:
    if money:
        return "money"
    try:
        check_free(store, accounts)
    except RefusedError:
        return "sale"
    except ParamError:
        return "partner"
    return ""


def _named(store: Store, before: str) -> Iterator[tuple[tuple[str, str], set[AccountId]]]:
    """Yield acts from before a moment that name erased customers, and whom."""
    for row in write_offs(store):
        if row.made_at >= before:
            continue
        named = names_of(row).recipients
        erased = store.counters([erased_counter(account) for account in named])
        if gone := {account for account in named if erased_counter(account) in erased}:
            yield (row.act, row.company), gone


def _said(at: str, ref: str, said: Mapping[str, str | int], *moves: CounterMove) -> Entry:
    detail = msgspec.Raw(msgspec.json.encode(said))
    return Entry(at=at, kind=ERASED, ref=ref, counters=moves, detail=detail)
