"""What the columns of a shop's table of customers are for, and what a row of it says. Pure.

A column is known by its heading: a question's id or its words, ``card``, ``balance.bonus`` and so
on, or a word that shops use. What nobody knows is named by a map, or left out by it, and never in
silence:

    Name        Телефон        balance.bonus    Notes       the heading
                                                "-"         the map
    Olha        671234567      1 250,00         vip         a row
    name: Olha  phone: 671…    bonus: 125000                what it says

Nothing is looked up here: whether a card is the shop's, or a phone a phone, the till finds out.
"""

import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec

from daemon.accounts.cards import Answer
from daemon.base.currency import Currency
from daemon.base.refusals import ParamError
from daemon.customers.questionnaire import UNASKED, Questionnaire
from daemon.customers.search_keys import words
from daemon.programme.state import Meter, Purse

COLUMNS_MAX = 60
CELL_CHARS_MAX = 500
SHOWN_CHARS_MAX = 60
"""Of a bad cell, in a list of what is wrong."""
AMOUNT_MAX = 10**12
LEFT_OUT, NO_HEADING = "-", ""
PLAIN = ("card", "kind", "until", "partner", "employee", "consents_at")
BALANCE, METER, CONSENT, ANSWER = "balance.", "meter.", "consent.", "answers."
_FILE = Path(__file__).with_name("import_headings.toml")
_LOST_DIGITS = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?E\+?[0-9]+", re.IGNORECASE)
_AMOUNT = re.compile(r"(-?)([0-9]+|[0-9]{1,3}([.,])[0-9]{3}(?:\3[0-9]{3})*)(?:([.,])([0-9]+))?")
_WHOLE = re.compile(r"-?[0-9]+([.,]0+)?")
_ISO_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[ T][0-9]{2}:[0-9]{2}.*)?")
_DOTTED_DAY = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})(?: [0-9]{1,2}:[0-9]{2}.*)?")
_KEPT_AS_TEXT = re.compile(r'="([^"]*)"')
"""How people make a spreadsheet keep the noughts of a number."""


class CellError(ValueError):
    """A cell says nothing that its column may say. The text says what is wrong."""


class Problem(msgspec.Struct, frozen=True):
    """What is wrong with a row: the column's heading, what stands there, and why not."""

    column: str
    value: str
    problem: str


class Consented(msgspec.Struct, frozen=True, array_like=True):
    """A consent: ``purpose`` or ``purpose:channel``. ``day``: when, ISO, or "" for the row's."""

    word: str
    given: bool
    day: str = ""


class ImportedRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a row says. Days are ISO, amounts in the smallest unit; "" and none are not said."""

    answers: dict[str, Answer] = {}
    tags: tuple[str, ...] = ()
    card: str = ""
    kind: str = ""
    until: str = ""
    partner: str = ""
    employee: str = ""
    consents_at: str = ""
    consents: tuple[Consented, ...] = ()
    balances: dict[str, int] = {}
    meters: dict[str, int] = {}


class Known(NamedTuple):
    """What a column may be for: questions and consents, purses, meters."""

    asked: Questionnaire
    purses: Mapping[str, Purse]
    meters: Mapping[str, Meter]
    currency: Currency


class _Words(msgspec.Struct, frozen=True):
    yes: tuple[str, ...]
    no: tuple[str, ...]
    headings: dict[str, tuple[str, ...]]


@cache
def _words() -> _Words:
    return msgspec.convert(tomllib.loads(_FILE.read_text("utf-8")), _Words)


# The heading.


def columns_of(headings: Sequence[str], mapped: Mapping[str, str], known: Known) -> tuple[str, ...]:
    """Return what each column is for: an id of ``targets``, LEFT_OUT or NO_HEADING.

    mapped: by heading, what it is for where its heading does not say so.
    Raises: ParamError, which names every column that nobody knows.
    """
    if len(headings) > COLUMNS_MAX:
        raise ParamError("columns", f"has more than {COLUMNS_MAX} columns; leave some out")
    there = {_plain(heading) for heading in headings}
    if astray := [name for name in mapped if _plain(name) not in there]:
        raise ParamError("map", f"there is no column {_quoted(astray)}")
    said = {_plain(name): target for name, target in mapped.items()}
    by_word = _by_word(known)
    found: list[str] = []
    unknown: list[str] = []
    for heading in headings:
        target = said.get(_plain(heading), heading.strip())
        if target not in (LEFT_OUT, NO_HEADING):
            target = _target(target, known) or by_word.get(_plain(target), "")
            if not target:
                unknown.append(heading)
        found.append(target)
    if unknown:
        raise ParamError(
            "columns",
            f"nobody knows what is in {_quoted(unknown)}: say it with a map, or leave it out there"
            f' with "-"; known are: {", ".join(targets(known))}',
        )
    _check_once(headings, found)
    return tuple(found)


def targets(known: Known) -> Iterator[str]:
    """Yield all that a column may be for."""
    yield from (question.id for question in known.asked.questions)
    yield from (name for name in UNASKED if known.asked.question(name) is None)
    yield from PLAIN
    for consent in known.asked.consents:
        yield f"{CONSENT}{consent.id}"
        yield from (f"{CONSENT}{consent.id}:{channel}" for channel in consent.channels)
    yield from (f"{BALANCE}{name}" for name in known.purses)
    yield from (f"{METER}{name}" for name in known.meters)


def _check_once(headings: Sequence[str], found: Sequence[str]) -> None:
    for n, target in enumerate(found):
        if target not in (LEFT_OUT, NO_HEADING) and target in found[:n]:
            other = headings[found.index(target)]
            raise ParamError(
                f"columns[{n}]",
                f"{headings[n]!r} and {other!r} are both for {target}; leave one of them out",
            )


def _target(text: str, known: Known) -> str:
    """Return what a text is the very id of, or ""."""
    asked = text.removeprefix(ANSWER)
    if known.asked.question(asked) is not None and (asked != text or asked not in PLAIN):
        return asked
    return text if text in set(targets(known)) else ""


def _by_word(known: Known) -> dict[str, str]:
    """Return what a heading means that is no id, by its plain words."""
    there = set(targets(known))
    found = {
        _plain(word): target
        for target, several in _words().headings.items()
        if target in there
        for word in several
    }
    found |= {_plain(target): target for target in there}
    for question in known.asked.questions:
        found |= {_plain(text): question.id for text in (question.ask.en, question.ask.uk) if text}
    return found


def _plain(heading: str) -> str:
    return " ".join(words(heading)) or heading.strip()


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(repr(name[:SHOWN_CHARS_MAX]) for name in names)


# A row.


def read_row(
    headings: Sequence[str], columns: Sequence[str], cells: Sequence[str], known: Known
) -> tuple[ImportedRow, list[Problem]]:
    """Return what a row says, and what of it nobody can read."""
    read, problems = _Reading(known), list[Problem]()
    for n, cell in enumerate(cells):
        if not cell.strip():
            continue
        heading = headings[n] if n < len(headings) else ""
        try:
            if n >= len(columns) or columns[n] == NO_HEADING:
                raise CellError("stands in a column without a heading")
            if columns[n] != LEFT_OUT:
                read.take(columns[n], _said(cell))
        except CellError as error:
            problems.append(problem(heading, cell, str(error)))
    return read.row(), problems


def problem(heading: str, cell: str, what: str) -> Problem:
    """Return what is wrong with a cell, of which a beginning is shown."""
    shown = "".join(char if char.isprintable() else " " for char in cell[:SHOWN_CHARS_MAX])
    return Problem(heading, shown, what)


def _said(cell: str) -> str:
    """Return a cell without what a spreadsheet has put around it."""
    if len(cell) > CELL_CHARS_MAX:
        raise CellError(f"has more than {CELL_CHARS_MAX} letters")
    text = unicodedata.normalize("NFC", cell).strip()
    if kept := _KEPT_AS_TEXT.fullmatch(text):
        return kept[1].strip()
    if text.startswith("="):
        raise CellError("is a formula; save the values")
    if re.fullmatch(r"#[A-Z0-9/]+[!?]?", text):
        raise CellError("is an error of the spreadsheet; mend it there")
    return text


class _Reading:
    """A row while its cells are read."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._plain: dict[str, str] = {}
        self._answers: dict[str, Answer] = {}
        self._tags: tuple[str, ...] = ()
        self._consents: list[Consented] = []
        self._balances: dict[str, int] = {}
        self._meters: dict[str, int] = {}

    def take(self, target: str, text: str) -> None:
        """Take in what stands in a column. Raises CellError."""
        if target.startswith(BALANCE):
            purse = self._known.purses[target.removeprefix(BALANCE)]
            if purse.where == "chip":
                raise CellError("is on the cards' chips, which nobody fills from a table")
            self._balances[purse.id] = amount(text, purse.currency)
        elif target.startswith(METER):
            meter = self._known.meters[target.removeprefix(METER)]
            unit = self._known.currency if meter.counts_money else None
            self._meters[meter.id] = amount(text, unit)
        elif target.startswith(CONSENT):
            self._consents.append(_consented(target.removeprefix(CONSENT), text))
        elif target in PLAIN and self._known.asked.question(target) is None:
            self._plain[target] = _PLAIN_CELLS[target](text)
        else:
            self._answer(target, text)

    def _answer(self, name: str, text: str) -> None:
        question = self._known.asked.question(name)
        if name == "tags":
            self._tags = _several(text)
            return
        if question is None:
            self._answers[name] = text
            return
        match question.kind:
            case "date":
                self._answers[name] = day(text)
            case "multi":
                whole = text in question.choices
                self._answers[name] = (text,) if whole else _several(text)
            case "phone":
                self._answers[name] = _digits(text)
            case "number":
                whole_part = re.sub(r"\s", "", text)
                self._answers[name] = re.sub(r"[.,]0+$", "", _digits(whole_part))
            case "text" | "name" | "email" | "choice":
                self._answers[name] = text

    def row(self) -> ImportedRow:
        """Return what was read."""
        return ImportedRow(
            answers=self._answers,
            tags=self._tags,
            consents=tuple(self._consents),
            balances=self._balances,
            meters=self._meters,
            **self._plain,
        )


