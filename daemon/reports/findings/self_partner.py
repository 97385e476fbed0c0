"""``self_partner``: a partner or an employee is rewarded for their own purchases.

Their own account buys and they are who has sent it, as can come of a merge; or the customer whom
they have sent has their own telephone or e-mail.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from daemon.base.telephones import TelephoneError, e164
from daemon.reports.findings.detector import Detector, Found, Looking, Note, Place, cut

PHONE, EMAIL = "phone", "email"
_MAIL = re.compile(r"[^\s,;<>()]+@[^\s,;<>()]+")
_DIALLED = re.compile(r"\+?\d[\d \t().\-/]{5,}\d")


def contacts_of(text: str, country: str) -> Iterator[tuple[str, str]]:
    """Yield the e-mails and telephones in a text as customers are found by them."""
    for mail in _MAIL.findall(text):
        yield EMAIL, mail.lower()
    for dialled in _DIALLED.findall(text):
        try:
            yield PHONE, e164(dialled, country).removeprefix("+")[::-1]
        except TelephoneError:
            continue


def _find(looking: Looking) -> Sequence[Found]:
    rows = looking.rows(
        f"SELECT account, partner, employee, store, ledger_id, seq FROM {looking.facts}"
        " WHERE day = ? AND kind = 'sale' AND account <> '' AND (partner <> '' OR employee <> '')",
        looking.day,
    )
    if not rows:
        return ()
    partners = looking.rows("SELECT account, contact FROM partner WHERE contact <> ''")
    country = looking.watched.country
    contacts = {account: set(contacts_of(text, country)) for account, text in partners}
    places: defaultdict[str, list[Place]] = defaultdict(list)
    stores: defaultdict[str, set[str]] = defaultdict(set)
    for account, partner, employee, store, ledger_id, seq in rows:
        for payee in dict.fromkeys(one for one in (partner, employee) if one):
            its_own = looking.whose(payee) == account
            if its_own or _is_one(looking, account, contacts.get(payee, set())):
                places[payee].append((ledger_id, seq))
                stores[payee].add(store)
    return [
        Found(subject=payee, value=len(those), threshold=0, evidence=cut(those, stores[payee]))
        for payee, those in sorted(places.items())
    ]


def _is_one(looking: Looking, account: str, contacts: set[tuple[str, str]]) -> bool:
    """Whether a customer is found by one of these contacts."""
    return any(
        looking.rows(
            "SELECT 1 FROM customer_key WHERE kind = ? AND value = ? AND account = ?",
            kind,
            value,
            account,
        )
        for kind, value in contacts
    )


SELF_PARTNER = Detector(
    name="self_partner",
    about="account",
    unit="count",
    days=1,
    means=Note(
        "A partner is rewarded for what they buy themselves.",
        "Партнер отримує винагороду за власні покупки.",
    ),
    innocent=Note("Never, unless the shop has agreed to it.", "Ніколи, якщо магазин не дозволив."),
    find=_find,
)
