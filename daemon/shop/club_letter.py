"""A letter to the customer about a decision or a closed window of a status. Pure.

Dear Olena,

your membership "club" ended on 22 February 2027.
From 24 December 2026 to 20 February 2027 your purchases came to 2900.00 UAH; 3000.00 UAH were
needed.

  24 January 2027            2900.00    2900.00

Reason: bought too little
"""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Literal, TypeAlias

from daemon.base.currency import currency_of
from daemon.shop.club_history import Why

LetterLanguage: TypeAlias = Literal["en", "uk"]
_WORDS: dict[str, dict[str, str]] = {
    "en": {
        "dear": "Dear {name},",
        "nobody": "Dear customer,",
        "joined": 'you became a member of "{status}" on {day}.',
        "extended": 'your membership "{status}" was extended on {day}.',
        "kept": 'your membership "{status}" goes on; this was decided on {day}.',
        "ended": 'your membership "{status}" ended on {day}.',
        "refused": 'your membership "{status}" could not be granted; this was decided on {day}.',
        "lapsing": 'the time in which your membership "{status}" is kept ended, and too little was'
        " bought. The shop decides about it; until then you stay a member.",
        "cancelled": 'the time for joining "{status}" ended; what was counted is at 0 again.',
        "goes_on": 'your membership "{status}" goes on: enough was bought.',
        "undone": 'a decision about "{status}" was taken back on {day}; what you bought counts.',
        "window": "From {first} to {last} your purchases came to {total}; {needed} were needed.",
        "earlier": "{n} earlier ones are in the sums.",
        "reason": "Reason: {reason}",
    },
    "uk": {
        "dear": "Вітаємо, {name}!",
        "nobody": "Вітаємо!",
        "joined": "Ви стали учасником «{status}»: {day}.",
        "extended": "Вашу участь у «{status}» продовжено: {day}.",
        "kept": "Ваша участь у «{status}» триває; це вирішено {day}.",
        "ended": "Вашу участь у «{status}» припинено: {day}.",
        "refused": "Участь у «{status}» не надано; це вирішено {day}.",
        "lapsing": "Минув час, за який підтверджують участь у «{status}», а куплено замало. Рішення"
        " за магазином; доти Ви лишаєтеся учасником.",
        "cancelled": "Час для вступу до «{status}» минув; зарахована сума знову 0.",
        "goes_on": "Ваша участь у «{status}» триває: куплено достатньо.",
        "undone": "Рішення щодо «{status}» скасовано: {day}; Ваші покупки зараховано.",
        "window": "З {first} до {last} Ваші покупки становили {total}; потрібно було {needed}.",
        "earlier": "Ще {n} раніших враховано в сумах.",
        "reason": "Причина: {reason}",
    },
}
_COUNTS = {"en": {"visits": "visits", "units": "pieces", "points": "points", "stamps": "stamps"}}
_COUNTS["uk"] = {"visits": "візитів", "units": "штук", "points": "балів", "stamps": "штампів"}
_HELD = ("member", "lapsing")


def letter(why: Why, language: LetterLanguage) -> str:
    """Return the letter; what ``why`` says must not be damaged."""
    assert not why.damaged
    words = _WORDS[language]
    day_text, amount = _day_text(language), _amount(why, language)
    paragraphs = [
        words["dear" if why.name else "nobody"].format(name=why.name),
        words[_said(why)].format(status=why.status, day=day_text(why.day)),
    ]
    if why.window_from and why.window_to:
        paragraphs[-1] += "\n" + words["window"].format(
            first=day_text(why.window_from),
            last=day_text(why.window_to),
            total=amount(why.total),
            needed=amount(why.needed),
        )
    if why.left_out:
        paragraphs.append(words["earlier"].format(n=why.left_out))
    if why.chain:
        paragraphs.append("\n".join(_lines(why, day_text)))
    if why.reason:
        paragraphs.append(words["reason"].format(reason=why.reason))
    return "\n\n".join(paragraphs) + "\n"


def _said(why: Why) -> str:
    """Return which sentence says what happened."""
    before, after = why.stage_before, why.stage_after
    match why.event:
        case "undone" | "joined":
            return why.event
        case "granted":
            return {"member": "extended", "lapsing": "kept"}.get(before, "joined")
        case "refused":
            return "ended" if before in _HELD else "refused"
        case _:
            if before not in _HELD:
                return "cancelled"
            ends = {"lapsing": "lapsing", "member": "goes_on"}
            return ends.get(after, "ended")


def _lines(why: Why, day_text: Callable[[str], str]) -> Iterator[str]:
    currency = currency_of(why.unit)
    for link in why.chain:
        amounts = (currency.text(n) if currency else str(n) for n in (link.amount, link.total))
        yield f"  {day_text(link.day):<24}" + "".join(f"{text:>14}" for text in amounts)


def _day_text(language: LetterLanguage) -> Callable[[str], str]:
    from babel.dates import format_date

    # CLDR's own word for the year ends with a full stop, and sentences would with two.
    pattern = {"en": "d MMMM y", "uk": "d MMMM y 'року'"}[language]
    return lambda day: format_date(date.fromisoformat(day), pattern, locale=language)


def _amount(why: Why, language: LetterLanguage) -> Callable[[int], str]:
    currency = currency_of(why.unit)
    unit = _COUNTS[language].get(why.unit, why.unit)
    return lambda n: f"{currency.text(n) if currency else n} {unit}"
