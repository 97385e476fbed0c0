"""What is kept of people, table by table: which rows go when somebody is erased, and how.

Every table of the database stands in GOES or in STAYS. Whoever adds one says here which it is, and
a test fails until that is done (`test_every_table_goes_with_a_person_or_says_why_it_stays`).
"""

import secrets
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from daemon.accounts.act_contents import names_of
from daemon.accounts.cards import TOKEN_BYTES, token_hash
from daemon.base.ids import AccountId
from daemon.customers import search_keys
from daemon.customers.import_columns import Problem
from daemon.ledger.storage.card_queries import WRITE_OFFS_AFTER
from daemon.ledger.storage.card_rows import ActRow
from daemon.ledger.storage.customer_queries import KEYS_OF, PHOTO_KINDS, SALE_ROWS_OF
from daemon.ledger.storage.customer_rows import CustomerKeyRow, CustomerPrivateRow, PhotoRow
from daemon.ledger.storage.friend_queries import INVITES_OF
from daemon.ledger.storage.friend_rows import InviteRow
from daemon.ledger.storage.import_queries import (
    FORGOTTEN_TOGETHER,
    IMPORT_LINES_OF_ACCOUNT,
    KEYS_AT_LINE,
    KEYS_UPLOAD_AFTER,
    LINES_IN_STATE,
    LINES_UPLOAD_AFTER,
    WAITING_AT_LINE,
    keys_staged,
)
from daemon.ledger.storage.import_rows import ImportKeyRow
from daemon.ledger.storage.mailing_queries import MESSAGES_OF_ACCOUNT, OCCASIONS_OF_ACCOUNT
from daemon.ledger.storage.mailing_rows import OccasionRow
from daemon.ledger.storage.packing import packed, unpacked
from daemon.ledger.storage.partner_queries import ANSWERS_TO, PARTNER_BY_ACCOUNT
from daemon.ledger.storage.queries import CARDS_OF, DEVICES_OF, PHONE
from daemon.ledger.storage.rows import CardRow, CustomerRow, DeviceRow, PhoneRow, RequestRow
from daemon.ledger.storage.store import Gone, KeptRow, Store

NAMING = ("partner.add", "partner.change", "partner.close")
"""Methods whose answers say a name; those of all others that write name accounts."""
IMPORTS = "import/"
"""With what the name of a table of customers begins."""
ERASED_SINCE = "was erased since"
BLOCKED = ("active", "handed_out")
"""Cards that a customer has in hand: they are blocked. Others stay in their state."""
replace = msgspec.structs.replace


class Leaving(NamedTuple):
    """Who is erased. ``accounts``: the customer's, and all that were merged into it.

    keep_cards:  whether their cards go on as nobody's.
    acts_before: names on acts from before this (RFC 3339) go now; on younger ones, later.
    """

    accounts: tuple[AccountId, ...]
    keep_cards: bool
    acts_before: str


Going = Iterator[KeptRow | Gone]


def _customer(store: Store, who: Leaving) -> Going:
    yield from (Gone(CustomerRow, (account,)) for account in who.accounts)


def _customer_private(store: Store, who: Leaving) -> Going:
    yield from (Gone(CustomerPrivateRow, (account,)) for account in who.accounts)


def _customer_key(store: Store, who: Leaving) -> Going:
    for account in who.accounts:
        for row in store.ask(KEYS_OF, account):
            yield Gone(CustomerKeyRow, (row.kind, row.value, account))


def _customer_photo(store: Store, who: Leaving) -> Going:
    for account in who.accounts:
        yield from (Gone(PhotoRow, (account, kind)) for kind in store.ask(PHOTO_KINDS, account))


def _invite(store: Store, who: Leaving) -> Going:
    """Let the codes go by which a customer brings others: they bring nobody any more."""
    for account in who.accounts:
        yield from (Gone(InviteRow, (row.code,)) for row in store.ask(INVITES_OF, account))


def _import_line(store: Store, who: Leaving) -> Going:
    """Yield rows of imports without who the customer was before: they are not undone any more.

    One that waits is not applied any more: it says who the customer is to be.
    """
    for account in who.accounts:
        for row in store.ask(IMPORT_LINES_OF_ACCOUNT, account):
            yield replace(row, state="stays", said="", before="", note=ERASED_SINCE)
    for upload, line in sorted(_lines_that_wait(store, who)):
        for row in store.ask(WAITING_AT_LINE, upload, line):
            yield replace(row, state="left", said="", note=ERASED_SINCE)
    yield from _lines_that_are_wrong(store, who)


