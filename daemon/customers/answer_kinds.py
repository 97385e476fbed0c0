"""One answer to one question: what it may be, and how it is kept. Pure."""

from datetime import date
from typing import assert_never

from daemon.accounts.cards import Answer
from daemon.base.emails import EmailError, email_address
from daemon.base.telephones import TelephoneError, e164
from daemon.base.text_limits import is_printable, says_something
from daemon.customers.questionnaire import ANSWER_CHARS_MAX, Question

NUMBER_MAX = 10**12
NOTHING: tuple[Answer, ...] = ("", ())
"""What takes an answer away."""


class AnswerError(ValueError):
    """It is no answer to this question. The text says what is wrong and what to write."""


def as_kept(question: Question, answer: Answer, country: str) -> Answer:
    """Return an answer as it is kept: a telephone in E.164, a name with single blanks.

    country: of telephone numbers without a country code, ISO 3166-1 alpha-2, or "".
    Returns: "" where nothing was answered.
    Raises:  AnswerError.
    """
    if isinstance(answer, str):
        _check_text(answer)
        answer = answer.strip()
    if answer in NOTHING:
        return ""
    if question.kind == "number":
        return _number(answer)
    if question.kind == "multi":
        return _some(question, answer)
    if not isinstance(answer, str):
        raise AnswerError("is no text; write one")
    return _text(question, answer, country)


def _check_text(text: str) -> None:
    if len(text) > ANSWER_CHARS_MAX:
        raise AnswerError(f"has more than {ANSWER_CHARS_MAX} letters")
    if not is_printable(text):
        raise AnswerError("must have no control characters")


def _number(answer: Answer) -> int:
    if isinstance(answer, str) and answer.removeprefix("-").isdecimal():
        answer = int(answer)  # as a form, or a table that was imported, writes it
    if not isinstance(answer, int) or abs(answer) > NUMBER_MAX:
        raise AnswerError(f"is no whole number up to {NUMBER_MAX}")
    return answer


def _some(question: Question, answer: Answer) -> tuple[str, ...]:
    chosen = answer if isinstance(answer, tuple) else (answer,)
    for one in chosen:
        _check_choice(question, one)
    return tuple(choice for choice in question.choices if choice in chosen)


def _check_choice(question: Question, answer: str | int) -> None:
    if answer not in question.choices:
        # What was written is not repeated: it may be anything that was typed into the wrong box.
        raise AnswerError(f"is not one of: {', '.join(question.choices)}")


def _text(question: Question, answer: str, country: str) -> str:
    match question.kind:
        case "name":
            if not says_something(answer):
                raise AnswerError("must say something, in letters or digits")
            return " ".join(answer.split())
        case "text":
            return answer
        case "phone":
            return _telephone(answer, country)
        case "email":
            return _email(answer)
        case "date":
            return _day(answer)
        case "choice":
            _check_choice(question, answer)
            return answer
        case "multi" | "number":
            raise AssertionError("these are no texts")
        case _:
            assert_never(question.kind)


def _telephone(answer: str, country: str) -> str:
    try:
        return e164(answer, country)
    except TelephoneError:
        raise AnswerError("is no telephone number; write it like +380 50 123 45 67") from None


def _email(answer: str) -> str:
    try:
        return email_address(answer)
    except EmailError:
        raise AnswerError("is no e-mail address; write it like olha@example.com") from None


def _day(answer: str) -> str:
    try:
        return date.fromisoformat(answer).isoformat()
    except ValueError:
        raise AnswerError(f"{answer!r} is no day; write such as 2027-12-31") from None
