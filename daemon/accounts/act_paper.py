"""An act as paper and as CSV: the same figures, in English and in Ukrainian."""

from collections.abc import Iterator, Mapping
from typing import Any

from daemon.base.currency import Currency
from daemon.base.paper import Column, Paper

KINDS = {
    "en": {
        "R": "Act of receipt of cards",
        "A": "Act of acceptance of cards",
        "W": "Act of write-off of cards",
        "D": "Act of disposal of cards",
    },
    "uk": {
        "R": "Акт оприбуткування карток",
        "A": "Акт приймання-передачі карток",
        "W": "Акт списання карток",
        "D": "Акт утилізації карток",
    },
}
WORDS = {
    "en": {
        "title": "{kind} No. {act} of {day}",
        "void": "VOID",
        "company": "Company: {company}",
        "place": "Place: store {store}",
        "to": "To: {to}",
        "batch": "Batch: {batch}",
        "supplier": "Supplier: {supplier}, {document}",
        "period": "Issued from {first} to {last}",
        "reason": "Reason: {reason}",
        "total": "In all {count}, cost {total} {currency}, without tax",
        "tax": "Tax on it: {tax} {currency}",
        "gives": "Handed over by: {by}",
        "takes": "Received by: {to}",
        "commission": "Member of the commission:",
        "foot": "after ledger entry {head}",
        "page": "page {n} of {of}",
        "anonymous": "anonymous",
    },
    "uk": {
        "title": "{kind} № {act} від {day}",
        "void": "СКАСОВАНО",
        "company": "Компанія: {company}",
        "place": "Місце: магазин {store}",
        "to": "Кому: {to}",
        "batch": "Партія: {batch}",
        "supplier": "Постачальник: {supplier}, {document}",
        "period": "Видано з {first} до {last}",
        "reason": "Причина: {reason}",
        "total": "Усього {count}, собівартість {total} {currency} без податку",
        "tax": "Податок на неї: {tax} {currency}",
        "gives": "Передав: {by}",
        "takes": "Прийняв: {to}",
        "commission": "Член комісії:",
        "foot": "після запису книги {head}",
        "page": "сторінка {n} з {of}",
        "anonymous": "анонімно",
    },
}
HEADS = {
    "en": ("No.", "Card", "Cost", "Day", "Time", "Recipient", "Issued by", "Condition"),
    "uk": ("№", "Картка", "Вартість", "День", "Час", "Отримувач", "Видав", "Умова"),
}
CONDITIONS = {
    "en": {
        "free": "free",
        "min_purchase": "purchase",
        "price": "sold",
        "questionnaire": "questionnaire",
        "approved": "approved",
        "replace": "replaced",
    },
    "uk": {
        "free": "безкоштовно",
        "min_purchase": "за покупку",
        "price": "продано",
        "questionnaire": "за анкету",
        "approved": "з дозволу",
        "replace": "на заміну",
    },
}
"""What a card was issued for, as `issue_conditions` has it, in a word."""
SHARES = (6, 18, 9, 13, 8, 22, 12, 12)
PLAIN = 3
"""Columns that every act has; a write-off has the others too."""
CSV_COLUMNS = ("act", "number", "cost", "day", "time", "recipient", "by", "condition")
Act = Mapping[str, Any]
"""What ``act.show`` answers, with all its lines."""


def act_paper(act: Act, currency: Currency, language: str) -> Paper:
    """Lay an act out, in one of WORDS' languages."""
    words, total = WORDS[language], currency.text(act["total"])
    title = words["title"].format(kind=KINDS[language][act["kind"]], **_known(act))
    sums = [words["total"].format(total=total, currency=currency.code, count=act["count"])]
    if language == "uk" and currency.code == "UAH":
        sums.append(_in_words(act["total"]))
    if act["vat_bp"]:
        tax = currency.text((act["total"] * act["vat_bp"] + 5_000) // 10_000)
        sums.append(words["tax"].format(tax=tax, currency=currency.code))
    has_all = act["kind"] == "W"
    count = len(HEADS[language]) if has_all else PLAIN
    columns = tuple(
        Column(head, share, is_figure=n in (0, 2))
        for n, (head, share) in enumerate(zip(HEADS[language], SHARES, strict=True))
    )
    return Paper(
        title=title,
        head=tuple(_head(act, words)),
        columns=columns[:count],
        rows=[row[:count] for row in _rows(act, currency, language)],
        total=tuple(sums),
        signers=_signers(act, words),
        foot=words["foot"].format(head=act["head"] or "-"),
        page=words["page"],
    )


def csv_rows(act: Act, currency: Currency) -> Iterator[tuple[str, ...]]:
    """Yield the lines of an act, as CSV_COLUMNS has them."""
    for row, line in zip(_rows(act, currency, "en"), act["lines"], strict=True):
        yield act["act"], *row[1:-1], line["condition"]


def _rows(act: Act, currency: Currency, language: str) -> Iterator[tuple[str, ...]]:
    nobody = WORDS[language]["anonymous"]
    for n, line in enumerate(act["lines"], start=1):
        time = "{:02d}:{:02d}".format(*divmod(line["minute"], 60)) if line["day"] else ""
        got = nobody if line["recipient"] == "anonymous" else line["recipient"]
        cost, what = currency.text(line["cost"]), line["condition"]
        what = CONDITIONS[language].get(what, what)
        yield str(n), line["number"], cost, line["day"], time, got, line["by"], what


def _known(act: Act) -> dict[str, Any]:
    to = act["to"] or act["for_store"]
    return {key: value for key, value in act.items() if key not in ("lines", "kind", "to")} | {
        "to": to
    }


def _head(act: Act, words: Mapping[str, str]) -> Iterator[str]:
    known = _known(act)
    if act["state"] == "void":
        yield words["void"]
    yield words["company"].format(**known)
    yield words["place"].format(**known)
    for key, field in (
        ("to", "to"),
        ("batch", "batch"),
        ("supplier", "supplier"),
        ("period", "first"),
        ("reason", "reason"),
    ):
        if known[field]:
            yield words[key].format(**known)


def _signers(act: Act, words: Mapping[str, str]) -> tuple[str, ...]:
    if act["kind"] in ("W", "D"):
        return (words["commission"],) * 3
    to = act["supplier"] if act["kind"] == "R" else act["by"]
    takes = act["by"] if act["kind"] == "R" else act["to"] or act["for_store"]
    return words["gives"].format(by=to), words["takes"].format(to=takes)


def _in_words(minor: int) -> str:
    from num2words import num2words

    said: str = num2words(minor, lang="uk", to="currency", currency="UAH")
    return f"{said[:1].upper()}{said[1:]}"
