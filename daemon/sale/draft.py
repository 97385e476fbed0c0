"""A sale between its price and its posting: what is still to be read before it can be written."""

from collections.abc import Callable

import msgspec

from daemon.accounts import shown_codes
from daemon.base.ids import AccountId, SaleId
from daemon.chip.purchase import WantedSale
from daemon.ledger import sales
from daemon.ledger.chip_owed import MIRROR_CREDIT, chip_purse
from daemon.ledger.sale_records import Sale
from daemon.ledger.storage.store import View
from daemon.programme.programme import Programme
from daemon.sale.pricing import PricedSale
from daemon.sale.terms import SaleTerms


class SaleDraft(msgspec.Struct, frozen=True):
    """A sale before it is written. ``priced`` is what it follows from, unless it was held."""

    sale: Sale
    programme: Programme
    priced: PricedSale | None = None

    @classmethod
    def of(
        cls, sale_id: SaleId, priced: PricedSale, terms: SaleTerms, at: str, terminal: str
    ) -> "SaleDraft":
        """Make the draft of a sale that was just priced; ``at`` is when it is written, RFC 3339."""
        sale = Sale(
            sale_id=sale_id,
            account=priced.account,
            terminal=terminal,
            cashier=terms.cashier,
            at=at,
            today=priced.today,
            frozen=priced.frozen,
            quote=priced.quote,
            credit=_credit_of(priced.programme),
            gifts=priced.gifts,
            card_pays=priced.card_pays,
            ordinals=priced.ordinals,
            chip_purse=chip_purse(priced.programme),
            card_uid=priced.card_uid,
            tenders=terms.tenders,
            override=terms.override,
        )
        return cls(sale, priced.programme, priced)

    @property
    def accounts(self) -> tuple[AccountId, ...]:
        """Return every account whose purses it may move."""
        priced = self.priced.accounts if self.priced else ()
        return tuple(dict.fromkeys((*self.sale.accounts, *priced)))

    @property
    def counters(self) -> tuple[str, ...]:
        """Return every counter that decides it."""
        uses = (use.counter for use in self.sale.quote.uses)
        return tuple(dict.fromkeys((*uses, *(self.priced.counters if self.priced else ()))))

    def settled(self, view: View) -> Sale:
        """Return the sale with the ordinals that it really has."""
        if self.priced is None:
            return self.sale
        priced = self.priced.settled(view.counters)
        return msgspec.structs.replace(self.sale, frozen=priced.frozen, quote=priced.quote)

    def for_chip(self, content: bytes, settle: Callable[[View], Sale]) -> WantedSale:
        """Return the sale as the chip's writer wants it; ``settle`` gives it as it is posted."""
        return WantedSale(
            sale=self.sale,
            settle=settle,
            accounts=self.accounts,
            counters=self.counters,
            content=content,
        )

    def posted(self, view: View, in_force: tuple[Programme, ...]) -> Sale:
        """Return the sale as it is posted: settled, counted, and with the codes that it hands out.

        in_force: the programmes whose meters it adds to, when it is written.
        """
        sale = sales.counted(self.settled(view), in_force)
        issued = shown_codes.issue(self.programme, sale.quote, sale.sale_id, sale.today)
        return msgspec.structs.replace(sale, issued=issued)


def _credit_of(programme: Programme) -> dict[str, int]:
    """Return how far a sale may overdraw each purse of the card."""
    limits = {purse.id: purse.credit_limit for purse in programme.purses.values()}
    on_chip = chip_purse(programme)
    return limits | ({on_chip: MIRROR_CREDIT} if on_chip else {})