def _lines_that_are_wrong(store: Store, who: Leaving) -> Going:
    """Yield rows that are bad because somebody is a customer already, without what they said."""
    upload = IMPORTS
    while upload := store.ask_one(LINES_UPLOAD_AFTER, upload, f"{IMPORTS[:-1]}0") or "":
        position = 0
        while rows := store.ask(LINES_IN_STATE, upload, "bad", position, FORGOTTEN_TOGETHER):
            position = rows[-1].position + 1
            for row in rows:
                if any(account in row.said for account in who.accounts):
                    problems = msgspec.json.decode(row.said, type=list[Problem])
                    left = [replace(one, value="") for one in problems]
                    yield replace(row, said=msgspec.json.encode(left).decode())


def _import_key(store: Store, who: Leaving) -> Going:
    for upload, line in sorted(_lines_that_wait(store, who)):
        for row in store.ask(KEYS_AT_LINE, upload, line):
            yield Gone(ImportKeyRow, (upload, row.kind, row.value))


def _lines_that_wait(store: Store, who: Leaving) -> set[tuple[str, int]]:
    """Return which rows of tables that wait are of a customer: by account, card or contact."""
    values: defaultdict[str, set[str]] = defaultdict(set)
    values["account"] |= set(who.accounts)
    values["card"] |= {card.number for card in cards_of(store, who.accounts) if card.number}
    for account in who.accounts:
        for key in store.ask(KEYS_OF, account):
            if key.kind in (search_keys.PHONE, search_keys.EMAIL):
                values[key.kind].add(key.value)
    found = set[tuple[str, int]]()
    upload = IMPORTS
    while upload := store.ask_one(KEYS_UPLOAD_AFTER, upload, f"{IMPORTS[:-1]}0") or "":
        for kind, some in values.items():
            for row in store.ask(keys_staged(len(some)), upload, kind, *some) if some else ():
                found.add((upload, row.line))
    return found


def _message(store: Store, who: Leaving) -> Going:
    """Yield messages without where they went."""
    for account in who.accounts:
        for row in store.ask(MESSAGES_OF_ACCOUNT, account):
            yield replace(row, contact="", error="")


def _occasion(store: Store, who: Leaving) -> Going:
    """Forget a person's occasions: they say when a birthday is."""
    for account in who.accounts:
        for row in store.ask(OCCASIONS_OF_ACCOUNT, account):
            yield Gone(OccasionRow, (row.name, row.account, row.occasion))


def _card(store: Store, who: Leaving) -> Going:
    """Yield cards without their holders' names; of those that are blocked no page opens."""
    for card in cards_of(store, who.accounts):
        if who.keep_cards:
            yield replace(card, holder="")
        else:
            state = "blocked" if card.state in BLOCKED else card.state
            token = token_hash(secrets.token_urlsafe(TOKEN_BYTES))
            yield replace(card, holder="", state=state, token_hash=token)


def _phone(store: Store, who: Leaving) -> Going:
    """Let no phone go on with a card. One that goes on itself may be given to a phone anew."""
    for card in cards_of(store, who.accounts):
        phone = store.ask_one(PHONE, card.card_id)
        if phone is None:
            continue
        if who.keep_cards:  # gone, it would begin again with keys that the old phone has
            yield replace(phone, generation=phone.generation + 1)
        else:
            yield Gone(PhoneRow, (card.card_id,))


def _pass_device(store: Store, who: Leaving) -> Going:
    for card in cards_of(store, who.accounts):
        for row in store.ask(DEVICES_OF, card.card_id):
            yield Gone(DeviceRow, (row.device, row.card_id))


def _sale(store: Store, who: Leaving) -> Going:
    for account in who.accounts:
        for row in store.ask(SALE_ROWS_OF, account):
            if (nobodys := row.nobodys()) is not None:
                yield nobodys


def _act(store: Store, who: Leaving) -> Going:
    for row in acts_naming(store, who.accounts):
        if row.made_at < who.acts_before:
            yield without_names(row, who.accounts)


def _partner(store: Store, who: Leaving) -> Going:
    """Yield a partner who is closed without the name; one who is not is not erased."""
    for account in who.accounts:
        if (row := store.ask_one(PARTNER_BY_ACCOUNT, account)) is not None:
            yield replace(row, name="", contact="")


