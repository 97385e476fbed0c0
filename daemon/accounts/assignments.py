"""Whom a customer was sent by: from a code to accounts, and the history of it.

The newest assignment holds, for sales from then on. What was sold before stays with whom it was
sold for: each sale has frozen its partner.
"""

from datetime import datetime
from typing import NamedTuple

from daemon.base.business_day import BusinessDays
from daemon.base.ids import NO_LEDGER, AccountId
from daemon.base.refusals import ParamError
from daemon.ledger.storage.partner_queries import (
    ASSIGNMENTS_OF,
    PARTNER,
    PARTNER_BY_ACCOUNT,
)
from daemon.ledger.storage.partner_rows import AssignmentRow, PartnerRow
from daemon.ledger.storage.store import Store

EMPLOYEE, ORGANISATION, ACTIVE = "employee", "partner", "active"
ITS_OWN = -1
"""In place of an entry's number: the entry that is written with the row."""


class SentBy(NamedTuple):
    """Accounts of who has sent a customer; "" is nobody."""

    partner: str = ""
    employee: str = ""


def partner_named(store: Store, text: str) -> PartnerRow | None:
    """Return the partner or employee of a code, whatever the case of its letters, or an account."""
    return store.ask_one(PARTNER, text.strip().upper()) or store.ask_one(PARTNER_BY_ACCOUNT, text)


def sent_by(store: Store, account: AccountId, partner: str, employee: str, path: str) -> SentBy:
    """Return who sends a customer from now on, as named by codes or accounts.

    An employee alone is enough: the partner is whom they work for.
    path: what the parameters' names begin with. Raises: ParamError.
    """
    if not (partner or employee):
        return SentBy()
    works = _known(store, employee, EMPLOYEE, f"{path}employee") if employee else None
    named = partner or (works.partner if works else "")
    organisation = _known(store, named, ORGANISATION, f"{path}partner")
    if works is not None and works.partner != organisation.account:
        raise ParamError(f"{path}employee", f"{works.code} does not work for {organisation.code}")
    if account in (organisation.account, works.account if works else ""):
        raise ParamError(f"{path}partner", "nobody is assigned to themselves")
    return SentBy(organisation.account, works.account if works else "")


def _known(store: Store, text: str, kind: str, path: str) -> PartnerRow:
    row = partner_named(store, text)
    if row is None or row.kind != kind:
        raise ParamError(path, f"{text!r} is no {kind} of the directory; write such as P0007")
    if row.state != ACTIVE:
        raise ParamError(path, f"{row.code} is closed")
    return row


def assignment(account: AccountId, at: str, who: SentBy, by: str) -> AssignmentRow:
    """Return the row of an assignment that the entry beside it says. at: RFC 3339."""
    return AssignmentRow(account, at, NO_LEDGER, ITS_OWN, who.partner, who.employee, by)


def sent_days(
    store: Store, account: AccountId, partner: str, now: datetime, days: BusinessDays
) -> int:
    """Return how many days ago a customer was first assigned to a partner; 0 is today."""
    times = (row.at for row in store.ask(ASSIGNMENTS_OF, account) if row.partner == partner)
    first = next(times, None)
    if first is None:
        return 0
    begun = days.day_of(datetime.fromisoformat(first))
    return max(0, (days.day_of(now) - begun).days)
