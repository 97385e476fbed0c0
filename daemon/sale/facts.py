"""The facts that a price follows from: what the ledger knows, the card says, the till may tell.

A rule never sees the ledger. It sees facts by name (``meter.spend``, ``purse.bonus``,
``card.birthday``, ``flag.staff``), gathered here once and frozen with the quote, so that the same
facts give the same price for ever: at a return, after a restart, in a dispute.
"""

from collections.abc import Mapping
from datetime import date

import msgspec

from card_formats.number_ranges import NumberRange
from daemon.accounts import shown_codes
from daemon.accounts.cards import Account, refuse_unusable
from daemon.accounts.shown_codes import ShownCodes, number
from daemon.base.ids import NO_ACCOUNT, NO_SALE, CardId
from daemon.ledger.chip_owed import chip_purse, owed_purse
from daemon.ledger.storage.queries import CARD
from daemon.ledger.storage.store import Store
from daemon.programme.basket import Fact
from daemon.programme.names import CARD_ACCOUNT, gift_fact, purse_fact
from daemon.programme.programme import Programme
from daemon.sale.presentations import Presentation
from daemon.sale.standing import Standing, profile_facts
from daemon.sale.terms import SaleTerms
from daemon.shop.shop import Moment

TILL_FACTS = ("channel", "flag.", "order.", "ask.")
"""How the facts begin that a till may tell; others that it sends are ignored."""
CASHIER = "cashier"
"""The role of everybody whom the configuration does not name."""


class LedgerFacts(msgspec.Struct, frozen=True):
    """What the ledger knows at one moment: facts, of the codes too, and what they rest on."""

    facts: dict[str, Fact]
    shown: ShownCodes
    standing: Standing


def ledger_facts(
    store: Store,
    programme: Programme,
    account: Account | None,
    moment: Moment,
    codes: tuple[str, ...],
    ranges: tuple[NumberRange, ...],
) -> LedgerFacts:
    """Ask the ledger for one price.

    account: of the card, or None without one. codes: those that were shown. ranges: where a gift
             card's number may lie.
    Raises: RefusedError for a card that is not good any more, and as `shown_codes.look_up`.
    """
    _, at, today = moment
    if account:
        check_good(store, account.card.card_id, at)
    account_id = account.account if account else NO_ACCOUNT
    shown = shown_codes.look_up(store, programme, codes, account_id, at, today, ranges)
    standing = Standing(
        programme=programme,
        account=account_id,
        today=today,
        codes=codes,
        gifts=shown.gifts,
        ordinals=ordinal_counters(programme, today),
    )
    reads = standing.reads(NO_SALE)
    view = standing.viewed(store, store.view(reads), reads)
    return LedgerFacts(standing.facts(view) | shown.facts, shown, standing.as_of(view))


def told_facts(terms: SaleTerms, roles: Mapping[str, str]) -> dict[str, Fact]:
    """Return what the till says of a sale. What the ledger knows is never taken from its word.

    roles: what a cashier is beside a cashier, such as ``senior``, by name: the shop's own word.
    """
    facts = {name: fact for name, fact in terms.facts.items() if name.startswith(TILL_FACTS)}
    if terms.cashier:
        facts["cashier"] = terms.cashier
        facts["role"] = roles.get(terms.cashier, CASHIER)
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


def check_good(store: Store, card_id: CardId, now: str) -> None:
    """Refuse a card that was blocked, or has run out, since it was shown."""
    card = store.ask_one(CARD, card_id)
    if card is not None:
        refuse_unusable(card, now)
