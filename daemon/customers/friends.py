"""Who has brought whom: a code of a customer that a newcomer's first sale shows.

    olha's card has the code F7K2…       petro's first sale shows it     petro ← olha
    petro's second sale shows ivan's     he has bought here before       petro ← olha, as before
    olha's sale shows petro's code       she has brought him             nothing

What a code does is decided when the sale is written, with all that other tills have written until
then. Whether it counts or not, the sale goes on; the cashier is told. The profile says by whom a
customer was brought, for rules; ``friend`` says it the other way round, for dossiers.
"""

from typing import Literal, TypeAlias

import msgspec

from card_formats.code_text import normal_code
from daemon.accounts.cards import Profile
from daemon.base.ids import AccountId, SaleId
from daemon.customers.customers import customer_entry, everyone_in
from daemon.customers.profiles import brought_by, person_of
from daemon.ledger.entries import CounterMove
from daemon.ledger.sale_records import Sale
from daemon.ledger.storage.friend_queries import BOUGHT_OR_WAITS, INVITE, VISITS
from daemon.ledger.storage.friend_rows import FriendRow, InviteRow
from daemon.ledger.storage.rows import CustomerRow
from daemon.ledger.storage.store import Change, KeptRow, Store
from daemon.programme.codes import invites
from daemon.programme.names import INVITE_FRIEND
from daemon.programme.programme import Programme

Misfit: TypeAlias = Literal[
    "", "two", "ended", "no_card", "own", "brought", "bought", "contact", "circle"
]
"""Why a code of a friend does not count; "" where it does."""
NO_END = 10**15
"""How many sales may show such a code."""
FRIENDS_MOVED = CounterMove("@friends", 1)
"""Rises with each change of who has brought whom. Whoever writes it comes after all who did: no
two tills close a circle, each with the half that the other does not see."""


def misfit(
    store: Store, programme: Programme, invite: InviteRow, account: AccountId, sale_id: SaleId
) -> Misfit:
    """Say why a code does not count in a sale to an account, or "".

    sale_id: of the sale, which is no purchase before itself.
    """
    if not invite.account:
        return "two"
    # Since the code was looked up it may have gone to another account, or with its customer.
    now = store.ask_one(INVITE, normal_code(invite.code))
    is_theirs = now is not None and now.account == invite.account
    if not (is_theirs and invites(programme, invite.campaign)):
        return "ended"
    if not account:
        return "no_card"
    if invite.account == account:
        return "own"
    profile = person_of(store, account).profile
    if profile.referrer not in ("", invite.account):
        return "brought"
    if _has_bought(store, account, sale_id):
        return "bought"
    if _share_contact(profile, person_of(store, invite.account).profile):
        return "contact"
    return "circle" if account in brought_by(store, invite.account) else ""


def befriend_as_priced(store: Store, programme: Programme, sale: Sale, at: str) -> None:
    """Write down who has brought the customer of a sale whose chip is written already.

    It is posted as it was priced. What stands in the way by now is not passed over: the customer
    was brought by nobody, or by whoever came first.
    """
    if INVITE_FRIEND in sale.frozen.facts:
        befriend(store, programme, msgspec.structs.replace(sale, at=at))


def befriend(store: Store, programme: Programme, sale: Sale) -> None:
    """Write down who has brought the customer of a sale that is about to be written."""
    if sale.invite is None:
        return
    profile = person_of(store, sale.account).profile
    if profile.referrer or misfit(store, programme, sale.invite, sale.account, sale.sale_id):
        return
    said = {"event": "brought", "referrer": sale.invite.account, "by": sale.cashier}
    said |= {"sale": sale.sale_id}
    entry = customer_entry(sale.at, sale.account, said)
    entry = msgspec.structs.replace(entry, counters=(FRIENDS_MOVED,))
    rows = friendship(sale.account, profile, sale.invite.account, sale.at)
    store.write(Change(entry=entry, rows=rows))


def friendship(
    account: AccountId, profile: Profile, referrer: AccountId, at: str
) -> tuple[KeptRow, ...]:
    """Return the rows of a customer who was brought by ``referrer``."""
    profile = msgspec.structs.replace(profile, referrer=referrer)
    return (
        CustomerRow(account, msgspec.json.encode(profile)),
        FriendRow(account, referrer, at),
    )


def _has_bought(store: Store, account: AccountId, sale_id: SaleId) -> bool:
    """Whether an account has a purchase: a posted one, unless all came back, or one at a chip."""
    state = store.ask_one(BOUGHT_OR_WAITS, account, sale_id)
    if state != "posted":
        return state is not None
    sums = [store.ask_one(VISITS, one) for one in everyone_in(store, account)]
    visits = [count for count in sums if count is not None]
    return not visits or any(visits)


def _share_contact(one: Profile, other: Profile) -> bool:
    same_phone = bool(one.phone) and one.phone == other.phone
    return same_phone or (bool(one.email) and one.email.lower() == other.email.lower())
