"""From what the till says to a price: gather the facts, ask the programme, keep what it used."""

import asyncio
from collections.abc import Mapping
from contextlib import nullcontext

import msgspec

from card_formats.number_ranges import NumberRange
from daemon.accounts.guess_limit import Guesses
from daemon.accounts.shown_codes import number
from daemon.base.config import ChipSection
from daemon.base.ids import NO_CARD, NO_PRESENTATION, CardId, PresentationId
from daemon.base.refusals import ParamError
from daemon.ledger import chip_limits
from daemon.ledger.chip_owed import chip_purse
from daemon.ledger.sale_records import Frozen
from daemon.programme.basket import Basket, Facts
from daemon.programme.names import gift_fact
from daemon.programme.price import price
from daemon.programme.programme import Programme
from daemon.programme.quote import Quote
from daemon.sale.facts import (
    card_facts,
    check_good,
    ledger_facts,
    told_facts,
    with_chip_balance,
)
from daemon.sale.presentations import Presentation
from daemon.sale.standing import Standing
from daemon.sale.terms import SaleTerms
from daemon.shop.shop import Shop

LINES_TIMES_RULES_MAX = 20_000
"""What is priced between two turns of the event loop: some milliseconds. More is done beside it."""


class PricedSale(msgspec.Struct, frozen=True, kw_only=True):
    """A quote with all that it follows from, and the card it was made for.

    terms:    as the till described it. standing: what the ledger said that it rests on.
    card_id:  the card that was shown. card_uid: its chip, where that has a purse.
    """

    programme: Programme
    frozen: Frozen
    quote: Quote
    terms: SaleTerms
    standing: Standing
    presentation: PresentationId
    today: int
    card_id: CardId = NO_CARD
    card_uid: str = ""

    @property
    def card_pays(self) -> bool:
        """Whether the card's own purses pay a part, after the gift cards.

        Whoever knows a gift card's code may spend it; the customer's own card must be there.
        """
        burn = self.quote.burn.items()
        return any(amount > number(self.frozen.facts, gift_fact(purse)) for purse, amount in burn)

    @property
    def paid_by_card(self) -> int:
        """What the card's own purses pay, in minor units, after the gift cards."""
        total = 0
        for purse, amount in self.quote.burn.items():
            own = max(0, amount - number(self.frozen.facts, gift_fact(purse)))
            money = sum(line.burned.get(purse, 0) for line in self.quote.lines)
            total += -(-money * own // amount)
        return total


class Pricing:
    """Prices baskets under the programme in force, or under the one that priced them first."""

    def __init__(
        self,
        shop: Shop,
        ranges: tuple[NumberRange, ...],
        roles: Mapping[str, str],
        chip: ChipSection | None = None,
    ) -> None:
        """roles: what a cashier is beside a cashier, such as ``senior``, by name."""
        self._shop = shop
        self._ranges = ranges
        self._roles = roles
        self._chip = chip
        self._guesses = Guesses(shop.clock)  # a mistyped coupon slows no card

    async def price(self, terms: SaleTerms, presentation: Presentation | None) -> PricedSale:
        """Price what ``terms`` describe, now, for the card that was shown or for none.

        Raises: RefusedError for codes, see ``shown_codes``, and for burns.
        """
        programme, moment = self._shop.programme, self._shop.moment()
        account = presentation.account if presentation else None
        # A gift card's number pays whoever knows it: guessed here, it is counted as if typed.
        async with self._guesses.counting() if terms.codes else nullcontext():
            known = await self._shop.ledger.read(
                lambda store: ledger_facts(
                    store, programme, account, moment, terms.codes, self._ranges
                )
            )
        shown = known.shown
        facts = told_facts(terms, self._roles) | known.facts
        if account is not None:
            facts |= card_facts(account)
        frozen = Frozen(
            programme=programme.version,
            now=moment.now,
            basket=Basket(
                lines=terms.lines or (),
                codes=tuple(code for code in terms.codes if code not in shown.gifts),
                payment=terms.payment,
                burn=burn_by_purse(programme, terms.burn),
            ),
            facts=with_chip_balance(facts, programme, presentation),
        )
        priced = PricedSale(
            programme=programme,
            frozen=frozen,
            quote=await quote_beside_the_loop(programme, frozen),
            terms=terms,
            standing=known.standing,
            presentation=presentation.id if presentation else NO_PRESENTATION,
            today=moment.today.toordinal(),
            card_id=account.card.card_id if account else NO_CARD,
            card_uid=presentation.purse_uid if presentation else "",
        )
        return await self._within_chip_limits(priced)

    async def check_still_good(self, priced: PricedSale) -> None:
        """Raise RefusedError CARD_BLOCKED, CARD_EXPIRED for a card that is not good any more."""
        if priced.card_id:
            at = self._shop.at()
            await self._shop.ledger.read(lambda store: check_good(store, priced.card_id, at))

    async def _within_chip_limits(self, priced: PricedSale) -> PricedSale:
        """Return ``priced`` with what its chip may pay as ``burn_max``.

        Raises: RefusedError LIMIT_REACHED where it pays more.
        """
        quote, purse = priced.quote, chip_purse(priced.programme)
        if self._chip is None or not priced.card_uid or purse not in quote.burn_max:
            return priced
        limits = chip_limits.limits_of(self._chip, priced.card_uid, priced.today)
        names = chip_limits.counters_of(limits)
        used = await self._shop.ledger.read(lambda store: store.counters(names)) if names else {}
        chip_limits.check(limits, used, quote.burn.get(purse, 0))
        most = chip_limits.burn_max(limits, used, quote.burn_max[purse])
        quote = msgspec.structs.replace(quote, burn_max=quote.burn_max | {purse: most})
        return msgspec.structs.replace(priced, quote=quote)


def quote_of(programme: Programme, frozen: Frozen) -> Quote:
    """Price a basket."""
    return price(programme, frozen.basket, Facts(frozen.now, frozen.facts))


async def quote_beside_the_loop(programme: Programme, frozen: Frozen) -> Quote:
    """Price a basket, and let no other client wait for a large one."""
    if len(frozen.basket.lines) * len(programme.rules) <= LINES_TIMES_RULES_MAX:
        return quote_of(programme, frozen)
    return await asyncio.to_thread(quote_of, programme, frozen)


async def repriced(
    programme: Programme, frozen: Frozen, burn: int | dict[str, int]
) -> tuple[Frozen, Quote]:
    """Price again with another burn under the frozen programme, facts and time."""
    basket = msgspec.structs.replace(frozen.basket, burn=burn_by_purse(programme, burn))
    frozen = msgspec.structs.replace(frozen, basket=basket)
    return frozen, await quote_beside_the_loop(programme, frozen)


def burn_by_purse(programme: Programme, burn: int | dict[str, int] | None) -> dict[str, int]:
    """Return ``burn`` by purse; a bare number means the one purse there is.

    Raises: ParamError for a bare number where there are several.
    """
    if burn is None:
        return {}
    purses = list(programme.purses)
    if isinstance(burn, int):
        if len(purses) != 1:
            raise ParamError(
                "burn", f"say from which purse: {', '.join(purses) or 'there is none'}"
            )
        burn = {purses[0]: burn}
    return {purse: amount for purse, amount in burn.items() if amount}
