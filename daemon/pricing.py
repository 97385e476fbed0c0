"""From what the till says to a price: gather the facts, ask the programme."""

from datetime import datetime

import msgspec

from daemon.accounts.cards import Account
from daemon.answers import SaleTerms
from daemon.clock import Clock
from daemon.editions import Editions
from daemon.errors import ErrorCode, RefusedError
from daemon.ledger.ledger import Ledger
from daemon.ledger.owed import chip_purse, owed_purse
from daemon.ledger.sales import Frozen
from daemon.ledger.store import Store
from daemon.presentations import Presentation
from daemon.programme.basket import Basket, Fact, Facts
from daemon.programme.price import price
from daemon.programme.programme import Programme, local_day
from daemon.programme.quote import Quote
from daemon.programme.windows import counters, windows

TILL_FACTS = ("channel", "flag.", "order.", "ask.", "role")
"""How the facts begin that a till may tell; others that it sends are ignored."""


class Priced(msgspec.Struct, frozen=True):
    """A quote with all that it follows from, and the card it was made for.

    chip_purse, card_uid: as in ``daemon.ledger.sales.Sale``.
    """

    frozen: Frozen
    quote: Quote
    account: str
    presentation: str
    today: int
    chip_purse: str = ""
    card_uid: str = ""


class Pricing:
    """Prices baskets under the programme in force, or under the one that priced them first."""

    def __init__(self, ledger: Ledger, editions: Editions, clock: Clock) -> None:
        self._ledger = ledger
        self._editions = editions
        self._clock = clock

    async def price(self, terms: SaleTerms, presentation: Presentation | None) -> Priced:
        """Price what ``terms`` describe, now, for the card that was shown or for none."""
        programme = self._editions.active
        account = presentation.account if presentation else None
        now = self._clock.now()
        facts = await self._facts(programme, presentation, terms, now)
        basket = Basket(
            lines=terms.lines or (),
            codes=terms.codes,
            payment=terms.payment,
            burn=burn_by_purse(programme, terms.burn),
        )
        return Priced(
            frozen=Frozen(programme=programme.version, now=now, basket=basket, facts=facts),
            quote=price(programme, basket, Facts(now, facts)),
            account=account.account if account else "",
            presentation=presentation.presentation if presentation else "",
            today=local_day(programme, now).toordinal(),
            chip_purse=chip_purse(programme),
            card_uid=presentation.purse_uid if presentation else "",
        )

    async def with_burn(self, priced: Priced, burn: int | dict[str, int] | None) -> Priced:
        """Return ``priced`` with another burn, all else as it was frozen."""
        if burn is None:
            return priced
        frozen, quote = await self.reprice(priced.frozen, burn)
        return msgspec.structs.replace(priced, frozen=frozen, quote=quote)

    async def reprice(self, frozen: Frozen, burn: int | dict[str, int]) -> tuple[Frozen, Quote]:
        """Price again with another burn under the frozen programme, facts and time."""
        programme = await self._editions.version(frozen.programme)
        basket = msgspec.structs.replace(frozen.basket, burn=burn_by_purse(programme, burn))
        quote = price(programme, basket, Facts(frozen.now, frozen.facts))
        return msgspec.structs.replace(frozen, basket=basket), quote

    def chip_worth(self) -> int:
        """Return what a unit of the purse on chips is worth in minor units; 0 without one."""
        programme = self._editions.active
        purse = programme.purses.get(chip_purse(programme))
        return purse.worth if purse else 0

    async def _facts(
        self,
        programme: Programme,
        presentation: Presentation | None,
        terms: SaleTerms,
        now: datetime,
    ) -> dict[str, Fact]:
        account = presentation.account if presentation else None
        account_id = account.account if account else ""
        today = local_day(programme, now)
        keys = counters(programme, account_id or None, today, terms.codes)
        spans = {
            meter: (window[0].toordinal(), window[1].toordinal()) if window else None
            for meter, window in windows(programme, today, {}).items()
        }

        def known(store: Store) -> dict[str, Fact]:
            facts: dict[str, Fact] = {f"used.{k}": n for k, n in store.counters(keys).items()}
            if account_id:
                meters = store.meters(account_id, spans)
                facts |= {f"meter.{meter}": amount for meter, amount in meters.items()}
                for purse, state in store.purses(account_id).items():
                    facts[f"purse.{purse}"] = state.available(today.toordinal())
                _take_from_chip(facts, programme, presentation)
            return facts

        # What the ledger knows is never taken from the till's word.
        told = {name: fact for name, fact in terms.facts.items() if name.startswith(TILL_FACTS)}
        facts = told | await self._ledger.read(known)
        if terms.cashier:
            facts["cashier"] = terms.cashier
        return facts | (_card_facts(account) if account else {})


def burn_by_purse(programme: Programme, burn: int | dict[str, int] | None) -> dict[str, int]:
    """Return ``burn`` by purse; a bare number means the one purse there is.

    Raises: RefusedError NOT_ENOUGH for a purse that the programme does not have.
    """
    if burn is None:
        return {}
    purses = list(programme.purses)
    if isinstance(burn, int):
        if len(purses) != 1:
            raise RefusedError(
                ErrorCode.NOT_ENOUGH, f"Say which purse to burn from: {', '.join(purses)}."
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
    facts.pop(f"purse.{purse}", None)
    owed = facts.pop(f"purse.{owed_purse(purse)}", 0)
    if presentation is not None and presentation.balance is not None:
        assert isinstance(owed, int)
        facts[f"purse.{purse}"] = max(0, presentation.balance + min(owed, 0))


def _card_facts(account: Account) -> dict[str, Fact]:
    profile = account.profile
    return {
        "card.account": account.account,
        "card.kind": account.card.kind,
        "card.name": profile.name,
        "card.birthday": profile.birthday,
        "card.tags": profile.tags,
    }
