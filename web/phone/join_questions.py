"""The questionnaire of the shop's own on the join page: its fields, and what was typed into them.

Every question is a field named after it, of several choices one box each: ``q_likes_0``. What was
typed is held to the same questions as at a till; a page that is not whole is shown again.
"""

from collections.abc import Iterator, Mapping

import msgspec

from card_formats.bank_card import PAN_DIGITS_MIN, holds_bank_card
from daemon.accounts.cards import Answer
from daemon.customers.answer_kinds import NOTHING, AnswerError, as_kept
from daemon.customers.questionnaire import (
    MEANINGS,
    PERSONAL_DATA,
    Consent,
    Question,
    Questionnaire,
)
from daemon.pos.bank_cards import DIGITS_MIN
from daemon.shop.phone_card_views import JoinForm
from web.page_language import Language
from web.phone.join_form import TICKED, JoinFormError

_TYPES = {"phone": "tel", "email": "email", "date": "date", "number": "number"}
_COMPLETES = {"name": "name", "phone": "tel", "email": "email", "birthday": "bday"}
_WRONG = {
    "name": "error.name_characters",
    "phone": "error.phone",
    "email": "error.email",
    "date": "error.date",
    "number": "error.number",
}


class Box(msgspec.Struct, frozen=True):
    """One of several choices, or a consent: its field's name, its words, and whether it is set."""

    name: str
    label: str
    is_set: bool


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """A question on the page. ``type`` is that of an input, or ``select`` or ``boxes``."""

    name: str
    label: str
    type: str
    completes: str = "off"
    value: str = ""
    boxes: tuple[Box, ...] = ()
    is_required: bool = False
    is_optional: bool = False


def fields(asked: Questionnaire, typed: Mapping[str, str], language: Language) -> Iterator[Field]:
    """Yield the fields of a questionnaire, with what was typed already."""
    for question in asked.questions:
        name, kind = f"q_{question.id}", question.kind
        boxes = tuple(
            Box(f"{name}_{n}" if kind == "multi" else choice, choice, _is_chosen(typed, name, n))
            for n, choice in enumerate(question.choices)
        )
        yield Field(
            name=name,
            label=_label(question, language),
            type={"choice": "select", "multi": "boxes"}.get(kind, _TYPES.get(kind, "text")),
            completes=_COMPLETES.get(question.id, "off"),
            value=typed.get(name, ""),
            boxes=boxes,
            is_required=question.must_be_answered,
            is_optional=not (question.required or question.one_of),
        )


def consent_boxes(
    asked: Questionnaire, typed: Mapping[str, str], language: Language, shop: str
) -> Iterator[Box]:
    """Yield a box for each purpose and channel."""
    for consent in asked.consents:
        for channel in consent.by_channel:
            name = _box_of(consent, channel)
            said = _words(consent.text, language) or _usual_words(consent, channel, language, shop)
            label = f"{said} ({channel})" if channel and len(consent.channels) > 1 else said
            yield Box(name, label, typed.get(name) == TICKED)


def check_questions(
    asked: Questionnaire, typed: Mapping[str, str], *, form_id: str, language: str, country: str
) -> JoinForm:
    """Turn what was typed into a ``JoinForm``. Raises JoinFormError with every wrong field."""
    wrong: dict[str, str] = {}
    answers: dict[str, Answer] = {}
    for question in asked.questions:
        said = _said(question, typed)
        try:
            kept = as_kept(question, said, country)
        except AnswerError:
            wrong[f"q_{question.id}"] = _WRONG.get(question.kind, "error.answer")
            continue
        if kept not in NOTHING:
            answers[question.id] = kept
        if holds_bank_card(str(said), (), DIGITS_MIN.get(question.id, PAN_DIGITS_MIN)):
            wrong[f"q_{question.id}"] = "error.bank_card"
    ticked = tuple(
        f"{consent.id}:{channel}" if channel else consent.id
        for consent in asked.consents
        for channel in consent.by_channel
        if typed.get(_box_of(consent, channel)) == TICKED
    )
    if answers or ticked or wrong:  # whoever fills in nothing at all stays anonymous
        wrong |= _missing(asked, answers, wrong)
        if PERSONAL_DATA not in ticked:
            wrong[f"c_{PERSONAL_DATA}"] = "error.consent_missing"
    if wrong:
        raise JoinFormError(wrong)
    return JoinForm(form_id=form_id, answers=answers, consents=ticked, language=language)


def _missing(
    asked: Questionnaire, answers: Mapping[str, Answer], wrong: Mapping[str, str]
) -> dict[str, str]:
    """Return the fields that must be answered and are not; of a group each one."""
    done = frozenset(answers) | {name.removeprefix("q_") for name in wrong}
    lacks = asked.missing(done)
    missing = {f"q_{q.id}": "error.one_of" for q in asked.questions if q.one_of in lacks}
    single = {f"q_{q.id}" for q in asked.questions if q.id in lacks and q.must_be_answered}
    return missing | dict.fromkeys(single, "error.required")


def _said(question: Question, typed: Mapping[str, str]) -> Answer:
    name = f"q_{question.id}"
    if question.kind != "multi":
        return typed.get(name, "")
    return tuple(choice for n, choice in enumerate(question.choices) if _is_chosen(typed, name, n))


def _is_chosen(typed: Mapping[str, str], name: str, n: int) -> bool:
    return typed.get(f"{name}_{n}") == TICKED


def _box_of(consent: Consent, channel: str) -> str:
    return f"c_{consent.id}_{channel}" if channel else f"c_{consent.id}"


def _label(question: Question, language: Language) -> str:
    said = _words(question.ask, language)
    if not said and question.id in MEANINGS:
        said = language.sentences.get(f"join.{question.id}", "")
    return said or question.id


def _words(words: msgspec.Struct, language: Language) -> str:
    """Return a text in the page's language, or in any in which it is written."""
    texts: dict[str, str] = msgspec.structs.asdict(words)
    return texts.get(language.code, "") or next(filter(None, texts.values()), "")


def _usual_words(consent: Consent, channel: str, language: Language, shop: str) -> str:
    key = f"join.{consent.id}_{channel}" if channel else f"join.{consent.id}"
    return language.say(key, shop=shop) if key in language.sentences else consent.id
