"""Answers to sensitive questions, a passport's number: shown with a reason, which is kept.

They are in no profile, so neither rules, searches, lists nor a card's answer can say them. Whoever
looks says why; the entry has who, when, why and of which questions, never an answer.
"""

import msgspec

from daemon.accounts.cards import Answer
from daemon.base.approval import UNSIGNED, Signed
from daemon.base.clock import Clock, rfc3339
from daemon.base.ids import AccountId
from daemon.base.text_limits import SaidText
from daemon.customers.customers import Customers, WhoseTerms, customer_entry
from daemon.customers.profiles import person_of
from daemon.ledger.ledger import Ledger
from daemon.ledger.storage.store import Change, Store


class PrivateTerms(WhoseTerms, frozen=True, kw_only=True):
    """Whose answers are shown, to whom and why; the reason is kept for ever."""

    by: SaidText
    reason: SaidText


class PrivateShown(msgspec.Struct, frozen=True, kw_only=True):
    """The answers, by the ids of the questions."""

    account: AccountId
    answers: dict[str, Answer]


class PrivateAnswers:
    """Shows what is kept apart."""

    def __init__(self, ledger: Ledger, customers: Customers, clock: Clock) -> None:
        self._ledger = ledger
        self._customers = customers
        self._clock = clock

    async def show(self, terms: PrivateTerms, signed: Signed = UNSIGNED) -> PrivateShown:
        """Return a customer's sensitive answers once it is written down who looks at them.

        Raises: RefusedError CARD_UNKNOWN.
        """

        def read(store: Store) -> PrivateShown:
            account = self._customers.account(store, terms)
            return PrivateShown(account=account, answers=person_of(store, account).private)

        shown = await self._ledger.read(read)
        detail = {
            "event": "shown",
            "fields": list(shown.answers),
            "by": terms.by,
            "reason": terms.reason,
            **signed.approved,
        }
        entry = customer_entry(rfc3339(self._clock.now()), shown.account, detail)
        await self._ledger.write(Change(entry=entry))
        return shown
