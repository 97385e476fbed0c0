"""How a person is kept: one way for a new card, for the join page and for every later change.

What is wanted is a whole profile. What differs in it from the one before is held to the
questionnaire in force; what stays the same is left as it was kept, whatever was asked at its time:

    before  name "Olha"                        wanted  name "Olha", phone "067 123 45 67"
    kept    name "Olha", phone "+380671234567"         fields: ("phone",)

Three places hold it: the profile, the answers to sensitive questions, and the keys by which the
customer is found. They are written in one transaction, and no entry says what is in them.
"""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

import msgspec

from daemon.accounts.assignments import assignment, sent_by
from daemon.accounts.cards import Answer, Filled, Profile, Said, profile_in
from daemon.base.ids import AccountId
from daemon.base.refusals import ParamError
from daemon.customers.answer_kinds import NOTHING, AnswerError, as_kept
from daemon.customers.consents import (
    ConsentError,
    consent_change,
    consent_row,
    may_keep,
    moment_said,
    ticked,
)
from daemon.customers.questionnaire import MEANINGS, PERSONAL_DATA, UNASKED, Questionnaire
from daemon.customers.questionnaires import Questionnaires
from daemon.customers.search_keys import keys_of
from daemon.ledger.storage.customer_queries import CONSENTS_OF, KEYS_OF, PRIVATE
from daemon.ledger.storage.customer_rows import (
    ConsentRow,
    CustomerKeyRow,
    CustomerPrivateRow,
)
from daemon.ledger.storage.friend_rows import FriendRow
from daemon.ledger.storage.queries import CUSTOMER
from daemon.ledger.storage.rows import CustomerRow
from daemon.ledger.storage.store import Change, Gone, KeptRow, Store

ID_CHARS_SHOWN_MAX = 64


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """A profile, and the answers that are kept apart from it."""

    profile: Profile = Profile()
    private: dict[str, Answer] = {}

    @property
    def answers(self) -> dict[str, Answer]:
        """All that is known, by the ids of the questions."""
        fields: dict[str, Answer] = {name: getattr(self.profile, name) for name in MEANINGS}
        everything = fields | self.profile.answers | self.private
        return {name: said for name, said in everything.items() if said not in NOTHING}


def person_of(store: Store, account: AccountId) -> Person:
    """Return all that is known of a customer."""
    row, private = store.ask_one(CUSTOMER, account), store.ask_one(PRIVATE, account)
    return Person(
        profile=profile_in(row.profile if row else b""),
        private=msgspec.json.decode(private.answers, type=dict[str, Answer]) if private else {},
    )


def brought_by(
    store: Store, account: AccountId, instead: Mapping[AccountId, str] = MappingProxyType({})
) -> Iterator[AccountId]:
    """Yield who has brought an account, who has brought them, and so on.

    instead: by whom customers are said to be brought in place of what their profiles say.
    """
    seen = {account, AccountId("")}
    while True:
        said = instead.get(account)
        account = AccountId(person_of(store, account).profile.referrer if said is None else said)
        if account in seen:
            return
        seen.add(account)
        yield account


def changed_person(
    before: Person, answers: Mapping[str, Answer], tags: tuple[str, ...] | None = None
) -> Person:
    """Return a person with some answers in place of the old ones; "" takes one away.

    tags:   all of them, or None where they stay. Raises: ParamError, with the path ``answers.…``.
    """
    profile, private = before.profile, dict(before.private)
    fields = {name: said for name, said in answers.items() if name in MEANINGS}
    for name, said in fields.items():
        if not isinstance(said, str):
            raise ParamError(f"answers.{name}", "is no text; write one")
    others = dict(profile.answers)
    for name in [one for one in answers if one not in MEANINGS]:
        private.pop(name, None)
        others.pop(name, None)
        if answers[name] not in NOTHING:
            others[name] = answers[name]
    kept = profile.tags if tags is None else tags
    made = msgspec.structs.replace(profile, **fields, answers=others, tags=kept)
    return Person(profile=made, private=private)


