"""The few values of a status that an owner changes, put into a programme's text. Pure.

Only these values change: comments, order and spaces of the text stay as they were.

    enter = { at_least = 500000, within = "30d" }  # since 2024
    give = { percent = 7 }

The percentage is that of the one rule that asks for the status and gives a plain percentage.
"""

import tomllib
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Literal

import msgspec

from daemon.programme.errors import ProgrammeError
from daemon.programme.programme import load


class ClubSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What is to change; None stays as it is. Amounts are minor units, or what the meter counts."""

    percent: Decimal | None = None
    enter_amount: int | None = None
    enter_days: int | None = None
    keep_amount: int | None = None
    keep_days: int | None = None
    decide: Literal["owner", "auto"] | None = None


def with_settings(text: str, status: str, settings: ClubSettings) -> str:
    """Return the programme's text with them. Raises ProgrammeError for what it has no place for."""
    import tomlkit  # slow to import, and seldom needed

    document = tomlkit.parse(text)
    table, at = _status_table(document, status)
    for key, amount, days in (
        ("enter", settings.enter_amount, settings.enter_days),
        ("keep", settings.keep_amount, settings.keep_days),
    ):
        if key not in table and (amount is None) != (days is None):
            raise ProgrammeError(f"{at}.{key}", "is not there; say both the amount and the days")
        if key not in table and amount is not None:
            table[key] = tomlkit.inline_table()
        if amount is not None:
            table[key]["at_least"] = amount
        if days is not None:
            table[key]["within"] = f"{days}d"
    if settings.decide is not None:
        table["decide"] = settings.decide
    if settings.percent is not None:
        give = _member_rule(document, status)["give"]
        give["percent"] = tomlkit.value(f"{settings.percent.normalize():f}")
    changed: str = tomlkit.dumps(document)
    return changed


def settings_of(text: str, status: str) -> ClubSettings:
    """Return the values as the text has them; None for what it has not. Raises ProgrammeError."""
    known = load(text).statuses.get(status)
    if known is None:
        raise ProgrammeError("status", f"the programme has no {status!r}")
    try:
        percent = _member_rule(tomllib.loads(text), status)["give"]["percent"]
    except ProgrammeError:
        percent = None
    return ClubSettings(
        percent=None if percent is None else Decimal(str(percent)),
        enter_amount=known.enter_at_least,
        enter_days=known.enter_days,
        keep_amount=known.keep_at_least or None,
        keep_days=known.keep_days or None,
        decide="owner" if known.by_owner else "auto",
    )


def _status_table(document: Any, status: str) -> tuple[Any, str]:
    for n, table in enumerate(document.get("status", ())):
        if table.get("id") == status:
            return table, f"status[{n}]"
    raise ProgrammeError("status", f"the programme has no {status!r}")


def _member_rule(document: Any, status: str) -> Any:
    """Return the rule that gives members their percentage."""
    found = [
        rule
        for rule in document.get("rule", ())
        if _asks_for(rule.get("when", {}), status) and _is_plain(rule["give"].get("percent"))
    ]
    if len(found) != 1:
        which = _named(rule["id"] for rule in found)
        problem = f"{which} a percentage to members of {status!r}; change the programme's text"
        raise ProgrammeError("percent", problem)
    return found[0]


def _asks_for(when: Any, status: str) -> bool:
    asked = when.get("status")
    return isinstance(asked, dict) and asked.get(status) is True


def _is_plain(percent: Any) -> bool:
    return isinstance(percent, int | float | str) and not isinstance(percent, bool)


def _named(ids: Iterable[str]) -> str:
    known = ", ".join(ids)
    return f"several rules ({known}) give" if known else "no rule gives"
