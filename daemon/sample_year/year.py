"""Runs a till through the sample year: what was drawn is sold at its checkout, day by day.

The till is a real one, only its clock is set by hand. Each day it does its own work first (points
expire, windows of the club close), then people come for cards, then the shop sells. Sales of some
minutes go to the checkout together, as from several tills, so that they share a commit.

    set the clock to 00:05    the day's work
    new cards                 all of the day's at once
    sales, returns            a handful at a time, by the minute
    Mondays                   the owner decides about the club
    the 1st                   partners are settled and paid

The year is made before the till opens: in a ledger time goes forward, so what lies in the past
comes first. One that was cut off goes on where the ledger ends: every id follows from the seed, so
what was done is answered and not done again.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from random import Random
from typing import TypeVar

import msgspec

from card_formats.credential import Medium, Shown
from daemon.accounts.cards import NewCard, Profile
from daemon.accounts.operator_changes import AddTerms as OperatorTerms
from daemon.app.parts import Parts
from daemon.app.running import Housekeeping
from daemon.app.startup import claim_names
from daemon.base.clock import Clock
from daemon.base.config import Config, ConfigError
from daemon.base.ids import PosSaleId
from daemon.base.permissions import OperatorRole
from daemon.base.regular_files import read_text_file
from daemon.base.set_clock import SetClock
from daemon.ledger.storage.registry import open_store
from daemon.partners.directory import AddTerms as PartnerTerms
from daemon.partners.directory import Partners
from daemon.partners.payouts import Payouts, PayTerms
from daemon.partners.statements import StatementDone, Statements, StatementTerms
from daemon.programme.status import ListName
from daemon.sale.terms import ReturnTerms, SaleTerms
from daemon.sample_year.drawn_people import (
    ACCOUNTANT,
    CASHIERS,
    COMPANIES,
    CUSTOMERS,
    DAYS,
    MANAGER,
    OWNER,
    SENIOR,
    STAFF_OF_PARTNERS,
    Person,
    draw_people,
    employee_code,
    partner_code,
    telephone_s_owner,
)
from daemon.sample_year.letters import write_letters
from daemon.sample_year.planted import Planted
from daemon.sample_year.requests import request_key
from daemon.sample_year.trade import SALES, Day, Purchase, draw_days
from daemon.shop.memberships import DECIDED_MAX, DecideTerms, ListTerms, Memberships

T = TypeVar("T")
SEED = 20251129
BEGUN_FILE = "sample-year"
"""When the year began (RFC 3339); it lies beside the ledger until the year is made."""
TOGETHER = 16
"""Sales that go to the checkout at once."""
CARDS_TOGETHER = 64
STATUS, MONDAY = "club", 0
LEFT_TO_DECIDE_DAYS = 10
"""Of the year's end, in which the owner has decided nothing: the lists are to have somebody."""
DECISIONS: tuple[tuple[ListName, bool, str], ...] = (
    ("join", True, ""),
    ("extend", True, ""),
    ("exclude", False, "bought too little in the window"),
)
PAID_PARTNERS = 6
"""Partners whose months are settled and paid; the others wait for their money."""
DAY_BEGINS = time(0, 5)
ROLES = {
    OWNER: OperatorRole.OWNER,
    MANAGER: OperatorRole.MANAGER,
    SENIOR: OperatorRole.SENIOR,
    ACCOUNTANT: OperatorRole.ACCOUNTANT,
    **dict.fromkeys(CASHIERS, OperatorRole.CASHIER),
}


