"""A mailing as it is made ready for customers: its texts by language, and what they rest on."""

from collections.abc import Callable, Mapping
from datetime import date

import msgspec

from daemon.base.ids import AccountId
from daemon.base.refusals import ParamError
from daemon.mailing.mailing_terms import Texts
from daemon.mailing.message_text import (
    EMAIL,
    Known,
    MessageText,
    MessageTextError,
    Variable,
    check_channel,
    read_text,
)
from daemon.programme.programme import Programme


class Said(msgspec.Struct, frozen=True):
    """A text in one language. ``subject``: of an e-mail, else None."""

    text: MessageText
    subject: MessageText | None = None

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Those of both."""
        subject = self.subject.variables if self.subject else ()
        return tuple(dict.fromkeys((*subject, *self.text.variables)))


class Shop(msgspec.Struct, frozen=True, kw_only=True):
    """What the shop says of itself.

    consent: the purpose that allows messages. address: the question whose answer is one.
    country: of telephone numbers. language: where a text is not there in the customer's own.
    cap:     messages that a customer gets at most, 0: any number; since: counted from then on.
    unsubscribe: returns the address where an account ends a channel, or "" where there is none.
    """

    name: str
    link: str
    consent: str
    address: str
    country: str
    language: str
    cap: int
    since: str
    unsubscribe: Callable[[AccountId, str], str]


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A mailing, its texts read. ``today``: the shop's day."""

    mailing: str
    channel: str
    said: Mapping[str, Said]
    control_percent: int
    today: date
    programme: Programme
    shop: Shop

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Those of all languages."""
        every = (one for said in self.said.values() for one in said.variables)
        return tuple(dict.fromkeys(every))

    def language_of(self, wanted: str) -> str:
        """Return the language for a customer who has said ``wanted``, or nothing."""
        for language in (wanted, self.shop.language):
            if language in self.said:
                return language
        return next(iter(self.said))


def read_texts(texts: Texts, channel: str, known: Known) -> dict[str, Said]:
    """Read the texts of a mailing. Raises ParamError, which names the language and the place."""
    found: dict[str, Said] = {}
    for language, terms in texts.by_language.items():
        text = _read(terms.text, known, f"texts.{language}.text")
        try:
            check_channel(text, channel)
        except MessageTextError as error:
            raise ParamError(f"texts.{language}.text", str(error)) from error
        subject = None
        if channel == EMAIL:
            subject = _read(terms.subject, known, f"texts.{language}.subject")
        elif terms.subject:
            raise ParamError(f"texts.{language}.subject", "only an e-mail has one")
        found[language] = Said(text, subject)
    if not found:
        raise ParamError("texts", "say something, at least in one language")
    return found


def _read(text: str, known: Known, path: str) -> MessageText:
    try:
        return read_text(text, known)
    except MessageTextError as error:
        raise ParamError(path, str(error)) from error
