"""From what the till says to a price: gather the facts, ask the programme."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import date, datetime

import msgspec

from card_formats.number_ranges import NumberRange
from daemon.accounts import shown_codes
from daemon.accounts.cards import Account, refuse_unusable
from daemon.base.clock import Clock, rfc3339
from daemon.base.config import ChipSection
from daemon.base.refusals import ParamError
from daemon.ledger import chip_limits, status_moves
from daemon.ledger.chip_owed import chip_purse, owed_purse
from daemon.ledger.ledger import Ledger
from daemon.ledger.sales import Frozen
from daemon.ledger.storage.rows import MEMBERS_OF
from daemon.ledger.storage.store import Store
from daemon.programme.basket import Basket, Fact, Facts
from daemon.programme.price import price
from daemon.programme.programme import Programme, local_day
from daemon.programme.quote import Quote
from daemon.programme.windows import counters, windows
from daemon.sale.presentations import Presentation
from daemon.sale.terms import SaleTerms
from daemon.shop.programme_versions import ProgrammeVersions

TILL_FACTS = ("channel", "flag.", "order.", "ask.")
"""How the facts begin that a till may tell; others that it sends are ignored."""
CASHIER = "cashier"
"""The role of everybody whom the configuration does not name."""
LINES_TIMES_RULES_MAX = 20_000
"""What is priced between two turns of the event loop: some milliseconds. More is done beside it."""
REFERRERS = {
    "card.referrer": "referrer",
    "card.referrer.partner": "partner",
    "card.referrer.employee": "employee",
}
"""The facts that name who sent the customer, and where a profile says it."""


class Priced(msgspec.Struct, frozen=True, kw_only=True):
    """A quote with all that it follows from, and the card it was made for.

    card_id:  the card that was shown. card_uid: its chip, where that has a purse.

    gifts:    the accounts of gift cards whose codes were shown, by code.
    ordinals: the counters that the sale's ordinals are taken from.
    counters: every counter that decides the price.
    accounts: every account whose purses the sale may move.
    """

    programme: Programme
    frozen: Frozen
    quote: Quote
    account: str
    presentation: str
    today: int
    card_id: str = ""
    card_uid: str = ""
    gifts: dict[str, str] = {}
    ordinals: tuple[str, ...] = ()
    counters: tuple[str, ...] = ()

    @property
    def accounts(self) -> tuple[str, ...]:
        """Return every account whose purses the sale may move."""
        others = (str(self.frozen.facts.get(name, "")) for name in REFERRERS)
        known = (self.account, *others, *self.gifts.values())
        return tuple(dict.fromkeys(account for account in known if account))

    @property
    def card_pays(self) -> bool:
        """Whether the card's own purses pay a part, after the gift cards.

        Who knows a gift card's code may spend it; the customer's own card must be there.
        """
        facts = self.frozen.facts
        burn = self.quote.burn.items()
        return any(amount > shown_codes.number(facts, f"gift.{purse}") for purse, amount in burn)

    @property
    def paid_by_card(self) -> int:
        """What the card's own purses pay, in minor units, after the gift cards."""
        total = 0
        for purse, amount in self.quote.burn.items():
            own = max(0, amount - shown_codes.number(self.frozen.facts, f"gift.{purse}"))
            money = sum(line.burned.get(purse, 0) for line in self.quote.lines)
            total += -(-money * own // amount)
        return total

    def settled(self, used: Mapping[str, int]) -> "Priced":
        """Return the price with the ordinals that the sale really has, now that it is written.

        used: the counters as they stand in the transaction that writes it.
        """
        if not self.ordinals:
            return self
        facts = self.frozen.facts | ordinal_facts(self.ordinals, used)
        frozen = msgspec.structs.replace(self.frozen, facts=facts)
        return msgspec.structs.replace(
            self, frozen=frozen, quote=quote_of(self.programme, frozen.basket, frozen.now, facts)
        )


class Pricing:
    """Prices baskets under the programme in force, or under the one that priced them first."""

    def __init__(
        self,
        ledger: Ledger,
        versions: ProgrammeVersions,
        clock: Clock,
        ranges: tuple[NumberRange, ...],
        roles: Mapping[str, str],
        chip: ChipSection | None = None,
    ) -> None:
        """roles: what a cashier is beside a cashier, such as ``senior``, by name."""
        self._chip = chip
        self._ledger = ledger
        self._versions = versions
        self._clock = clock
        self._ranges = ranges
        self._roles = roles

    async def price(self, terms: SaleTerms, presentation: Presentation | None) -> Priced:
        """Price what ``terms`` describe, now, for the card that was shown or for none.

        Raises: RefusedError for codes, see ``daemon.accounts.shown_codes``, and for burns.
        """
        programme = self._versions.active
        account = presentation.account if presentation else None
        account_id = account.account if account else ""
        now = self._clock.now()
        today = local_day(programme, now)
        ordinals = ordinal_counters(today) if programme.ordinals else ()
        keys = (*counters(programme, account_id or None, today, terms.codes), *ordinals)
        # What the ledger knows is never taken from the till's word.
        told = {name: fact for name, fact in terms.facts.items() if name.startswith(TILL_FACTS)}
        known, shown = await self._ledger.read(
            self._known(programme, account, today, keys, terms.codes, now)
        )
        facts = told | known | ordinal_facts(ordinals, _used(known, ordinals))
        if terms.cashier:
            facts["cashier"] = terms.cashier
            facts["role"] = self._roles.get(terms.cashier, CASHIER)
        if account is not None:
            facts |= _card_facts(account)
        _take_from_chip(facts, programme, presentation)
        basket = Basket(
            lines=terms.lines or (),
            codes=tuple(code for code in terms.codes if code not in shown.gifts),
            payment=terms.payment,
            burn=burn_by_purse(programme, terms.burn),
        )
        priced = Priced(
            programme=programme,
            frozen=Frozen(programme=programme.version, now=now, basket=basket, facts=facts),
            quote=await _priced(programme, basket, now, facts),
            account=account_id,
            presentation=presentation.presentation if presentation else "",
            today=today.toordinal(),
            card_id=account.card.card_id if account else "",
            card_uid=presentation.purse_uid if presentation else "",
            gifts=shown.gifts,
            ordinals=ordinals,
            counters=keys,
        )
        return await self._limited(priced)

    async def _limited(self, priced: Priced) -> Priced:
        """Return ``priced`` with what its chip may pay as ``burn_max``.

        Raises: RefusedError LIMIT_REACHED where it pays more.
        """
        quote, purse = priced.quote, chip_purse(priced.programme)
        if self._chip is None or not priced.card_uid or purse not in quote.burn_max:
            return priced
        limits = chip_limits.limits_of(self._chip, priced.card_uid, priced.today)
        names = chip_limits.counters_of(limits)
        used = await self._ledger.read(lambda store: store.counters(names)) if names else {}
        chip_limits.check(limits, used, quote.burn.get(purse, 0))
        most = chip_limits.burn_max(limits, used, quote.burn_max[purse])
        quote = msgspec.structs.replace(quote, burn_max=quote.burn_max | {purse: most})
        return msgspec.structs.replace(priced, quote=quote)

    async def with_burn(self, priced: Priced, burn: int | dict[str, int] | None) -> Priced:
        """Return ``priced`` with another burn, all else as it was frozen.

        Raises: RefusedError CARD_BLOCKED, CARD_EXPIRED for a card that is not good any more.
        """
        if priced.card_id:
            now = rfc3339(self._clock.now())
            await self._ledger.read(lambda store: _check_good(store, priced.card_id, now))
        if burn is None:
            return priced
        frozen, quote = await repriced(priced.programme, priced.frozen, burn)
        return await self._limited(msgspec.structs.replace(priced, frozen=frozen, quote=quote))

    def chip_worth(self) -> int:
        """Return what a unit of the purse on chips is worth in minor units; 0 without one."""
        programme = self._versions.active
        purse = programme.purses.get(chip_purse(programme))
        return purse.worth if purse else 0

    def _known(
        self,
        programme: Programme,
        account: Account | None,
        today: date,
        keys: tuple[str, ...],
        shown: tuple[str, ...],
        now: datetime,
    ) -> "Callable[[Store], tuple[dict[str, Fact], shown_codes.ShownCodes]]":
        def known(store: Store) -> tuple[dict[str, Fact], shown_codes.ShownCodes]:
            facts: dict[str, Fact] = {f"used.{k}": n for k, n in store.counters(keys).items()}
            if account:
                _check_good(store, account.card.card_id, rfc3339(now))
                facts |= _account_facts(store, programme, account.account, today)
            own = account.account if account else ""
            found = shown_codes.look_up(
                store, programme, shown, own, rfc3339(now), today, self._ranges
            )
            for name in found.facts:
                purse = name.replace("gift.", "purse.", 1)
                if purse != name:
                    facts[purse] = shown_codes.number(facts, purse) + shown_codes.number(
                        found.facts, name
                    )
            return facts | found.facts, found

        return known


def quote_of(programme: Programme, basket: Basket, now: datetime, values: dict[str, Fact]) -> Quote:
    """Price a basket, with the issued codes that it uses up."""
    quote = price(programme, basket, Facts(now, values))
    return shown_codes.with_uses(programme, quote, basket.codes, values)


async def _priced(
    programme: Programme, basket: Basket, now: datetime, values: dict[str, Fact]
) -> Quote:
    """Price a basket, and let no other client wait for a large one."""
    if len(basket.lines) * len(programme.rules) <= LINES_TIMES_RULES_MAX:
        return quote_of(programme, basket, now, values)
    return await asyncio.to_thread(quote_of, programme, basket, now, values)


async def repriced(
    programme: Programme, frozen: Frozen, burn: int | dict[str, int]
) -> tuple[Frozen, Quote]:
    """Price again with another burn under the frozen programme, facts and time."""
    basket = msgspec.structs.replace(frozen.basket, burn=burn_by_purse(programme, burn))
    frozen = msgspec.structs.replace(frozen, basket=basket)
    return frozen, await _priced(programme, basket, frozen.now, frozen.facts)


def ordinal_counters(today: date) -> tuple[str, str]:
    """Return the counters of sales: of the day, and of all."""
    return f"@ordinal:day:{today}", "@ordinal:life"


def ordinal_facts(ordinals: tuple[str, ...], used: Mapping[str, int]) -> dict[str, Fact]:
    """Return which sale the next one is, by the day's and by the life's counter."""
    names = ("ordinal.day", "ordinal.life")
    return {name: used.get(key, 0) + 1 for name, key in zip(names, ordinals, strict=False)}


def _used(facts: Mapping[str, Fact], keys: tuple[str, ...]) -> dict[str, int]:
    return {key: shown_codes.number(facts, f"used.{key}") for key in keys}


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


def _take_from_chip(
    facts: dict[str, Fact], programme: Programme, presentation: Presentation | None
) -> None:
    """Put what the chip itself holds in place of what the ledger mirrors."""
    purse = chip_purse(programme)
    if not purse:
        return
    for name in (f"purse.{purse}", f"gift.{purse}"):  # a gift card has no chip
        facts.pop(name, None)
    owed = shown_codes.number(facts, f"purse.{owed_purse(purse)}")
    if presentation is not None and presentation.balance is not None:
        facts[f"purse.{purse}"] = max(0, presentation.balance + min(owed, 0))


def _check_good(store: Store, card_id: str, now: str) -> None:
    """Refuse a card that was blocked, or has run out, since it was shown."""
    card = store.card(card_id)
    if card is not None:
        refuse_unusable(card, now)


def _account_facts(
    store: Store, programme: Programme, account: str, today: date
) -> dict[str, Fact]:
    """Return what the ledger knows of an account: statuses, meters, purses."""
    known = status_moves.states_of(store.ask(MEMBERS_OF, account))
    begun = status_moves.begun(programme.statuses, known, today)
    facts: dict[str, Fact] = {f"status.{name}": name in begun for name in programme.statuses}
    spans = {
        meter: (window[0].toordinal(), window[1].toordinal()) if window else None
        for meter, window in windows(programme, today, begun).items()
    }
    facts |= {f"meter.{meter}": n for meter, n in store.meters(account, spans).items()}
    for purse, state in store.purses(account).items():
        facts[f"purse.{purse}"] = state.available(today.toordinal())
    return facts


def _card_facts(account: Account) -> dict[str, Fact]:
    card, profile = account.card, account.profile
    facts: dict[str, Fact] = {
        "card.account": account.account,
        "card.kind": card.kind,
        "card.issuer": card.issuer,
        "card.name": profile.name,
        "card.birthday": profile.birthday,
        "card.tags": profile.tags,
    }
    for name, field in REFERRERS.items():
        if who := getattr(profile, field):
            facts[name] = who
    return facts