async def make_year(
    config: Config,
    home: Path,
    clock: Clock,
    tell: Callable[[int], None],
    *,
    people: int = CUSTOMERS,
    sales: int = SALES,
) -> bool:
    """Make the year that ends today in a new ledger, or what is left of one that was cut off.

    tell: is told how many days are done. Returns False, with nothing written, for a ledger that has
    entries already, and a year or none.
    Raises: as `running` does.
    """
    begun = home / BEGUN_FILE
    begins = _begins(begun)
    its_clock = SetClock(clock, begins or clock.now() - timedelta(days=DAYS))
    parts = Parts(msgspec.structs.replace(config, web=None), home, its_clock, open_store)
    try:
        newest = await parts.ledger.newest_time()
        if newest and begins is None:
            return False
        if newest:
            its_clock.set(datetime.fromisoformat(newest))
        if begins is None:
            begins = its_clock.now()
            part = begun.with_suffix(".part")
            part.write_text(begins.isoformat(), "ascii")
            part.replace(begun)  # whole or not at all: a cut must not leave half a time
        parts.steady.start(newest, ())
        await claim_names(parts.ledger, config.till.names, home)
        await parts.shop.versions.start()
        year = _Year(parts, Housekeeping(parts).look_after, its_clock, begins)
        await year.make(people, sales, tell)
        its_clock.set(clock.now())
        await parts.standing_discounts.catch_up()
        await parts.findings.catch_up()
    finally:
        await parts.reports.close()
        parts.kept_results.close()
        parts.simulator.close()
        await parts.ledger.close()
    begun.unlink()
    return True


def _begins(file: Path) -> datetime | None:
    """Return when the year began that is not made yet. Raises ConfigError."""
    if not file.exists():
        return None
    try:
        return datetime.fromisoformat(read_text_file(file, "ascii"))
    except ValueError as error:
        problem = f"says no time ({error}); delete {file.parent}, and the demo begins anew"
        raise ConfigError(BEGUN_FILE, problem) from None


