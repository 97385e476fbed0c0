"""A statement as paper and as CSV: the same figures, in English and in Ukrainian."""

from collections.abc import Iterator, Mapping
from typing import Any

from daemon.base.currency import Currency
from daemon.base.paper import Column, Paper

WORDS = {
    "en": {
        "title": "Statement No. {statement} of {day}",
        "void": "VOID",
        "company": "Company: {company}",
        "partner": "Partner: {partner}",
        "period": "Period: from {from} to {to}",
        "gives": "For the company:",
        "takes": "For the partner:",
        "foot": "statement {statement}",
        "page": "page {n} of {of}",
        "opening": "opening",
        "accrued": "accrued",
        "reversed": "reversed",
        "expired": "expired",
        "paid": "paid",
        "adjusted": "adjusted",
        "closing": "closing",
        "payable": "payable",
    },
    "uk": {
        "title": "Звіт № {statement} від {day}",
        "void": "СКАСОВАНО",
        "company": "Компанія: {company}",
        "partner": "Партнер: {partner}",
        "period": "Період: з {from} до {to}",
        "gives": "Від компанії:",
        "takes": "Від партнера:",
        "foot": "звіт {statement}",
        "page": "сторінка {n} з {of}",
        "opening": "на початок",
        "accrued": "нараховано",
        "reversed": "відкликано",
        "expired": "згоріло",
        "paid": "виплачено",
        "adjusted": "виправлено",
        "closing": "на кінець",
        "payable": "до виплати",
    },
}
HEADS = {
    "en": ("Day", "Store", "Customer", "Payee", "Base", "Rate, %", "Reward", "Entry"),
    "uk": ("День", "Магазин", "Покупець", "Отримувач", "База", "Ставка, %", "Винагорода", "Запис"),
}
SHARES = (12, 8, 24, 12, 12, 9, 12, 11)
FIGURES = (4, 5, 6)
PARTS = ("opening", "accrued", "reversed", "expired", "paid", "adjusted", "closing", "payable")
CSV_COLUMNS = (
    *("statement", "day", "store", "customer", "payee", "purse", "base", "rate", "reward"),
    *("ledger_id", "seq"),
)
Shown = Mapping[str, Any]
"""What ``partner.statement_show`` answers, with all its lines."""


def statement_paper(shown: Shown, currency: Currency, language: str) -> Paper:
    """Lay a statement out, in one of WORDS' languages: as it was made, whatever was paid since."""
    words, head = WORDS[language], shown["statement"]
    titles = zip(HEADS[language], SHARES, strict=True)
    return Paper(
        title=words["title"].format(**head),
        head=(
            *((words["void"],) if head["state"] == "void" else ()),
            *(words[key].format(**head) for key in ("company", "partner", "period")),
        ),
        columns=tuple(
            Column(title, share, is_figure=n in FIGURES) for n, (title, share) in enumerate(titles)
        ),
        rows=[_row(line, _units(head), currency) for line in shown["lines"]],
        total=tuple(_sums(head, currency, words)),
        signers=(words["gives"], words["takes"]),
        foot=words["foot"].format(**head),
        page=words["page"],
    )


def csv_rows(shown: Shown, currency: Currency) -> Iterator[tuple[str, ...]]:
    """Yield the lines of a statement, as CSV_COLUMNS has them."""
    number, units = shown["statement"]["statement"], _units(shown["statement"])
    for line in shown["lines"]:
        day, store, customer, payee, *figures, seq = _row(line, units, currency)
        begin = (number, day, store, customer, payee, line["purse"])
        yield *begin, *figures, line["ledger_id"], seq


def _units(head: Shown) -> dict[str, str]:
    return {one["purse"]: one["unit"] for one in head["sums"]}


def _row(line: Shown, units: Mapping[str, str], currency: Currency) -> tuple[str, ...]:
    reward = _amount(line["reward"], units[line["purse"]], currency)
    rate = "{}.{:02d}".format(*divmod(line["rate_bp"], 100))
    begin = (line["day"], line["store"], line["customer"], line["payee"])
    return *begin, currency.text(line["base"]), rate, reward, str(line["seq"])


def _sums(head: Shown, currency: Currency, words: Mapping[str, str]) -> Iterator[str]:
    for one in head["sums"]:
        parts = (f"{words[part]} {_amount(one[part], one['unit'], currency)}" for part in PARTS)
        yield f"{one['payee']}, {one['purse']}, {one['unit']}: {', '.join(parts)}"


def _amount(amount: int, unit: str, currency: Currency) -> str:
    return currency.text(amount) if unit == currency.code else str(amount)
