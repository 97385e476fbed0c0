"""What the books say of customers for a mailing: where it would go, and each variable's value.

Some hundred accounts are read at once, a question for each thing that the text names. A variable
without a value, and an amount that is nothing, is not among the values.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import islice
from typing import Any

import msgspec

from card_formats.code_text import normal_code
from card_formats.credential import mask
from daemon.accounts.cards import Profile, profile_in
from daemon.base.emails import EmailError, email_address
from daemon.base.ids import AccountId
from daemon.base.telephones import TelephoneError, e164
from daemon.customers.questionnaire import ALL_CHANNELS
from daemon.ledger.erased import erased_counter
from daemon.ledger.storage import mailing_queries as questions
from daemon.ledger.storage.queries import Question
from daemon.ledger.storage.store import Store
from daemon.mailing import dry_count as dry
from daemon.mailing.dry_count import Looked, contact_key, in_control
from daemon.mailing.letter import Letter, Said
from daemon.mailing.message_text import (
    BALANCE,
    CODE,
    EMAIL,
    EXPIRING,
    MISSING,
    POST,
    SMS,
    UNSUBSCRIBE,
    UNTIL,
    VIBER,
    Variable,
    charged_parts,
)
from daemon.mailing.sms_parts import parts_of
from daemon.programme.status import StatusState, holds, tick, window_to

TOGETHER = 500
"""Accounts that are read at once."""
Values = dict[str, str]


class Filled(msgspec.Struct, frozen=True, kw_only=True):
    """A text for one customer. ``missing``: variables that say nothing for them.

    reason: how the customer is counted by themselves; ``last_day``: of the newest visit (ordinal).
    values: of the text's variables, by their names.
    """

    account: AccountId
    reason: str
    contact: str
    language: str
    subject: str
    text: str
    missing: tuple[str, ...]
    last_day: int
    parts: int
    name: str
    values: Mapping[str, str]

    @property
    def looked(self) -> Looked:
        """What the count needs of it."""
        is_ready = self.reason == dry.READY
        return Looked(
            account=self.account,
            reason=self.reason,
            contact=contact_key(self.contact) if self.contact else b"",
            last_day=self.last_day,
            parts=self.parts if is_ready else 0,
            units=parts_of(self.text).units if is_ready else 0,
        )


def look(store: Store, letter: Letter, accounts: Iterable[AccountId]) -> Iterator[Filled]:
    """Yield each account's text and reason, in their order."""
    rest = iter(accounts)
    while some := list(islice(rest, TOGETHER)):
        batch = _Batch(store, letter, some)
        yield from (batch.filled(account) for account in some)