class _Year:
    def __init__(
        self,
        parts: Parts,
        look_after: Callable[[], Awaitable[None]],
        clock: SetClock,
        begins: datetime,
    ) -> None:
        self._parts, self._look_after, self._clock = parts, look_after, clock
        self._days = parts.shop.programme.days
        self._first = self._days.day_of(begins)
        self._members = Memberships(parts.shop)
        self._statements = Statements(parts.shop, parts.office)
        self._payouts = Payouts(parts.shop, parts.office)
        self._today = self._first
        self._coming_back: dict[int, list[Purchase]] = defaultdict(list)

    async def make(self, people: int, sales: int, tell: Callable[[int], None]) -> None:
        random = Random(SEED)
        drawn = draw_people(random, people)
        months = [(self._first + timedelta(n)).month for n in range(DAYS)]
        days = draw_days(random, drawn, self._first.weekday(), months, sales)
        made = (self._days.day_of(self._clock.now()) - self._first).days
        if not made:
            await self._staff(drawn)
        planted = Planted(self._parts, drawn, lambda clock: self._set(self._today, clock))
        for number, day in enumerate(days):
            for purchase in day.purchases:
                if purchase.back_after:
                    self._coming_back[number + purchase.back_after].append(purchase)
            if number >= made:
                self._today = self._first + timedelta(number)
                await self._day(number, day)
                await write_letters(self._parts, number)
                await planted.day(number)
            tell(number + 1)

    async def _staff(self, drawn: Sequence[Person]) -> None:
        """Who works here, and who sends customers: the first one somebody with its telephone."""
        owner = telephone_s_owner(drawn)
        its_own = owner.phone if owner else ""
        for name, role in ROLES.items():
            who = OperatorTerms(request_id=f"year-{name}", name=name, role=role, by=OWNER)
            await self._parts.operator_changes.add(request_key("operator.add", who.request_id), who)
        partners = Partners(self._parts.shop, self._parts.cards)
        for n, company in enumerate(COMPANIES):
            names = [(company, "")]
            names += [
                (f"{company}, desk {m + 1}", partner_code(n)) for m in range(STAFF_OF_PARTNERS)
            ]
            for m, (name, of) in enumerate(names):
                code = employee_code(n, m - 1) if of else partner_code(n)
                said = PartnerTerms(
                    request_id=f"year-{code}",
                    name=name,
                    contact=its_own if code == partner_code(0) else "",
                    of=of,
                    code=code,
                    by=OWNER,
                )
                await partners.add(request_key("partner.add", said.request_id), said)

    async def _day(self, number: int, day: Day) -> None:
        today = self._today
        self._set(today, DAY_BEGINS)
        await self._look_after()
        if today.day == 1 and number:  # before anything comes back today
            await self._pay_partners(today - timedelta(1))
        for some in _by(CARDS_TOGETHER, day.people):
            await asyncio.gather(*(self._give_card(one) for one in some))
        for purchases in _by(TOGETHER, day.purchases):
            self._set(today, _of_minute(purchases[0].minute))
            await asyncio.gather(*(self._sell(one) for one in purchases))
        for purchase in self._coming_back.pop(number, ()):
            await self._take_back(purchase)
        if today.weekday() == MONDAY and number < DAYS - LEFT_TO_DECIDE_DAYS:
            await self._decide(number)

    async def _pay_partners(self, last: date) -> None:
        """Settle the month that ends on a day, and pay what it brings."""
        for n in range(PAID_PARTNERS):
            code = partner_code(n)
            settled = StatementTerms(
                request_id=f"year-{code}-{last}",
                partner=code,
                from_=str(max(self._first, last.replace(day=1))),
                to=str(last),
                by=OWNER,
            )
            key = request_key("partner.statement", settled.request_id)
            told = await self._statements.draw_up(key, settled)
            drawn = msgspec.json.decode(told, type=StatementDone)
            for sums in drawn.sums:
                if sums.left <= 0:
                    continue
                payout = PayTerms(
                    request_id=f"{settled.request_id}-{sums.payee}-{sums.purse}",
                    statement=drawn.statement,
                    amount=sums.left,
                    method="bank",
                    payee=sums.payee,
                    purse=sums.purse,
                    by=OWNER,
                )
                await self._payouts.pay(request_key("partner.pay", payout.request_id), payout)

    def _set(self, day: date, clock: time) -> None:
        """Move the clock on, where it is not there already."""
        moment = datetime.combine(day, clock, self._days.zone)
        if moment > self._clock.now():
            self._clock.set(moment)

    async def _give_card(self, person: Person) -> None:
        new = NewCard(
            kind="plastic", number=person.number, identifiers=(("number", person.number),)
        )
        profile = Profile(
            name=person.name,
            phone=person.phone,
            email=person.email,
            birthday=person.birthday,
            consents=person.consents,
            partner=person.partner,
            employee=person.employee,
        )
        await self._parts.cards.issue(new, profile, "form")

    async def _sell(self, purchase: Purchase) -> None:
        shown = None
        if purchase.buyer:
            scanned = Shown(Medium.BARCODE, purchase.buyer.encode())
            shown = (await self._parts.recognition.shown_at(scanned)).id
        terms = SaleTerms(presentation=shown, lines=purchase.lines, cashier=purchase.cashier)
        sale_id = _sale_id(purchase)
        await self._parts.checkout.commit(request_key("sale.commit", sale_id), sale_id, terms, None)

    async def _take_back(self, purchase: Purchase) -> None:
        sale_id = _sale_id(purchase)
        terms = ReturnTerms(lines={}, cashier=purchase.cashier, reason="did not fit")
        key = request_key("sale.return", f"{sale_id}-back")
        await self._parts.checkout.return_sale(key, sale_id, terms)

    async def _decide(self, number: int) -> None:
        for name, granted, reason in DECISIONS:
            listing = await self._members.list(ListTerms(status=STATUS, list=name))
            accounts = tuple(one.account for one in islice(listing.members, DECIDED_MAX))
            if not accounts:
                continue
            terms = DecideTerms(
                request_id=f"year-{number}-{name}",
                status=STATUS,
                list=name,
                accounts=accounts,
                granted=granted,
                by=OWNER,
                reason=reason,
            )
            await self._members.decide(request_key("club.decide", terms.request_id), terms)


def _sale_id(purchase: Purchase) -> PosSaleId:
    return PosSaleId(f"year-{purchase.number:06d}")


def _of_minute(minute: int) -> time:
    return time(*divmod(minute, 60))


def _by(count: int, things: Sequence[T]) -> Iterable[Sequence[T]]:
    return (things[n : n + count] for n in range(0, len(things), count))