class Profiles:
    """Holds what is said of people to the questionnaire. ``country``: of telephone numbers."""

    def __init__(self, questionnaires: Questionnaires, country: str) -> None:
        self._questionnaires = questionnaires
        self._country = country

    def of_new(self, store: Store, account: AccountId, profile: Profile, said: Said) -> Filled:
        """Return how the profile of a new account is kept; it is what cards are issued with."""
        for name in profile.answers.keys() & MEANINGS.keys():
            raise ParamError(f"profile.answers.{name}", f"stands beside answers: profile.{name}")
        who = sent_by(store, account, profile.partner, profile.employee, "profile.")
        profile = msgspec.structs.replace(profile, partner=who.partner, employee=who.employee)
        filled = _Filling(self._questionnaires.in_force(store), self._country, "profile.").filled(
            store, account, (Person(), Person(profile=profile)), said
        )
        rows = filled.rows
        if profile.referrer:
            friend = AccountId(profile.referrer)
            if account in (friend, *brought_by(store, friend)):
                raise ParamError("profile.referrer", "was brought by this very customer")
            rows = (*rows, FriendRow(account, friend, said.at))
        if who.partner:
            rows = (*rows, assignment(account, said.at, who, said.by))
        return filled._replace(rows=rows)

    def lacking(self, store: Store, account: AccountId, profile: Profile) -> str:
        """Say what a customer has not filled of the questionnaire, or ""; the account may be new.

        profile: what a new one brings. What is not kept without PERSONAL_DATA lacks it, too.
        """
        asked, person = self._questionnaires.in_force(store), person_of(store, account)
        answers = person.answers or Person(profile=profile).answers
        lacks = asked.missing(frozenset(answers))
        ticks = (PERSONAL_DATA in profile.consents) if not person.answers else False
        if not (ticks or may_keep(store.ask(CONSENTS_OF, account))):
            lacks = (*lacks, PERSONAL_DATA)
        return ", ".join(lacks)

    def kept(self, asked: Questionnaire, name: str, answer: Answer) -> Answer:
        """Return an answer as it is kept. Raises ParamError, with the path ``answers.…``."""
        return _Filling(asked, self._country, "").answer(name, answer)

    def asked(self, store: Store) -> Questionnaire:
        """Return the questionnaire in force."""
        return self._questionnaires.in_force(store)

    def of_known(
        self, store: Store, account: AccountId, change: tuple[Person, Person], said: Said
    ) -> Filled:
        """Return how a customer is kept who was the first and is to be the second.

        Raises: ParamError, with a path such as ``answers.phone``.
        """
        asked = self._questionnaires.in_force(store)
        return _Filling(asked, self._country, "").filled(store, account, change, said)


