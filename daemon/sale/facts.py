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
from daemon.accounts.shown_codes import ShownCodes
from daemon.base.ids import NO_ACCOUNT, AccountId, CardId
from daemon.ledger import status_moves
from daemon.ledger.chip_owed import chip_purse, owed_purse
from daemon.ledger.storage.queries import CARD, MEMBERS_OF
from daemon.ledger.storage.store import Store
from daemon.programme.basket import Fact
from daemon.programme.names import (
    CARD_ACCOUNT,
    gift_fact,
    gift_purse,
    meter_fact,
    purse_fact,
    status_fact,
    used_fact,
)
from daemon.programme.programme import Programme
from daemon.programme.windows import counters, windows
from daemon.sale.presentations import Presentation
from daemon.sale.terms import SaleTerms
from daemon.shop.shop import Moment

TILL_FACTS = ("channel", "flag.", "order.", "ask.")
"""How the facts begin that a till may tell; others that it sends are ignored."""
CASHIER = "cashier"
"""The role of everybody whom the configuration does not name."""
REFERRERS = {
    "card.referrer": "referrer",
    "card.referrer.partner": "partner",
    "card.referrer.employee": "employee",
}
"""The facts that name who sent the customer, and where a profile says it."""


class LedgerFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of the ledger for one price.

    account:  of the card, or None without one.
    codes:    those that were shown. ranges: where a gift card's number may lie.
    ordinals: the counters that say which sale the next one is, where a rule asks.
    """

    programme: Programme
    account: Account | None
    moment: Moment
    codes: tuple[str, ...]
    ranges: tuple[NumberRange, ...]
    ordinals: tuple[str, ...]

    @property
    def account_id(self) -> AccountId:
        """Return the account's id, or "" without a card."""
        return self.account.account if self.account else NO_ACCOUNT

    @property
    def counters(self) -> tuple[str, ...]:
        """Return every counter that decides the price."""
        named = counters(self.programme, self.account_id or None, self.moment.today, self.codes)
        return (*named, *self.ordinals)

    def read(self, store: Store) -> tuple[dict[str, Fact], ShownCodes]:
        """Return the facts, and what is known of the codes.

        Raises: RefusedError for a card that is not good any more, and as `shown_codes.look_up`.
        """
        _, at, today = self.moment
        used = store.counters(self.counters)
        facts: dict[str, Fact] = {used_fact(counter): count for counter, count in used.items()}
        if self.account:
            check_good(store, self.account.card.card_id, at)
            facts |= _of_account(store, self.programme, self.account_id, today)
        shown = shown_codes.look_up(
            store, self.programme, self.codes, self.account_id, at, today, self.ranges
        )
        for name in shown.facts:
            if purse := gift_purse(name):  # what gift cards hold can be burned like the card's own
                fact = purse_fact(purse)
                facts[fact] = count_of(facts, fact) + count_of(shown.facts, name)
        return facts | shown.facts | ordinal_facts(self.ordinals, used), shown


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
    card, profile = account.card, account.profile
    facts: dict[str, Fact] = {
        CARD_ACCOUNT: account.account,
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
    owed = count_of(facts, purse_fact(owed_purse(purse)))
    kept = {n: f for n, f in facts.items() if n not in (purse_fact(purse), gift_fact(purse))}
    if presentation is not None and presentation.balance is not None:
        kept[purse_fact(purse)] = max(0, presentation.balance + min(owed, 0))
    return kept


def ordinal_counters(programme: Programme, today: date) -> tuple[str, ...]:
    """Return the counters of sales, of the day and of all, where a rule asks which sale it is."""
    return (f"@ordinal:day:{today}", "@ordinal:life") if programme.ordinals else ()


def ordinal_facts(ordinals: tuple[str, ...], used: Mapping[str, int]) -> dict[str, Fact]:
    """Return which sale the next one is, by the day's and by the life's counter."""
    names = ("ordinal.day", "ordinal.life")
    return {name: used.get(key, 0) + 1 for name, key in zip(names, ordinals, strict=False)}


def count_of(facts: Mapping[str, Fact], name: str) -> int:
    """Return a counted fact, or 0 where there is none."""
    return shown_codes.number(facts, name)


def check_good(store: Store, card_id: CardId, now: str) -> None:
    """Refuse a card that was blocked, or has run out, since it was shown."""
    card = store.ask_one(CARD, card_id)
    if card is not None:
        refuse_unusable(card, now)


def _of_account(
    store: Store, programme: Programme, account: AccountId, today: date
) -> dict[str, Fact]:
    """Return what the ledger knows of an account: statuses, meters, purses."""
    states = status_moves.states_of(store.ask(MEMBERS_OF, account))
    begun = status_moves.begun(programme.statuses, states, today)
    facts: dict[str, Fact] = {status_fact(name): name in begun for name in programme.statuses}
    spans = {
        meter: (window[0].toordinal(), window[1].toordinal()) if window else None
        for meter, window in windows(programme, today, begun).items()
    }
    facts |= {meter_fact(meter): n for meter, n in store.meters(account, spans).items()}
    for purse, state in store.purses(account).items():
        facts[purse_fact(purse)] = state.available(today.toordinal())
    return facts