def _request(store: Store, who: Leaving) -> Going:
    """Forget what was answered of a partner by name; no other answer that is kept names people."""
    partners = [one for one in who.accounts if store.ask_one(PARTNER_BY_ACCOUNT, one) is not None]
    for method in NAMING if partners else ():
        after = ""
        while rows := store.ask(ANSWERS_TO, method, after):
            for row in rows:
                if any(f'"account":"{one}"'.encode() in unpacked(row.answer) for one in partners):
                    yield Gone(RequestRow, (row.method, row.request_id))
            after = rows[-1].request_id


GOES: Mapping[str, Callable[[Store, Leaving], Going]] = {
    "customer": _customer,
    "customer_private": _customer_private,
    "customer_key": _customer_key,
    "customer_photo": _customer_photo,
    "import_line": _import_line,
    "import_key": _import_key,
    "invite": _invite,
    "card": _card,
    "phone": _phone,
    "pass_device": _pass_device,
    "sale": _sale,
    "act": _act,
    "partner": _partner,
    "message": _message,
    "occasion": _occasion,
    "request": _request,
}
"""Tables that say who somebody is, and what is left of their rows."""
STAYS: Mapping[str, str] = {
    "entry": "names accounts and no people; it is the books",
    "posting": "figures of an account",
    "balance": "figures of an account",
    "lot": "figures of an account",
    "meter": "figures of an account",
    "counter": "figures; those of an account name it",
    "fact": "what an account has bought",
    "month_sum": "sums of what accounts have bought",
    "day_sum": "sums of tills",
    "account_sum": "sums of what an account has bought",
    "consent": "what an account has allowed, and when: the proof of it outlasts the person",
    "member": "where an account stands with a status; a blocked one is outside of all",
    "merged": "which accounts were one person's",
    "friend": "which accounts have brought which",
    "import": "files that were imported, by their names",
    "audience": "what a report was asked for a mailing",
    "audience_part": "accounts that a mailing may be for",
    "mailing": "a text to many; what it says of somebody is in no row",
    "assignment": "which accounts a partner has sent: what is paid rests on it",
    "identifier": "numbers of cards, which nobody else may get",
    "card_issue": "how an account came to a card",
    "code": "codes of an account",
    "chip": "what was last seen of a chip",
    "finding": "what was noticed of accounts and cashiers, and how it was judged",
    "operator": "who works in the shop; `tillcard operators close` ends that",
    "statement": "what a partner was told, in the books",
    "card_batch": "who has made cards",
    "staged_number": "numbers that wait for their cards",
    "ledger": "tills",
    "till": "tills",
    "activation": "programmes",
    "programme": "programmes",
    "questionnaire": "questions, and no answers",
    "outbox": "nothing is written there",
    "closing": "which entries close a till's runs",
    "lot_sum": "sums of purses",
    "lot_fold": "how far entries were folded into sums of purses",
    "fold": "how far old entries were gone through",
    "alembic_version": "the schema",
}
"""Tables whose rows stay, and why."""


def going(store: Store, who: Leaving) -> tuple[tuple[KeptRow, ...], tuple[Gone, ...]]:
    """Return what is left of a person's rows, and those of which nothing is."""
    every = [one for table in GOES.values() for one in table(store, who)]
    rows = tuple(one for one in every if not isinstance(one, Gone))
    return rows, tuple(one for one in every if isinstance(one, Gone))


def cards_of(store: Store, accounts: Iterable[AccountId]) -> list[CardRow]:
    """Return the cards of some accounts."""
    return [card for account in accounts for card in store.ask(CARDS_OF, account)]


def acts_naming(store: Store, accounts: Iterable[AccountId]) -> Iterator[ActRow]:
    """Yield the acts that say the name of one of some accounts' customers, the oldest first."""
    for row in write_offs(store):
        if names_of(row).recipients.keys() & set(accounts):
            yield row


def write_offs(store: Store) -> Iterator[ActRow]:
    """Yield every act that names customers: those of every company that wrote cards off."""
    place = ("W", "")
    while rows := store.ask(WRITE_OFFS_AFTER, *place):
        yield from rows
        place = (rows[-1].act, rows[-1].company)


def without_names(row: ActRow, accounts: Iterable[AccountId]) -> ActRow:
    """Return an act that names none of some accounts' customers any more."""
    names, away = names_of(row), set(accounts)
    left = {account: name for account, name in names.recipients.items() if account not in away}
    return replace(row, names=packed(msgspec.json.encode(replace(names, recipients=left))))
