"""An alliance's statement as paper and as CSV: the same figures, in English and in Ukrainian."""

from collections.abc import Iterator, Mapping
from typing import Any

from daemon.base.currency import Currency
from daemon.base.paper import Column, Paper
from daemon.partners.statement_paper import WORDS as STATEMENT_WORDS

WORDS = {
    "en": STATEMENT_WORDS["en"]
    | {
        "title": "Alliance statement No. {statement} of {day}",
        "issuer": "Whose cards: {issuer}",
        "takes": "For the issuer of the cards:",
        "sales": "Sales {sales}, discount {discount}, net {net}",
        "opening": "Opening {opening}",
        "they_owe": "They owe {pays} % of the discount: {they_owe}",
        "we_owe": "We owe {fee} % of the net: {we_owe}",
        "paid": "Paid in the period {paid}",
        "closing": "Closing {closing}",
        "to_us": "To be paid to us {amount} {currency}",
        "to_them": "To be paid by us {amount} {currency}",
        "nothing": "Nothing is to be paid",
    },
    "uk": STATEMENT_WORDS["uk"]
    | {
        "title": "Звіт за альянсом № {statement} від {day}",
        "issuer": "Чиї картки: {issuer}",
        "takes": "Від емітента карток:",
        "sales": "Продажів {sales}, знижка {discount}, сума {net}",
        "opening": "На початок {opening}",
        "they_owe": "Вони винні {pays} % знижки: {they_owe}",
        "we_owe": "Ми винні {fee} % суми: {we_owe}",
        "paid": "Сплачено за період {paid}",
        "closing": "На кінець {closing}",
        "to_us": "До сплати нам {amount} {currency}",
        "to_them": "До сплати нами {amount} {currency}",
        "nothing": "До сплати нічого немає",
    },
}
HEADS = {
    "en": ("Day", "Store", "Customer", "Discount", "Net", "Entry"),
    "uk": ("День", "Магазин", "Покупець", "Знижка", "Сума", "Запис"),
}
SHARES = (14, 12, 34, 14, 14, 12)
FIGURES = (3, 4)
TOTALS = ("sales", "opening", "they_owe", "we_owe", "paid", "closing")
CSV_COLUMNS = (*("statement", "day", "store", "customer", "discount", "net", "ledger_id", "seq"),)
Shown = Mapping[str, Any]
"""As the daemon tells it: ``statement`` and all its ``lines``."""


def alliance_paper(shown: Shown, currency: Currency, language: str) -> Paper:
    """Lay a statement out, in one of WORDS' languages: as it was made, whatever was paid since."""
    words, head = WORDS[language], shown["statement"]
    titles = zip(HEADS[language], SHARES, strict=True)
    return Paper(
        title=words["title"].format(**head),
        head=(
            *((words["void"],) if head["state"] == "void" else ()),
            *(words[key].format(**head) for key in ("company", "issuer", "period")),
        ),
        columns=tuple(
            Column(title, share, is_figure=n in FIGURES) for n, (title, share) in enumerate(titles)
        ),
        rows=[_row(line, currency) for line in shown["lines"]],
        total=tuple(_total(head, currency, words)),
        signers=(words["gives"], words["takes"]),
        foot=words["foot"].format(**head),
        page=words["page"],
    )


def csv_rows(shown: Shown, currency: Currency) -> Iterator[tuple[str, ...]]:
    """Yield the lines of a statement, as CSV_COLUMNS has them."""
    number = shown["statement"]["statement"]
    for line in shown["lines"]:
        *row, seq = _row(line, currency)
        yield number, *row, line["ledger_id"], seq


def _row(line: Shown, currency: Currency) -> tuple[str, ...]:
    amounts = (currency.text(line[name]) for name in ("discount", "net"))
    return line["day"], line["store"], line["customer"], *amounts, str(line["seq"])


def _total(head: Shown, currency: Currency, words: Mapping[str, str]) -> Iterator[str]:
    sums = head["sums"]
    told = {name: currency.text(n) for name, n in sums.items()} | {"sales": sums["sales"]}
    told |= {"pays": _per_cent(sums["pays_bp"]), "fee": _per_cent(sums["fee_bp"])}
    yield from (words[name].format(**told) for name in TOTALS)
    payable = head["payable"]
    way = "to_us" if payable > 0 else "to_them" if payable else "nothing"
    yield words[way].format(amount=currency.text(abs(payable)), currency=currency.code)


def _per_cent(bp: int) -> str:
    return "{}.{:02d}".format(*divmod(bp, 100))
