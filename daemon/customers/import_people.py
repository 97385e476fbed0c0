"""What a row of an import writes: who it is, and what is made or changed of them.

It goes the ways that a till goes: answers are held to the questionnaire as a form's are, consents
are entries, a card is issued or taken up from stock, a partner is assigned. What it brings beside
them stands in one entry of the kind ``import``:

    row 17   card 2900000000018, balance.bonus 25.00, meter.spend 900.00
    entry    bonus +2500 against @opening, a lot from today on; spend +90000 today

A balance and a meter are *set*: of a customer who is there already, what is missing is given and
what is too much is taken, so that the same file read twice gives nothing twice.
"""

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import NamedTuple

import msgspec

from daemon.accounts.act_contents import ActOffice, lines_of
from daemon.accounts.assignments import assignment, sent_by
from daemon.accounts.card_numbers import draw_free, draw_number
from daemon.accounts.cards import (
    Cards,
    Filled,
    Profile,
    Said,
    check_profile,
    new_account,
    new_card,
)
from daemon.accounts.issue_conditions import check_room
from daemon.base.clock import rfc3339
from daemon.base.ids import NO_CARD, AccountId, CardId
from daemon.base.refusals import ErrorCode, ParamError, RefusedError
from daemon.customers.consents import ConsentError, consent_change, consent_row, ticked
from daemon.customers.customers import known_account
from daemon.customers.import_columns import Consented, ImportedRow
from daemon.customers.profiles import Person, Profiles, changed_person, person_of
from daemon.customers.questionnaire import Questionnaire
from daemon.customers.search_keys import EMAIL, PHONE, keys_of
from daemon.ledger.entries import OPENING, Entry, MeterMove
from daemon.ledger.erased import refuse_erased
from daemon.ledger.given import give
from daemon.ledger.moves import Moves
from daemon.ledger.storage.card_queries import STAGED_NUMBER
from daemon.ledger.storage.card_rows import CardIssueRow
from daemon.ledger.storage.customer_queries import ACCOUNTS_WITH_KEY, CONSENTS_OF
from daemon.ledger.storage.customer_rows import ConsentRow
from daemon.ledger.storage.queries import CARD_BY_IDENTIFIER
from daemon.ledger.storage.rows import CardRow, CustomerRow, identified
from daemon.ledger.storage.store import Change, KeptRow, Store
from daemon.programme.days import later
from daemon.programme.programme import Programme

CONDITION = "import"
"""What a card from a batch was given for, on acts and in books."""
KIND = "plastic"
replace = msgspec.structs.replace


class Upload(NamedTuple):
    """Whose rows they are: ``name`` of the upload, ``number`` of the import or ""."""

    name: str
    number: str
    by: str
    now: datetime
    asked: Questionnaire
    drawn: set[str]
    """Numbers that were drawn for rows before it, which the store does not have yet."""

    @property
    def at(self) -> str:
        """When it is written, RFC 3339."""
        return rfc3339(self.now)


class CardBefore(msgspec.Struct, frozen=True, omit_defaults=True):
    """A card that a row has changed: as it was. ``state`` is "" of one that was not there."""

    card: CardId = NO_CARD
    state: str = ""
    kind: str = ""
    until: str = ""


