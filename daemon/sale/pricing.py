"""From what the till says to a price: gather the facts, ask the programme, keep what it used."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import nullcontext

import msgspec

from card_formats.number_ranges import NumberRange
from daemon.accounts.assignments import sent_days
from daemon.accounts.cards import Account, refuse_unusable
from daemon.accounts.guess_limit import Guesses
from daemon.accounts.shown_codes import number
from daemon.base.chip_section import ChipSection
from daemon.base.ids import NO_CARD, NO_PRESENTATION, AccountId, CardId, PresentationId
from daemon.base.permissions import OperatorRole
from daemon.base.refusals import ErrorCode, ParamError, RefusedError
from daemon.ledger import chip_limits
from daemon.ledger.chip_owed import chip_purse
from daemon.ledger.sale_records import Frozen
from daemon.ledger.storage.partner_queries import PARTNER_BY_ACCOUNT
from daemon.ledger.storage.queries import CARD
from daemon.ledger.storage.rows import CardRow
from daemon.ledger.storage.store import Store, View
from daemon.programme.basket import Basket, Fact, Facts
from daemon.programme.names import (
    HAVE_CODES,
    REFERRER_DAYS,
    REFERRER_PARTNER,
    code_of,
    gift_fact,
)
from daemon.programme.price import price
from daemon.programme.programme import Programme
from daemon.programme.quote import Quote
from daemon.sale.facts import (
    LedgerFacts,
    SaleQuestion,
    card_facts,
    ordinal_counters,
    told_facts,
    with_chip_balance,
)
from daemon.sale.presentations import NamedCard, Presentation
from daemon.sale.sale_flags import how_shown
from daemon.sale.standing import Standing
from daemon.sale.terms import SaleTerms
from daemon.shop.shop import Shop

LINES_TIMES_RULES_MAX = 20_000
"""What is priced between two turns of the event loop: some milliseconds. More is done beside it."""


class PricedSale(msgspec.Struct, frozen=True, kw_only=True):
    """A quote with all that it follows from, and the card it was made for.

    terms:    as the till described it. standing: what the ledger said that it rests on.
    card_id:  the card that was shown. card_uid: its chip, where that has a purse.
    shown:    how, as bits of ``posted_facts.SaleFlag``.
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
    shown: int = 0

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
        role_of: Callable[[str], OperatorRole],
        chip: ChipSection | None = None,
        *,
        store: str = "",
    ) -> None:
        """role_of: what a cashier of a name is, such as ``senior``. store: where the till is."""
        self._shop = shop
        self._ranges = ranges
        self._role_of = role_of
        self._chip, self._store = chip, store
        self._guesses = Guesses(shop.clock)  # a mistyped coupon slows no card

    def question(self, named: NamedCard, *, priced: bool) -> SaleQuestion:
        """Return what a sale with this card asks of the ledger; ``priced`` where it has no price.

        Its codes are looked up by `price`, when its card is known to be good.
        """
        programme, moment = self._shop.programme, self._shop.moment()
        standing = Standing(
            programme=programme,
            account=named.account,
            today=moment.today,
            ordinals=ordinal_counters(programme, moment.today),
        )
        return SaleQuestion(standing=standing, moment=moment, named=named, priced=priced)

    async def price(
        self, terms: SaleTerms, presentation: Presentation | None, known: LedgerFacts
    ) -> PricedSale:
        """Price what ``terms`` describe, now, for the card that was shown or for none.

        known:  what the ledger said; where that is not enough, it is asked again.
        Raises: RefusedError for a card that is not good any more, for codes, see ``shown_codes``,
                and for burns.
        """
        account = presentation.account if presentation else None
        if account is not None:
            _check_good(account.card.card_id, known.view.card, known.moment.at, account.account)
        if not known.serves(presentation, terms.codes):
            known = await self._known(terms.codes, presentation)
        assert known.facts is not None
        standing, programme = known.standing, known.standing.programme
        facts = told_facts(terms, self._role_of) | known.facts
        facts |= programme.place_facts(self._store)
        if account is not None:
            facts |= card_facts(account)
            facts |= await self._partner_facts(account, facts, known)
        frozen = Frozen(
            programme=programme.version,
            now=known.moment.now,
            basket=Basket(
                lines=terms.lines or (),
                codes=tuple(code for code in terms.codes if code not in standing.gifts),
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
            standing=standing,
            presentation=presentation.id if presentation else NO_PRESENTATION,
            today=known.moment.today.toordinal(),
            card_id=account.card.card_id if account else NO_CARD,
            card_uid=presentation.purse_uid if presentation else "",
            shown=how_shown(presentation) if presentation else 0,
        )
        return await self._within_chip_limits(priced)

    async def _known(
        self, codes: tuple[str, ...], presentation: Presentation | None
    ) -> LedgerFacts:
        """Ask the ledger with the codes, or for a card that was not known before."""
        question = self.question(NamedCard(presentation=presentation), priced=True)
        # A gift card's number pays whoever knows it: guessed here, it is counted as if typed.
        async with self._guesses.counting() if codes else nullcontext():
            return await self._shop.ledger.read(
                lambda store: question.with_codes(store, codes, self._ranges)
            )

    async def _partner_facts(
        self, account: Account, facts: Mapping[str, Fact], known: LedgerFacts
    ) -> dict[str, Fact]:
        """Return the codes of who has sent the customer, and since when, if a rule asks."""
        programme = known.standing.programme
        asked = [name for name in HAVE_CODES if name in programme.facts and facts.get(name)]
        partner = str(facts.get(REFERRER_PARTNER) or "")
        if not (asked or (partner and REFERRER_DAYS in programme.facts)):
            return {}

        def question(store: Store) -> dict[str, Fact]:
            found: dict[str, Fact] = {}
            for name in asked:
                row = store.ask_one(PARTNER_BY_ACCOUNT, str(facts[name]))
                found |= {code_of(name): row.code} if row else {}
            if REFERRER_DAYS in programme.facts and partner:
                whose, now = account.account, known.moment.now
                found[REFERRER_DAYS] = sent_days(store, whose, partner, now, programme.days)
            return found

        return await self._shop.ledger.read(question)

    async def check_still_good(self, priced: PricedSale, view: View) -> None:
        """Raise RefusedError CARD_BLOCKED, CARD_EXPIRED for a card that is not good any more.

        view: of the card that the sale names; the one that was priced is another if its number has
              gone to another since.
        """
        card, card_id = view.card, priced.card_id
        if card_id and (card is None or card.card_id != card_id):
            card = await self._shop.ledger.read(lambda store: store.ask_one(CARD, card_id))
        _check_good(card_id, card, self._shop.at(), priced.standing.account)

    async def _within_chip_limits(self, priced: PricedSale) -> PricedSale:
        """Return ``priced`` with what its chip may pay as ``burn_max``.

        Raises: RefusedError LIMIT_REACHED where it pays more.
        """
        quote, purse = priced.quote, chip_purse(priced.programme)
        if self._chip is None or not priced.card_uid or purse not in quote.burn_max:
            return priced
        limits = chip_limits.limits_of(
            self._chip, priced.programme.purses[purse].text, priced.card_uid, priced.today
        )
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


def _check_good(card_id: CardId, card: CardRow | None, now: str, account: AccountId) -> None:
    """Refuse a card that was blocked, has run out or got another account since it was shown."""
    if card is not None and card.card_id == card_id:
        refuse_unusable(card, now)
        if card.account != account:
            raise RefusedError(ErrorCode.NO_CARD, "Show the card again.")
