"""The rows of customers who bring others: the codes that they give, and whom they have brought."""

import msgspec

from daemon.base.ids import AccountId


class InviteRow(msgspec.Struct, frozen=True):
    """A code by which a customer brings others, in one case; it has no end. account: whose.

    Of a sale: with the code as it was shown; nobody's where codes of two customers were.
    """

    code: str
    campaign: str
    account: AccountId


class FriendRow(msgspec.Struct, frozen=True):
    """Who was brought by whom, found the other way round than the profile of ``account`` says it.

    at: when, RFC 3339.
    """

    account: AccountId
    referrer: AccountId
    at: str
