"""The pages' languages: which one a visitor reads, its sentences, its money and dates."""

import tomllib
from datetime import date
from pathlib import Path

from babel.dates import format_date
from babel.numbers import format_currency, format_decimal

from daemon.base.currency import currency_of

LANGUAGES = {"en": "English", "uk": "Українська"}
LOCALES = {"en": "en_GB", "uk": "uk_UA"}
MONEY = "#,##0.00\N{NO-BREAK SPACE}¤"  # English alone would write UAH12.00, run together
"""With as many digits as the currency has, whatever stands here."""
ACCEPT_LANGUAGE_CHARS_MAX = 200  # what follows is not read


class Language:
    """One language: its sentences from ``translations/<code>.toml``."""

    def __init__(self, code: str) -> None:
        self.code = code
        self._locale = LOCALES[code]
        path = Path(__file__).parent / "translations" / f"{code}.toml"
        self.sentences: dict[str, str] = tomllib.loads(path.read_text("utf-8"))

    def say(self, key: str, **values: str | int) -> str:
        """Return the sentence ``key`` with ``values`` in its braces."""
        return self.sentences[key].format(**values)

    def amount(self, amount: int, currency: str) -> str:
        """Return minor units of ``currency`` as money, or whole units where it is ""."""
        if not currency:
            return format_decimal(amount, locale=self._locale)
        known = currency_of(currency)
        assert known is not None, "a programme has no other"
        return format_currency(known.major(amount), currency, MONEY, locale=self._locale)

    def change(self, amount: int, currency: str) -> str:
        """Return a signed amount, with a plus sign when it is a gain."""
        return ("+" if amount > 0 else "") + self.amount(amount, currency)

    def day(self, day: date) -> str:
        """Return a date as people write it."""
        return format_date(day, "medium", locale=self._locale)


def accepted_language(header: str, default: str) -> str:
    """Return the best of ``LANGUAGES`` for an ``Accept-Language`` header, else ``default``.

    Source: RFC 9110, 12.5.4. A weight that is no number counts as 0, and 0 means "not this one".
    """
    best, best_weight = default, 0.0
    for item in header[:ACCEPT_LANGUAGE_CHARS_MAX].split(","):
        tag, _, parameter = item.partition(";")
        code = tag.strip().lower().partition("-")[0]
        weight = _weight(parameter)
        if code in LANGUAGES and weight > best_weight:
            best, best_weight = code, weight
    return best


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name != "q":
        return 1.0 if not parameter.strip() else 0.0
    try:
        return float(value)
    except ValueError:
        return 0.0