class RowDone(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an entry says of a row. ``fields`` are names; nothing of a person is in it."""

    event: str
    row: int
    by: str
    fields: tuple[str, ...] = ()
    card: CardBefore | None = None
    assigned: bool = False


class Before(msgspec.Struct, frozen=True, kw_only=True):
    """A customer before a row changed them, for undoing it.

    consents: as they were, of the purposes and channels that it spoke of: ``spoken``.
    """

    person: Person
    consents: tuple[ConsentRow, ...] = ()
    spoken: tuple[tuple[str, str], ...] = ()


class Made(NamedTuple):
    """What a row writes: consents, each a change of its own, and then the rest; None for nothing.

    before: who they were; None of a new customer.
    """

    account: AccountId
    consents: tuple[Change, ...]
    change: Change | None
    before: Before | None


class ImportPeople:
    """Says what rows write. ``prefix``: of numbers that are drawn for who brings none."""

    def __init__(
        self,
        cards: Cards,
        profiles: Profiles,
        prefix: str,
        programme: Callable[[], Programme],
        office: Callable[[], ActOffice],
    ) -> None:
        self._cards = cards
        self._profiles = profiles
        self._prefix = prefix
        self._programme = programme
        self._office = office

    def asked(self, store: Store) -> Questionnaire:
        """Return the questionnaire in force."""
        return self._profiles.asked(store)

    def as_kept(
        self, row: ImportedRow, asked: Questionnaire
    ) -> tuple[ImportedRow, list[ParamError]]:
        """Return a row with its answers and its card as they are kept, and what is wrong."""
        answers, wrong, card = dict(row.answers), list[ParamError](), row.card
        for name, said in row.answers.items():
            try:
                answers[name] = self._profiles.kept(asked, name, said)
            except ParamError as error:
                wrong.append(error)
        if card:
            try:
                card = self._cards.identifier(card)[1]
            except RefusedError as refusal:
                what = "is no number of the shop's own cards"
                if refusal.code is ErrorCode.MISREAD:
                    what = "is no card's number: a digit is wrong or missing"
                wrong.append(ParamError("card", what))
        return replace(row, answers=answers, card=card), wrong

    def keys(self, row: ImportedRow) -> dict[str, str]:
        """Return what stands once in a file, as it is found: ``card``, ``phone``, ``email``."""
        said = {name: str(row.answers.get(name, "")) for name in (PHONE, EMAIL)}
        found = dict(keys_of(Profile(phone=said[PHONE], email=said[EMAIL])))
        return found | ({"card": row.card} if row.card else {})

    def known(self, store: Store, row: ImportedRow) -> AccountId | None:
        """Return whose row it is already, by card, telephone and e-mail; None of a new customer.

        Raises: ParamError where they are several customers', or of one who was erased.
        """
        found: dict[str, set[AccountId]] = {}
        for kind, value in self.keys(row).items():
            if kind == "card":
                card = store.ask_one(CARD_BY_IDENTIFIER, "number", value)
                several = {card.account} if card is not None and card.account else set()
            else:
                several = set(store.ask(ACCOUNTS_WITH_KEY, kind, value))
            if several:
                found[kind] = {known_account(store, one) for one in several}
        if not found:
            return None
        both = set.intersection(*found.values())
        if len(both) != 1:
            first, *others = found
            said = ", ".join(f"{kind} of {', '.join(sorted(found[kind]))}" for kind in found)
            raise ParamError(others[0] if others else first, f"belongs to several: {said}")
        account = both.pop()
        refuse_erased(store, account, next(iter(found)))
        return account

    def made(self, store: Store, row: ImportedRow, line: int, upload: Upload) -> Made:
        """Return what a row writes; nothing is written here.

        Raises: ParamError with the path of what is wrong; RefusedError.
        """
        known = self.known(store, row)
        account = known or new_account()
        language = str(row.answers.get("language", ""))
        said = Said(at=upload.at, source="import", by=upload.by, language=language)
        held_rows = store.ask(CONSENTS_OF, account) if known else []
        held = {(one.purpose, one.channel): one for one in held_rows}
        # What is known already is not said again: the same file read twice writes nothing twice.
        news = [
            replace(one, account=account)
            for one in self._consents(row, said, upload.asked)
            if not _is_known(one, held.get((one.purpose, one.channel)), said)
        ]
        before = person_of(store, account) if known else None
        filled, assigned = self._filled(store, account, row, said, before)
        cards, card = self._card(store, row, account, upload, is_new=known is None)
        entry = self._moves(store, account, row, upload)
        detail = RowDone(
            event="changed" if known else "added",
            row=line,
            by=upload.by,
            fields=filled.fields,
            card=card,
            assigned=assigned,
        )
        entry = replace(entry, detail=msgspec.Raw(msgspec.json.encode(detail)))
        moved = entry.postings or entry.meters
        is_idle = known and not (filled.fields or assigned or card or news or moved)
        change = Change(entry=entry, rows=(*filled.rows, *cards), gone=filled.gone)
        spoken = [(one.purpose, one.channel) for one in news]
        return Made(
            account,
            tuple(
                consent_change(one, upload.at, held.get(pair))
                for one, pair in zip(news, spoken, strict=True)
            ),
            None if is_idle else change,
            Before(
                person=before,
                consents=tuple(held[pair] for pair in spoken if pair in held),
                spoken=tuple(spoken),
            )
            if before
            else None,
        )

    # Who it is.

    def _filled(
        self,
        store: Store,
        account: AccountId,
        row: ImportedRow,
        said: Said,
        before: Person | None,
    ) -> tuple[Filled, bool]:
        """Return how a person is kept, and whether a partner has sent somebody who was known."""
        words = tuple(one.word for one in row.consents if one.given)
        if before is None:
            person = changed_person(Person(), row.answers, row.tags)
            profile = replace(
                person.profile,
                consents=words,
                partner=row.partner,
                employee=row.employee,
            )
            if profile == Profile():
                return Filled((CustomerRow(account, msgspec.json.encode(profile)),)), False
            check_profile(profile)
            return self._profiles.of_new(store, account, profile, said), False
        wanted = changed_person(before, row.answers, row.tags or None)
        who = sent_by(store, account, row.partner, row.employee, "")
        sender = (before.profile.partner, before.profile.employee)
        is_sent = bool(who.partner) and (who.partner, who.employee) != sender
        profile = replace(wanted.profile, consents=words)
        if is_sent:
            profile = replace(profile, partner=who.partner, employee=who.employee)
        check_profile(profile)
        filled = self._profiles.of_known(
            store, account, (before, replace(wanted, profile=profile)), said
        )
        if is_sent:
            rows = (*filled.rows, assignment(account, said.at, who, said.by))
            return filled._replace(rows=rows), True
        return (filled if filled.fields else filled._replace(rows=(), gone=())), False

    def _consents(self, row: ImportedRow, said: Said, asked: Questionnaire) -> Iterator[ConsentRow]:
        """Yield what the row says of consents, each at its own day, or at the row's."""
        days = self._programme().days
        for one in row.consents:
            text = one.day or row.consents_at
            then = said.at
            if text:
                then = rfc3339(days.start_of(date.fromisoformat(text)))
            path = f"consent.{one.word}" if one.day or not row.consents_at else "consents_at"
            if then > said.at:
                raise ParamError(path, "is still to come")
            for pair in _pairs(one, asked):
                yield consent_row(
                    AccountId(""), pair, replace(said, at=then), asked, given=one.given
                )

    # What is on them.

    def _card(
        self, store: Store, row: ImportedRow, account: AccountId, upload: Upload, *, is_new: bool
    ) -> tuple[tuple[KeptRow, ...], CardBefore | None]:
        """Return the rows of the card that the row names or needs, and how it was."""
        if not row.card and not is_new:
            if row.kind or row.until:
                raise ParamError("kind" if row.kind else "until", "is of a card; name its number")
            return (), None
        held = store.ask_one(CARD_BY_IDENTIFIER, "number", row.card) if row.card else None
        if held is not None and held.account == account:
            return self._own_card(held, row, upload)
        kind = row.kind or (held.kind if held else KIND)
        known = self._programme().cards.get(kind)
        try:
            check_room(store, known, account, upload.at)
        except RefusedError as refusal:
            raise ParamError("card", refusal.detail) from None
        until = self._end_of(row.until, upload.now)
        if known and known.term_days and not until:
            until = self._after(later(self._today(upload.now), known.term_days))
        # Nothing of a condition is asked: whoever is imported has had the card for long.
        if held is None:
            number = row.card or draw_free(store, "number", lambda: self._drawn(upload.drawn))
            self._check_staged(store, number, upload)
            card = new_card(account, kind=kind, number=number, until=until)
            return identified(card, (("number", number),)), CardBefore(card=card.card_id)
        if held.state != "stock":
            state = held.state.replace("_", " ")
            raise ParamError("card", f"is on a card already, which is {state}")
        if held.batch and kind != held.kind:
            raise ParamError("kind", f"is not the kind of the card's batch, which is {held.kind}")
        was = CardBefore(held.card_id, held.state, held.kind, held.until)
        card = replace(held, account=account, state="active", kind=kind, until=until or held.until)
        return (card, *self._issue_of(store, card, upload)), was

    def _own_card(
        self, held: CardRow, row: ImportedRow, upload: Upload
    ) -> tuple[tuple[KeptRow, ...], CardBefore | None]:
        if row.kind and row.kind != held.kind:
            raise ParamError("kind", f"is another than the card's, which is {held.kind}")
        if not row.until or (until := self._end_of(row.until, upload.now)) == held.until:
            return (), None
        was = CardBefore(held.card_id, held.state, held.kind, held.until)
        return (replace(held, until=until),), was

    def _drawn(self, before: set[str]) -> str:
        while (number := draw_number(self._prefix)) in before:
            pass
        before.add(number)
        return number

    def _check_staged(self, store: Store, number: str, upload: Upload) -> None:
        staged = store.ask_one(STAGED_NUMBER, number)
        if staged is not None and staged.upload != upload.name:
            raise ParamError("card", "waits for a batch of cards that is being made")

    def _issue_of(self, store: Store, card: CardRow, upload: Upload) -> tuple[CardIssueRow, ...]:
        """Return how a card of a batch was given: what it has cost is written off by that."""
        if not card.batch:
            return ()
        days = self._programme().days
        return (
            CardIssueRow(
                card_id=card.card_id,
                day=days.day_of(upload.now).toordinal(),
                minute=days.minute_of(upload.now),
                account=card.account,
                by=upload.by,
                store=self._office().store,
                condition=CONDITION,
                cost=lines_of(store, [card])[0].cost,
            ),
        )

    def _moves(self, store: Store, account: AccountId, row: ImportedRow, upload: Upload) -> Entry:
        """Return the entry, which sets balances and meters and says nothing yet."""
        programme, today = self._programme(), self._today(upload.now).toordinal()
        moves = Moves({account: store.purses(account) if row.balances else {}})
        for name, wanted in row.balances.items():
            if name not in programme.purses:
                raise ParamError(f"balance.{name}", "is no purse of the programme in force")
            missing = wanted - moves.state(account, name).posted
            if missing:
                give(moves, account, programme.purses[name], missing, today, OPENING)
        counted = store.meters(account, dict.fromkeys(row.meters)) if row.meters else {}
        meters = tuple(
            MeterMove(account, meter, today, wanted - counted.get(meter, 0))
            for meter, wanted in row.meters.items()
            if wanted != counted.get(meter, 0)
        )
        return Entry(
            at=upload.at,
            kind="import",
            ref=upload.number,
            account=account,
            postings=tuple(moves.postings),
            lots=tuple(moves.lots),
            meters=meters,
        )

    # Days.

    def _today(self, now: datetime) -> date:
        return self._programme().days.day_of(now)

    def _end_of(self, text: str, now: datetime) -> str:
        """Return the moment after a card's last day, RFC 3339, or ""."""
        if not text:
            return ""
        last = date.fromisoformat(text)
        if last < self._today(now):
            raise ParamError("until", "is over already")
        return self._after(last)

    def _after(self, last: date) -> str:
        if last >= date.max:
            return ""
        return rfc3339(self._programme().days.start_of(last + timedelta(days=1)))


def _pairs(one: Consented, asked: Questionnaire) -> tuple[tuple[str, str], ...]:
    try:
        return ticked(asked, [one.word])
    except ConsentError as error:
        raise ParamError(f"consent.{one.word}", str(error)) from None


def _is_known(row: ConsentRow, held: ConsentRow | None, said: Said) -> bool:
    """Whether a consent says what is kept already: the same file brings it once."""
    if held is None or held.given != row.given:
        return False
    return row.at in (held.at, said.at)