def _several(text: str) -> tuple[str, ...]:
    parts = text.split(";" if ";" in text else ",")
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))


def _digits(text: str) -> str:
    if _LOST_DIGITS.fullmatch(text):
        raise CellError(
            "has lost digits in the spreadsheet; make the column text there, and write it anew"
        )
    return text.removesuffix(".0") if _WHOLE.fullmatch(text) else text


def _card(text: str) -> str:
    return re.sub(r"[\s-]", "", _digits(text))


def _word(text: str) -> str:
    if len(text) > SHOWN_CHARS_MAX:
        raise CellError(f"has more than {SHOWN_CHARS_MAX} letters")
    return text


def _consented(word: str, text: str) -> Consented:
    plain = text.casefold()
    if plain in _words().yes:
        return Consented(word, True)
    if plain in _words().no:
        return Consented(word, False)
    try:
        return Consented(word, True, day(text))
    except CellError:
        raise CellError("is neither yes nor no, nor the day on which it was given") from None


def day(text: str) -> str:
    """Return a day as ISO. Raises CellError."""
    if found := _ISO_DAY.fullmatch(text):
        year, month, of_month = found.groups()
    elif found := _DOTTED_DAY.fullmatch(text):
        of_month, month, year = found.groups()
    elif re.fullmatch(r"[0-9]+([.,][0-9]+)?", text):
        raise CellError("is a number and no day; make the column a date in the spreadsheet")
    else:
        raise CellError("is no day; write 1990-05-17 or 17.05.1990")
    try:
        return date(int(year), int(month), int(of_month)).isoformat()
    except ValueError:
        raise CellError("is no day that a calendar has") from None


def amount(text: str, currency: Currency | None) -> int:
    """Return an amount in minor units of ``currency``, or in whole ones where that is None.

    Blanks, points and commas are read as they are certain: ``1 250,50``, ``1,250.50``.
    Raises: CellError.
    """
    plain = re.sub(r"[\s']", "", _digits(text))
    digits = currency.digits if currency else 0
    found = _AMOUNT.fullmatch(plain)
    if found is None or (found[3] and found[3] == found[4]):
        raise CellError("is no amount; write such as 1250.50")
    sign, whole, grouped, point, part = found.groups(default="")
    if sign and plain.strip("-0.,"):
        raise CellError("is below 0")
    # 1,250 may be a thousand, or one and a quarter: who knows which has written it.
    if point and not grouped and len(part) == 3 and whole != "0" and len(whole) <= 3:
        raise CellError("may be a thousand or a fraction; write it without marks: 1250 or 1.25")
    if len(part.rstrip("0")) > digits:
        unit = currency.code if currency else "what is counted in whole ones"
        raise CellError(f"has more digits behind the point than {unit}")
    minor = int(re.sub(r"[.,]", "", whole) + part[:digits].ljust(digits, "0"))
    if minor > AMOUNT_MAX:
        raise CellError("is too much for one customer")
    return minor


_PLAIN_CELLS = {
    "card": _card,
    "kind": _word,
    "until": day,
    "partner": _word,
    "employee": _word,
    "consents_at": day,
}
