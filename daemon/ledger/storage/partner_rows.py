"""The rows of referral partners: who they are, and whom they have sent."""

import msgspec

from daemon.base.ids import AccountId, LedgerId


class PartnerRow(msgspec.Struct, frozen=True):
    """A partner, or somebody who works for one.

    code:    ``P0007``, of an employee ``P0007-02``; rules and coupons may name it.
    account: whose purses its rewards go to. kind: ``partner`` or ``employee``.
    partner: the partner's account, of an employee; "" of a partner.
    pay:     ``partner``: all rewards are paid to the organisation; ``each``: to whom earned them.
    state:   ``active`` or ``closed``. since: when it was added, RFC 3339.
    """

    code: str
    account: AccountId
    kind: str
    partner: AccountId
    name: str
    contact: str
    pay: str
    state: str
    since: str


class AssignmentRow(msgspec.Struct, frozen=True):
    """Who has sent a customer from ``at`` (RFC 3339) on, until the next one; kept for ever.

    partner, employee: accounts; "" for nobody. operator: who wrote it down.
    ledger_id, seq:    of the entry that says so.
    """

    account: AccountId
    at: str
    ledger_id: LedgerId
    seq: int
    partner: str
    employee: str
    operator: str

    def placed(self, ledger_id: LedgerId, seq: int) -> "AssignmentRow":
        """Return the row as it is written with the entry ``seq``."""
        return msgspec.structs.replace(self, ledger_id=ledger_id, seq=seq)


class StatementRow(msgspec.Struct, frozen=True):
    """What a partner was told about a period. ``contents`` is JSON, as of the day it was issued.

    number:  ``S-2026-000007 Sample shop``: without gaps of a company and a year; of an alliance
             ``L-2026-000001``.
    partner: the account; of an alliance ``@alliance:acme``. first, last: local days (ordinals).
    state:   ``issued part_paid paid void``.
    payable, paid: in the purse's unit, by payee and purse (``P0007 reward``), as JSON; of an
             alliance in minor units, payable as ``closing``, paid by its day.
    """

    number: str
    partner: AccountId
    first: int
    last: int
    state: str
    payable: str
    paid: str
    contents: bytes
