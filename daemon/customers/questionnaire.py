"""The questionnaire: what a shop asks its customers, and what they may allow it to do. Pure.

A shop writes it as TOML. What it says has a version, a hash, so that a consent that was given can
name the very words it was given to:

    [[question]]
    id = "phone"
    kind = "phone"
    one_of = "contact"

    [[question]]
    id = "email"
    kind = "email"
    one_of = "contact"

    [[question]]
    id = "for_whom"
    kind = "choice"
    choices = ["me", "gift"]
    required = false
    ask.en = "For whom?"

    [[consent]]
    id = "marketing"
    channels = ["sms", "email"]
    text.en = "Send me offers."

Of the questions with one ``one_of`` at least one is answered, whichever the customer likes: a
choice without choice. Each other one is required unless it says otherwise. Whoever answers nothing
at all stays anonymous, and nothing is required of them; whoever answers anything has to answer all
that is required, and to allow the shop to keep it: the consent ``personal_data``, which every
questionnaire has, whether it is written there or not.

A shop that has written none has ``BUILT_IN``: a name, a phone, an e-mail and a birthday, none of
them required; what consent is asked for is then up to whoever asks.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Literal

import msgspec

from daemon.base.schema_errors import explained
from daemon.base.text_limits import is_printable
from daemon.programme.toml_text import TomlTextError, read_toml

QUESTIONNAIRE_BYTES_MAX = 64_000
QUESTIONS_MAX = 40
CONSENTS_MAX = 10
CHOICES_MAX = 50
ANSWER_CHARS_MAX = 200
ASK_CHARS_MAX = 500
CONSENT_CHARS_MAX = 2_000
VERSION_HEX = 16
PERSONAL_DATA = "personal_data"
"""The consent to keep what was answered."""
ALL_CHANNELS = ""
"""The channel of a consent that goes by none."""
MEANINGS: Mapping[str, str] = {
    "name": "name",
    "phone": "phone",
    "email": "email",
    "birthday": "date",
    "language": "choice",
    "tags": "multi",
}
"""Ids of questions that rules and the till know, each with the kind that it must have."""
UNASKED = ("language", "tags")
"""What is known of a customer whether anybody asks or not: the page's language, the shop's tags."""
_ID = re.compile(r"[a-z][a-z0-9_]{0,31}")
_ID_SAYS = "is no id; write up to 32 small letters, digits and _, a letter first"

Kind = Literal["name", "text", "phone", "email", "date", "choice", "multi", "number"]
Channel = Literal["sms", "viber", "email"]


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One TOML table; a key it does not have is an error."""


class Words(_Table, frozen=True, kw_only=True):
    """One text in the languages that there are; "" where it is not written."""

    en: str = ""
    uk: str = ""


class Question(_Table, frozen=True, kw_only=True):
    """``[[question]]``.

    one_of:    the name of a group of which at least one is answered.
    sensitive: kept apart, and shown to few.
    """

    id: str
    kind: Kind
    choices: tuple[str, ...] = ()
    one_of: str = ""
    required: bool = True
    sensitive: bool = False
    ask: Words = Words()

    @property
    def must_be_answered(self) -> bool:
        """Whether it is required by itself, and not as one of a group."""
        return self.required and not self.one_of


class Consent(_Table, frozen=True, kw_only=True):
    """``[[consent]]``. Without channels it is given or not, whatever the channel."""

    id: str
    channels: tuple[Channel, ...] = ()
    text: Words = Words()

    @property
    def by_channel(self) -> tuple[str, ...]:
        """The channels by which it is kept; one that has none is kept under ALL_CHANNELS."""
        return self.channels or (ALL_CHANNELS,)


class _File(_Table, frozen=True, kw_only=True):
    question: tuple[Question, ...] = ()
    consent: tuple[Consent, ...] = ()


class QuestionnaireError(ValueError):
    """The text is no questionnaire; the one in force stays.

    path:    of the wrong key, such as ``question[3].choices``.
    message: what is wrong and what to write instead.
    """

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message


class Questionnaire(msgspec.Struct, frozen=True, kw_only=True):
    """One version. ``is_own``: whether the shop has written it."""

    version: str
    text: str
    questions: tuple[Question, ...]
    consents: tuple[Consent, ...]
    is_own: bool = True

    def question(self, name: str) -> Question | None:
        """Return the question with an id."""
        return next((one for one in self.questions if one.id == name), None)

    def consent(self, purpose: str) -> Consent | None:
        """Return the consent with an id."""
        return next((one for one in self.consents if one.id == purpose), None)

    def missing(self, answered: frozenset[str]) -> tuple[str, ...]:
        """Return what is required beside the questions ``answered``: ids, and groups."""
        single = [q.id for q in self.questions if q.must_be_answered and q.id not in answered]
        groups = dict.fromkeys(q.one_of for q in self.questions if q.one_of)
        for q in self.questions:
            if q.id in answered:
                groups.pop(q.one_of, None)
        return (*single, *groups)


def load(text: str, *, is_own: bool = True) -> Questionnaire:
    """Read a questionnaire.

    Returns: its version is equal for two texts that differ in comments, spaces or order of keys.
    Raises:  QuestionnaireError.
    """
    try:
        raw = read_toml(text, QUESTIONNAIRE_BYTES_MAX)
    except TomlTextError as error:
        raise QuestionnaireError("questionnaire", str(error)) from error
    try:
        tables = msgspec.convert(raw, _File)
    except msgspec.ValidationError as error:
        path, message = explained(str(error), _File)
        raise QuestionnaireError(path or "questionnaire", message) from error
    for path, problem in _problems(tables):
        raise QuestionnaireError(path, problem)
    content = msgspec.json.encode(raw, order="deterministic")
    consents = tables.consent
    if all(consent.id != PERSONAL_DATA for consent in consents):
        consents = (Consent(id=PERSONAL_DATA), *consents)
    return Questionnaire(
        version=hashlib.sha256(content).hexdigest()[:VERSION_HEX],
        text=text,
        questions=tables.question,
        consents=consents,
        is_own=is_own,
    )