class _Batch:
    """What is known of some accounts."""

    def __init__(self, store: Store, letter: Letter, accounts: Sequence[AccountId]) -> None:
        self._store, self._letter, self._accounts = store, letter, accounts
        self._profiles = {
            account: profile_in(body) for account, body in self._ask(questions.PROFILES)
        }
        self._gone = {account for (account,) in self._ask(questions.DROPPED)} | self._erased()
        self._allowed = self._consents()
        self._last_days = dict(self._ask(questions.VISITS))
        self._bounced = set(self._ask(questions.BOUNCED, letter.channel))
        since = letter.shop.since
        self._had = dict(self._ask(questions.SENT_SINCE, since, letter.mailing))
        self._values: dict[AccountId, Values] = defaultdict(dict)
        for variable in letter.variables:
            for account, value in _OF_KIND[variable.kind](self, variable):
                if value:
                    self._values[account].setdefault(variable.name, value)

    def filled(self, account: AccountId) -> Filled:
        """Return the text of one of the accounts."""
        letter, profile = self._letter, self._profiles.get(account, Profile())
        language = letter.language_of(profile.language)
        said = letter.said[language]
        values = self._values.get(account, {})
        missing = tuple(one.name for one in said.variables if one.name not in values)
        shown = {one: f"{{{one}}}" for one in missing} | values
        contact, text = self._contact(profile), said.text.filled(shown)
        return Filled(
            account=account,
            reason=self._reason(account, contact, missing),
            contact=contact,
            language=language,
            subject=_line(said, shown),
            text=text,
            missing=missing,
            last_day=self._last_days.get(account, 0),
            parts=charged_parts(text, letter.channel),
            name=profile.name,
            values=values,
        )

    def _reason(self, account: AccountId, contact: str, missing: tuple[str, ...]) -> str:
        letter = self._letter
        if account in self._gone or account not in self._profiles:
            return dry.GONE
        if account not in self._allowed:
            return dry.NO_CONSENT
        if not contact:
            return dry.NO_CONTACT
        if (account, contact) in self._bounced or not self._can_be(contact):
            return dry.BAD_CONTACT
        if 0 < letter.shop.cap <= self._had.get(account, 0):
            return dry.CAPPED
        if missing:
            return dry.EMPTY_VALUE
        is_control = in_control(letter.mailing, account, letter.control_percent)
        return dry.CONTROL if is_control else dry.READY

    def _can_be(self, contact: str) -> bool:
        """Whether a telephone or an e-mail can exist; of an address nobody knows."""
        channel = self._letter.channel
        try:
            if channel == EMAIL:
                email_address(contact)
            elif channel != POST:
                e164(contact, self._letter.shop.country)
        except (EmailError, TelephoneError):
            return False
        return True

    def _contact(self, profile: Profile) -> str:
        match self._letter.channel:
            case "email":
                return profile.email
            case "post":
                said = profile.answers.get(self._letter.shop.address, "")
                return said if isinstance(said, str) else ""
            case _:
                return profile.phone

    def _erased(self) -> set[AccountId]:
        counters = {erased_counter(account): account for account in self._accounts}
        text = questions.among(questions.ERASED, len(counters))
        return {counters[name] for (name,) in self._store.ask(Question(text, _row), *counters)}

    def _consents(self) -> set[AccountId]:
        """Return who allows this; a letter may go to whoever allows any channel."""
        channel = self._letter.channel
        channels = (SMS, VIBER, EMAIL) if channel == POST else (channel,)
        channels = (*channels, ALL_CHANNELS)
        text = questions.among(questions.ALLOWED, len(self._accounts), len(channels))
        purpose = self._letter.shop.consent
        rows = self._store.ask(Question(text, _row), *self._accounts, purpose, *channels)
        return {account for (account,) in rows}

    def _ask(self, text: str, *values: Any) -> list[Any]:
        question = Question(questions.among(text, len(self._accounts)), _row)
        return self._store.ask(question, *self._accounts, *values)

    def _ask_first(self, text: str, *values: Any) -> list[Any]:
        """Ask where the values stand before the accounts."""
        question = Question(questions.among(text, len(self._accounts)), _row)
        return self._store.ask(question, *values, *self._accounts)

    # What variables are, each as the accounts that have one and its value.

    def names(self, variable: Variable) -> Iterator[tuple[AccountId, str]]:
        """Yield names, or their first words."""
        for account, profile in self._profiles.items():
            words = profile.name.split()
            yield account, profile.name if variable.kind == "name" else "".join(words[:1])

    def shop(self, variable: Variable) -> Iterator[tuple[AccountId, str]]:
        """Yield what is the same for everybody."""
        said = self._letter.shop.name if variable.kind == "shop" else self._letter.shop.link
        return ((account, said) for account in self._accounts)

    def unsubscribe(self, variable: Variable) -> Iterator[tuple[AccountId, str]]:
        """Yield the address where each ends these messages."""
        address, channel = self._letter.shop.unsubscribe, self._letter.channel
        return ((account, address(account, channel)) for account in self._accounts)

    def cards(self, variable: Variable) -> Iterator[tuple[AccountId, str]]:
        """Yield numbers, masked."""
        return ((account, mask(number)) for account, number in self._ask(questions.CARDS))

    def balances(self, variable: Variable) -> Iterator[tuple[AccountId, str]]:
        """Yield what may be paid with today."""
        today = self._letter.today.toordinal()
        rows = self._ask_first(questions.AVAILABLE, today, today, variable.of)
        return self._amounts(variable, rows)

    def expiring(self, variable: Variable) -> Iterator[tuple[AccountId, str]]:
        """Yield what expires within so many days."""
        today = self._letter.today.toordinal()
        until = today + variable.days
        rows = self._ask_first(questions.EXPIRING, variable.of, today, until)
        return self._amounts(variable, rows)

    def _amounts(self, variable: Variable, rows: Iterable[Any]) -> Iterator[tuple[AccountId, str]]:
        purse = self._letter.programme.purses[variable.of]
        return ((account, purse.text(amount)) for account, amount in rows if amount > 0)

    def windows(self, variable: Variable) -> Iterator[tuple[AccountId, str]]:
        """Yield what members must still buy, or until when."""
        programme, today = self._letter.programme, self._letter.today
        status = programme.statuses[variable.of]
        meter = programme.meters[status.meter]
        for account, body in self._ask_first(questions.STANDS, variable.of):
            state = tick(status, msgspec.json.decode(body, type=StatusState), today)
            end, missing = window_to(status, state), status.keep_at_least - state.total
            if not holds(state) or end is None or missing <= 0:
                continue
            money = programme.currency.text(missing) if meter.counts_money else str(missing)
            yield account, money if variable.kind == MISSING else _day(end)

    def codes(self, variable: Variable) -> Iterator[tuple[AccountId, str]]:
        """Yield each customer's own code of a campaign, the first that is good."""
        today = self._letter.today.toordinal()
        rows = [*self._ask(questions.INVITES), *self._ask(questions.CODES, today, today)]
        for account, campaign, code in rows:
            if normal_code(campaign) == variable.of:
                yield account, code.upper()


_OF_KIND: Mapping[str, Callable[[_Batch, Variable], Iterable[tuple[AccountId, str]]]] = {
    "name": _Batch.names,
    "first_name": _Batch.names,
    "shop": _Batch.shop,
    "link": _Batch.shop,
    "card": _Batch.cards,
    UNSUBSCRIBE: _Batch.unsubscribe,
    BALANCE: _Batch.balances,
    EXPIRING: _Batch.expiring,
    MISSING: _Batch.windows,
    UNTIL: _Batch.windows,
    CODE: _Batch.codes,
}


def _line(said: Said, values: Mapping[str, str]) -> str:
    return said.subject.filled(values) if said.subject is not None else ""


def _day(day: date) -> str:
    return f"{day:%d.%m.%Y}"


def _row(*row: Any) -> Any:
    return row
