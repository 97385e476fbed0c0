"""A sale between its price and its posting: what is still to be read before it can be written."""

from collections.abc import Callable
from datetime import date

import msgspec

from daemon.accounts import shown_codes
from daemon.accounts.shown_codes import number
from daemon.base.approval import Signed
from daemon.base.config import LimitsSection
from daemon.base.ids import AccountId, SaleId
from daemon.base.receipt_codes import TillNames
from daemon.chip.purchase import WantedSale
from daemon.ledger import sales, status_moves
from daemon.ledger.chip_owed import MIRROR_CREDIT, chip_purse
from daemon.ledger.erased import erased_counter
from daemon.ledger.posted_facts import NOT_COMPUTED
from daemon.ledger.sale_records import Sale
from daemon.ledger.sale_rows import for_nobody
from daemon.ledger.storage.store import Reads, View
from daemon.programme.names import meter_fact, status_fact
from daemon.programme.programme import Programme
from daemon.programme.standing_discount import standing_bp
from daemon.sale import day_limits
from daemon.sale.pricing import PricedSale, quote_of
from daemon.sale.sale_flags import how_it_came_about
from daemon.sale.standing import REFERRERS, Standing
from daemon.sale.terms import SaleTerms

NO_LIMITS = LimitsSection()


class SaleDraft(msgspec.Struct, frozen=True):
    """A sale before it is written, as it was priced or held; ``standing`` is what that rests on.

    limits: of the shop's day, which it is counted against when it is posted.
    """

    sale: Sale
    standing: Standing
    limits: LimitsSection = NO_LIMITS

    @classmethod
    def of(
        cls,
        sale_id: SaleId,
        priced: PricedSale,
        terms: SaleTerms,
        at: str,
        till: TillNames,
        thanks: str = "",
    ) -> "SaleDraft":
        """Make the draft of a sale that was just priced; ``at`` is when it is written, RFC 3339."""
        sale = Sale(
            sale_id=sale_id,
            account=priced.standing.account,
            store=till.store,
            terminal=till.terminal,
            cashier=terms.cashier or priced.terms.cashier,
            at=at,
            today=priced.today,
            frozen=priced.frozen,
            quote=priced.quote,
            minute=priced.programme.days.minute_of(priced.frozen.now),
            card_id=priced.card_id,
            flags=priced.shown,
            worth={one.id: one.worth for one in priced.programme.purses.values() if one.worth},
            credit=_credit_of(priced.programme),
            gifts=priced.standing.gifts,
            card_pays=priced.card_pays,
            ordinals=priced.standing.ordinals,
            chip_purse=chip_purse(priced.programme),
            card_uid=priced.card_uid,
            tenders=terms.tenders,
            override=terms.override,
            thanks=thanks,
            invite=priced.standing.invite,
        )
        return cls(sale, priced.standing)

    def approved(self, signed: Signed) -> "SaleDraft":
        """Return the same with who has approved it; what was approved for its hold stays."""
        if not signed.approved_by:
            return self
        sale = msgspec.structs.replace(self.sale, approved_by=signed.approved_by)
        return msgspec.structs.replace(self, sale=sale)

    @property
    def reads(self) -> Reads:
        """What is read where it is written."""
        named = (self.sale.frozen.facts.get(name) for name in REFERRERS)
        referrers = (AccountId(str(one)) for one in named if one)
        reads = self.standing.reads(self.sale.sale_id, (*self.sale.accounts, *referrers))
        uses = (use.counter for use in self.sale.quote.uses)
        erased = (erased_counter(self.sale.account),) if self.sale.account else ()
        counted = day_limits.counters_of(self.limits, self.sale)
        counters = tuple(dict.fromkeys((*uses, *reads.counters, *erased, *counted)))
        return msgspec.structs.replace(reads, counters=counters)

    def settled(self, view: View) -> Sale:
        """Return the sale as it is, priced again where what its price rests on has changed.

        Raises: RefusedError CODE_USED_UP, LIMIT_REACHED, and as `quote_of`.
        """
        sale = self.sale
        if not self.standing.is_held:
            sales.check_uses(view, sale)
        if view.counters.get(erased_counter(sale.account)):  # since the card was shown, perhaps
            sale = for_nobody(sale)
        facts = self.standing.moved(sale.frozen.facts, view)
        if facts is None:
            return sale
        frozen = msgspec.structs.replace(sale.frozen, facts=facts)
        quote = quote_of(self.standing.programme, frozen)
        return msgspec.structs.replace(sale, frozen=frozen, quote=quote)

    def for_chip(self, content: bytes, settle: Callable[[View], Sale]) -> WantedSale:
        """Return the sale as the chip's writer wants it; ``settle`` gives it as it is posted."""
        return WantedSale(
            sale=self.sale,
            settle=settle,
            reads=self.reads,
            viewed=self.standing.viewed,
            content=content,
        )

    def posted(self, view: View, in_force: tuple[Programme, ...]) -> Sale:
        """Return the sale as it is posted: settled, counted, and with the codes that it hands out.

        in_force: the programmes whose meters it adds to, when it is written.
        """
        sale = sales.counted(self.settled(view), in_force)
        programme = self.standing.programme
        issued = shown_codes.issue(programme, sale.quote, sale.sale_id, sale.today)
        flags = sale.flags | how_it_came_about(programme, sale, held=self.standing.is_held)
        stands = _standing_after(programme, sale, view) if sale.account else NOT_COMPUTED
        counted = day_limits.counts_of(self.limits, sale)
        return msgspec.structs.replace(
            sale, issued=issued, flags=flags, standing_bp=stands, counted=counted
        )


def _standing_after(programme: Programme, sale: Sale, view: View) -> int:
    """Return the standing discount of the card once the sale is counted, in basis points."""
    if not programme.standing_rules:
        return 0
    facts, meters = dict(sale.frozen.facts), sale.quote.meters
    for meter, amount in meters.items():
        name = meter_fact(meter)
        # A sale of today is in every window but that of the month before.
        if name in programme.facts and programme.meters[meter].window != "prev_month":
            facts[name] = number(facts, name) + amount
    day, statuses = date.fromordinal(sale.today), programme.statuses
    states = {**view.members, **status_moves.counted(statuses, view.members, day, meters)}
    begun = status_moves.begun(statuses, states, day)
    facts |= {status_fact(name): name in begun for name in statuses}
    return standing_bp(programme, sale.frozen.now, facts)


def _credit_of(programme: Programme) -> dict[str, int]:
    """Return how far a sale may overdraw each purse of the card."""
    limits = {purse.id: purse.credit_limit for purse in programme.purses.values()}
    on_chip = chip_purse(programme)
    return limits | ({on_chip: MIRROR_CREDIT} if on_chip else {})