class _Filling(msgspec.Struct, frozen=True):
    """One change of one person. ``path``: what its parameters' names begin with."""

    asked: Questionnaire
    country: str
    path: str

    def filled(
        self, store: Store, account: AccountId, change: tuple[Person, Person], said: Said
    ) -> Filled:
        before, wanted = change[0].answers, change[1].answers
        kept = {
            name: self.answer(name, answer) if before.get(name) != answer else answer
            for name, answer in wanted.items()
        }
        kept = {name: answer for name, answer in kept.items() if answer not in NOTHING}
        fields = tuple(n for n in {**before, **kept} if before.get(n) != kept.get(n))
        self.check_whole(before, kept)
        person = self.person(change, kept)
        pairs = self.ticked(change[1].profile)
        held = store.ask(CONSENTS_OF, account) if self.asked.is_own or pairs else []
        if any(name in kept and name not in UNASKED for name in fields):
            self.check_may_keep(held, pairs)
        rows, gone = _keys(store, account, change[0].profile, person.profile)
        return Filled(
            rows=(*_rows(account, change[0], person), *rows),
            gone=gone,
            fields=fields,
            others=self.consents(account, change[1].profile, held, said),
        )

    def answer(self, name: str, answer: Answer) -> Answer:
        """Return an answer as it is kept, or "" for none. Raises ParamError."""
        question = self.asked.question(name)
        if name == "tags" or (name in UNASKED and question is None):
            return answer
        where = self.path_of(name)
        if question is None:
            known = ", ".join(one.id for one in self.asked.questions)
            raise ParamError(where, f"nobody asks this; the questions are: {known}")
        try:
            return as_kept(question, answer, self.country)
        except AnswerError as error:
            raise ParamError(where, str(error)) from None

    def path_of(self, name: str) -> str:
        """Return the path of the parameter that says an answer."""
        if self.path and name in MEANINGS:
            return f"{self.path}{name}"
        return f"{self.path}answers.{name[:ID_CHARS_SHOWN_MAX]}"

    def check_whole(self, before: Mapping[str, Answer], kept: Mapping[str, Answer]) -> None:
        """Let nobody leave out what is required, but all of it; what was missing may go on so."""
        if not kept.keys() - set(UNASKED):
            return
        was_known = bool(before.keys() - set(UNASKED))
        missed = set(self.asked.missing(frozenset(before))) if was_known else set()
        for name in self.asked.missing(frozenset(kept)):
            if name not in missed:
                group = [one.id for one in self.asked.questions if one.one_of == name]
                what = f"answer one of: {', '.join(group)}" if group else "is required"
                raise ParamError(self.path_of(name), what)

    def ticked(self, profile: Profile) -> tuple[tuple[str, str], ...]:
        """Return the purposes and channels that were ticked. Raises ParamError."""
        try:
            return ticked(self.asked, profile.consents)
        except ConsentError as error:
            raise ParamError(f"{self.path}consents", str(error)) from None

    def check_may_keep(self, held: Iterable[ConsentRow], pairs: Iterable[tuple[str, str]]) -> None:
        """Let nothing be kept of a person who has not allowed it; the built-in text asks nobody."""
        is_ticked = any(purpose == PERSONAL_DATA for purpose, _ in pairs)
        if self.asked.is_own and not is_ticked and not may_keep(held):
            what = f"must have {PERSONAL_DATA}: without it nothing is kept of a person"
            raise ParamError(f"{self.path}consents", what)

    def person(self, change: tuple[Person, Person], kept: Mapping[str, Answer]) -> Person:
        """Return who is kept: sensitive answers apart, consents not at all."""
        before, wanted = change
        sensitive = {question.id for question in self.asked.questions if question.sensitive}
        # What was sensitive when it was answered stays apart, though nobody asks it any more.
        private = kept.keys() & (sensitive | before.private.keys())
        fields = {name: kept.get(name, () if name == "tags" else "") for name in MEANINGS}
        rest = {n: a for n, a in kept.items() if n not in MEANINGS and n not in private}
        made = msgspec.structs.replace(
            wanted.profile, **fields, answers=rest, consents=(), consents_at=""
        )
        return Person(profile=made, private={name: kept[name] for name in kept if name in private})

    def consents(
        self, account: AccountId, profile: Profile, held: Iterable[ConsentRow], said: Said
    ) -> tuple[Change, ...]:
        """Return what is written of the consents that were ticked. Raises ParamError."""
        then = moment_said(profile.consents_at, said.at, f"{self.path}consents_at")
        known = msgspec.structs.replace(said, at=then)
        last = {(row.purpose, row.channel): row for row in held}
        return tuple(
            consent_change(consent_row(account, pair, known, self.asked), said.at, last.get(pair))
            for pair in self.ticked(profile)
        )


def _rows(account: AccountId, before: Person, person: Person) -> tuple[KeptRow, ...]:
    kept = CustomerRow(account, msgspec.json.encode(person.profile))
    if not (person.private or before.private):
        return (kept,)
    return kept, CustomerPrivateRow(account, msgspec.json.encode(person.private))


def _keys(
    store: Store, account: AccountId, before: Profile, profile: Profile
) -> tuple[tuple[CustomerKeyRow, ...], tuple[Gone, ...]]:
    """Return the keys by which a customer is found from now on, and those that go.

    Those that came with another account stay: they were not in the profile before.
    """
    now = keys_of(profile)
    known = {(row.kind, row.value) for row in store.ask(KEYS_OF, account)}
    new = tuple(CustomerKeyRow(*key, account) for key in sorted(now - known))
    gone = keys_of(before) & known - now
    return new, tuple(Gone(CustomerKeyRow, (*key, account)) for key in sorted(gone))
