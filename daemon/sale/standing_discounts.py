"""Standing discounts of all customers, kept right while the programme and the calendar move.

A commit writes what its card has off by itself. A new programme changes it for everybody, and so
may a new day: a month's sum is over, a status has ended. So all customers who have ever bought are
gone through beside the work, at a start, after an activation and once a day; only what differs is
written.
"""

import asyncio
import logging
from functools import partial

from daemon.accounts.cards import Account, profile_in
from daemon.base.ids import NO_SALE, AccountId
from daemon.base.refusals import RefusedError
from daemon.ledger.storage.queries import CARDS_OF, CUSTOMER, STANDINGS_AFTER
from daemon.ledger.storage.store import NO_REQUEST, Change, Store
from daemon.programme.standing_discount import standing_bp
from daemon.sale.facts import card_facts
from daemon.sale.standing import Standing
from daemon.shop.shop import Shop

LOOKED_AT_AGAIN_S = 5.0
"""How often it is looked whether there is a new programme, or a new day."""
_NOBODY = AccountId("")
ACTIVE = "active"
log = logging.getLogger(__name__)


class StandingDiscounts:
    """Goes through all customers."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._right_for: tuple[object, ...] = ()
        self._one_at_a_time = asyncio.Lock()

    async def keep(self) -> None:
        """Keep them right, until cancelled."""
        while True:
            try:
                await self.catch_up()
            except RefusedError as error:  # the disk may be full; the next look may serve
                log.warning("standing discounts were not brought up to date: %s", error)
            await asyncio.sleep(LOOKED_AT_AGAIN_S)

    async def catch_up(self) -> None:
        """Bring all up to date, if the programme or the day is another than it was."""
        async with self._one_at_a_time:
            due = (self._shop.programme.version, self._shop.today())
            if due == self._right_for:
                return
            ledger, after = self._shop.ledger, _NOBODY
            while page := await ledger.read(partial(self._differing, after=after)):
                after, differing = page
                if differing:
                    # Computed again where nothing can change any more before it is written.
                    await ledger.update(partial(self._write, accounts=differing))
            self._right_for = due

    def _differing(
        self, store: Store, after: AccountId
    ) -> tuple[AccountId, list[AccountId]] | None:
        """Return the last account of a page, and those that are not right; None after the last."""
        page = store.ask(STANDINGS_AFTER, after)
        if not page:
            return None
        return page[-1][0], [one for one, known in page if self._computed(store, one) != known]

    def _write(self, store: Store, accounts: list[AccountId]) -> None:
        found = tuple((account, self._computed(store, account)) for account in accounts)
        store.write(Change(standings=found))

    def _computed(self, store: Store, account: AccountId) -> int:
        """Return what a customer has off now, in basis points; 0 without a card that is good."""
        now, _, today = self._shop.moment()
        cards = [card for card in store.ask(CARDS_OF, account) if card.state == ACTIVE]
        if not cards:
            return 0
        standing = Standing(programme=self._shop.programme, account=account, today=today)
        reads = standing.reads(NO_SALE)
        view = standing.viewed(store, store.view(reads, NO_REQUEST), reads)
        customer = store.ask_one(CUSTOMER, account)
        profile = profile_in(customer.profile if customer else b"")
        facts = card_facts(Account(account, cards[0], profile))
        facts |= standing.as_of(view).facts(view)
        return standing_bp(standing.programme, now, facts)
