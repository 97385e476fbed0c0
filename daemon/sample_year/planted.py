"""What is odd in the sample year: for each detector somebody who does what it looks for.

All of it lies in the last four weeks, so that the till finds it when the demo opens. Who does it is
named here, and nobody else does it:

    taras    rings up a friend's card all the time, and is the first who sells to a ring of friends
    vira     asks for discounts with one reason, and issues cards to have them made cheaper
    yaryna   takes back what she has sold     lesia   finds a leaflet with everybody
    anna     types numbers, and has points paid back in money
    maksym   pays with cards by override      nadia   looks cards up, and voids holds
    maria    sells to her own card            Gym Olympia sends a customer with its own telephone
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import time
from typing import Any

from card_formats.credential import Medium, Shown
from daemon.accounts.card_lifecycle import CardLifecycle
from daemon.accounts.card_terms import IssueTerms
from daemon.accounts.cards import Profile
from daemon.accounts.operator_changes import RoleTerms
from daemon.app.parts import Parts
from daemon.base.ids import PosSaleId
from daemon.base.permissions import OperatorRole
from daemon.base.text_limits import Override
from daemon.programme.basket import BasketLine
from daemon.sale.terms import ReturnTerms, SaleTerms
from daemon.sample_year.drawn_people import (
    DAYS,
    MANAGER,
    OWNER,
    SENIOR,
    Person,
    card_number,
    telephone_s_owner,
)
from daemon.sample_year.requests import request_key

SetClock = Callable[[time], None]
FRIENDS, RING_BEGINS = 6, 9_000
"""Friends of the ring, and the first of their cards' numbers behind the sample's own."""
LOOKED_UP, WEEK = 21, 7
GRINDER = BasketLine(
    line=1,
    sku="grinder",
    name="Coffee grinder",
    category=("machines",),
    qty=10,
    unit_price=189_900,
    cost=139_000,
)
HONEY = BasketLine(
    line=1,
    sku="honey",
    name="Honey, 0.5 l",
    category=("food",),
    qty=1,
    unit_price=16_500,
    cost=10_900,
)


class Planted:
    """Does what is odd on a day. people: of whom some long-standing ones are taken for it."""

    def __init__(self, parts: Parts, people: Sequence[Person], set_clock: SetClock) -> None:
        self._parts, self._set = parts, set_clock
        self._owner = telephone_s_owner(people)
        self._known = [one.number for one in people if one.since < WEEK and one.until == DAYS]
        self._of: list[tuple[range, Callable[[int], Awaitable[None]]]] = [
            (range(12, 29), self._friend_s_card),
            (range(1, 29), self._leaflets),
            (range(10, 20), self._asked),
            (range(10, 10 + FRIENDS), self._ring),
            (range(21, 22), self._looks_up),
            (range(14, 15), self._taken_back),
            (range(11, 12), self._own_telephone),
            (range(9, 10), self._overrides),
            (range(7, 9), self._points_paid_back),
            (range(1, 8), self._typed),
            (range(6, 7), self._voided),
            (range(5, 6), self._at_night),
            (range(4, 5), self._own_card),
            (range(3, 4), self._in_two),
            (range(2, 3), self._fresh_cards),
        ]

    async def day(self, number: int) -> None:
        """Do what is odd on a day of the year, after its trade."""
        left = DAYS - number
        self._set(time(20, 10))
        for days, do in self._of:
            if left in days and self._known:
                await do(left)

    def _card(self, n: int) -> str:
        return self._known[n % len(self._known)]

    async def _sell(self, name: str, *, scan: str = "", **said: Any) -> PosSaleId:
        sale_id = PosSaleId(f"odd-{name}")
        shown = None
        if scan:
            shown = (await self._parts.recognition.shown_at(_scanned(scan))).id
        terms = SaleTerms(**{"presentation": shown, "lines": (HONEY,), **said})
        key = request_key("sale.commit", sale_id)
        await self._parts.checkout.commit(key, sale_id, terms, None)
        return sale_id

    async def _take_back(self, sale_id: PosSaleId, cashier: str) -> None:
        terms = ReturnTerms(lines={}, cashier=cashier, reason="the wrong size")
        key = request_key("sale.return", f"{sale_id}-back")
        await self._parts.checkout.return_sale(key, sale_id, terms)

    async def _friend_s_card(self, left: int) -> None:
        for n in range(3):
            await self._sell(
                f"friend-{left}-{n}", scan=self._card(0), cashier="taras", lines=(GRINDER,)
            )

    async def _leaflets(self, left: int) -> None:
        for n in range(4):
            await self._sell(f"leaflet-{left}-{n}", cashier="lesia", facts={"flag.leaflet": True})

    async def _asked(self, left: int) -> None:
        facts = {"ask.haggle": "5", "ask.haggle.reason": "the box has a scratch"}
        for n in range(3):
            await self._sell(f"asked-{left}-{n}", cashier="vira", lines=(GRINDER,), facts=facts)

    async def _ring(self, left: int) -> None:
        number = card_number(RING_BEGINS + left)
        await _issue(self._parts, number, "taras", Profile(referrer=self._card(1)))
        await self._sell(f"ring-{left}", scan=number, cashier="taras")

    async def _looks_up(self, left: int) -> None:
        for n in range(LOOKED_UP):
            await self._parts.recognition.identify(_scanned(self._card(10 + n)), cashier="nadia")
        self._set(time(20, 45))
        await self._parts.recognition.look_ups.write()

    async def _taken_back(self, left: int) -> None:
        for n in range(6):
            sold = await self._sell(f"back-{n}", cashier="yaryna", lines=(GRINDER,))
            await self._take_back(sold, "yaryna")

    async def _overrides(self, left: int) -> None:
        override = Override(by=SENIOR, reason="the chip reader is down")
        for n in range(4):
            await self._sell(
                f"override-{n}", scan=self._card(2 + n), cashier=SENIOR, override=override
            )

    async def _points_paid_back(self, left: int) -> None:
        sold = PosSaleId("odd-points")
        if left == 7:
            await self._take_back(sold, "anna")
            return
        override = Override(by=SENIOR, reason="she has no phone here")
        await self._sell(
            "points",
            scan=self._card(0),
            cashier="anna",
            override=override,
            burn={"bonus": 1_000},
        )

    async def _typed(self, left: int) -> None:
        for n in range(3):
            await self._sell(
                f"typed-{left}-{n}", card=self._card(40 + 3 * left + n), cashier="anna"
            )

    async def _voided(self, left: int) -> None:
        checkout = self._parts.checkout
        for n in range(5):
            sale_id = PosSaleId(f"odd-void-{n}")
            terms = SaleTerms(lines=(HONEY,), cashier="nadia")
            await checkout.hold(request_key("sale.hold", sale_id), sale_id, terms, None)
            await checkout.void(request_key("sale.void", f"{sale_id}-void"), sale_id, "mistyped")

    async def _at_night(self, left: int) -> None:
        self._set(time(23, 0))
        await self._sell("night", cashier=SENIOR)

    async def _own_card(self, left: int) -> None:
        linked = RoleTerms(
            request_id="odd-own",
            name=MANAGER,
            role=OperatorRole.MANAGER,
            account=self._card(8),
            by=OWNER,
        )
        key = request_key("operator.role", linked.request_id)
        await self._parts.operator_changes.set_role(key, linked)
        await self._sell("own", scan=self._card(8), cashier=MANAGER)

    async def _own_telephone(self, left: int) -> None:
        if self._owner is not None:
            await self._sell("telephone", scan=self._owner.number, cashier="nadia")

    async def _in_two(self, left: int) -> None:
        for n in range(2):
            await self._sell(f"split-{n}", scan=self._card(9), cashier="anna")

    async def _fresh_cards(self, left: int) -> None:
        for n in range(3):
            number = card_number(RING_BEGINS + 100 + n)
            await _issue(self._parts, number, "vira", Profile())
            await self._sell(f"fresh-{n}", scan=number, cashier="vira")


def _scanned(number: str) -> Shown:
    return Shown(Medium.BARCODE, number.encode())


async def _issue(parts: Parts, number: str, by: str, profile: Profile) -> None:
    lifecycle = CardLifecycle(
        parts.ledger,
        parts.cards,
        parts.steady,
        parts.config.card_numbers.prefix,
        lambda: parts.shop.programme,
        parts.office,
        parts.profiles.lacking,
    )
    terms = IssueTerms(
        request_id=f"odd-{number}", number=number, kind="plastic", profile=profile, by=by
    )
    await lifecycle.issue(request_key("card.issue", terms.request_id), terms)
