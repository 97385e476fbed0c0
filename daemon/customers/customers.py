"""What is known of customers, changed by somebody; every change is an entry that names no value."""

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec

from daemon.accounts.cards import PROFILE_TEXTS_MAX, Answer, Cards, Said
from daemon.base.approval import UNSIGNED, Approvable, Signed
from daemon.base.clock import Clock, rfc3339
from daemon.base.ids import AccountId
from daemon.base.refusals import ErrorCode, ParamError, RefusedError
from daemon.base.text_limits import IdText, RequestId, Text
from daemon.customers.consents import (
    ConsentError,
    channels,
    consent_change,
    consent_row,
    moment_said,
)
from daemon.customers.profiles import Person, Profiles, changed_person, person_of
from daemon.ledger.entries import Entry
from daemon.ledger.erased import erased_day, refuse_erased
from daemon.ledger.ledger import Ledger, RequestKey
from daemon.ledger.storage.customer_queries import CONSENTS_OF, MERGED, MERGED_INTO
from daemon.ledger.storage.queries import CUSTOMER
from daemon.ledger.storage.store import Change, Store, View

_MANY = msgspec.Meta(max_length=PROFILE_TEXTS_MAX)
CONTACTS = ("phone", "email")
"""Answers by which somebody is reached: who changes them may take over what is sent there."""
Source = Literal["form", "till", "console", "import", "unsubscribe", "bounce"]


class WhoseTerms(Approvable, frozen=True, kw_only=True):
    """A customer: by ``account``, or by the number or UID of a ``card``."""

    account: IdText = ""
    card: Text = ""

    def __post_init__(self) -> None:
        if bool(self.account) == bool(self.card):
            raise ValueError("name the account or a card, one of them")


class UpdateTerms(WhoseTerms, frozen=True, kw_only=True):
    """What is known of a customer from now on.

    answers:  by the ids of the questions; "" takes one away. What is not named stays.
    tags:     all of them; left out, they stay.
    consents: those that were ticked, at ``consents_at`` (RFC 3339; "": now), as in a profile.
    language: in which it was asked.
    """

    request_id: RequestId
    answers: dict[str, Answer] = msgspec.field(default_factory=dict)
    tags: Annotated[tuple[Text, ...], _MANY] | None = None
    consents: Annotated[tuple[IdText, ...], _MANY] = ()
    consents_at: Text = ""
    language: IdText = ""
    by: Text = ""
    reason: Text = ""


class ConsentTerms(WhoseTerms, frozen=True, kw_only=True):
    """What a customer allows from now on, or does not allow any more.

    channel: one of the purpose, or "" for all that it has.
    said_at: when it was said (RFC 3339), or "" for now. language: of what was agreed to.
    """

    request_id: RequestId
    purpose: IdText
    channel: IdText = ""
    given: bool
    source: Source = "till"
    language: IdText = ""
    said_at: Text = ""
    by: Text = ""


class CustomerDone(msgspec.Struct, frozen=True, kw_only=True):
    """Whose it is, and the names of what has changed."""

    account: AccountId
    fields: tuple[str, ...] = ()
    replayed: bool = False


class ConsentDone(msgspec.Struct, frozen=True, kw_only=True):
    """Whose it is, and the channels of which it was said; "" is a purpose without any."""

    account: AccountId
    purpose: str
    channels: tuple[str, ...]
    given: bool
    replayed: bool = False


