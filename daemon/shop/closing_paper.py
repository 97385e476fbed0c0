"""A closing as paper: the same figures, in English and in Ukrainian."""

from collections.abc import Iterator, Mapping
from typing import Any

from daemon.base.currency import Currency
from daemon.base.paper import Column, Paper

WORDS = {
    "en": {
        "title": "Closing {closing} of {day}",
        "till": "Store {store}, till {terminal}, ledger {ledger_id}",
        "by": "Closed by {by} at {at}",
        "approved": "Approved by {approved_by}",
        "run": "Entries {first} to {last}",
        "columns": ("", "In all", "Of it came back"),
        "count": "Sales / returns",
        "list_total": "List prices",
        "discount": "Discount",
        "net": "Net",
        "burned": "Paid with points",
        "paid": "Paid otherwise",
        "earned": "Points earned",
        "rule": "Rule {rule}",
        "codes": "Sales with a code: {codes_used}; codes issued: {codes_issued}",
        "cards": "Cards issued: {cards_issued}",
        "overrides": "Overrides: {count}",
        "asked": "Discounts asked for: {count}",
        "more": "further reasons: {more}",
        "signed": "Closed by:",
        "foot": "entry {last}, head {head}; signed {signature}",
        "page": "page {n} of {of}",
    },
    "uk": {
        "title": "Закриття {closing} від {day}",
        "till": "Магазин {store}, каса {terminal}, книга {ledger_id}",
        "by": "Закрив {by}, {at}",
        "approved": "Дозволив {approved_by}",
        "run": "Записи від {first} до {last}",
        "columns": ("", "Усього", "З них повернено"),
        "count": "Продажі / повернення",
        "list_total": "За цінами прейскуранта",
        "discount": "Знижка",
        "net": "Після знижки",
        "burned": "Сплачено балами",
        "paid": "Сплачено інакше",
        "earned": "Нараховано балів",
        "rule": "Правило {rule}",
        "codes": "Продажі з кодом: {codes_used}; видано кодів: {codes_issued}",
        "cards": "Видано карток: {cards_issued}",
        "overrides": "Дозволи без підтвердження: {count}",
        "asked": "Знижки на прохання: {count}",
        "more": "інших причин: {more}",
        "signed": "Закрив:",
        "foot": "запис {last}, {head}; підпис {signature}",
        "page": "сторінка {n} з {of}",
    },
}
FIGURES = ("list_total", "discount", "net", "burned", "paid", "earned")
SIGNATURE_CHARS = 16
"""Of the signature, at the foot; the entry has all of it."""
Shown = Mapping[str, Any]
"""What ``day.closing`` answers."""


def closing_paper(shown: Shown, currency: Currency, language: str) -> Paper:
    """Lay a closing out, in one of WORDS' languages."""
    words: Mapping[str, Any] = WORDS[language]
    head = [words[key].format(**shown) for key in ("till", "by", "run")]
    if shown["approved_by"]:
        head.insert(2, words["approved"].format(**shown))
    signature = shown["signature"][:SIGNATURE_CHARS]
    return Paper(
        title=words["title"].format(**shown),
        head=tuple(head),
        columns=tuple(
            Column(title, share, is_figure=n > 0)
            for n, (title, share) in enumerate(zip(words["columns"], (50, 25, 25), strict=True))
        ),
        rows=list(rows_of(shown, currency, words)),
        total=tuple(_notes(shown["sums"], currency, words)),
        signers=(words["signed"],),
        foot=words["foot"].format(**dict(shown) | {"signature": signature}),
        page=words["page"],
    )


def rows_of(
    shown: Shown, currency: Currency, words: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    """Yield the figures of a closing: what it is, in all, and what of it came back."""
    sums = shown["sums"]
    yield words["count"], str(sums["sales"]), str(sums["returns"])
    for name in FIGURES:
        of_all, back = sums["in_all"][name], sums["returned"][name]
        yield words[name], currency.text(of_all), currency.text(back)
    for rule, minor in sums["rules"].items():
        yield words["rule"].format(rule=rule), currency.text(minor), ""


def _notes(sums: Shown, currency: Currency, words: Mapping[str, Any]) -> Iterator[str]:
    yield words["codes"].format(**sums)
    yield words["cards"].format(**sums)
    for kind in ("overrides", "asked"):
        count, reasons = sums[f"{kind}_count"], sums[kind]
        yield words[kind].format(count=count)
        for one in reasons:
            given = f", {one['rule']} {currency.text(one['minor'])}" if one["rule"] else ""
            yield f"{one['count']} × {one['by']}: {one['reason']}{given}"
        if more := count - sum(one["count"] for one in reasons):
            yield words["more"].format(more=more)
