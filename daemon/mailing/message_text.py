"""The text of a mailing: words, and variables in braces that each customer fills. Pure.

    "{first_name}, your {balance.bonus} end soon."    words and two variables
    "{{" and "}}"                                     braces that are meant
    "{frist_name}"                                    1:1: no such variable
    "only { here"                                     1:6: a single brace

A text is checked where it is saved, so that nobody finds a brace in a message. A customer for whom
a variable has no value is left out of the mailing, never written to with a gap.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches

import msgspec

from card_formats.code_text import normal_code
from daemon.mailing.sms_parts import SmsParts, parts_of

TEXT_CHARS_MAX = 5_000
EXPIRING_DAYS_MAX = 3_650
EMAIL, SMS, VIBER, POST = "email", "sms", "viber", "post"
CHANNELS = (SMS, VIBER, EMAIL, POST)
UNSUBSCRIBE = "unsubscribe"
PLAIN = ("name", "first_name", "shop", "card", "link", UNSUBSCRIBE)
BALANCE, EXPIRING, CODE = "balance", "expiring", "code"
MISSING, UNTIL = "missing", "until"
_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}\n]*)\}|[{}]|[^{}]+")
_DAYS = re.compile(r"([1-9][0-9]{0,3})d")


class MessageTextError(ValueError):
    """A text cannot be sent. ``line`` and ``column`` say where, from 1; 0: as a whole."""

    def __init__(self, problem: str, line: int = 0, column: int = 0) -> None:
        super().__init__(f"{line}:{column}: {problem}" if line else problem)
        self.problem, self.line, self.column = problem, line, column


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What a programme has that a text may name."""

    purses: Collection[str] = ()
    statuses: Collection[str] = ()
    campaigns: Collection[str] = ()

    @property
    def codes(self) -> frozenset[str]:
        """The campaigns as they are compared."""
        return frozenset(map(normal_code, self.campaigns))

    @property
    def variables(self) -> tuple[str, ...]:
        """All that may stand in braces; ``30d`` for any number of days."""
        return (
            *PLAIN,
            *(f"{BALANCE}.{purse}" for purse in self.purses),
            *(f"{EXPIRING}.{purse}.30d" for purse in self.purses),
            *(f"{status}.{what}" for status in self.statuses for what in (MISSING, UNTIL)),
            *(f"{CODE}.{campaign}" for campaign in self.campaigns),
        )


class Variable(msgspec.Struct, frozen=True):
    """What stands in braces: ``expiring.bonus.30d`` is of ``bonus`` and has 30 ``days``."""

    name: str
    kind: str
    of: str = ""
    days: int = 0


class MessageText(msgspec.Struct, frozen=True):
    """A text that was read: words, and variables between them."""

    pieces: tuple[str | Variable, ...]

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Those that it has, each once."""
        return tuple(dict.fromkeys(one for one in self.pieces if isinstance(one, Variable)))

    def filled(self, values: Mapping[str, str]) -> str:
        """Return the text with a value for each of its variables."""
        return "".join(
            values[one.name] if isinstance(one, Variable) else one for one in self.pieces
        )

    def empty(self, values: Mapping[str, str]) -> Variable | None:
        """Return the first variable that ``values`` say nothing for, if there is one."""
        return next((one for one in self.variables if not values.get(one.name)), None)


def read_text(text: str, known: Known) -> MessageText:
    """Read a text. Raises MessageTextError for the first place where it is wrong."""
    if not text.strip():
        raise MessageTextError("says nothing")
    if len(text) > TEXT_CHARS_MAX:
        raise MessageTextError(f"has more than {TEXT_CHARS_MAX:,} characters")
    pieces: list[str | Variable] = []
    for piece in _pieces(text, known):
        if isinstance(piece, str) and pieces and isinstance(pieces[-1], str):
            pieces[-1] += piece
        else:
            pieces.append(piece)
    return MessageText(tuple(pieces))


def check_channel(text: MessageText, channel: str) -> None:
    """Raise MessageTextError for an e-mail that does not say how to have no more of them."""
    if channel == EMAIL and all(one.kind != UNSUBSCRIBE for one in text.variables):
        raise MessageTextError("an e-mail must hold {unsubscribe}")


def _pieces(text: str, known: Known) -> Iterator[str | Variable]:
    for token in _TOKEN.finditer(text):
        said = token[0]
        if token[1] is not None:
            yield _variable(token[1], known, _place(text, token.start()))
        elif said in "{}":
            problem = f"a single {said!r}; write {said * 2} where a brace is meant"
            raise MessageTextError(problem, *_place(text, token.start()))
        else:
            yield said[0] if said in ("{{", "}}") else said


def _place(text: str, start: int) -> tuple[int, int]:
    return text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)


def _variable(name: str, known: Known, place: tuple[int, int]) -> Variable:
    kind, *rest = name.split(".")
    match kind, rest:
        case _, [] if kind in PLAIN:
            return Variable(name, kind)
        case "balance", [purse] if purse in known.purses:
            return Variable(name, BALANCE, purse)
        case "expiring", [purse, said] if purse in known.purses and (days := _days(said)):
            return Variable(name, EXPIRING, purse, days)
        case "code", [_, *_] if (campaign := normal_code(".".join(rest))) in known.codes:
            return Variable(name, CODE, campaign)
        case status, ["missing" | "until" as what] if status in known.statuses:
            return Variable(name, what, status)
        case _:
            raise MessageTextError(_unknown(name, known), *place)


def _days(said: str) -> int:
    found = _DAYS.fullmatch(said)
    days = int(found[1]) if found else 0
    return days if days <= EXPIRING_DAYS_MAX else 0


def _unknown(name: str, known: Known) -> str:
    near = get_close_matches(name, known.variables, n=1)
    hint = f"did you mean {{{near[0]}}}?" if near else f"there are: {', '.join(known.variables)}"
    return f"there is no {{{name}}}; {hint}"


class Weighed(msgspec.Struct, frozen=True):
    """What messages come to: ``parts`` and ``cost`` of all, and the ``longest`` of them.

    longest: the one with the most parts, then units; the first of equals.
    """

    messages: int = 0
    parts: int = 0
    cost: int = 0
    longest: str = ""

    def with_one(self, text: str, channel: str, cost_each: int) -> "Weighed":
        """Return it with one more message."""
        parts = charged_parts(text, channel)
        return Weighed(
            self.messages + 1,
            self.parts + parts,
            self.cost + parts * cost_each,
            max(self.longest, text, key=_length),
        )


def charged_parts(text: str, channel: str) -> int:
    """Return as how many messages a text is paid for: only an SMS has parts."""
    return parts_of(text).parts if channel == SMS else 1


def _length(text: str) -> tuple[int, int]:
    counted: SmsParts = parts_of(text)
    return counted.parts, counted.units


def weigh(texts: Iterable[str], channel: str, cost_each: int) -> Weighed:
    """Return what messages come to. ``cost_each``: of a message, or a part of an SMS."""
    weighed = Weighed()
    for text in texts:
        weighed = weighed.with_one(text, channel, cost_each)
    return weighed