class Customers:
    """Changes what is known of customers."""

    def __init__(self, ledger: Ledger, cards: Cards, profiles: Profiles, clock: Clock) -> None:
        self._ledger = ledger
        self._cards = cards
        self._profiles = profiles
        self._clock = clock

    async def update(
        self, key: RequestKey, terms: UpdateTerms, signed: Signed = UNSIGNED
    ) -> msgspec.Raw:
        """Change answers, tags and consents, once.

        Raises: ParamError; RefusedError CARD_UNKNOWN for an account or a card that is not there.
        """
        at = rfc3339(self._clock.now())

        def job(store: Store, view: View) -> tuple[Change, CustomerDone]:
            account = self._to_change(store, terms)
            before = person_of(store, account)
            said = Said(at=at, by=terms.by, language=terms.language or before.profile.language)
            filled = self._profiles.of_known(store, account, (before, _wanted(before, terms)), said)
            for other in filled.others:
                store.write(other)
            detail = {
                "event": "changed",
                "fields": filled.fields,
                "by": terms.by,
                "reason": terms.reason,
                **signed.approved,
            }
            entry = customer_entry(at, account, detail)
            answer = CustomerDone(account=account, fields=filled.fields)
            return Change(entry=entry, rows=filled.rows, gone=filled.gone), answer

        return await self._ledger.once(key, at, job)

    async def moves_contact(self, terms: UpdateTerms) -> bool:
        """Whether a telephone or an e-mail that is known already would be another, or gone."""
        named = [name for name in CONTACTS if name in terms.answers]
        if not named:
            return False

        def known(store: Store) -> bool:
            try:
                before = person_of(store, self.account(store, terms)).answers
            except RefusedError:
                return False  # of nobody: the change itself is refused for that
            return any(before.get(name, "") not in ("", terms.answers[name]) for name in named)

        return await self._ledger.read(known)

    async def consent(
        self, key: RequestKey, terms: ConsentTerms, signed: Signed = UNSIGNED
    ) -> msgspec.Raw:
        """Keep what a customer has said to a purpose, once. Raises as `update`."""
        at = rfc3339(self._clock.now())

        def job(store: Store, view: View) -> tuple[Change, ConsentDone]:
            account = self._to_change(store, terms)
            asked = self._profiles.asked(store)
            try:
                named = channels(asked, terms.purpose, terms.channel)
            except ConsentError as error:
                raise ParamError("purpose", str(error)) from None
            then = moment_said(terms.said_at, at, "said_at")
            said = Said(at=then, source=terms.source, by=terms.by, language=terms.language)
            last = {(row.purpose, row.channel): row for row in store.ask(CONSENTS_OF, account)}
            changes = []
            for channel in named:
                pair = terms.purpose, channel
                row = consent_row(account, pair, said, asked, given=terms.given)
                changes.append(consent_change(row, at, last.get(pair), signed))
            for change in changes[:-1]:
                store.write(change)
            answer = ConsentDone(
                account=account, purpose=terms.purpose, channels=named, given=terms.given
            )
            return changes[-1], answer

        return await self._ledger.once(key, at, job)

    def account(self, store: Store, whose: WhoseTerms) -> AccountId:
        """Return the account that is named, or that of the card. Raises RefusedError."""
        if whose.card:
            return self._cards.find(store, whose.card).account
        return known_account(store, AccountId(whose.account))

    def _to_change(self, store: Store, whose: WhoseTerms) -> AccountId:
        account = self.account(store, whose)
        refuse_erased(store, account, "card" if whose.card else "account")
        return account


def known_account(store: Store, account: AccountId) -> AccountId:
    """Return an account, or the one that it was merged into. Raises RefusedError CARD_UNKNOWN."""
    while (merged := store.ask_one(MERGED, account)) is not None:
        account = merged.kept
    if store.ask_one(CUSTOMER, account) is None and not erased_day(store, account):
        raise RefusedError(ErrorCode.CARD_UNKNOWN, "There is no such customer.")
    return account


def everyone_in(store: Store, account: AccountId) -> set[AccountId]:
    """Return an account and all that were merged into it, and into those before."""
    found = {account}
    for row in store.ask(MERGED_INTO, account):
        found |= everyone_in(store, row.dropped)
    return found


def customer_entry(at: str, account: AccountId, detail: Mapping[str, object]) -> Entry:
    """Return the entry of what happened to what is known of a customer; it names no value."""
    return Entry(
        at=at,
        kind="customer",
        ref=account,
        account=account,
        detail=msgspec.Raw(msgspec.json.encode(detail)),
    )


def _wanted(before: Person, terms: UpdateTerms) -> Person:
    if "tags" in terms.answers:
        raise ParamError("answers.tags", "stands beside answers: tags")
    wanted = changed_person(before, terms.answers, terms.tags)
    profile = msgspec.structs.replace(
        wanted.profile, consents=terms.consents, consents_at=terms.consents_at
    )
    return msgspec.structs.replace(wanted, profile=profile)
