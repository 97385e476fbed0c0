"""The facts that a price follows from: what the ledger knows, the card says, the till may tell.

A rule never sees the ledger. It sees facts by name (``meter.spend``, ``purse.bonus``,
``card.birthday``, ``flag.staff``), gathered here once and frozen with the quote, so that the same
facts give the same price for ever: at a return, after a restart, in a dispute.
"""

from collections.abc import Callable
from datetime import date

import msgspec

from card_formats.number_ranges import NumberRange
from daemon.accounts import shown_codes
from daemon.accounts.cards import Account
from daemon.accounts.shown_codes import number
from daemon.base.ids import NO_ACCOUNT, NO_SALE, SaleId
from daemon.base.permissions import OperatorRole
from daemon.ledger.chip_owed import chip_purse, owed_purse
from daemon.ledger.sale_rows import SaleRow
from daemon.ledger.storage.store import NO_REQUEST, OF_CARD, Reads, Store, View
from daemon.programme.basket import Fact
from daemon.programme.names import CARD_ACCOUNT, gift_fact, purse_fact
from daemon.programme.programme import Programme
from daemon.sale.presentations import NO_CARD_NAMED, NamedCard, Presentation
from daemon.sale.standing import Standing, profile_facts
from daemon.sale.terms import SaleTerms
from daemon.shop.shop import Moment

TILL_FACTS = ("channel", "flag.", "order.", "ask.")
"""How the facts begin that a till may tell; others that it sends are ignored."""


class LedgerFacts(msgspec.Struct, frozen=True):
    """What the ledger said at one moment of a sale that a till names.

    view:     the request's stored answer, the sale's row, its card.
    named:    that card, as the till named it.
    standing: what the price rests on. facts: what it follows from, of the codes too; None where
              nothing is priced: it was answered before, is written already, has no such card.
    """

    view: View
    moment: Moment
    standing: Standing
    named: NamedCard = NO_CARD_NAMED
    facts: dict[str, Fact] | None = None

    def serves(self, presentation: Presentation | None, codes: tuple[str, ...]) -> bool:
        """Whether a price for this card and these codes can be made from it."""
        account = presentation.account.account if presentation else NO_ACCOUNT
        mine = self.standing
        return self.facts is not None and (mine.account, mine.codes) == (account, codes)

    def with_sale(self, row: SaleRow | None) -> "LedgerFacts":
        """Return the same with a sale's row that was read again."""
        return msgspec.structs.replace(self, view=msgspec.structs.replace(self.view, sale=row))


class SaleQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """What one sale asks of the ledger before it is priced: all in one question, without codes.

    standing: as far as it is known. named: its card.
    request, sale_id: a request that may have been answered, and its sale.
    """

    standing: Standing
    moment: Moment
    named: NamedCard = NO_CARD_NAMED
    request: tuple[str, str] = NO_REQUEST
    sale_id: SaleId = NO_SALE
    priced: bool = True

    def asked(self, store: Store) -> LedgerFacts:
        """Ask it."""
        reads = self._reads()
        view = store.view(reads, self.request)
        standing, card = self.standing, view.card
        known = LedgerFacts(view, self.moment, standing, self.named)
        no_card = standing.account == OF_CARD and card is None
        if not self.priced or no_card or view.request is not None or view.sale is not None:
            return known
        if standing.account == OF_CARD:
            assert card is not None
            standing = standing.of(card.account)
        seen = standing.viewed(store, view, reads.of(standing.account))
        return msgspec.structs.replace(
            known, standing=standing.as_of(seen), facts=standing.facts(seen)
        )

    def with_codes(
        self, store: Store, codes: tuple[str, ...], ranges: tuple[NumberRange, ...]
    ) -> LedgerFacts:
        """Look up codes that were shown, and ask with them.

        ranges: where a gift card's number may lie. Raises: as `shown_codes.look_up`.
        """
        mine, (_, at, today) = self.standing, self.moment
        shown = shown_codes.look_up(store, mine.programme, codes, mine.account, at, today, ranges)
        standing = msgspec.structs.replace(
            mine, codes=codes, gifts=shown.gifts, invite=shown.invite
        )
        known = msgspec.structs.replace(self, standing=standing).asked(store)
        return msgspec.structs.replace(known, facts=(known.facts or {}) | shown.facts)

    def _reads(self) -> Reads:
        card = self.named.reads
        reads = self.standing.reads(self.sale_id) if self.priced else Reads(sale_id=self.sale_id)
        return msgspec.structs.replace(
            reads,
            identifier=card.identifier,
            card_id=card.card_id,
            profile_of=card.profile_of or reads.profile_of,
        )


def told_facts(terms: SaleTerms, role_of: Callable[[str], OperatorRole]) -> dict[str, Fact]:
    """Return what the till says of a sale. What the ledger knows is never taken from its word.

    role_of: what a cashier of a name is, such as ``senior``: the shop's own word.
    """
    facts = {name: fact for name, fact in terms.facts.items() if name.startswith(TILL_FACTS)}
    if terms.cashier:
        facts["cashier"] = terms.cashier
        facts["role"] = role_of(terms.cashier).value
    return facts


def card_facts(account: Account) -> dict[str, Fact]:
    """Return what a card and its customer's profile say."""
    card = account.card
    facts: dict[str, Fact] = {
        CARD_ACCOUNT: account.account,
        "card.kind": card.kind,
        "card.issuer": card.issuer,
    }
    return facts | profile_facts(account.profile)


def with_chip_balance(
    facts: dict[str, Fact], programme: Programme, presentation: Presentation | None
) -> dict[str, Fact]:
    """Return ``facts`` with what the chip itself holds in place of what the ledger mirrors.

    Of what the chip is owed only a debt counts: it will be taken at this very tap. Without the
    chip the purse is not there at all, and a gift card has none.
    """
    purse = chip_purse(programme)
    if not purse:
        return facts
    owed = number(facts, purse_fact(owed_purse(purse)))
    kept = {n: f for n, f in facts.items() if n not in (purse_fact(purse), gift_fact(purse))}
    if presentation is not None and presentation.balance is not None:
        kept[purse_fact(purse)] = max(0, presentation.balance + min(owed, 0))
    return kept


def ordinal_counters(programme: Programme, today: date) -> tuple[str, ...]:
    """Return the counters of sales, of the day and of all, where a rule asks which sale it is."""
    return (f"@ordinal:day:{today}", "@ordinal:life") if programme.ordinals else ()
