"""Rows of mailings: for whom, what is said, and one row a message.

An audience and a mailing name accounts. Only a message holds a contact, and it goes with the
person.
"""

import msgspec

from daemon.base.ids import NO_ACCOUNT, NO_LEDGER, AccountId, LedgerId


class AudienceRow(msgspec.Struct, frozen=True):
    """Whom a mailing may be for, as a report has chosen them.

    audience: ``au-2026-0001``. made_at: RFC 3339. title: what the shop calls it.
    kind:     ``list`` (the accounts are frozen) or ``question`` (asked anew when it is used).
    question: JSON of what was asked. count: accounts that there were.
    upload:   of a list, under which its parts stand.
    """

    audience: str
    made_at: str
    by: str
    title: str
    kind: str
    question: str
    count: int
    upload: str


class AudiencePartRow(msgspec.Struct, frozen=True):
    """Some accounts of a frozen list: a packed JSON list. part: from 0, without gaps."""

    upload: str
    part: int
    accounts: bytes


class MailingRow(msgspec.Struct, frozen=True):
    """One text to many customers.

    mailing:   ``m-2026-0007``. made_at: RFC 3339. by: who wrote it.
    channel:   ``sms viber email post``. texts: JSON, by language.
    control_percent: of the audience that gets nothing, to compare with.
    cost:      of a message, or a part of an SMS, in minor units.
    not_before: RFC 3339, or "".
    state:     ``draft checked approved sending done stopped``.
    counts:    JSON, how many of the audience by each reason, when it was checked; "" before.
    parts:     messages that are paid for then. longest: whose text is the longest, or "".
    approved:  JSON list of the names of who has approved it, or "".
    ledger_id: of the till that sends it; ends_at: when it was done or stopped, or "".
    """

    mailing: str
    made_at: str
    by: str
    channel: str
    texts: str
    audience: str
    control_percent: int
    cost: int
    not_before: str
    state: str
    counts: str = ""
    parts: int = 0
    longest: AccountId = NO_ACCOUNT
    approved: str = ""
    ledger_id: LedgerId = NO_LEDGER
    ends_at: str = ""


class MessageRow(msgspec.Struct, frozen=True):
    """What one customer is sent by a mailing, and what came of it.

    contact:   a telephone, an e-mail or an address; "" where the customer was erased.
    state:     ``queued trying accepted refused unknown delivered bounced exported``, and
               ``control`` of whoever gets nothing, to compare with.
    at:        when it came to be so, RFC 3339. tries: how often a gateway was called.
    again_at:  of a queued one: not before then, RFC 3339, or "".
    provider_id: what the gateway calls it. error: what the gateway said. parts: paid for.
    """

    mailing: str
    account: AccountId
    channel: str
    contact: str
    state: str
    at: str
    tries: int = 0
    again_at: str = ""
    provider_id: str = ""
    error: str = ""
    parts: int = 1


class OccasionRow(msgspec.Struct, frozen=True):
    """An occasion of a customer's that a trigger has seen: none is seen twice.

    name:     the trigger's. occasion: such as the year of a birthday.
    account:  or "" for the day itself: the trigger was asked on it.
    day:      on which it was seen (ordinal). mailing: that writes to the customer, or "".
    """

    name: str
    account: AccountId
    occasion: str
    day: int
    mailing: str