def doubts(questionnaire: Questionnaire) -> tuple[tuple[str, str], ...]:
    """Return what may not be meant, each as a path and a sentence."""
    return tuple(_doubts(questionnaire))


def _doubts(questionnaire: Questionnaire) -> Iterator[tuple[str, str]]:
    asked = {question.id for question in questionnaire.questions}
    groups = [question.one_of for question in questionnaire.questions if question.one_of]
    for i, question in enumerate(questionnaire.questions):
        # A group of one is no choice, whatever its name promises.
        if groups.count(question.one_of) == 1:
            yield f"question[{i}].one_of", "no other question is in this group, so it is required"
        if question.id not in MEANINGS and not (question.ask.en or question.ask.uk):
            yield f"question[{i}].ask", "says nothing, so that its id is shown; write ask.en"
    for consent in questionnaire.consents:
        needs = {"email" if channel == "email" else "phone" for channel in consent.channels}
        for contact in sorted(needs - asked):
            yield f"consent.{consent.id}", f"has a channel that needs a {contact}; nobody asks it"
        if consent.id != PERSONAL_DATA and not (consent.text.en or consent.text.uk):
            yield f"consent.{consent.id}.text", "says nothing; write what is agreed to"


def _problems(tables: _File) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with tables that have the right shape: paths and sentences."""
    if len(tables.question) > QUESTIONS_MAX:
        yield "question", f"more than {QUESTIONS_MAX} questions; leave some out"
    if len(tables.consent) > CONSENTS_MAX:
        yield "consent", f"more than {CONSENTS_MAX} consents; leave some out"
    yield from _problems_of_ids("question", [row.id for row in tables.question])
    yield from _problems_of_ids("consent", [row.id for row in tables.consent])
    for i, question in enumerate(tables.question):
        yield from _problems_of(question, f"question[{i}]")
    for i, consent in enumerate(tables.consent):
        at = f"consent[{i}]"
        if len(set(consent.channels)) < len(consent.channels):
            yield f"{at}.channels", "a channel stands twice; leave one out"
        if consent.id == PERSONAL_DATA and consent.channels:
            yield f"{at}.channels", f"{PERSONAL_DATA} goes by no channel; leave them out"
        yield from _texts(consent.text, f"{at}.text", CONSENT_CHARS_MAX)


def _problems_of_ids(table: str, ids: list[str]) -> Iterator[tuple[str, str]]:
    for i, name in enumerate(ids):
        if not _ID.fullmatch(name):
            yield f"{table}[{i}].id", f"{name!r} {_ID_SAYS}"
        if name in ids[:i]:
            yield f"{table}[{i}].id", f"{name!r} is there already; give it another id"


def _problems_of(question: Question, at: str) -> Iterator[tuple[str, str]]:
    kind = MEANINGS.get(question.id, question.kind)
    if question.kind != kind:
        yield f"{at}.kind", f"the question {question.id} must be of kind {kind!r}"
    if question.one_of and not _ID.fullmatch(question.one_of):
        yield f"{at}.one_of", f"{question.one_of!r} {_ID_SAYS}"
    if question.sensitive and question.id in MEANINGS:
        yield f"{at}.sensitive", f"{question.id} is used by rules and searches; it stays with them"
    yield from _problems_of_choices(question, f"{at}.choices")
    yield from _texts(question.ask, f"{at}.ask", ASK_CHARS_MAX)


def _problems_of_choices(question: Question, at: str) -> Iterator[tuple[str, str]]:
    choices = question.choices
    if question.kind not in ("choice", "multi"):
        if choices:
            yield at, f"a question of kind {question.kind!r} has none; leave them out"
        return
    if not 1 <= len(choices) <= CHOICES_MAX:
        yield at, f"must be 1 to {CHOICES_MAX}"
    if len(set(choices)) < len(choices):
        yield at, "a choice stands twice; leave one out"
    if not all(0 < len(one) <= ANSWER_CHARS_MAX and is_printable(one) for one in choices):
        yield at, f"each must have 1 to {ANSWER_CHARS_MAX} letters and no control characters"


def _texts(words: Words, at: str, chars_max: int) -> Iterator[tuple[str, str]]:
    for language, said in msgspec.structs.asdict(words).items():
        if len(said) > chars_max:
            yield f"{at}.{language}", f"has more than {chars_max} letters"
        if not is_printable(said):
            yield f"{at}.{language}", "must have no control characters"


BUILT_IN_TEXT = """\
[[question]]
id = "name"
kind = "name"
required = false

[[question]]
id = "phone"
kind = "phone"
required = false

[[question]]
id = "email"
kind = "email"
required = false

[[question]]
id = "birthday"
kind = "date"
required = false

[[consent]]
id = "personal_data"

[[consent]]
id = "marketing"
channels = ["sms", "viber", "email"]
"""


@cache
def built_in() -> Questionnaire:
    """Return the questionnaire of a shop that has written none."""
    return load(BUILT_IN_TEXT, is_own=False)


def shown(questionnaire: Questionnaire) -> dict[str, Any]:
    """Return its questions and consents as plain tables, for an answer."""
    tables: dict[str, Any] = msgspec.to_builtins(
        {"questions": questionnaire.questions, "consents": questionnaire.consents}
    )
    return tables
