"""Finding a customer among a million: by card, telephone, e-mail or name.

Everything is the beginning of a key (`search_keys`), so that an index answers it:

    "2900000000018"   the card with this number
    "45 67"           telephones that end so, four digits or more
    "olha@"           e-mails that begin so
    "ol dem"          names with a word that begins with each of these, in any order

Of several words the rarest leads and the others are looked up beside it. Where all are common,
only the first LOOKED_AT_MAX with the rarest are looked at: a search says so with ``more``, as it
does of all that it did not bring.
"""

from typing import Annotated

import msgspec

from card_formats.credential import mask
from daemon.accounts.cards import Cards, profile_in
from daemon.base.ids import AccountId
from daemon.base.params import Params
from daemon.base.refusals import RefusedError
from daemon.base.text_limits import SaidText
from daemon.customers.search_keys import EMAIL, PHONE, PHONE_DIGITS_MIN, digits_of, words
from daemon.ledger.erased import notice
from daemon.ledger.ledger import Ledger
from daemon.ledger.storage.customer_queries import (
    ACCOUNTS_BY_KEY,
    KEYS_LIKE,
    accounts_by_words,
)
from daemon.ledger.storage.queries import CARD_BY_IDENTIFIER, CARDS_OF, CUSTOMER
from daemon.ledger.storage.store import Store

FOUND_MAX = 50
WORDS_MAX = 5
"""Words of a search that are looked for; the next ones say nothing more of a name."""
LOOKED_AT_MAX = 2_000
_LAST = "\U0010ffff"
"""Greater than every letter, in the order of bytes that keys are kept in."""


class FindTerms(Params, frozen=True, kw_only=True):
    """Whom to find: a card's number, the end of a telephone, an e-mail, beginnings of a name."""

    text: SaidText
    limit: Annotated[int, msgspec.Meta(ge=1, le=FOUND_MAX)] = 20


class FoundCustomer(msgspec.Struct, frozen=True, kw_only=True):
    """A customer, as far as it takes to tell two apart. Numbers are masked.

    notice: a sentence where the person was erased, or "".
    """

    account: AccountId
    name: str
    phone: str
    birthday: str
    cards: tuple[str, ...]
    notice: str = ""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Who was found, by name. ``more``: there may be others; say more of whom you look for."""

    customers: tuple[FoundCustomer, ...]
    more: bool


class Searching:
    """Finds customers."""

    def __init__(self, ledger: Ledger, cards: Cards) -> None:
        self._ledger = ledger
        self._cards = cards

    async def find(self, terms: FindTerms) -> Found:
        """Find customers.

        Raises: RefusedError RATE_LIMITED for a client that has guessed at too many cards' numbers.
        """
        async with self._cards.guesses.trying():
            found, guessed = await self._ledger.read(lambda store: self.look(store, terms))
            if guessed:
                self._cards.guesses.note()
            return found

    def look(self, store: Store, terms: FindTerms) -> tuple[Found, bool]:
        """Find customers in a store; say too whether it was a card's number, and nobody's."""
        by_card, is_number = self._by_card(store, terms.text)
        by_keys, is_wide = _by_keys(store, terms.text, terms.limit + 1)
        accounts = list(dict.fromkeys((*by_card, *by_keys)))
        people = [shown_customer(store, account) for account in accounts[: terms.limit]]
        people.sort(key=lambda one: (one.name.casefold(), one.account))
        more = is_wide or len(accounts) > terms.limit
        return Found(customers=tuple(people), more=more), is_number and not accounts

    def _by_card(self, store: Store, text: str) -> tuple[list[AccountId], bool]:
        try:
            identifier = self._cards.identifier(text)
        except RefusedError:
            return [], False
        card = store.ask_one(CARD_BY_IDENTIFIER, *identifier)
        return ([card.account] if card else []), True


def _by_keys(store: Store, text: str, limit: int) -> tuple[list[AccountId], bool]:
    """Return whose keys are meant, and whether others may be that were not looked at."""
    digits = digits_of(text)
    if "@" in text:
        email = text.strip().lower()
        return store.ask(ACCOUNTS_BY_KEY, EMAIL, *_beginning(email), limit), False
    if digits:
        if len(digits) < PHONE_DIGITS_MIN:
            return [], False
        return store.ask(ACCOUNTS_BY_KEY, PHONE, *_beginning(digits[::-1]), limit), False
    wanted = list(dict.fromkeys(words(text)))[:WORDS_MAX]
    return _by_words(store, wanted, limit) if wanted else ([], False)


def _by_words(store: Store, wanted: list[str], limit: int) -> tuple[list[AccountId], bool]:
    counts = {word: _count(store, word) for word in wanted} if len(wanted) > 1 else {}
    rarest, *others = sorted(wanted, key=lambda word: counts.get(word, 0))
    beside = [value for one in others for value in _beginning(one)]
    question = accounts_by_words(len(wanted))
    found = store.ask(question, *_beginning(rarest), LOOKED_AT_MAX, *beside, limit)
    return found, counts.get(rarest, 0) == LOOKED_AT_MAX


def _count(store: Store, word: str) -> int:
    return store.ask_one(KEYS_LIKE, *_beginning(word), LOOKED_AT_MAX) or 0


def _beginning(text: str) -> tuple[str, str]:
    return text, text + _LAST


def shown_customer(store: Store, account: AccountId) -> FoundCustomer:
    """Return a customer, as far as it takes to tell two apart."""
    row = store.ask_one(CUSTOMER, account)
    profile = profile_in(row.profile if row else b"")
    cards = store.ask(CARDS_OF, account)
    return FoundCustomer(
        account=account,
        name=profile.name,
        phone=mask(profile.phone) if profile.phone else "",
        birthday=profile.birthday,
        cards=tuple(mask(card.number) for card in cards if card.number),
        notice=notice(store, account),
    )
